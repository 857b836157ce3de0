/**
 * Services with their endpoints, kept by two informers of the node: who balances load asks here, and hears which Service changed. A changed slice means one
 * Service, found by its label; nothing is computed before somebody asks.
 *
 * One directory serves any number of listeners; it holds no copies. Before `isComplete` a Service may lack slices that the server has: whoever would remove
 * something for want of endpoints waits.
 */
import { type ObjectReference, objectKey } from '../../api/object.ts';
import type { Service, ServicePort } from '../../api/schema/types/core-v1.ts';
import type { EndpointSlice } from '../../api/schema/types/discovery-v1.ts';
import type { Informer, InformerSet } from '../../client/informer.ts';
import { endpointSlices, services } from '../../client/resources.ts';
import { serviceKeyOf, sliceServiceIndex, sliceServiceValues } from '../../controllers/shared/endpoint-slices.ts';
import type { Endpoint } from './endpoints.ts';
import { endpointsOf, type Family, familiesOf } from './read-slices.ts';

/** `namespace/name` of the Service, which may be gone, or be there without slices, or the slices without it. */
export type ServiceListener = (key: string) => void;

export class ServiceDirectory {
  /** Resolves when both caches hold a first list. */
  readonly synced: Promise<void>;
  readonly #services: Informer<Service>;
  readonly #slices: Informer<EndpointSlice>;
  readonly #listeners = new Set<ServiceListener>();
  readonly #stops: (() => void)[];

  constructor(informers: InformerSet) {
    this.#services = informers.informer(services);
    this.#slices = informers.informer(endpointSlices).addIndex(sliceServiceIndex, sliceServiceValues);
    this.synced = Promise.all([this.#services.synced, this.#slices.synced]).then(() => {});
    const service = (object: Service): void => this.#tell(objectKey(object));
    const slice = (object: EndpointSlice, previous?: EndpointSlice): void => {
      const key = serviceKeyOf(object);
      const old = previous === undefined ? key : serviceKeyOf(previous);
      if (key !== undefined) this.#tell(key);
      if (old !== undefined && old !== key) this.#tell(old);
    };
    this.#stops = [
      this.#services.addHandler({ added: service, updated: service, deleted: service }),
      this.#slices.addHandler({ added: (object) => slice(object), updated: slice, deleted: (object) => slice(object) }),
    ];
  }

  get isComplete(): boolean {
    return this.#services.hasSynced && this.#slices.hasSynced;
  }

  /** Called for every change from now on. The result ends that. */
  onChange(listener: ServiceListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  keys(): readonly string[] {
    return this.#services.cache.list().map(objectKey);
  }

  /** By `namespace/name`. */
  service(key: string): Service | undefined {
    return this.#services.cache.byKey(key);
  }

  find(reference: ObjectReference): Service | undefined {
    return this.#services.cache.get(reference);
  }

  slices(key: string): readonly EndpointSlice[] {
    return this.#slices.cache.byIndex(sliceServiceIndex, key);
  }

  /** All endpoints of a port, whatever their state: by the family given, or by the Service's first. */
  endpoints(service: Service, port: ServicePort, family?: Family): readonly Endpoint[] {
    const wanted = family ?? familiesOf(service)[0] ?? 'IPv4';
    return endpointsOf(this.slices(objectKey(service)), port.name ?? '', port.protocol ?? 'TCP', wanted);
  }

  close(): void {
    for (const stop of this.#stops) stop();
    this.#listeners.clear();
  }

  #tell(key: string): void {
    for (const listener of this.#listeners) listener(key);
  }
}
