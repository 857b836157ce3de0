/**
 * The API process of a simulated cluster: store, registry and authorizer over a disk that outlives them.
 *
 * ```
 *  crash: calls under way fail, watches break, what was acknowledged stays; the commit under way is there or is not
 *  start: a new store reads the disk, and everything that was in memory only (indexes, addresses, counts under way) is made anew from it
 * ```
 * Kept true: whoever observes the store sees each revision once and in order, also over a crash. `store` and the clients stay the same through
 * all lives of the process: they speak to the one that runs, or fail as nobody answers.
 */
import { LiveApi } from '../../api/live-api.ts';
import { type ResourceTable, resourceTable } from '../../api/resource-table.ts';
import { groupResource } from '../../api/resources.ts';
import { builtinSchema } from '../../api/schema/load.ts';
import type { Client } from '../../client/client.ts';
import { unreachable } from '../../client/errors.ts';
import { inProcessClient } from '../../client/in-process-client.ts';
import { aroundCalls, intercept } from '../../client/intercept.ts';
import { assert } from '../../lib/assert.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/log.ts';
import type { Prng } from '../../lib/prng.ts';
import type { Service } from '../../lib/service.ts';
import { bootstrap } from '../../registry/bootstrap.ts';
import { CustomKinds } from '../../registry/custom/custom-kinds.ts';
import { DefinitionKeeper } from '../../registry/custom/definition-keeper.ts';
import { Registry } from '../../registry/registry.ts';
import type { Authorizer, UserInfo } from '../../registry/request.ts';
import { JournaledStore } from '../../store/core.ts';
import type { Store, StoreEvent } from '../../store/store.ts';
import type { Disk } from './disk.ts';

/** Services may have an address of each family. */
const serviceCidrs = ['10.43.0.0/16', 'fd00:43::/112'];

/** Who may do what, told from a store; what follows the store is started when it is open. */
export type StoreAuthorizer = (store: Store) => {
  readonly authorizer: Authorizer;
  readonly services: readonly Service[];
};

export interface SimulatedApiOptions {
  readonly clock: Clock;
  readonly prng: Prng;
  readonly log: Logger;
  readonly disk: Disk;
  readonly authorization: StoreAuthorizer;
  /** Hears of what became durable although whoever asked for it was told that the API has died. */
  readonly unanswered?: (event: StoreEvent) => void;
}

/** One life of the process. */
interface Life {
  readonly store: JournaledStore;
  readonly registry: Registry;
  readonly resources: ResourceTable;
  readonly authorizer: Authorizer;
  /** What follows the store. */
  readonly services: readonly Service[];
  /** Writes as the API itself: what is under way when the process dies, nobody waits for. */
  readonly keeper: DefinitionKeeper;
  /** Ends the calls under way. */
  readonly waiting: Set<(reason: Error) => void>;
  isUp: boolean;
}

export class SimulatedApi {
  readonly store: Store;
  readonly #options: SimulatedApiOptions;
  readonly #event: (event: StoreEvent) => void;
  #life: Life;
  /** Observers were told up to here. */
  #seen = 0;

  constructor(options: SimulatedApiOptions, event: (event: StoreEvent) => void) {
    this.#options = options;
    this.#event = event;
    this.#life = this.#makeLife();
    this.store = this.#livingStore();
  }

  /** What is served now. */
  get resources(): ResourceTable {
    return this.#life.resources;
  }

  get isUp(): boolean {
    return this.#life.isUp;
  }

  /** The first time, or again after a crash. */
  async start(): Promise<void> {
    if (this.#seen > 0) this.#life = this.#makeLife();
    const life = this.#life;
    await life.store.start();
    assert(life.store.revision >= this.#seen, 'what was acknowledged is on the disk');
    for (const service of life.services) await service.start();
    life.isUp = true;
    this.#observe(life);
    await life.registry.putRight();
    await bootstrap(life.registry);
    await life.keeper.start();
  }

  /** At once. Whoever holds a watch is told by the network. */
  async crash(): Promise<void> {
    const life = this.#life;
    if (!life.isUp) return;
    life.isUp = false;
    this.#options.disk.crash();
    for (const end of life.waiting) end(unreachable('the API has died (injected)'));
    life.waiting.clear();
    void life.keeper.close();
    for (const service of life.services) await service.close();
    this.#options.disk.forgetHistory(this.#seen);
  }

  async close(): Promise<void> {
    await this.#life.keeper.close();
    for (const service of this.#life.services) await service.close();
    await this.#life.store.close();
  }

  client(user: UserInfo): Client {
    let made: { readonly life: Life; readonly client: Client } | undefined;
    const current = (): Client => {
      const life = this.#life;
      if (made?.life !== life) made = { life, client: clientOf(life, user) };
      return made.client;
    };
    const verbs = delegating(current);
    const bounded = aroundCalls(verbs, (_call, act) => this.#answered(act));
    return intercept(bounded, {
      watch: () => (resource, query, handler) => current().watch(resource, query, handler),
    });
  }

  #answered<R>(act: () => Promise<R>): Promise<R> {
    const { isUp, waiting } = this.#life;
    if (!isUp) return Promise.reject(unreachable('the API does not run (injected)'));
    return new Promise<R>((resolve, reject) => {
      waiting.add(reject);
      act()
        .then(resolve, reject)
        .finally(() => waiting.delete(reject));
    });
  }

  #makeLife(): Life {
    const { clock, prng, log, disk, authorization } = this.#options;
    const store = new JournaledStore('simulated', disk.journal(), { clock, log });
    const api = new LiveApi(resourceTable(), builtinSchema());
    const { resources, schema } = api;
    const registry = new Registry({ store, clock, prng, schema, resources, log, serviceCidrs });
    const own = authorization(store);
    const kinds = new CustomKinds({ store, api, log });
    const keeper = new DefinitionKeeper({ handler: registry, store, resources, clock, prng, log });
    const services = [...own.services, kinds];
    return {
      store,
      registry,
      resources,
      keeper,
      services,
      authorizer: own.authorizer,
      waiting: new Set(),
      isUp: false,
    };
  }

  /** What became durable in the last moment of the life before comes first, in order. */
  #observe({ store }: Life): void {
    const past: StoreEvent[] = [];
    let isPast = true;
    const told = (event: StoreEvent): void => {
      this.#seen = event.revision;
      this.#event(event);
    };
    const handler = { event: (event: StoreEvent) => void (isPast ? past.push(event) : told(event)) };
    const afterRevision = this.#seen || store.revision;
    for (const collection of collections()) store.watch({ collection, afterRevision }, handler);
    isPast = false;
    for (const event of past.toSorted((a, b) => a.revision - b.revision)) {
      this.#options.unanswered?.(event);
      told(event);
    }
    this.#seen = store.revision;
  }

  #livingStore(): Store {
    const of = (): Store => this.#life.store;
    return {
      name: 'simulated',
      get revision() {
        return of().revision;
      },
      start: () => this.start(),
      close: () => this.close(),
      get: (key) => of().get(key),
      list: (collection, namespace) => of().list(collection, namespace),
      counts: () => of().counts(),
      write: (operation) => of().write(operation),
      watch: (options, handler) => of().watch(options, handler),
    };
  }
}

function clientOf({ registry, authorizer, resources }: Life, user: UserInfo): Client {
  return inProcessClient({ handler: registry, authorizer, user, resources });
}

/** Every verb goes to the client that `current` names at the moment of the call. */
function delegating(current: () => Client): Client {
  return {
    get: (...args) => current().get(...args),
    list: (...args) => current().list(...args),
    create: (...args) => current().create(...args),
    update: (...args) => current().update(...args),
    patch: (...args) => current().patch(...args),
    delete: (...args) => current().delete(...args),
    deleteCollection: (...args) => current().deleteCollection(...args),
    createSubresource: (...args) => current().createSubresource(...args),
    watch: (...args) => current().watch(...args),
  };
}

/** Every collection that a built-in resource is stored in. */
function collections(): ReadonlySet<string> {
  return new Set([...resourceTable().all].map((info) => groupResource(info.storedAs ?? info)));
}
