/**
 * Evicts the pods that do not tolerate their node's NoExecute taints, each when its time has come (`decide.ts`). What waits is kept in
 * memory: after a start every pod has its whole time again. Says first, by a condition, why the pod goes.
 */
import { objectKey } from '../../api/object.ts';
import type { Node, Pod } from '../../api/schema/types/core-v1.ts';
import { after, ControlLoop, done, type Outcome } from '../../client/controller.ts';
import { nodes as nodesResource, pods as podsResource } from '../../client/resources.ts';
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

export function taintEvictionController(context: ControllerContext): Service {
  const own = contextFor(context, 'node-controller', 'taint-eviction-controller');
  const pods = own.informers.informer(podsResource).addIndex(nodeIndex, nodeIndexValues);
  const nodes = own.informers.informer(nodesResource);
  const waiting = new Map<string, Eviction>();
  const loop: ControlLoop = new ControlLoop({
    ...own,
    name: 'taint-eviction',
    workers: 8,
    informers: [pods, nodes],
    reconcile: (key) => look(own, key, pods.cache.byKey(key), (name) => nodes.cache.byKey(name), waiting),
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

async function look(
  context: LoopContext,
  key: string,
  pod: Pod | undefined,
  nodeOf: (name: string) => Node | undefined,
  waiting: Map<string, Eviction>,
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
      await evict(context, pod);
      waiting.delete(key);
      return done;
  }
}

async function evict({ client, clock, events, log }: LoopContext, pod: Pod): Promise<void> {
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
    return;
  }
  events.record(podsResource, pod, 'Normal', 'TaintManagerEviction', `Marking for deletion Pod ${key}`);
  log.info('pod evicted by a taint', { pod: key, node: pod.spec?.nodeName ?? '' });
}
