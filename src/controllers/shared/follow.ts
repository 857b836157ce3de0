/**
 * Wakes a loop for what its objects control: a dependent wakes its controller, an orphan wakes those whose selector it matches, and one
 * that changed hands wakes both. What belongs to an earlier object of the same name wakes nobody: it is not what the new one asked for.
 */
import { type KubeObject, objectKey } from '../../api/object.ts';
import type { LabelSelector } from '../../api/schema/types/meta-v1.ts';
import { labelMatcher } from '../../api/selector.ts';
import type { Resource } from '../../client/client.ts';
import type { Informer } from '../../client/informer.ts';
import type { ReadonlyCache } from '../../client/object-cache.ts';
import { isDeleting, namespaceOf } from './context.ts';
import { controllerOf } from './ownership.ts';

export interface Follower<O extends KubeObject> {
  readonly resource: Resource<O>;
  readonly owners: ReadonlyCache<O>;
  readonly selectorOf: (owner: O) => LabelSelector | undefined;
  readonly wake: (key: string) => void;
  /** A dependent shows for the first time. */
  readonly appeared?: (key: string) => void;
  /** A dependent is ending, or gone. */
  readonly ended?: (key: string, dependent: KubeObject) => void;
}

export function follow<O extends KubeObject, T extends KubeObject>(dependents: Informer<T>, loop: Follower<O>): void {
  const ownerKey = (object: T): string | undefined => {
    const key = keyOfController(loop.resource, object);
    const owner = key === undefined ? undefined : loop.owners.byKey(key);
    return owner?.metadata?.uid === controllerOf(object)?.uid ? key : undefined;
  };
  const wakeMatching = (object: T): void => {
    if (controllerOf(object) !== undefined || isDeleting(object)) return;
    for (const owner of loop.owners.list(namespaceOf(object))) {
      const selector = labelMatcher(loop.selectorOf(owner));
      if (selector.matches(object.metadata?.labels ?? {})) loop.wake(objectKey(owner));
    }
  };
  dependents.addHandler({
    added(object) {
      const key = ownerKey(object);
      if (key === undefined) return wakeMatching(object);
      loop.appeared?.(key);
      if (isDeleting(object)) loop.ended?.(key, object);
      loop.wake(key);
    },
    updated(object, previous) {
      const [key, previousKey] = [ownerKey(object), ownerKey(previous)];
      if (previousKey !== undefined && previousKey !== key) loop.wake(previousKey);
      if (key === undefined) return wakeMatching(object);
      if (isDeleting(object)) loop.ended?.(key, object);
      loop.wake(key);
    },
    deleted(object) {
      const key = ownerKey(object);
      if (key === undefined) return;
      loop.ended?.(key, object);
      loop.wake(key);
    },
  });
}

/** The key of the object of this kind that controls `object`. */
export function keyOfController({ group, kind }: Resource<KubeObject>, object: KubeObject): string | undefined {
  const controller = controllerOf(object);
  if (controller?.kind !== kind || !controller.apiVersion.startsWith(`${group}/`)) return undefined;
  return `${namespaceOf(object)}/${controller.name}`;
}
