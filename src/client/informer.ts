/**
 * A cache of one resource that follows the server, and tells handlers what changed.
 *
 * ```
 *            ┌───────────────── Expired, or an error: after a back-off ─────────────────┐
 *            ▼                                                                          │
 *   list ──▶ replace the cache ──▶ synced ──▶ watch from the list's version ──▶ event ──┤
 *                                              ▲                                        │
 *                                              └── ended, unreachable: from the last ───┘
 *                                                  version seen (bookmarks count)
 * ```
 * Kept true: handlers see each object as added, updated…, deleted, in the order of its versions, whatever happens to the
 * connection; what was missed in between shows as one step. An object that was deleted and made anew shows as deleted and added.
 * The cache holds the change before handlers hear of it. Objects are frozen and shared: nothing is copied.
 *
 * It does not resync: loops are level-triggered and retry what failed. `InformerSet` shares one informer per resource.
 */
import { type KubeObject, objectKey } from '../api/object.ts';
import { hasReason } from '../api/status-error.ts';
import { delayAfter } from '../lib/backoff.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/log.ts';
import type { Prng } from '../lib/prng.ts';
import type { Service } from '../lib/service.ts';
import type { Client, ClientWatchEvent, ListQuery, Resource } from './client.ts';
import { type IndexFunction, ObjectCache, type ReadonlyCache } from './object-cache.ts';

/** Called synchronously; an error that a handler throws is logged and goes no further. */
export interface InformerHandler<T> {
  added?(object: T): void;
  updated?(object: T, previous: T): void;
  deleted?(object: T): void;
}

export interface InformerOptions<T extends KubeObject> {
  readonly client: Client;
  readonly resource: Resource<T>;
  /** Which part of the resource; all of it where absent. */
  readonly query?: Pick<ListQuery, 'namespace' | 'labelSelector' | 'fieldSelector' | 'metadataOnly'>;
  readonly clock: Clock;
  readonly prng: Prng;
  readonly log: Logger;
}

/** As upstream's reflector: 800 ms, doubled up to 30 s, and up to as much again by chance. */
const backoffMsMin = 800;
const backoffMsMax = 30_000;
/** A watch that lived so long, or delivered something, ends the count of failures. */
const healthyWatchMs = 10_000;

export class Informer<T extends KubeObject> implements Service {
  readonly name: string;
  readonly cache: ReadonlyCache<T>;
  /** Resolves when the first list is in the cache; never rejects. */
  readonly synced: Promise<void>;
  readonly #cache = new ObjectCache<T>();
  readonly #options: InformerOptions<T>;
  readonly #handlers = new Set<InformerHandler<T>>();
  readonly #stop = new AbortController();
  #markSynced: () => void = () => {};
  #hasSynced = false;
  #running: Promise<void> | undefined;
  #failures = 0;

  constructor(options: InformerOptions<T>) {
    this.name = `informer/${options.resource.resource}`;
    this.cache = this.#cache;
    this.#options = options;
    this.synced = new Promise((resolve) => {
      this.#markSynced = resolve;
    });
  }

  get hasSynced(): boolean {
    return this.#hasSynced;
  }

  /** Index functions must be pure: the same object always gives the same values. */
  addIndex(name: string, valuesOf: IndexFunction<T>): this {
    this.#cache.addIndex(name, valuesOf);
    return this;
  }

  /** What is in the cache already is shown as added at once. Calling the result takes the handler out. */
  addHandler(handler: InformerHandler<T>): () => void {
    this.#handlers.add(handler);
    for (const object of this.#cache.list()) this.#guard(() => handler.added?.(object));
    return () => void this.#handlers.delete(handler);
  }

  /** Begins to follow, and does not wait for the server: `synced` does. */
  start(): Promise<void> {
    this.#running ??= this.#run();
    return Promise.resolve();
  }

  async close(): Promise<void> {
    this.#stop.abort(new Error('closed'));
    await this.#running;
  }

  get #closed(): boolean {
    return this.#stop.signal.aborted;
  }

  async #run(): Promise<void> {
    let version: string | undefined;
    while (!this.#closed) {
      try {
        version ??= await this.#list();
        version = await this.#follow(version);
      } catch (error) {
        if (this.#closed) return;
        if (!isTransient(error)) version = undefined;
        await this.#pause(error);
      }
    }
  }

  async #list(): Promise<string> {
    const { client, resource, query } = this.#options;
    const list = await client.list(resource, query);
    if (this.#closed) return '0';
    this.#replace(list.items);
    this.#hasSynced = true;
    this.#markSynced();
    return list.metadata.resourceVersion ?? '0';
  }

  /** One watch, until it ends; gives the version to go on from, and rejects with the error that ended it. */
  async #follow(fromVersion: string): Promise<string> {
    const startedMs = this.#options.clock.monotonic();
    let version = fromVersion;
    let delivered = false;
    const error = await this.#watch(version, (event) => {
      version = event.object.metadata?.resourceVersion ?? version;
      delivered = true;
      this.#apply(event);
    });
    const healthy = delivered || this.#options.clock.monotonic() - startedMs >= healthyWatchMs;
    if (healthy) this.#failures = 0;
    if (error !== undefined && !isTransient(error)) throw error;
    if (error !== undefined || !healthy) await this.#pause(error);
    return version;
  }

  /** Resolves when the watch is over, with its error. */
  #watch(resourceVersion: string, event: (event: ClientWatchEvent<T>) => void): Promise<Error | undefined> {
    const { client, resource, query } = this.#options;
    if (this.#closed) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      const stop = (): void => {
        watch.cancel();
        resolve(undefined);
      };
      const end = (error?: Error): void => {
        this.#stop.signal.removeEventListener('abort', stop);
        resolve(error);
      };
      this.#stop.signal.addEventListener('abort', stop, { once: true });
      const watch = client.watch(resource, { ...query, resourceVersion }, { event, end });
    });
  }

  async #pause(error: unknown): Promise<void> {
    if (this.#closed) return;
    const { clock, prng, log, resource } = this.#options;
    const delayMs = delayAfter(this.#failures++, backoffMsMin, backoffMsMax) * (1 + prng.next());
    if (error !== undefined) log.warn('watch failed, trying again', { resource: resource.resource, delayMs, error });
    await clock.sleep(delayMs, this.#stop.signal).catch(() => {});
  }

  #apply({ type, object }: ClientWatchEvent<T>): void {
    if (type === 'BOOKMARK' || this.#closed) return;
    if (type === 'DELETED') this.#remove(objectKey(object), object);
    else this.#put(object);
  }

  #replace(objects: readonly T[]): void {
    const gone = new Set(this.#cache.keys());
    for (const object of objects) gone.delete(objectKey(object));
    for (const key of gone) this.#remove(key);
    for (const object of objects) this.#put(object);
  }

  #put(object: T): void {
    const known = this.#cache.byKey(objectKey(object));
    if (known !== undefined && known.metadata?.resourceVersion === object.metadata?.resourceVersion) return;
    if (known !== undefined && known.metadata?.uid !== object.metadata?.uid) this.#remove(objectKey(object));
    const previous = this.#cache.put(object);
    for (const handler of this.#handlers) {
      this.#guard(() => (previous === undefined ? handler.added?.(object) : handler.updated?.(object, previous)));
    }
  }

  /** Handlers get the last state, where the server told it. */
  #remove(key: string, last?: T): void {
    const known = this.#cache.remove(key);
    if (known === undefined) return;
    for (const handler of this.#handlers) this.#guard(() => handler.deleted?.(last ?? known));
  }

  #guard(act: () => void): void {
    try {
      act();
    } catch (error) {
      this.#options.log.error('an informer handler failed', { resource: this.#options.resource.resource, error });
    }
  }
}

/** The server could not answer, but our version is as good as before. */
function isTransient(error: unknown): boolean {
  return hasReason(error, 'ServiceUnavailable', 'Timeout', 'ServerTimeout', 'TooManyRequests');
}

/** Large, and of interest to control loops only as what owns and is owned: their caches hold the metadata alone. */
const metadataSuffices: ReadonlySet<string> = new Set(['customresourcedefinitions.apiextensions.k8s.io']);

/** One informer for each resource, shared by all who ask. Those asked for after `start` start at once. */
export class InformerSet implements Service {
  readonly name = 'informers';
  readonly #options: Omit<InformerOptions<KubeObject>, 'resource' | 'query'>;
  readonly #informers = new Map<string, Informer<KubeObject>>();
  /** Those that were asked for before the start. */
  readonly #first = new Set<string>();
  #started = false;

  constructor(options: Omit<InformerOptions<KubeObject>, 'resource' | 'query'>) {
    this.#options = options;
  }

  informer<T extends KubeObject>(resource: Resource<T>): Informer<T> {
    const key = `${resource.group}/${resource.version}/${resource.resource}`;
    const existing = this.#informers.get(key);
    if (existing !== undefined) return existing as unknown as Informer<T>;
    const query = { metadataOnly: metadataSuffices.has(`${resource.resource}.${resource.group}`) };
    const informer = new Informer({ ...this.#options, resource, query });
    this.#informers.set(key, informer as unknown as Informer<KubeObject>);
    if (this.#started) void informer.start();
    else this.#first.add(key);
    return informer;
  }

  /**
   * The resources whose caches do not yet hold a first list, of those that were asked for before the start. Kinds that come later may never be
   * listed: nobody answers where their versions are converted, and that makes nothing else unready.
   */
  get unsynced(): readonly string[] {
    return [...this.#informers]
      .filter(([key, informer]) => this.#first.has(key) && !informer.hasSynced)
      .map(([key]) => key);
  }

  /** Ends the informer of a resource that is no longer served. */
  async remove(resource: Resource<KubeObject>): Promise<void> {
    const key = `${resource.group}/${resource.version}/${resource.resource}`;
    const informer = this.#informers.get(key);
    this.#informers.delete(key);
    await informer?.close();
  }

  async start(): Promise<void> {
    this.#started = true;
    for (const informer of this.#informers.values()) await informer.start();
  }

  async close(): Promise<void> {
    this.#started = false;
    await Promise.all([...this.#informers.values()].map((informer) => informer.close()));
  }
}
