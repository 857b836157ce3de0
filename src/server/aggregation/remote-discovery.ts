/**
 * Follows what extension servers say that they serve, so that nobody who asks this server has to wait for them.
 *
 * ```
 *  APIService made, changed, available ─┐
 *  every minute ────────────────────────┴─▶ GET /apis in the aggregated form; where there is none, GET /apis/GROUP/VERSION ─▶ versions
 * ```
 * Kept true: a server that cannot be asked keeps what it said last, marked as stale; the state is another object after each change.
 */
import type { RemoteVersion } from '../../api/resource-table.ts';
import type { APIResourceDiscovery } from '../../api/schema/types/apidiscovery-v2.ts';
import { after, ControlLoop, done, type Outcome } from '../../client/controller.ts';
import type { Clock } from '../../lib/clock.ts';
import { limits } from '../../lib/limits.ts';
import type { Logger } from '../../lib/log.ts';
import type { Prng } from '../../lib/prng.ts';
import type { Service } from '../../lib/service.ts';
import type { ApiServiceIndex, RemoteApi } from './api-service-index.ts';
import type { ExtensionServers } from './extension-servers.ts';
import { type RemoteVersions, readAggregated, readResourceList } from './remote-documents.ts';

export interface RemoteDiscoveryOptions {
  readonly index: ApiServiceIndex;
  readonly servers: ExtensionServers;
  readonly clock: Clock;
  readonly prng: Prng;
  readonly log: Logger;
}

/** What is known, by APIService. */
export type RemoteState = ReadonlyMap<string, RemoteVersion>;

const lookAgainMs = 60_000;
const fetchMsMax = 5_000;
const retryMsMax = 30_000;

const aggregatedForms = ['v2', 'v2beta1'].map(
  (version) => `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`,
);

const nothingKnown: RemoteVersion = { resources: [], freshness: 'Stale' };

export class RemoteDiscovery implements Service {
  readonly name = 'remote discovery';
  readonly #options: RemoteDiscoveryOptions;
  readonly #loop: ControlLoop;
  #state: RemoteState = new Map();
  #stop: () => void = () => {};

  constructor(options: RemoteDiscoveryOptions) {
    this.#options = options;
    this.#loop = new ControlLoop({
      ...options,
      name: 'discovery-manager',
      informers: [],
      workers: 2,
      backoffMsMin: 100,
      backoffMsMax: retryMsMax,
      reconcile: (key) => this.#look(key),
    });
  }

  get state(): RemoteState {
    return this.#state;
  }

  async start(): Promise<void> {
    const { index } = this.#options;
    const seen = new Map<string, string>();
    const wake = (name: string): void => {
      const api = index.remotes.find((each) => each.name === name);
      const text = api && JSON.stringify(api);
      if (seen.get(name) === text) return;
      if (text === undefined) seen.delete(name);
      else seen.set(name, text);
      this.#loop.queue.add(name);
    };
    for (const { name } of index.remotes) wake(name);
    this.#stop = index.onChange(wake);
    await this.#loop.start();
  }

  async close(): Promise<void> {
    this.#stop();
    await this.#loop.close();
  }

  async #look(name: string): Promise<Outcome> {
    const api = this.#options.index.remotes.find((each) => each.name === name);
    if (api === undefined) {
      this.#set(name, undefined);
      return done;
    }
    const before = this.#state.get(name) ?? nothingKnown;
    if (!api.isAvailable) {
      this.#set(name, { ...before, freshness: 'Stale' });
      return done;
    }
    try {
      this.#set(name, { resources: await this.#fetch(api), freshness: 'Current' });
      return after(lookAgainMs);
    } catch (error) {
      this.#set(name, { ...before, freshness: 'Stale' });
      throw error;
    }
  }

  /** @throws Error */
  async #fetch(api: RemoteApi): Promise<readonly APIResourceDiscovery[]> {
    const versions = await this.#aggregated(api);
    const known = versions?.get(`${api.group}/${api.version}`);
    if (known !== undefined) return known;
    const path = `/apis/${api.group}/${api.version}`;
    const { status, body } = await this.#get(api, path, 'application/json');
    const resources = status === 200 ? readResourceList(parsed(body)) : undefined;
    if (resources === undefined) throw new Error(`failed to download discovery for ${path}: status ${status}`);
    return resources;
  }

  /** Undefined where the server does not know that form. */
  async #aggregated(api: RemoteApi): Promise<RemoteVersions | undefined> {
    const { status, body } = await this.#get(api, '/apis', aggregatedForms.join(','));
    return status === 200 ? readAggregated(parsed(body)) : undefined;
  }

  #get(api: RemoteApi, path: string, accept: string) {
    const bytesMax = limits.extensionDiscoveryBytesMax;
    return this.#options.servers.call(api, { path, headers: { accept }, timeoutMs: fetchMsMax, bytesMax });
  }

  #set(name: string, version: RemoteVersion | undefined): void {
    if (JSON.stringify(this.#state.get(name)) === JSON.stringify(version)) return;
    const state = new Map(this.#state);
    if (version === undefined) state.delete(name);
    else state.set(name, version);
    this.#state = state;
  }
}

function parsed(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
}
