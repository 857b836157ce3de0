/**
 * What makes a pod static, and its mirror in the API a mirror. A static pod comes from a manifest on the node and runs without the API; the
 * mirror shows it there, under the same name. Pure.
 */
import { createHash } from 'node:crypto';
import { apiReference } from '../../api/object-references.ts';
import type { Pod, Toleration } from '../../api/schema/types/core-v1.ts';

const sourceAnnotation = 'kubernetes.io/config.source';
const hashAnnotation = 'kubernetes.io/config.hash';
const seenAnnotation = 'kubernetes.io/config.seen';
const mirrorAnnotation = 'kubernetes.io/config.mirror';

export function isStaticPod({ metadata }: Pod): boolean {
  return metadata?.annotations?.[sourceAnnotation] === 'file' && !isMirrorPod({ metadata });
}

export function isMirrorPod({ metadata }: Pick<Pod, 'metadata'>): boolean {
  return metadata?.annotations?.[mirrorAnnotation] !== undefined;
}

/** Namespace and name, which a static pod shares with its mirror. */
export function fullName({ metadata }: Pod): string {
  return `${metadata?.namespace}/${metadata?.name}`;
}

export interface ManifestOrigin {
  readonly nodeName: string;
  readonly file: string;
  /** When this content was first seen: RFC 3339. */
  readonly seen: string;
}

/**
 * The pod of a manifest as this node runs it: named after the node, known by the hash of its content, and not sent away by taints.
 * @throws Error where it refers to objects of the API, which must not be needed to start it, and where its uid could be no folder's name
 */
export function asStaticPod(pod: Pod, { nodeName, file, seen }: ManifestOrigin): Pod {
  const referred = apiReference(pod);
  if (referred !== undefined) throw new Error(`static pods may not reference ${referred}`);
  const { status: _, ...rest } = pod;
  const { uid = hashOf(pod, nodeName, file), namespace, name = '', annotations } = pod.metadata ?? {};
  // Folders are named by it.
  if (!/^[\w-]{1,253}$/.test(uid)) throw new Error(`the uid "${uid}" is none: leave it out`);
  return {
    ...rest,
    metadata: {
      ...pod.metadata,
      uid,
      namespace: namespace || 'default',
      ...(name !== '' && { name: `${name}-${nodeName.toLowerCase()}` }),
      annotations: { ...annotations, [sourceAnnotation]: 'file', [hashAnnotation]: uid, [seenAnnotation]: seen },
    },
    spec: { ...pod.spec, containers: pod.spec?.containers ?? [], nodeName, tolerations: tolerationsOf(pod) },
    status: { phase: 'Pending' },
  };
}

function hashOf(pod: Pod, nodeName: string, file: string): string {
  return createHash('md5').update(`host:${nodeName}file:${file}`).update(JSON.stringify(pod)).digest('hex');
}

function tolerationsOf({ spec }: Pod): readonly Toleration[] {
  const all: Toleration = { operator: 'Exists', effect: 'NoExecute' };
  const others = (spec?.tolerations ?? []).filter(({ key, operator, effect }) => {
    const isSame = !key && operator === all.operator && effect === all.effect;
    return !isSame;
  });
  return [...others, all];
}

/** What is written to the API. It goes with the node: it has the node as its owner. */
export function mirrorOf(pod: Pod, node: { readonly name: string; readonly uid: string }): Pod {
  const { name = '', namespace = '', labels, annotations = {} } = pod.metadata ?? {};
  const { status: _, ...rest } = pod;
  return {
    ...rest,
    metadata: {
      name,
      namespace,
      ...(labels !== undefined && { labels }),
      annotations: { ...annotations, [mirrorAnnotation]: annotations[hashAnnotation] ?? '' },
      ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: node.name, uid: node.uid, controller: true }],
    },
  };
}

/** What is to be done about a name. A mirror that is being deleted, or of another manifest, goes first. */
export function decideMirror(pod: Pod | undefined, mirror: Pod | undefined): 'create' | 'delete' | 'keep' | 'nothing' {
  if (mirror === undefined) return pod === undefined ? 'nothing' : 'create';
  if (pod === undefined || mirror.metadata?.deletionTimestamp !== undefined) return 'delete';
  const isSame = mirror.metadata?.annotations?.[mirrorAnnotation] === pod.metadata?.annotations?.[hashAnnotation];
  return isSame ? 'keep' : 'delete';
}
