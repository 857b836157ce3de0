/**
 * Makes an object small and unchangeable before it is kept: the trees that thousands of objects have in common are held once.
 *
 * The naive form freezes the object as it was decoded. A pod of 2.4 KB of JSON is then some 80 objects, 5.7 KB of memory, and more than half of
 * it are the `fieldsV1` of its managed fields: trees of empty objects that are equal wherever the same client wrote the same fields.
 * Here equal trees are shared (2.4 KB a pod is left). Each is looked up by its JSON, for 4 µs; freezing the others costs more than that, and
 * is saved. Where a tree is new, its parts are looked up likewise: what a kubelet owns of a pod names the pod's own address, so no two
 * pods have equal trees, and yet all of them but the way to that address is in every other one (6 KB a pod, once each part is an object with a
 * hidden class of its own).
 *
 * What is frozen already was compacted when it was, and is not walked again.
 */
import type { KubeObject } from '../api/object.ts';
import { deepFreeze } from '../lib/deep-freeze.ts';
import { SharedValues } from '../lib/shared-values.ts';

/** Whole trees and parts of them: some 2 KB each, and 40 KB at most, as the longest JSON of a tree that is shared is bounded. */
const sharedTrees = new SharedValues<object>(512);
const sharedTreeLengthMax = 8_192;

/** Freezes `object` through and through, with shared trees where equal ones are known. Returns it. */
export function compact(object: KubeObject): KubeObject {
  const entries = object.metadata?.managedFields;
  if (entries !== undefined && !Object.isFrozen(entries)) for (const entry of entries) shareTree(entry);
  return deepFreeze(object);
}

function shareTree(entry: { fieldsV1?: object }): void {
  const tree = entry.fieldsV1;
  if (tree !== undefined && !Object.isFrozen(tree) && !Object.isFrozen(entry)) entry.fieldsV1 = sharedTree(tree);
}

/** The tree that is known to be equal, or this one with such parts as are known; frozen. Takes the tree over. */
export function sharedTree(tree: object): object {
  const json = JSON.stringify(tree);
  return json.length <= sharedTreeLengthMax ? sharedPart(tree, json) : deepFreeze(tree);
}

function sharedPart(tree: object, json: string): object {
  const known = sharedTrees.known(json);
  if (known !== undefined) return known;
  const parts = tree as Record<string, unknown>;
  for (const name in parts) {
    const part = parts[name];
    if (typeof part !== 'object' || part === null || Object.isFrozen(part)) continue;
    parts[name] = sharedPart(part, JSON.stringify(part));
  }
  return sharedTrees.share(json, Object.freeze(tree));
}
