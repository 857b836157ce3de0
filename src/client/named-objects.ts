/**
 * Objects that are followed by name, each by one watch of that object alone: for those who may not list a resource (nodes and Secrets).
 *
 * ```
 *  follow ──▶ list and watch by name ──▶ known: there, or not ──▶ change ──▶ whoever follows is told
 *  forget ──▶ the watch ends, the object is dropped
 * ```
 * Kept true: what is known is as new as the watch. While a watch has no first list (not yet, or refused), the object is `pending`.
 */
import type { KubeObject, ObjectReference } from '../api/object.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/log.ts';
import type { Prng } from '../lib/prng.ts';
import type { Client, Resource } from './client.ts';
import { Informer } from './informer.ts';

export interface NamedObjectsOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly prng: Prng;
  readonly log: Logger;
  /** Something that is followed is known for the first time, or changed. */
  readonly changed: () => void;
}

export type NamedState<T> =
  | { readonly kind: 'pending' }
  | { readonly kind: 'missing' }
  | { readonly kind: 'found'; readonly object: T };

interface Followed {
  readonly informer: Informer<KubeObject>;
  readonly reference: ObjectReference;
}

export class NamedObjects {
  readonly #options: NamedObjectsOptions;
  readonly #followed = new Map<string, Followed>();
  readonly #ending = new Set<Promise<void>>();
  #isClosed = false;

  constructor(options: NamedObjectsOptions) {
    this.#options = options;
  }

  /** How many objects are followed. */
  get size(): number {
    return this.#followed.size;
  }

  /** Everything that is followed is known. */
  get isSettled(): boolean {
    return [...this.#followed.values()].every(({ informer }) => informer.hasSynced);
  }

  /** Follows it from now on. */
  get<T extends KubeObject>(resource: Resource<T>, reference: ObjectReference): NamedState<T> {
    const key = keyOf(resource, reference);
    const { informer } = this.#followed.get(key) ?? this.#follow(key, resource, reference);
    const object = informer.cache.get(reference) as T | undefined;
    if (object !== undefined) return { kind: 'found', object };
    return informer.hasSynced ? { kind: 'missing' } : { kind: 'pending' };
  }

  /** Ends all watches but those of objects that `keys` holds, as `keyOf` writes them. */
  keep(keys: ReadonlySet<string>): void {
    for (const [key, { informer }] of this.#followed) {
      if (keys.has(key)) continue;
      this.#followed.delete(key);
      this.#end(informer);
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.keep(new Set());
    await Promise.all(this.#ending);
  }

  #follow(key: string, resource: Resource<KubeObject>, reference: ObjectReference): Followed {
    const { namespace, name } = reference;
    const query = { namespace, fieldSelector: `metadata.name=${name}` };
    const informer = new Informer<KubeObject>({ ...this.#options, resource, query });
    const followed: Followed = { informer, reference };
    if (this.#isClosed) return followed;
    this.#followed.set(key, followed);
    const tell = (): void => {
      if (this.#followed.get(key) === followed) this.#options.changed();
    };
    const changed = (): void => {
      // The first list is told once, below: also where it is empty.
      if (informer.hasSynced) tell();
    };
    informer.addHandler({ added: changed, updated: changed, deleted: changed });
    void informer.start();
    void informer.synced.then(tell);
    return followed;
  }

  #end(informer: Informer<KubeObject>): void {
    const ending: Promise<void> = informer.close().finally(() => this.#ending.delete(ending));
    this.#ending.add(ending);
  }
}

/** `secrets/default/password`. */
export function keyOf({ resource }: Resource<KubeObject>, { namespace, name }: ObjectReference): string {
  return `${resource}/${namespace}/${name}`;
}
