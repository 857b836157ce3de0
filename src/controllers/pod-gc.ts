/**
 * Pods that nobody else would end: those of nodes that are gone, those deleted before they had a node, those that end on a node which
 * somebody declared out of service, and the oldest finished ones where there are too many (evicted ones before the others). Looks every 20
 * seconds, as upstream's `podgc`.
 *
 * A node must have been missing for 40 seconds, and be unknown to the server too, before its pods are given up: caches of nodes and
 * pods do not move together. Where the server does not say, its pods wait, and no others do.
 */
import { objectKey } from '../api/object.ts';
import type { Node, Pod, PodStatus } from '../api/schema/types/core-v1.ts';
import { hasReason } from '../api/status-error.ts';
import { after, ControlLoop } from '../client/controller.ts';
import { nodes as nodesResource, pods as podsResource } from '../client/resources.ts';
import { MetricRegistry } from '../lib/metrics.ts';
import type { Service } from '../lib/service.ts';
import { readyStatus } from './node-lifecycle/zones.ts';
import {
  type ControllerContext,
  contextFor,
  createdMs,
  isDeleting,
  type LoopContext,
  nameOf,
  namespaceOf,
  referenceOf,
  uidOf,
} from './shared/context.ts';
import { disruptionCondition, isFinished } from './shared/pods.ts';

const everyMs = 20_000;
const quarantineMs = 40_000;
/** As upstream's `--terminated-pod-gc-threshold`. */
const finishedMax = 12_500;

export interface PodGcObserved {
  readonly pods: readonly Pod[];
  /** Since when (ms) each node that pods name has been missing. */
  readonly missingSinceMs: ReadonlyMap<string, number>;
  /** Nodes that are not ready, and that somebody said will not be. */
  readonly outOfService: ReadonlySet<string>;
  readonly nowMs: number;
  readonly finishedMax: number;
}

export interface PodGcPlan {
  /** Nodes to ask the server for: where they are gone, their pods are lost. */
  readonly lostNodes: ReadonlyMap<string, readonly Pod[]>;
  /** They have not ended, and will not: they count as failed. */
  readonly abandoned: readonly Pod[];
  readonly remove: readonly Pod[];
}

export function decidePodGc(observed: PodGcObserved): PodGcPlan {
  const { pods, missingSinceMs, outOfService, nowMs, finishedMax } = observed;
  const lostNodes = new Map<string, Pod[]>();
  for (const pod of pods) {
    const node = pod.spec?.nodeName ?? '';
    const sinceMs = missingSinceMs.get(node);
    if (sinceMs === undefined || nowMs - sinceMs < quarantineMs) continue;
    lostNodes.set(node, [...(lostNodes.get(node) ?? []), pod]);
  }
  const abandoned = pods.filter((pod) => {
    const node = pod.spec?.nodeName ?? '';
    return isDeleting(pod) && (node === '' || outOfService.has(node));
  });
  const finished = pods.filter(isFinished);
  const oldest = finished.toSorted(
    (a, b) =>
      Number(isEvicted(b)) - Number(isEvicted(a)) || createdMs(a) - createdMs(b) || (nameOf(a) < nameOf(b) ? -1 : 1),
  );
  return { lostNodes, abandoned, remove: oldest.slice(0, Math.max(0, finished.length - finishedMax)) };
}

const isEvicted = ({ status }: Pod): boolean => status?.phase === 'Failed' && status.reason === 'Evicted';

export const isOutOfService = (node: Node): boolean =>
  readyStatus(node) !== 'True' &&
  (node.spec?.taints ?? []).some(({ key }) => key === 'node.kubernetes.io/out-of-service');

export function podGarbageCollector(context: ControllerContext): Service {
  const own = contextFor(context, 'pod-garbage-collector');
  const pods = own.informers.informer(podsResource);
  const nodes = own.informers.informer(nodesResource);
  const missing = new Map<string, number>();
  const count = counterOf(own.metrics ?? new MetricRegistry());
  const loop: ControlLoop = new ControlLoop({
    ...own,
    name: 'pod-gc',
    workers: 1,
    informers: [pods, nodes],
    begin: () => loop.queue.add('collect'),
    reconcile: async () => {
      const nowMs = own.clock.now();
      const all = pods.cache.list();
      noteMissing(missing, all, (name) => nodes.cache.byKey(name) !== undefined, nowMs);
      const outOfService = new Set(nodes.cache.list().filter(isOutOfService).map(nameOf));
      const plan = decidePodGc({ pods: all, missingSinceMs: missing, outOfService, nowMs, finishedMax });
      await carryOut(own, plan, count);
      return after(everyMs);
    },
  });
  return loop;
}

/** Keeps `missing` to the nodes that pods name and that are not there. */
function noteMissing(
  missing: Map<string, number>,
  pods: readonly Pod[],
  exists: (node: string) => boolean,
  nowMs: number,
): void {
  const now = new Set(pods.map((pod) => pod.spec?.nodeName ?? '').filter((node) => node !== '' && !exists(node)));
  for (const node of missing.keys()) if (!now.has(node)) missing.delete(node);
  for (const node of now) if (!missing.has(node)) missing.set(node, nowMs);
}

type Reason = 'terminated' | 'out-of-service' | 'orphaned' | 'unscheduled';

type Count = (pod: Pod, reason: Reason, isEnded: boolean) => void;

/** Under upstream's names. */
function counterOf(registry: MetricRegistry): Count {
  const labels = ['namespace', 'reason'];
  const name = (rest: string): string => `pod_gc_collector_${rest}`;
  const tries = registry.counter({ name: name('force_delete_pods_total'), help: 'Pods to collect.', labels });
  const failures = { name: name('force_delete_pod_errors_total'), help: 'Pods that could not be collected.', labels };
  const failed = registry.counter(failures);
  return (pod, reason, isEnded) => {
    tries.with(namespaceOf(pod), reason).add();
    if (!isEnded) failed.with(namespaceOf(pod), reason).add();
  };
}

async function carryOut(context: LoopContext, plan: PodGcPlan, count: Count): Promise<void> {
  const collect = async (pod: Pod, reason: Reason, status?: PodStatus): Promise<void> =>
    count(pod, reason, await end(context, pod, status));
  for (const [node, pods] of plan.lostNodes) {
    if (await exists(context, node)) continue;
    for (const pod of pods) await collect(pod, 'orphaned', lostStatus(pod, context.clock.now()));
  }
  for (const pod of plan.abandoned) {
    await collect(pod, pod.spec?.nodeName ? 'out-of-service' : 'unscheduled', { phase: 'Failed' });
  }
  for (const pod of plan.remove) await collect(pod, 'terminated');
}

/** Where nobody says, it may exist. */
async function exists({ client, log }: LoopContext, node: string): Promise<boolean> {
  try {
    await client.get(nodesResource, { namespace: '', name: node });
    return true;
  } catch (error) {
    if (hasReason(error, 'NotFound')) return false;
    log.warn('whether a node exists could not be found out', { node, error });
    return true;
  }
}

/** Without grace: nobody is left who could end it well. One failure must not keep the others: false where it failed. */
async function end(context: LoopContext, pod: Pod, status?: PodStatus): Promise<boolean> {
  const { client, log } = context;
  try {
    if (status !== undefined && !isFinished(pod)) {
      const body = { metadata: { uid: uidOf(pod) }, status };
      await client.patch(podsResource, referenceOf(pod), { type: 'strategic', body }, { subresource: 'status' });
    }
    await client.delete(podsResource, referenceOf(pod), { uid: uidOf(pod), gracePeriodSeconds: 0 });
    log.info('pod collected', { pod: objectKey(pod), phase: pod.status?.phase ?? '' });
  } catch (error) {
    if (!hasReason(error, 'NotFound', 'Conflict')) {
      log.warn('a pod could not be collected', { pod: objectKey(pod), error });
      return false;
    }
  }
  return true;
}

const lostStatus = (pod: Pod, nowMs: number): PodStatus => ({
  phase: 'Failed',
  conditions: [disruptionCondition(pod, 'DeletionByPodGC', 'PodGC: node no longer exists', nowMs)],
});
