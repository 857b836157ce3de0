/**
 * The shape that all Kubernetes objects share, for code that does not care about the kind. Code that does imports the kind's
 * own type from `schema/types`.
 */
import type { ObjectMeta } from './schema/types/meta-v1.ts';

export type JsonValue = string | number | boolean | null | JsonArray | JsonObject;
export type JsonArray = JsonValue[];
export interface JsonObject {
  [name: string]: JsonValue;
}

/** Any stored object. Frozen, deeply, once it comes from the store or an informer: copy to change. */
export interface KubeObject {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata?: ObjectMeta;
}

/** What names one object of a resource; `namespace` is empty for what stands outside namespaces. */
export interface ObjectReference {
  readonly namespace: string;
  readonly name: string;
}

/** `namespace/name`, or `name` outside namespaces: the key of work queues and informer caches, as in client-go. */
export function objectKey(object: KubeObject): string {
  const { namespace, name } = object.metadata ?? {};
  return namespace ? `${namespace}/${name}` : (name ?? '');
}

/** The inverse of `objectKey`. */
export function parseObjectKey(key: string): ObjectReference {
  const slash = key.indexOf('/');
  return slash < 0 ? { namespace: '', name: key } : { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}
