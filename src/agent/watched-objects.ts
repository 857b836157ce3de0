/**
 * The ConfigMaps and Secrets of a node's pods, each followed by one watch of that object alone, whatever number of pods refers to it:
 *
 * ```
 *   pod comes ──▶ follow ──▶ one more user ──▶ first: list and watch by name ──▶ change ──▶ the pods that use it are told
 *   pod goes  ──▶ forget ──▶ one user less ──▶ last: the watch ends, the object is dropped
 * ```
 * The naive way, a GET for each reference of each pod every few seconds, costs a server with 5,000 nodes more than all else. Kept true: what
 * is read is as new as the watch; while a watch is not there (not yet, refused, cut off before its first list) the object is asked for by name.
 * An immutable object is read once. A node without pods that want this holds nothing.
 */
import type { KubeObject, ObjectReference } from '../api/object.ts';
import { someConfigMap, someSecret } from '../api/object-references.ts';
import type { ConfigMap, Pod, Secret } from '../api/schema/types/core-v1.ts';
import type { Client, Resource } from '../client/client.ts';
import { Informer } from '../client/informer.ts';
import { configMaps, secrets } from '../client/resources.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/log.ts';
import type { Prng } from '../lib/prng.ts';
import { type ClaimSource, clientObjectSource, type ObjectSource, type PodObjects } from './object-source.ts';

export interface WatchedObjectsOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly prng: Prng;
  readonly log: Logger;
}

/** How long a reader waits for the first list of a watch before it asks for the object itself. */
const firstListMsMax = 1000;

type Kept = ConfigMap | Secret;

interface Followed {
  readonly users: Set<string>;
  readonly informer: Informer<Kept>;
  /** It never changes, and needs no watch any more. */
  frozen: Kept | undefined;
}

export class WatchedObjects implements PodObjects {
  readonly #options: WatchedObjectsOptions;
  readonly #source: ObjectSource & ClaimSource;
  readonly #followed = new Map<string, Followed>();
  /** By pod: the keys of what it refers to. */
  readonly #pods = new Map<string, ReadonlySet<string>>();
  readonly #ending = new Set<Promise<void>>();
  #changed: (uid: string) => void = () => {};

  readonly trustBundle: ObjectSource['trustBundle'];
  readonly trustBundlesOf: ObjectSource['trustBundlesOf'];
  readonly token: ObjectSource['token'];
  readonly claim: ClaimSource['claim'];
  readonly volume: ClaimSource['volume'];
  readonly node: ClaimSource['node'];

  constructor(options: WatchedObjectsOptions) {
    this.#options = options;
    this.#source = clientObjectSource(options.client);
    const { trustBundle, trustBundlesOf, token, claim, volume, node } = this.#source;
    this.trustBundle = trustBundle;
    this.trustBundlesOf = trustBundlesOf;
    this.token = token;
    this.claim = claim;
    this.volume = volume;
    this.node = node;
  }

  onChange(changed: (uid: string) => void): void {
    this.#changed = changed;
  }

  follow(pod: Pod): boolean {
    const uid = pod.metadata?.uid ?? '';
    const wanted = keysOf(pod);
    for (const key of this.#pods.get(uid) ?? []) if (!wanted.has(key)) this.#leave(key, uid);
    for (const [key, resource] of wanted) this.#join(key, resource, uid);
    if (wanted.size > 0) this.#pods.set(uid, new Set(wanted.keys()));
    return [...wanted.keys()].every((key) => this.#isCurrent(key));
  }

  forget(uid: string): void {
    for (const key of this.#pods.get(uid) ?? []) this.#leave(key, uid);
    this.#pods.delete(uid);
  }

  configMap(reference: ObjectReference): Promise<ConfigMap | undefined> {
    return this.#read(configMaps, reference, () => this.#source.configMap(reference));
  }

  secret(reference: ObjectReference): Promise<Secret | undefined> {
    return this.#read(secrets, reference, () => this.#source.secret(reference));
  }

  async close(): Promise<void> {
    for (const uid of this.#pods.keys()) this.forget(uid);
    await Promise.all(this.#ending);
  }

  /** For tests and metrics: how many objects are followed. */
  get size(): number {
    return this.#followed.size;
  }

  async #read<T extends Kept>(
    resource: Resource<T>,
    reference: ObjectReference,
    ask: () => Promise<T | undefined>,
  ): Promise<T | undefined> {
    const followed = this.#followed.get(keyOf(resource, reference));
    if (followed === undefined) return ask();
    if (followed.frozen !== undefined) return followed.frozen as T;
    if (!followed.informer.hasSynced) await this.#firstList(followed.informer);
    return followed.informer.hasSynced ? (followed.informer.cache.get(reference) as T | undefined) : ask();
  }

  async #firstList(informer: Informer<Kept>): Promise<void> {
    const waiting = new AbortController();
    const enough = this.#options.clock.sleep(firstListMsMax, waiting.signal).catch(() => {});
    await Promise.race([informer.synced, enough]);
    waiting.abort();
  }

  #isCurrent(key: string): boolean {
    const followed = this.#followed.get(key);
    return followed !== undefined && (followed.frozen !== undefined || followed.informer.hasSynced);
  }

  #join(key: string, resource: Resource<Kept>, uid: string): void {
    const known = this.#followed.get(key);
    if (known !== undefined) {
      known.users.add(uid);
      return;
    }
    const { namespace, name } = referenceOf(key);
    const query = { namespace, fieldSelector: `metadata.name=${name}` };
    const informer = new Informer<Kept>({ ...this.#options, resource, query });
    const followed: Followed = { users: new Set([uid]), informer, frozen: undefined };
    this.#followed.set(key, followed);
    const changed = (object: Kept): void => {
      if (object.immutable) this.#freeze(followed, object);
      // The first list is no news: whoever followed it reads it.
      if (informer.hasSynced) for (const user of followed.users) this.#changed(user);
    };
    informer.addHandler({ added: changed, updated: changed, deleted: () => this.#gone(followed) });
    void informer.start();
  }

  #gone(followed: Followed): void {
    for (const user of followed.users) this.#changed(user);
  }

  #freeze(followed: Followed, object: Kept): void {
    followed.frozen = object;
    this.#end(followed.informer);
  }

  #leave(key: string, uid: string): void {
    const followed = this.#followed.get(key);
    if (followed === undefined) return;
    followed.users.delete(uid);
    if (followed.users.size > 0) return;
    this.#followed.delete(key);
    this.#end(followed.informer);
  }

  #end(informer: Informer<Kept>): void {
    const ending: Promise<void> = informer.close().finally(() => this.#ending.delete(ending));
    this.#ending.add(ending);
  }
}

/** `secrets/default/password`. */
function keyOf({ resource }: Resource<KubeObject>, { namespace, name }: ObjectReference): string {
  return `${resource}/${namespace}/${name}`;
}

function referenceOf(key: string): { readonly namespace: string; readonly name: string } {
  const [, namespace = '', name = ''] = key.split('/');
  return { namespace, name };
}

function keysOf({ metadata, spec }: Pod): ReadonlyMap<string, Resource<Kept>> {
  const keys = new Map<string, Resource<Kept>>();
  if (spec === undefined) return keys;
  const namespace = metadata?.namespace ?? '';
  const note = (resource: Resource<Kept>) => (name: string) => {
    keys.set(keyOf(resource, { namespace, name }), resource);
    return false;
  };
  someConfigMap(spec, note(configMaps));
  someSecret(spec, note(secrets));
  return keys;
}
