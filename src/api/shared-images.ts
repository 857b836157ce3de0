/**
 * Images that were made or imported on one node and that all nodes may have: what the server and the agents agree on. Pure.
 *
 * ```
 *  node with local images ── annotation on its Node ──▶ server ◀── GET serverPath(name) ── node that lacks one
 *          ▲── GET nodePath(name, id) ─────────────────┘  └── its archive, GET serverPath(name, node) ──▶
 * ```
 * Kept true: only names that somebody imported on the node itself are told, never what was pulled from a registry, which may ask for credentials.
 */
import type { Node, Pod } from './schema/types/core-v1.ts';

/** On a Node that has such images, and on no other. */
export const localImagesAnnotation = 'naru.io/local-images';

/**
 * Set to `true` by an administrator on a node whose images others may have, beside those of the server's own machine: who rules such a node decides what
 * runs under a name that others lack. No node can write it on itself (NodeRestriction).
 */
export const sharesImagesLabel = 'node-restriction.kubernetes.io/shares-images';

export interface LocalImage {
  /** With registry and tag: `docker.io/shop/web:1`. */
  readonly name: string;
  /** The digest of its configuration, by which all nodes know it: `sha256:…`. */
  readonly id: string;
  readonly importedAtMs: number;
}

/** What a node that lacks an image is told of one that has it. */
export interface ImageOffer {
  readonly node: string;
  readonly id: string;
}

const isImageId = (text: unknown): text is string => typeof text === 'string' && /^sha256:[0-9a-f]{64}$/.test(text);

/** Undefined for what is none: others can write where these are read. */
export function localImageOf(value: unknown): LocalImage | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { name, id, importedAtMs } = value as { readonly [K in keyof LocalImage]?: unknown };
  const isWhole = typeof name === 'string' && name !== '' && isImageId(id) && typeof importedAtMs === 'number';
  return isWhole ? { name, id, importedAtMs } : undefined;
}

export const formatLocalImages = (images: readonly LocalImage[]): string => JSON.stringify(images);

export function localImagesOf({ metadata }: Node): readonly LocalImage[] {
  const text = metadata?.annotations?.[localImagesAnnotation];
  const values = text === undefined ? undefined : parsed(text);
  return Array.isArray(values) ? values.map(localImageOf).filter((image) => image !== undefined) : [];
}

export function offersOf(value: unknown): readonly ImageOffer[] {
  const { offers } = (value ?? {}) as { readonly offers?: unknown };
  if (!Array.isArray(offers)) return [];
  return (offers as readonly Partial<ImageOffer>[]).flatMap(({ node, id }) =>
    typeof node === 'string' && isImageId(id) ? [{ node, id }] : [],
  );
}

/** Every image that a pod names: of its containers of all kinds, and of its volumes. */
export function imagesOfPod({ spec }: Pod): readonly string[] {
  const { containers = [], initContainers = [], ephemeralContainers = [], volumes = [] } = spec ?? {};
  const own = [...containers, ...initContainers, ...ephemeralContainers].map(({ image }) => image);
  return [...own, ...volumes.map(({ image }) => image?.reference)].filter((image) => image !== undefined);
}

const serverPrefix = '/naru/images/';
const nodePrefix = '/localImages/';

/** Without a node: who has it. With one: its archive, from there. */
export function sharedImagePath(name: string, node?: string): string {
  const query = node === undefined ? '' : `?node=${encodeURIComponent(node)}`;
  return `${serverPrefix}${encodeURIComponent(name)}${query}`;
}

/** Both for the path without its query; undefined: it is another. */
export const sharedImageIn = (path: string): string | undefined => nameBelow(serverPrefix, path);
export const localImageIn = (path: string): string | undefined => nameBelow(nodePrefix, path);

export const localImagesRoute = nodePrefix;

/** `GET` of this path of the node's agent: the image's archive, where it is still that one. */
export const localImagePath = (name: string, id: string): string =>
  `${nodePrefix}${encodeURIComponent(name)}?id=${encodeURIComponent(id)}`;

function nameBelow(prefix: string, path: string): string | undefined {
  if (!path.startsWith(prefix)) return undefined;
  try {
    return decodeURIComponent(path.slice(prefix.length)) || undefined;
  } catch {
    return undefined;
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
