/** The objects of one collection as they stand, for checkers that judge one change by others. */
import type { KubeObject } from '../../../api/object.ts';
import type { StoreEvent } from '../../../store/store.ts';
import { uidOf } from './checker.ts';

export class Followed<T extends KubeObject> {
  readonly #collection: string;
  readonly #byUid = new Map<string, T>();

  constructor(collection: string) {
    this.#collection = collection;
  }

  /** Whether the change is of this collection; it is then part of what stands. */
  follow({ type, entry }: StoreEvent): boolean {
    if (entry.key.collection !== this.#collection) return false;
    if (type === 'deleted') this.#byUid.delete(uidOf(entry.object));
    else this.#byUid.set(uidOf(entry.object), entry.object as T);
    return true;
  }

  get(uid: string): T | undefined {
    return this.#byUid.get(uid);
  }

  named(namespace: string, name: string): T | undefined {
    return this.where(({ metadata }) => metadata?.name === name && (metadata.namespace ?? '') === namespace)[0];
  }

  where(fits: (object: T) => boolean): readonly T[] {
    return [...this.#byUid.values()].filter(fits);
  }
}

/** Empty where nobody controls it, or somebody of another kind. */
export function controllerUid(object: KubeObject, kind?: string): string {
  const owner = object.metadata?.ownerReferences?.find(({ controller }) => controller);
  return owner !== undefined && (kind === undefined || owner.kind === kind) ? owner.uid : '';
}

export const isDeleting = ({ metadata }: KubeObject): boolean => metadata?.deletionTimestamp !== undefined;
