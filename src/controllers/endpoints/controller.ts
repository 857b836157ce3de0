/**
 * Endpoints: the older form of EndpointSlices, one object for each Service with a selector, for those who still read it.
 *
 * Kept true: a Service that is gone leaves no Endpoints behind, also where that happened while nobody looked; then only what this loop
 * has made goes. What it wrote and the cache does not show yet is not written again: an update says which version it replaces.
 */
import { type KubeObject, objectKey, parseObjectKey } from '../../api/object.ts';
import type { Endpoints, Service as KubeService, Pod } from '../../api/schema/types/core-v1.ts';
import { hasReason } from '../../api/status-error.ts';
import { ControlLoop, done, type Outcome } from '../../client/controller.ts';
import type { ReadonlyCache } from '../../client/object-cache.ts';
import { endpoints as endpointsResource, pods as podsResource, services } from '../../client/resources.ts';
import type { Service } from '../../lib/service.ts';
import { type ControllerContext, contextFor, type LoopContext } from '../shared/context.ts';
import { isNamespaceEnding, messageOf } from '../shared/refusals.ts';
import { followServices, isServed, leaderAnnotation, podsOf } from '../shared/service-pods.ts';
import { TriggerTimes } from '../shared/trigger-times.ts';
import { decideEndpoints, managedByLabel, manager } from './decide.ts';

export function endpointsController(context: ControllerContext): Service {
  return new EndpointsController(contextFor(context, 'endpoint-controller')).loop;
}

class EndpointsController {
  readonly loop: ControlLoop;
  readonly #context: LoopContext;
  readonly #services: ReadonlyCache<KubeService>;
  readonly #pods: ReadonlyCache<Pod>;
  readonly #endpoints: ReadonlyCache<Endpoints>;
  readonly #triggerTimes = new TriggerTimes();

  constructor(context: LoopContext) {
    this.#context = context;
    const all = context.informers.informer(services);
    const pods = context.informers.informer(podsResource);
    const endpoints = context.informers.informer(endpointsResource);
    this.#services = all.cache;
    this.#pods = pods.cache;
    this.#endpoints = endpoints.cache;
    const reconcile = (key: string): Promise<Outcome> => this.#reconcile(key);
    const begin = (): void => this.#findLeftovers();
    this.loop = new ControlLoop({ ...context, name: 'endpoint', reconcile, begin, informers: [all, pods, endpoints] });
    followServices(all, pods, (key) => this.loop.queue.add(key));
    endpoints.addHandler({ deleted: (object: KubeObject) => this.loop.queue.add(objectKey(object)) });
  }

  /** Of Services that went while nobody looked. Old lock objects have no Service, and are in use. */
  #findLeftovers(): void {
    for (const { metadata, ...object } of this.#endpoints.list()) {
      const isOurs =
        metadata?.labels?.[managedByLabel] === manager && !(leaderAnnotation in (metadata.annotations ?? {}));
      if (isOurs) this.loop.queue.add(objectKey({ ...object, metadata }));
    }
  }

  async #reconcile(key: string): Promise<Outcome> {
    const service = this.#services.byKey(key);
    if (service === undefined) {
      this.#triggerTimes.forget(key);
      await this.#remove(key);
      return done;
    }
    if (!isServed(service)) return done;
    const pods = podsOf(service, this.#pods);
    const triggerTime = this.#triggerTimes.next(key, service, pods);
    const current = this.#endpoints.byKey(key);
    const wanted = decideEndpoints(service, pods, current, triggerTime);
    if (wanted !== undefined) await this.#write(key, wanted, current);
    return done;
  }

  async #remove(key: string): Promise<void> {
    try {
      await this.#context.client.delete(endpointsResource, parseObjectKey(key));
    } catch (error) {
      if (!hasReason(error, 'NotFound')) throw error;
    }
  }

  async #write(key: string, wanted: Endpoints, current: Endpoints | undefined): Promise<void> {
    const { client, events } = this.#context;
    const tell = (reason: string, message: string, error: unknown): void =>
      events.record(endpointsResource, wanted, 'Warning', reason, `${message}: ${messageOf(error)}`);
    try {
      if (current === undefined) await client.create(endpointsResource, wanted);
      else await client.update(endpointsResource, wanted);
    } catch (error) {
      if (current === undefined && isNamespaceEnding(error)) return;
      // The cache lags behind our own write, or somebody else's: nothing to tell people.
      if (hasReason(error, 'Conflict', 'AlreadyExists')) throw error;
      if (current === undefined) tell('FailedToCreateEndpoint', `Failed to create endpoint for service ${key}`, error);
      else tell('FailedToUpdateEndpoint', `Failed to update endpoint ${key}`, error);
      throw error;
    }
  }
}
