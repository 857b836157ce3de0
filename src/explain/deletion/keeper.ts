/**
 * Who would take a finalizer away, where no table knows it: the field manager that set it is written in the object, and the program of that name, or of the
 * finalizer's domain, is looked for among the workloads.
 */
import type { KubeObject } from '../../api/object.ts';
import type { Deployment, StatefulSet } from '../../api/schema/types/apps-v1.ts';
import { deployments, statefulSets } from '../../client/resources.ts';
import type { Inquiry } from '../inquiry.ts';

/** Of the sets of fields that managers own, what is asked for here. */
export interface OwnedFields {
  readonly 'f:metadata'?: { readonly 'f:finalizers'?: object };
  readonly 'f:spec'?: object;
}

/** The manager whose field set names the finalizer; undefined where nobody's does. */
export function managerOf({ metadata }: KubeObject, finalizer: string): string | undefined {
  const field = `v:"${finalizer}"`;
  const setters = (metadata?.managedFields ?? []).filter(({ fieldsV1 }) => {
    const fields: OwnedFields | undefined = fieldsV1;
    return field in (fields?.['f:metadata']?.['f:finalizers'] ?? {});
  });
  return setters.at(-1)?.manager;
}

/** Names of tools that people use: nobody who comes back for the finalizer. */
const tools = /^(kubectl|naru|helm|curl|Mozilla|python-requests|OpenAPI-Generator)/i;

export const isTool = (manager: string): boolean => tools.test(manager);

export interface Keeper {
  readonly workload: Deployment | StatefulSet;
  readonly isRunning: boolean;
}

/** Words that every controller's name has. */
const common: ReadonlySet<string> = new Set([
  'io',
  'com',
  'org',
  'dev',
  'net',
  'k8s',
  'x-k8s',
  'sh',
  'finalizer',
  'finalizers',
  'example',
  'controller',
  'manager',
  'operator',
  'kubernetes',
  'cleanup',
  'protection',
  'resources',
]);

function wordsOf(text: string): string[] {
  return text
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter((word) => word.length > 3 && !common.has(word));
}

/** The workload whose name, namespace or image has the most words in common with the finalizer, its manager and the object's group. */
export async function findKeeper(
  object: KubeObject,
  finalizer: string,
  { look }: Inquiry,
): Promise<Keeper | undefined> {
  const manager = managerOf(object, finalizer) ?? '';
  const group = object.apiVersion?.includes('/') === true ? (object.apiVersion.split('/')[0] ?? '') : '';
  const wanted = new Set([
    ...wordsOf(finalizer),
    ...(isTool(manager) ? [] : wordsOf(manager)),
    ...(group.includes('.') ? wordsOf(group) : []),
  ]);
  let best: Deployment | StatefulSet | undefined;
  let most = 0;
  for (const workload of [...(await look.list(deployments)), ...(await look.list(statefulSets))]) {
    const { containers = [] } = workload.spec?.template.spec ?? {};
    const texts = [
      workload.metadata?.name ?? '',
      workload.metadata?.namespace ?? '',
      ...containers.map(({ image = '' }) => image),
    ];
    const words = new Set(texts.flatMap(wordsOf));
    const score = [...wanted].filter((word) => words.has(word)).length;
    if (score > most) [best, most] = [workload, score];
  }
  return best && { workload: best, isRunning: (best.status?.readyReplicas ?? 0) > 0 };
}
