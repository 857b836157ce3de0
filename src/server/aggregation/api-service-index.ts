/**
 * Which group-versions other servers answer for: the APIServices that name a Service, ready for each request.
 *
 * Kept true: it changes in the same turn in which a write becomes visible; `remotes` is another array after each change that matters, so that
 * what is made of it can be kept by it. This server's own registry of APIServices is never handed to anybody else, and neither is the core
 * group: nothing could be put right afterwards.
 */

import type { APIService } from '../../api/schema/types/apiregistration-v1.ts';
import type { Service } from '../../lib/service.ts';
import type { Store, StoreEvent, StoreWatch } from '../../store/store.ts';
import { isAvailable } from './availability-metrics.ts';

const group = 'apiregistration.k8s.io';
const collection = `apiservices.${group}`;

export interface RemoteApi {
  /** `v1beta1.metrics.k8s.io`. */
  readonly name: string;
  readonly group: string;
  readonly version: string;
  readonly service: { readonly namespace: string; readonly name: string; readonly port: number };
  /** Base64 of PEM. */
  readonly caBundle: string;
  readonly insecure: boolean;
  readonly groupPriority: number;
  readonly versionPriority: number;
  readonly isAvailable: boolean;
}

/** Told synchronously; `name` is the APIService's. */
export type ApiServiceListener = (name: string) => void;

export class ApiServiceIndex implements Service {
  readonly name = 'api services';
  readonly #store: Store;
  readonly #all = new Map<string, APIService>();
  readonly #byGroupVersion = new Map<string, RemoteApi>();
  readonly #listeners = new Set<ApiServiceListener>();
  #remotes: readonly RemoteApi[] | undefined;
  #watch: StoreWatch | undefined;

  constructor(store: Store) {
    this.#store = store;
  }

  async start(): Promise<void> {
    for (const { object } of this.#store.list(collection).entries) this.#put(object);
    this.#watch = this.#store.watch({ collection }, { event: (event) => this.#changed(event) });
  }

  async close(): Promise<void> {
    this.#watch?.cancel();
    this.#watch = undefined;
  }

  /** Undefined: this server answers for it, or nobody. */
  remote(ofGroup: string, version: string): RemoteApi | undefined {
    return this.#byGroupVersion.size === 0 ? undefined : this.#byGroupVersion.get(`${ofGroup}/${version}`);
  }

  get remotes(): readonly RemoteApi[] {
    this.#remotes ??= [...this.#byGroupVersion.values()];
    return this.#remotes;
  }

  get all(): Iterable<APIService> {
    return this.#all.values();
  }

  get(name: string): APIService | undefined {
    return this.#all.get(name);
  }

  /** Calling the result ends it. */
  onChange(listener: ApiServiceListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  #changed({ type, entry, previous }: StoreEvent): void {
    if (previous !== undefined) this.#remove(previous.object);
    if (type !== 'deleted') this.#put(entry.object);
    for (const listener of this.#listeners) listener(entry.key.name);
  }

  #put(object: APIService): void {
    this.#all.set(object.metadata?.name ?? '', object);
    const remote = remoteOf(object);
    if (remote === undefined) return;
    this.#byGroupVersion.set(`${remote.group}/${remote.version}`, remote);
    this.#remotes = undefined;
  }

  #remove({ metadata, spec }: APIService): void {
    this.#all.delete(metadata?.name ?? '');
    if (this.#byGroupVersion.delete(`${spec?.group ?? ''}/${spec?.version ?? ''}`)) this.#remotes = undefined;
  }
}

export function remoteOf(object: APIService): RemoteApi | undefined {
  const { metadata, spec } = object;
  const { service, group: ofGroup = '', version = '' } = spec ?? {};
  if (!service || ofGroup === '' || ofGroup === group) return undefined;
  const { namespace = '', name = '', port = 443 } = service;
  return {
    name: metadata?.name ?? '',
    group: ofGroup,
    version,
    service: { namespace, name, port },
    caBundle: spec?.caBundle ?? '',
    insecure: spec?.insecureSkipTLSVerify === true,
    groupPriority: spec?.groupPriorityMinimum ?? 0,
    versionPriority: spec?.versionPriority ?? 0,
    isAvailable: isAvailable(object),
  };
}
