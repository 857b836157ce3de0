/** The ConfigMaps, Secrets and keys that a pod cannot start without, and which of them are missing. */
import type { Container, Pod } from '../../api/schema/types/core-v1.ts';
import { configMaps, secrets } from '../../client/resources.ts';
import type { Inquiry } from '../inquiry.ts';
import { meant } from '../words.ts';

export interface PodReference {
  readonly kind: 'ConfigMap' | 'Secret';
  readonly name: string;
  /** Absent: all of it. */
  readonly key?: string;
  /** Where the pod names it: `env GREETING of container "web"`. */
  readonly place: string;
}

interface Named {
  readonly name?: string;
  readonly key?: string;
  readonly optional?: boolean;
}

export function referencesOf({ spec }: Pod): readonly PodReference[] {
  const containers = [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])];
  return [...containers.flatMap(ofContainer), ...ofVolumes(spec)];
}

const needed = (kind: PodReference['kind'], from: Named | undefined, place: string): PodReference[] =>
  from?.name === undefined || from.optional === true
    ? []
    : [{ kind, name: from.name, place, ...(from.key !== undefined && { key: from.key }) }];

function ofContainer({ name, env = [], envFrom = [] }: Container): PodReference[] {
  const where = `of container "${name}"`;
  return [
    ...env.flatMap(({ name: variable, valueFrom }) => [
      ...needed('ConfigMap', valueFrom?.configMapKeyRef, `env ${variable} ${where}`),
      ...needed('Secret', valueFrom?.secretKeyRef, `env ${variable} ${where}`),
    ]),
    ...envFrom.flatMap(({ configMapRef, secretRef }) => [
      ...needed('ConfigMap', configMapRef, `envFrom ${where}`),
      ...needed('Secret', secretRef, `envFrom ${where}`),
    ]),
  ];
}

interface Items {
  readonly optional?: boolean;
  readonly items?: readonly { readonly key: string }[];
}

function ofVolumes(spec: Pod['spec']): PodReference[] {
  return (spec?.volumes ?? []).flatMap(({ name, configMap, secret, projected }) => {
    const place = `volume "${name}"`;
    return [
      ...withItems('ConfigMap', configMap?.name, configMap, place),
      ...withItems('Secret', secret?.secretName, secret, place),
      ...(projected?.sources ?? []).flatMap((source) => [
        ...withItems('ConfigMap', source.configMap?.name, source.configMap, place),
        ...withItems('Secret', source.secret?.name, source.secret, place),
      ]),
    ];
  });
}

function withItems(kind: PodReference['kind'], name: string | undefined, from: Items | undefined, place: string) {
  if (name === undefined || from?.optional === true) return [];
  const keys = from?.items ?? [];
  return keys.length === 0 ? [{ kind, name, place }] : keys.map(({ key }) => ({ kind, name, key, place }));
}

export interface MissingReference extends PodReference {
  /** One sentence, with what may have been meant. */
  readonly text: string;
  readonly objectIsMissing: boolean;
}

export async function missingReferences(pod: Pod, { look }: Inquiry): Promise<readonly MissingReference[]> {
  const namespace = pod.metadata?.namespace ?? '';
  const missing: MissingReference[] = [];
  for (const reference of referencesOf(pod)) {
    const { kind, name, key } = reference;
    const resource = kind === 'ConfigMap' ? configMaps : secrets;
    if (look.unseen.has(resource.resource)) continue;
    const found = await look.get(resource, { namespace, name });
    if (found === undefined) {
      const names = (await look.list(resource, namespace)).map((one) => one.metadata?.name ?? '');
      if (look.unseen.has(resource.resource)) continue;
      const text = `there is no ${kind} "${name}" in namespace ${namespace}${meant(name, names)}`;
      missing.push({ ...reference, text, objectIsMissing: true });
      continue;
    }
    const keys = [
      ...Object.keys(found.data ?? {}),
      ...('binaryData' in found ? Object.keys(found.binaryData ?? {}) : []),
    ];
    if (key === undefined || keys.includes(key)) continue;
    const text = `the ${kind} "${name}" has no key "${key}"${meant(key, keys)}`;
    missing.push({ ...reference, text, objectIsMissing: false });
  }
  return missing;
}
