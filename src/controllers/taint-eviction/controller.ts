/**
 * Evicts the pods that do not tolerate their node's NoExecute taints, each when its time has come (`decide.ts`). What waits is kept in
 * memory: after a start every pod has its whole time again. Says first, by a condition, why the pod goes.
 */
import { objectKey } from '../../api/object.ts';
import type { Node, Pod } from '../../api/schema/types/core-v1.ts';
import { after, ControlLoop, done, type Outcome } from '../../client/controller.ts';
import { nodes as nodesResource, pods as podsResource } from '../../client/resources.ts';
import { MetricRegistry } from '../../lib/metrics.ts';
import type { Service } from '../../lib/service.ts';
import {
  type ControllerContext,
  contextFor,
  isDeleting,
  type LoopContext,
  nameOf,
  referenceOf,
  uidOf,
} from '../shared/context.ts';
import { semanticallyEqual } from '../shared/equality.ts';
import { conditionOf, disruptionCondition, nodeIndex, nodeIndexValues } from '../shared/pods.ts';
import { unlessGone } from '../shared/refusals.ts';
import { decideEviction, type Eviction, noExecuteTaints } from './decide.ts';

const subsystem = 'taint_eviction_controller';

export function taintEvictionController(context: ControllerContext): Service {
  const own = contextFor(context, 'node-controller', 'taint-eviction-controller');
  const pods = own.informers.informer(podsResource).addIndex(nodeIndex, nodeIndexValues);
  const nodes = own.informers.informer(nodesResource);
  const waiting = new Map<string, Eviction>();
  const { metrics = new MetricRegistry() } = own;
  const deletions = metrics.counter({ name: `${subsystem}_pod_deletions_total`, help: 'Pods that were evicted.' });
  const lateness = metrics.histogram({
    name: `${subsystem}_pod_deletion_duration_seconds`,
    help: 'How long after its time a pod was evicted.',
    buckets: [0.005, 0.025, 0.1, 0.5, 1, 2.5, 10, 30, 60, 120, 180, 240],
  });
  const evicted = (lateMs: number): void => {
    deletions.with().add();
    lateness.with().observe(lateMs / 1000);
  };
  const loop: ControlLoop = new ControlLoop({
    ...own,
    name: 'taint-eviction',
    workers: 8,
    informers: [pods, nodes],
    reconcile: (key) =>
      look(own, key, pods.cache.byKey(key), { nodeOf: (name) => nodes.cache.byKey(name), waiting, evicted }),
  });
  const enqueue = (pod: Pod): void => {
    if (pod.spec?.nodeName) loop.queue.add(objectKey(pod));
  };
  const enqueueAllOn = (node: Node): void => {
    for (const pod of pods.cache.byIndex(nodeIndex, nameOf(node))) enqueue(pod);
  };
  pods.addHandler({
    added: enqueue,
    deleted: enqueue,
    updated: (pod, before) => {
      const isSame = pod.spec?.nodeName === before.spec?.nodeName;
      if (!isSame || !semanticallyEqual(pod.spec?.tolerations, before.spec?.tolerations)) enqueue(pod);
    },
  });
  nodes.addHandler({
    added: enqueueAllOn,
    deleted: enqueueAllOn,
    updated: (node, before) => {
      if (!semanticallyEqual(noExecuteTaints(node), noExecuteTaints(before))) enqueueAllOn(node);
    },
  });
  return loop;
}

interface Evictions {
  readonly nodeOf: (name: string) => Node | undefined;
  readonly waiting: Map<string, Eviction>;
  /** To count it. */
  readonly evicted: (lateMs: number) => void;
}

async function look(
  context: LoopContext,
  key: string,
  pod: Pod | undefined,
  { nodeOf, waiting, evicted }: Evictions,
): Promise<Outcome> {
  if (pod === undefined || isDeleting(pod)) {
    waiting.delete(key);
    return done;
  }
  const nowMs = context.clock.monotonic();
  const taints = noExecuteTaints(nodeOf(pod.spec?.nodeName ?? ''));
  const plan = decideEviction(pod, taints, waiting.get(key), nowMs);
  switch (plan.kind) {
    case 'none':
      return done;
    case 'cancel':
      waiting.delete(key);
      context.events.record(podsResource, pod, 'Normal', 'TaintManagerEviction', `Cancelling deletion of Pod ${key}`);
      return done;
    case 'wait':
      waiting.set(key, plan.eviction);
      return after(plan.eviction.atMs - nowMs);
    case 'evict':
      // Kept while the server does not answer: the time runs on from there.
      waiting.set(key, plan.eviction);
      if (await evict(context, pod)) evicted(context.clock.monotonic() - plan.eviction.atMs);
      waiting.delete(key);
      return done;
  }
}

/** False where the pod is gone already. */
async function evict({ client, clock, events, log }: LoopContext, pod: Pod): Promise<boolean> {
  const reason = 'DeletionByTaintManager';
  const condition = disruptionCondition(pod, reason, 'Taint manager: deleting due to NoExecute taint', clock.now());
  const key = objectKey(pod);
  try {
    if (!semanticallyEqual(conditionOf(pod, condition.type), condition)) {
      const body = { metadata: { uid: uidOf(pod) }, status: { conditions: [condition] } };
      await client.patch(podsResource, referenceOf(pod), { type: 'strategic', body }, { subresource: 'status' });
    }
    await client.delete(podsResource, referenceOf(pod), { uid: uidOf(pod) });
  } catch (error) {
    unlessGone(error);
    return false;
  }
  events.record(podsResource, pod, 'Normal', 'TaintManagerEviction', `Marking for deletion Pod ${key}`);
  log.info('pod evicted by a taint', { pod: key, node: pod.spec?.nodeName ?? '' });
  return true;
}
