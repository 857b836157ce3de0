/**
 * Mirrors hand-made Endpoints of Services without a selector into EndpointSlices, which is what proxies read.
 *
 * Kept true: Endpoints that are gone, that ask not to be mirrored, or whose Service is gone or has a selector now, have no mirror.
 */
import { type KubeObject, objectKey } from '../../api/object.ts';
import type { Endpoints, Service as KubeService } from '../../api/schema/types/core-v1.ts';
import type { EndpointSlice } from '../../api/schema/types/discovery-v1.ts';
import { after, ControlLoop, done, type Outcome } from '../../client/controller.ts';
import type { ReadonlyCache } from '../../client/object-cache.ts';
import { endpointSlices, endpoints as endpointsResource, services } from '../../client/resources.ts';
import { MetricRegistry } from '../../lib/metrics.ts';
import type { Service } from '../../lib/service.ts';
import { type ControllerContext, contextFor, isDeleting, type LoopContext } from '../shared/context.ts';
import {
  carryOutSlices,
  isManagedBy,
  serviceKeyOf,
  sliceServiceIndex,
  sliceServiceValues,
} from '../shared/endpoint-slices.ts';
import { hasSelector } from '../shared/service-pods.ts';
import { lagMsMax, SliceTracker } from '../shared/slice-tracker.ts';
import { decideMirror, manager, wantsMirror } from './decide.ts';
import { MirrorMetrics } from './metrics.ts';

export function endpointSliceMirroringController(context: ControllerContext): Service {
  const own = contextFor(context, 'endpointslicemirroring-controller', 'endpoint-slice-mirroring-controller');
  return new EndpointSliceMirroringController(own).loop;
}

class EndpointSliceMirroringController {
  readonly loop: ControlLoop;
  readonly #context: LoopContext;
  readonly #services: ReadonlyCache<KubeService>;
  readonly #endpoints: ReadonlyCache<Endpoints>;
  readonly #slices: ReadonlyCache<EndpointSlice>;
  readonly #tracker: SliceTracker;
  readonly #metrics: MirrorMetrics;

  constructor(context: LoopContext) {
    this.#context = context;
    this.#tracker = new SliceTracker(context.clock);
    this.#metrics = new MirrorMetrics(context.metrics ?? new MetricRegistry());
    const all = context.informers.informer(services);
    const endpoints = context.informers.informer(endpointsResource);
    const slices = context.informers.informer(endpointSlices).addIndex(sliceServiceIndex, sliceServiceValues);
    this.#services = all.cache;
    this.#endpoints = endpoints.cache;
    this.#slices = slices.cache;
    const reconcile = (key: string): Promise<Outcome> => this.#reconcile(key);
    const informers = [all, endpoints, slices];
    this.loop = new ControlLoop({ ...context, name: 'endpoint_slice_mirroring', reconcile, informers });
    const enqueue = (object: KubeObject): void => this.loop.queue.add(objectKey(object));
    all.addHandler({
      added: (service) => !hasSelector(service) && enqueue(service),
      updated: (service, previous) => hasSelector(service) !== hasSelector(previous) && enqueue(service),
      deleted: (service) => !hasSelector(service) && enqueue(service),
    });
    endpoints.addHandler({
      added: (object) => wantsMirror(object) && enqueue(object),
      updated: (object, previous) => (wantsMirror(object) || wantsMirror(previous)) && enqueue(object),
      deleted: (object) => wantsMirror(object) && enqueue(object),
    });
    slices.addHandler({
      added: (slice) => this.#seen(slice),
      updated: (slice, previous) => {
        if (managed(slice) === managed(previous) && serviceKeyOf(slice) === serviceKeyOf(previous)) this.#seen(slice);
        else for (const each of [slice, previous]) this.#wake(each);
      },
      deleted: (slice) => {
        const key = serviceKeyOf(slice);
        if (key !== undefined && managed(slice) && this.#tracker.isGoneNews(key, slice)) this.#wake(slice);
      },
    });
  }

  #seen(slice: EndpointSlice): void {
    const key = serviceKeyOf(slice);
    if (key !== undefined && managed(slice) && this.#tracker.isNews(key, slice)) this.#wake(slice);
  }

  #wake(slice: EndpointSlice): void {
    const key = serviceKeyOf(slice);
    if (key !== undefined) this.loop.queue.add(key);
  }

  async #reconcile(key: string): Promise<Outcome> {
    const { clock } = this.#context;
    const sinceMs = clock.monotonic();
    try {
      return await this.#sync(key);
    } finally {
      this.#metrics.took(clock.monotonic() - sinceMs);
    }
  }

  async #sync(key: string): Promise<Outcome> {
    const { client, events } = this.#context;
    const writer = { client, tracker: this.#tracker, metrics: this.#metrics.slices };
    const slices = this.#slices.byIndex(sliceServiceIndex, key).filter(managed);
    const owner = { key, text: `Endpoints ${key}`, isEnding: false };
    const endpoints = this.#toMirror(key);
    if (endpoints === undefined) {
      this.#tracker.forget(key);
      this.#metrics.slices.forget(key);
      await carryOutSlices(writer, owner, { create: [], update: [], remove: slices });
      return done;
    }
    if (this.#tracker.lags(key, slices)) return after(lagMsMax);
    const decision = decideMirror(endpoints, slices);
    this.#metrics.decided(key, decision.counts);
    for (const { reason, message } of decision.warnings) {
      events.record(endpointsResource, endpoints, 'Warning', reason, message);
    }
    const isEnding = isDeleting(endpoints);
    await carryOutSlices(writer, { ...owner, isEnding }, decision);
    return done;
  }

  #toMirror(key: string): Endpoints | undefined {
    const endpoints = this.#endpoints.byKey(key);
    const service = this.#services.byKey(key);
    if (endpoints === undefined || service === undefined || hasSelector(service)) return undefined;
    return wantsMirror(endpoints) ? endpoints : undefined;
  }
}

const managed = (slice: EndpointSlice): boolean => isManagedBy(slice, manager);
