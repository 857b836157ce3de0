/** Namespaces that do not end: what is left in them, and what holds that. */
import type { KubeObject } from '../../api/object.ts';
import type { Namespace } from '../../api/schema/types/core-v1.ts';
import { apiServiceCauses } from '../cluster/api-services.ts';
import { type Finding, finding, isProblem, remedy } from '../finding.ts';
import type { Inquiry } from '../inquiry.ts';
import { counted, listed, sinceText } from '../words.ts';
import { contentsOf } from './contents.ts';

/** The objects whose finalizers are looked at one by one. */
const heldMax = 50;

export async function namespaceRules(namespace: Namespace, inquiry: Inquiry): Promise<readonly Finding[]> {
  const { deletionTimestamp, name = '', finalizers = [] } = namespace.metadata ?? {};
  if (deletionTimestamp === undefined) return [];
  const left = await contentsOf(name, inquiry);
  const held = left.filter(({ metadata }) => (metadata?.finalizers ?? []).length > 0);
  const causes = [...(await inquiry.intoAll(held.slice(0, heldMax)))].filter(({ severity }) => severity !== 'note');
  const discovery = namespace.status?.conditions?.find(
    ({ type, status }) => type === 'NamespaceDeletionDiscoveryFailure' && status === 'True',
  );
  if (discovery !== undefined) causes.push(...(await apiServiceCauses(inquiry)));
  const why = [
    `deletion was asked for ${sinceText(deletionTimestamp, inquiry.nowMs)} ago`,
    ...(left.length === 0 ? [] : [`${counted(left.length, 'object')} left: ${byKind(left)}`]),
    ...(namespace.status?.conditions ?? [])
      .filter(({ status }) => status === 'True')
      .map(({ type, message }) => `condition ${type}: ${message ?? ''}`),
    ...(finalizers.length === 0 ? [] : [`metadata.finalizers: ${finalizers.join(', ')}`]),
  ];
  return [
    finding(namespace, 'NamespaceTerminating', whatOf(left, held, discovery !== undefined, finalizers), {
      severity: causes.some(isProblem) || discovery !== undefined || finalizers.length > 0 ? 'problem' : 'warning',
      why,
      causes,
      fix: [
        ...finalizers.map((finalizer) =>
          remedy(
            `Somebody set a finalizer on the namespace itself; take it away if nobody else will`,
            `naru release namespace/${name} --finalizer ${finalizer}`,
          ),
        ),
        left.length > 0 && causes.length === 0
          ? remedy('What is left ends by itself; look again in a moment', `naru why namespace/${name}`)
          : undefined,
      ],
    }),
  ];
}

function whatOf(
  left: readonly KubeObject[],
  held: readonly KubeObject[],
  blind: boolean,
  finalizers: readonly string[],
): string {
  if (blind) return 'it cannot end, because part of the API does not answer: nobody knows what of that is left in it';
  if (held.length > 0)
    return `it ends when ${counted(held.length, 'object')} in it ${held.length === 1 ? 'is' : 'are'} let go by finalizers: ${byKind(held)}`;
  if (left.length > 0) return `it waits until what is in it is gone: ${byKind(left)}`;
  return finalizers.length > 0
    ? `it is empty, and held by finalizers of its own: ${listed(finalizers)}`
    : 'it is empty and about to end';
}

function byKind(objects: readonly KubeObject[]): string {
  const counts = new Map<string, string[]>();
  for (const { kind = '', metadata } of objects) counts.set(kind, [...(counts.get(kind) ?? []), metadata?.name ?? '']);
  return listed(
    [...counts].map(([kind, names]) => (names.length <= 3 ? `${kind} ${listed(names)}` : `${names.length} of ${kind}`)),
  );
}
