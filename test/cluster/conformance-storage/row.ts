/** What the rows of volumes are made of: a pod that looks at its volumes, leaves what it saw as its termination message, and ends. */
import type {
  Container,
  KeyToPath,
  PodSecurityContext,
  Volume,
  VolumeMount,
  VolumeProjection,
} from '../../../src/api/schema/types/core-v1.ts';
import { type Manifest, type PodWishes, script } from '../workload.ts';

export type Source = Omit<Volume, 'name'>;

export interface Row {
  readonly pod: string;
  readonly about: string;
  readonly wishes: PodWishes;
  /** What its first container says at its end, line by line. */
  readonly says: readonly (string | RegExp)[];
}

/** What a container says at its end; up to 4 KiB. */
export const saying = (text: string, wishes: Partial<Container> = {}): Partial<Container> =>
  script(`{\n${text}\n} >/dev/termination-log 2>&1`, wishes);

/** For each file, one line: permissions, owner, content. */
export const tell = (...files: readonly string[]): string =>
  files.map((file) => `echo "$(stat -Lc '%A %u:%g' ${file}) $(cat ${file} 2>&1)"`).join('\n');

/** Every volume at `/NAME`, but for those mounted otherwise. */
export const mountsOf = (volumes: Readonly<Record<string, Source>>): VolumeMount[] =>
  Object.keys(volumes).map((name) => ({ name, mountPath: `/${name}` }));

export const volumesOf = (volumes: Readonly<Record<string, Source>>): Volume[] =>
  Object.entries(volumes).map(([name, source]) => ({ name, ...source }));

/** A pod with one container that has all volumes. */
export const looks = (
  volumes: Readonly<Record<string, Source>>,
  text: string,
  securityContext: PodSecurityContext = {},
): PodWishes => ({
  volumes: volumesOf(volumes),
  securityContext,
  containers: [saying(text, { volumeMounts: mountsOf(volumes) })],
});

export const data = { 'data-1': 'value-1', 'data-2': 'value-2', 'data-3': 'value-3' };
export const configMap = (name: string, more: object = { data }): Manifest => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name },
  ...more,
});
export const secret = (name: string, stringData: Readonly<Record<string, string>> = data): Manifest => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name },
  stringData,
});

export interface Keys {
  readonly items?: KeyToPath[];
  readonly defaultMode?: number;
  readonly optional?: boolean;
}

/** The four ways in which files are made of an object's keys. */
export const keyed: Readonly<Record<string, (name: string, keys?: Keys) => Source>> = {
  configmap: (name, keys) => ({ configMap: { name, ...keys } }),
  secret: (secretName, keys) => ({ secret: { secretName, ...keys } }),
  'projected-configmap': (name, keys) => projected({ configMap: withoutMode(name, keys) }, keys),
  'projected-secret': (name, keys) => projected({ secret: withoutMode(name, keys) }, keys),
};

function withoutMode(name: string, { items, optional }: Keys = {}) {
  return { name, ...(items && { items }), ...(optional !== undefined && { optional }) };
}

export function projected(source: VolumeProjection, { defaultMode }: Keys = {}): Source {
  return { projected: { sources: [source], ...(defaultMode !== undefined && { defaultMode }) } };
}

export const at = (mountPath: string, wishes: Partial<VolumeMount> = {}): VolumeMount => ({
  name: 'v',
  mountPath,
  ...wishes,
});
export const one = (source: Source): Volume[] => [{ name: 'v', ...source }];
