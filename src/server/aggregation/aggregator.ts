/**
 * API servers that extend this one (upstream's kube-aggregator), as one part: who answers for which group-version, and whether it is there; what
 * they serve, for discovery; and requests passed on to them.
 *
 * Nothing of it costs anything while no APIService names a Service: one look into an empty map for each request.
 */
import type { LiveApi } from '../../api/live-api.ts';
import type { RemoteOpenApi } from '../../api/openapi.ts';
import type { ResourceTable } from '../../api/resource-table.ts';
import type { Client } from '../../client/client.ts';
import type { InformerSet } from '../../client/informer.ts';
import type { RemoteContents } from '../../client/remote-contents.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/log.ts';
import type { MetricRegistry } from '../../lib/metrics.ts';
import type { Prng } from '../../lib/prng.ts';
import type { Service } from '../../lib/service.ts';
import type { RequestHandler } from '../../registry/request.ts';
import type { Store } from '../../store/store.ts';
import type { Answer } from '../answer.ts';
import type { RequestContext } from '../context.ts';
import type { ServiceDialer } from '../outside/service-dialer.ts';
import { type RequestPath, splitPath } from '../request-info.ts';
import { ApiServiceIndex, type RemoteApi } from './api-service-index.ts';
import { AutoRegistration } from './auto-registration.ts';
import { availabilityLoop } from './availability.ts';
import { ExtensionProxy } from './extension-proxy.ts';
import { ExtensionServers } from './extension-servers.ts';
import type { FrontProxy } from './front-proxy.ts';
import { MergedTable } from './merged-table.ts';
import { ExtensionContents } from './remote-contents.ts';
import { RemoteDiscovery, type RemoteState } from './remote-discovery.ts';
import { RemoteOpenApis } from './remote-openapi.ts';

export interface AggregatorOptions {
  readonly store: Store;
  readonly api: LiveApi;
  readonly frontProxy: FrontProxy;
  /** Asked at the first call. */
  readonly dialer: () => ServiceDialer;
  readonly clock: Clock;
  readonly prng: Prng;
  readonly log: Logger;
  readonly metrics?: MetricRegistry | undefined;
}

/** What the parts in the background work with. */
export interface AggregatorClients {
  readonly handler: RequestHandler;
  /** The API server's own. */
  readonly client: Client;
  readonly informers: InformerSet;
}

export class Aggregator {
  readonly #options: AggregatorOptions;
  readonly #servers: ExtensionServers;
  readonly #proxy: ExtensionProxy;
  readonly #discovery: RemoteDiscovery;
  readonly #openApis: RemoteOpenApis;
  /** To be started right after the store, before anybody asks. */
  readonly index: ApiServiceIndex;
  #merged: Merged | undefined;

  constructor(options: AggregatorOptions) {
    this.#options = options;
    this.index = new ApiServiceIndex(options.store);
    this.#servers = new ExtensionServers(options);
    this.#proxy = new ExtensionProxy({ servers: this.#servers, clock: options.clock });
    const common = { ...options, index: this.index, servers: this.#servers };
    this.#discovery = new RemoteDiscovery(common);
    this.#openApis = new RemoteOpenApis(common);
  }

  /** What extension servers hold in namespaces. */
  get contents(): RemoteContents {
    return new ExtensionContents({
      index: this.index,
      servers: this.#servers,
      state: () => this.#discovery.state,
    });
  }

  /** In this order, after the server; stopped before it. */
  background({ handler, client, informers }: AggregatorClients): readonly Service[] {
    const common = { ...this.#options, index: this.index, servers: this.#servers };
    return [
      this.#connections(),
      availabilityLoop({ ...common, client, informers }),
      this.#discovery,
      this.#openApis,
      new AutoRegistration({ ...common, handler }),
    ];
  }

  /** Undefined: this server answers itself. */
  remoteFor(path: RequestPath): RemoteApi | undefined {
    if (this.index.remotes.length === 0) return undefined;
    if (path.kind === 'resource') return this.index.remote(path.group, path.version);
    const [root, ...rest] = splitPath(path.path);
    // Documents of version 3 are each server's own.
    const [first, group = '', version = ''] = root === 'openapi' && rest[0] === 'v3' ? rest.slice(1) : [root, ...rest];
    return first === 'apis' ? this.index.remote(group, version) : undefined;
  }

  answer(context: RequestContext, path: RequestPath, api: RemoteApi): Promise<Answer | undefined> {
    const isDiscovery = path.kind === 'path' && path.path.startsWith('/apis/') && splitPath(path.path).length === 3;
    return this.#proxy.answer(context, api, isDiscovery);
  }

  /** What is to be added to this server's OpenAPI; undefined: nothing. */
  get openApi(): RemoteOpenApi | undefined {
    return this.#openApis.state;
  }

  /** `local` as discovery tells it: itself while there are no others. */
  discovered(local: ResourceTable): ResourceTable {
    const { remotes } = this.index;
    if (remotes.length === 0) return local;
    const { state } = this.#discovery;
    const known = this.#merged;
    if (known?.local === local.current && known.remotes === remotes && known.state === state) return known.table;
    const table = new MergedTable(local.current, remotes, state);
    this.#merged = { local: local.current, remotes, state, table };
    return table;
  }

  /** Closes those that no APIService names any more. */
  #connections(): Service {
    let stop = (): void => {};
    return {
      name: 'extension servers',
      start: async () => {
        stop = this.index.onChange(() => this.#servers.keepOnly(this.index.remotes));
      },
      close: async () => {
        stop();
        this.#servers.close();
      },
    };
  }
}

interface Merged {
  readonly local: ResourceTable;
  readonly remotes: readonly RemoteApi[];
  readonly state: RemoteState;
  readonly table: ResourceTable;
}
