/**
 * EndpointSlices: for each Service with a selector, where its pods are reached, in slices of at most a hundred endpoints.
 *
 * ```
 *  Services, pods, slices, nodes change ──▶ key ──▶ cache shows what we wrote? ──▶ decide ──▶ create, update, delete
 * ```
 * Kept true: no endpoint is placed twice because the cache lags (`SliceTracker`); slices of others, and those of Services without a
 * selector, are left alone.
 */
import { objectKey } from '../../api/object.ts';
import type { Service as KubeService, Node, Pod } from '../../api/schema/types/core-v1.ts';
import type { EndpointSlice } from '../../api/schema/types/discovery-v1.ts';
import { after, ControlLoop, done, type Outcome } from '../../client/controller.ts';
import type { ReadonlyCache } from '../../client/object-cache.ts';
import { endpointSlices, nodes as nodesResource, pods as podsResource, services } from '../../client/resources.ts';
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
import { semanticallyEqual } from '../shared/equality.ts';
import { messageOf } from '../shared/refusals.ts';
import { followServices, isServed, podsOf } from '../shared/service-pods.ts';
import { lagMsMax, SliceTracker } from '../shared/slice-tracker.ts';
import { TriggerTimes } from '../shared/trigger-times.ts';
import { decideSlices, isLive, type SliceDecision } from './decide.ts';
import { manager } from './endpoints.ts';
import { ServiceSliceMetrics } from './metrics.ts';
import { wantsTopologyHints, type ZoneShares, zoneSharesOf } from './topology.ts';

export function endpointSliceController(context: ControllerContext): Service {
  const own = contextFor(context, 'endpointslice-controller', 'endpoint-slice-controller');
  return new EndpointSliceController(own).loop;
}

/** After somebody else's change of a slice (ms): such changes come in swarms. */
const sliceDelayMs = 1000;

/** No Service's key: many changes of nodes are one look at their zones. */
const zonesKey = 'zones';

class EndpointSliceController {
  readonly loop: ControlLoop;
  readonly #context: LoopContext;
  readonly #services: ReadonlyCache<KubeService>;
  readonly #pods: ReadonlyCache<Pod>;
  readonly #nodes: ReadonlyCache<Node>;
  readonly #slices: ReadonlyCache<EndpointSlice>;
  readonly #tracker: SliceTracker;
  readonly #triggerTimes = new TriggerTimes();
  readonly #metrics: ServiceSliceMetrics;
  #zoneShares: ZoneShares;

  constructor(context: LoopContext) {
    this.#context = context;
    this.#tracker = new SliceTracker(context.clock);
    this.#metrics = new ServiceSliceMetrics(context.metrics ?? new MetricRegistry());
    const set = context.informers;
    const [all, pods, nodes] = [set.informer(services), set.informer(podsResource), set.informer(nodesResource)];
    const slices = set.informer(endpointSlices).addIndex(sliceServiceIndex, sliceServiceValues);
    this.#services = all.cache;
    this.#pods = pods.cache;
    this.#nodes = nodes.cache;
    this.#slices = slices.cache;
    const reconcile = (key: string): Promise<Outcome> => this.#reconcile(key);
    const begin = (): void => this.#lookAtZones();
    const informers = [all, pods, nodes, slices];
    this.loop = new ControlLoop({ ...context, name: 'endpoint_slice', reconcile, begin, informers });
    followServices(all, pods, (key) => this.loop.queue.add(key));
    slices.addHandler({
      added: (slice) => this.#seen(slice),
      updated: (slice, previous) => {
        // A slice that changed hands is to be made anew, or to be taken in.
        if (serviceKeyOf(slice) !== serviceKeyOf(previous) || managed(slice) !== managed(previous)) {
          for (const each of [slice, previous]) this.#wake(each);
        } else this.#seen(slice);
      },
      deleted: (slice) => {
        const key = serviceKeyOf(slice);
        if (key !== undefined && managed(slice) && this.#tracker.isGoneNews(key, slice)) this.#wake(slice);
      },
    });
    const look = (): void => this.loop.queue.add(zonesKey);
    nodes.addHandler({
      added: look,
      updated: (node, previous) => {
        if (!semanticallyEqual(zoneFacts(node), zoneFacts(previous))) look();
      },
      deleted: look,
    });
  }

  #seen(slice: EndpointSlice): void {
    const key = serviceKeyOf(slice);
    if (key !== undefined && managed(slice) && this.#tracker.isNews(key, slice)) this.#wake(slice);
  }

  #wake(slice: EndpointSlice): void {
    const key = serviceKeyOf(slice);
    if (key !== undefined) this.loop.queue.addAfter(key, sliceDelayMs);
  }

  /** Services that share their endpoints among zones look again where the zones' shares changed. */
  #lookAtZones(): void {
    const shares = zoneSharesOf(this.#nodes.list());
    if (semanticallyEqual(Object.fromEntries(shares ?? []), Object.fromEntries(this.#zoneShares ?? []))) return;
    this.#zoneShares = shares;
    for (const service of this.#services.list()) {
      if (wantsTopologyHints(service)) this.loop.queue.add(objectKey(service));
    }
  }

  async #reconcile(key: string): Promise<Outcome> {
    if (key === zonesKey) {
      this.#lookAtZones();
      return done;
    }
    try {
      const outcome = await this.#sync(key);
      this.#metrics.synced(outcome.kind === 'done' ? 'success' : 'stale');
      return outcome;
    } catch (error) {
      this.#metrics.synced('error');
      throw error;
    }
  }

  async #sync(key: string): Promise<Outcome> {
    const service = this.#services.byKey(key);
    if (service === undefined) {
      this.#tracker.forget(key);
      this.#triggerTimes.forget(key);
      this.#metrics.forget(key);
      return done;
    }
    if (!isServed(service)) return done;
    const slices = this.#slices.byIndex(sliceServiceIndex, key).filter((slice) => managed(slice) && isLive(slice));
    if (this.#tracker.lags(key, slices)) return after(lagMsMax);
    const pods = podsOf(service, this.#pods);
    const decision = decideSlices(service, {
      pods,
      nodeOf: (name) => this.#nodes.byKey(name),
      slices,
      zoneShares: this.#zoneShares,
      triggerTime: this.#triggerTimes.next(key, service, pods),
    });
    this.#metrics.decided(key, service, decision.counts);
    await this.#carryOut(key, service, decision);
    return done;
  }

  async #carryOut(key: string, service: KubeService, decision: SliceDecision): Promise<void> {
    const { client, events } = this.#context;
    const text = `Service ${key}`;
    try {
      const owner = { key, text, isEnding: isDeleting(service) };
      await carryOutSlices({ client, tracker: this.#tracker, metrics: this.#metrics.slices }, owner, decision);
      this.#metrics.carriedOut(service, decision.counts);
      for (const { type, reason, message } of decision.events) events.record(services, service, type, reason, message);
      if (decision.leftOut.length > 0) throw new Error(leftOutText(text, decision.leftOut));
    } catch (error) {
      const message = `Error updating Endpoint Slices for ${text}: ${messageOf(error)}`;
      events.record(services, service, 'Warning', 'FailedToUpdateEndpointSlices', message);
      throw error;
    }
  }
}

/** So many pods at most are named. */
const leftOutNamedMax = 5;

/** In upstream's words; several errors stand in brackets, as Go's aggregates do. */
function leftOutText(text: string, leftOut: SliceDecision['leftOut']): string {
  const texts = leftOut
    .slice(0, leftOutNamedMax)
    .map(({ pod, node }) => `skipping Pod ${pod} for ${text}: Node ${node} Not Found`);
  if (leftOut.length > leftOutNamedMax) texts.push(`and ${leftOut.length - leftOutNamedMax} more`);
  return texts.length === 1 ? texts.join() : `[${texts.join(', ')}]`;
}

const managed = (slice: EndpointSlice): boolean => isManagedBy(slice, manager);

const zoneFacts = ({ metadata, status }: Node): unknown => ({
  labels: metadata?.labels,
  cpu: status?.allocatable?.['cpu'],
  ready: status?.conditions?.find(({ type }) => type === 'Ready')?.status,
});
