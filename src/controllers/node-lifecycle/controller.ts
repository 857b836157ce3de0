/**
 * Watches over nodes: one that no longer renews its Lease becomes Unknown and is tainted, so that nothing new is put there, and its pods are
 * not ready any more, since nobody is left to say that they are.
 *
 * How long a node has been silent is measured by our own clock, from when its Lease or status was last seen to change: the node's clock may
 * be wrong. After a start, every node has its whole grace again. Its pods are driven away by a further taint, in turns
 * (`eviction-turns.ts`), which `taint-eviction` acts upon.
 */
import type { Lease } from '../../api/schema/types/coordination-v1.ts';
import type { Node, NodeCondition, Pod } from '../../api/schema/types/core-v1.ts';
import { hasReason } from '../../api/status-error.ts';
import { after, ControlLoop, done, type Outcome } from '../../client/controller.ts';
import { leases, nodes, pods as podsResource } from '../../client/resources.ts';
import { formatTime } from '../../lib/clock.ts';
import { MetricRegistry } from '../../lib/metrics.ts';
import type { Service } from '../../lib/service.ts';
import {
  type ControllerContext,
  contextFor,
  type LoopContext,
  nameOf,
  namespaceOf,
  referenceOf,
  uidOf,
} from '../shared/context.ts';
import { conditionOf, isReady, nodeIndex, nodeIndexValues } from '../shared/pods.ts';
import { decideNode, graceOf, lookAgainMs } from './decide.ts';
import { evictionTurns, setTaints } from './eviction-turns.ts';
import { NodeMetrics } from './metrics.ts';
import { readyStatus } from './zones.ts';

const leaseNamespace = 'kube-node-lease';

export function nodeLifecycleControllers(context: ControllerContext): Service[] {
  const own = contextFor(context, 'node-controller');
  const informer = own.informers.informer(nodes);
  const leaseInformer = own.informers.informer(leases);
  const pods = own.informers.informer(podsResource).addIndex(nodeIndex, nodeIndexValues);
  const metrics = new NodeMetrics(own.metrics ?? new MetricRegistry());
  /** When each node was last heard of, by our monotonic clock. */
  const heardMs = new Map<string, number>();
  const hear = (name: string): void => void heardMs.set(name, own.clock.monotonic());
  const loop = new ControlLoop({
    ...own,
    name: 'node-lifecycle',
    informers: [informer, leaseInformer, pods],
    reconcile: async (name) => {
      const node = informer.cache.byKey(name);
      if (node === undefined) return done;
      const nowMs = own.clock.monotonic();
      const lastMs = heardMs.get(name) ?? 0;
      const silentMs = nowMs - lastMs;
      try {
        return await watchOver(own, node, silentMs, {
          onIt: () => pods.cache.byIndex(nodeIndex, name),
          isStillSilent: () => (heardMs.get(name) ?? 0) === lastMs,
        });
      } finally {
        metrics.took(own.clock.monotonic() - nowMs);
      }
    },
  });
  informer.addHandler({
    added: (node) => {
      hear(nameOf(node));
      loop.queue.add(nameOf(node));
      tell(own, node, 'RegisteredNode', `Registered Node ${nameOf(node)} in Controller`);
    },
    updated: (node, previous) => {
      if (isHeartbeat(node, previous)) hear(nameOf(node));
      loop.queue.add(nameOf(node));
    },
    deleted: (node) => {
      heardMs.delete(nameOf(node));
      tell(own, node, 'RemovingNode', `Removing Node ${nameOf(node)} from Controller`);
    },
  });
  const renewed = (lease: Lease): void => {
    if (namespaceOf(lease) === leaseNamespace) hear(nameOf(lease));
  };
  leaseInformer.addHandler({
    added: renewed,
    updated: (lease, previous) => {
      if (lease.spec?.renewTime !== previous.spec?.renewTime) renewed(lease);
    },
  });
  const recovered = (): void => {
    for (const name of heardMs.keys()) hear(name);
  };
  return [loop, evictionTurns(own, { recovered, metrics })];
}

const tell = ({ events }: LoopContext, node: Node, reason: string, what: string): void =>
  events.record(nodes, node, 'Normal', reason, `Node ${nameOf(node)} event: ${what}`);

/** Only the node itself says that it is or is not ready, and when; what we write is Unknown. */
function isHeartbeat(node: Node, previous: Node): boolean {
  const [now, before] = [readiness(node), readiness(previous)];
  if (now === undefined || now.status === 'Unknown') return false;
  return now.status !== before?.status || now.lastHeartbeatTime !== before?.lastHeartbeatTime;
}

const readiness = (node: Node): NodeCondition | undefined =>
  node.status?.conditions?.find(({ type }) => type === 'Ready');

/** What is known of a node by now, after calls that took their time. */
interface Seen {
  readonly onIt: () => readonly Pod[];
  readonly isStillSilent: () => boolean;
}

async function watchOver(context: LoopContext, node: Node, silentMs: number, seen: Seen): Promise<Outcome> {
  const { client, clock, events } = context;
  const plan = decideNode(node, silentMs, clock.now());
  let current = node;
  if (plan.conditions !== undefined) {
    const status = { ...node.status, conditions: plan.conditions };
    current = await client.update(nodes, { ...node, status }, { subresource: 'status' });
    if (readyStatus(node) === 'True')
      events.record(nodes, node, 'Normal', 'NodeNotReady', `Node ${nameOf(node)} status is now: NodeNotReady`);
  }
  if (plan.taints !== undefined) await setTaints(context, current, plan.taints);
  if (plan.labels !== undefined) {
    const body = { metadata: { uid: uidOf(node), labels: plan.labels } };
    await client.patch(nodes, referenceOf(node), { type: 'merge', body });
  }
  if (silentMs > graceOf(node) && readyStatus(current) === 'Unknown') await markNotReady(context, seen);
  return after(lookAgainMs(node, silentMs));
}

/**
 * As long as the node is silent, again and again: pods may have been bound to it meanwhile. One that cannot be written holds up no other.
 * Once the node is heard of, it speaks for its pods itself: those that are left are left to it.
 * @throws the first failure
 */
async function markNotReady(context: LoopContext, { onIt, isStillSilent }: Seen): Promise<void> {
  const { client, clock, events } = context;
  const failures: unknown[] = [];
  for (const pod of onIt().filter(isReady)) {
    if (!isStillSilent()) break;
    const lastTransitionTime = formatTime(clock.now());
    const condition = { ...conditionOf(pod, 'Ready'), type: 'Ready', status: 'False' as const, lastTransitionTime };
    const body = { metadata: { uid: uidOf(pod) }, status: { conditions: [condition] } };
    try {
      await client.patch(podsResource, referenceOf(pod), { type: 'strategic', body }, { subresource: 'status' });
    } catch (error) {
      if (!hasReason(error, 'NotFound', 'Conflict')) failures.push(error);
      continue;
    }
    events.record(podsResource, pod, 'Warning', 'NodeNotReady', 'Node is not ready');
  }
  if (failures.length > 0) throw failures[0];
}
