/**
 * Which ConfigMaps and Secrets a workload wants to be rolled for: what its annotations ask for, over what its pods name. Pure.
 *
 * ```
 *  naru.io/reload: "true"                        all that its pods name in env, envFrom and volumes
 *  naru.io/reload: "configmap/a,secret/b"        these, whether its pods name them or read them otherwise
 *  reloader.stakater.com/auto, search + match, {configmap,secret}.reloader.stakater.com/{auto,reload}      the same in Reloader's words
 * ```
 * Pull secrets of images and certificates of Ingresses do not count: no container reads them. Reloader's annotations may stand on the pod
 * template, too, as there.
 */
import type { KubeObject } from '../../api/object.ts';
import type { Container, PodSpec, PodTemplateSpec } from '../../api/schema/types/core-v1.ts';

export type ContentKind = 'configmap' | 'secret';

/** What Deployments, StatefulSets and DaemonSets have in common. */
export interface Workload extends KubeObject {
  readonly spec?: { readonly template?: PodTemplateSpec };
}

/** `configmap/a`, in the workload's namespace. */
export type ContentKey = string;

export interface Followed {
  readonly key: ContentKey;
  /** Pods run without it. */
  readonly isOptional: boolean;
  /** It counts only while it carries Reloader's mark. */
  readonly onlyMarked: boolean;
}

export const contentKey = (kind: ContentKind, name: string): ContentKey => `${kind}/${name}`;

type Annotations = Readonly<Record<string, string>>;

/** Nothing for nearly all workloads: they ask for nothing, and cost two look-ups. */
export function followedBy(workload: Workload): readonly Followed[] {
  const wish = wishOf(annotationsOf(workload));
  if (wish === undefined) return [];
  const used = contentsOf(workload.spec?.template?.spec);
  const followed = new Map<ContentKey, Followed>();
  for (const [key, isOptional] of used) {
    const isWanted = wish.kinds.has(key.split('/')[0] as ContentKind);
    if (isWanted || wish.isMarked) followed.set(key, { key, isOptional, onlyMarked: !isWanted });
  }
  for (const key of wish.named) followed.set(key, { key, isOptional: used.get(key) ?? true, onlyMarked: false });
  return [...followed.values()];
}

/** Entries of the annotation that mean nothing. */
export function problemsOf(workload: Workload): readonly string[] {
  return listOf(annotationsOf(workload)['naru.io/reload'])
    .filter((entry) => !isWord(entry) && keyOf(entry) === undefined)
    .map((entry) => `"${entry}" in naru.io/reload is neither true nor configmap/NAME nor secret/NAME`);
}

export const isMarked = ({ metadata }: KubeObject): boolean =>
  metadata?.annotations?.['reloader.stakater.com/match'] === 'true';
export const isIgnored = ({ metadata }: KubeObject): boolean =>
  metadata?.annotations?.['reloader.stakater.com/ignore'] === 'true';

const concerns = (name: string): boolean => name === 'naru.io/reload' || name.includes('reloader.stakater.com/');

function annotationsOf({ metadata, spec }: Workload): Annotations {
  const found: Record<string, string> = {};
  for (const annotations of [spec?.template?.metadata?.annotations, metadata?.annotations])
    for (const name in annotations) if (concerns(name)) found[name] = annotations[name] ?? '';
  return found;
}

interface Wish {
  readonly kinds: ReadonlySet<ContentKind>;
  readonly named: readonly ContentKey[];
  /** Of what its pods name, that which is marked. */
  readonly isMarked: boolean;
}

const kinds: readonly ContentKind[] = ['configmap', 'secret'];

function wishOf(annotations: Annotations): Wish | undefined {
  const own = listOf(annotations['naru.io/reload']);
  const isAuto = own.includes('true') || annotations['reloader.stakater.com/auto'] === 'true';
  const wanted = kinds.filter((kind) => isAuto || annotations[`${kind}.reloader.stakater.com/auto`] === 'true');
  const named = [
    ...own.flatMap((entry) => keyOf(entry) ?? []),
    ...kinds.flatMap((kind) =>
      listOf(annotations[`${kind}.reloader.stakater.com/reload`]).map((name) => contentKey(kind, name)),
    ),
  ];
  const marked = annotations['reloader.stakater.com/search'] === 'true';
  if (wanted.length === 0 && named.length === 0 && !marked) return undefined;
  return { kinds: new Set(wanted), named, isMarked: marked };
}

const listOf = (text = ''): readonly string[] =>
  text
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '');

const isWord = (entry: string): boolean => entry === 'true' || entry === 'false';

function keyOf(entry: string): ContentKey | undefined {
  const [, kind, name] = /^(configmap|secret)s?\/([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?)$/i.exec(entry) ?? [];
  return kind === undefined || name === undefined ? undefined : contentKey(kind.toLowerCase() as ContentKind, name);
}

interface Source {
  readonly name?: string;
  readonly optional?: boolean;
}

/** By key: whether pods run without it, which they do where every mention says so. */
function contentsOf(spec: PodSpec | undefined): ReadonlyMap<ContentKey, boolean> {
  const found = new Map<ContentKey, boolean>();
  const note = (kind: ContentKind, source: Source | undefined): void => {
    if (!source?.name) return;
    const key = contentKey(kind, source.name);
    found.set(key, (found.get(key) ?? true) && (source.optional ?? false));
  };
  for (const container of [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])]) ofContainer(container, note);
  for (const { configMap, secret, projected } of spec?.volumes ?? []) {
    note('configmap', configMap);
    if (secret?.secretName) note('secret', { ...secret, name: secret.secretName });
    for (const source of projected?.sources ?? []) {
      note('configmap', source.configMap);
      note('secret', source.secret);
    }
  }
  return found;
}

function ofContainer({ env, envFrom }: Container, note: (kind: ContentKind, source: Source | undefined) => void): void {
  for (const { configMapRef, secretRef } of envFrom ?? []) {
    note('configmap', configMapRef);
    note('secret', secretRef);
  }
  for (const { valueFrom } of env ?? []) {
    note('configmap', valueFrom?.configMapKeyRef);
    note('secret', valueFrom?.secretKeyRef);
  }
}
