/**
 * Watches over nodes: one that no longer renews its Lease becomes Unknown and is tainted, so that nothing new is put there.
 *
 * How long a node has been silent is measured by our own clock, from when its Lease or status was last seen to change: the node's clock may
 * be wrong. After a start, every node has its whole grace again. Pods of silent nodes are not evicted here.
 */
import type { Lease } from '../../api/schema/types/coordination-v1.ts';
import type { Node, NodeCondition } from '../../api/schema/types/core-v1.ts';
import { after, ControlLoop, done, type Outcome } from '../../client/controller.ts';
import { leases, nodes } from '../../client/resources.ts';
import type { Service } from '../../lib/service.ts';
import {
  type ControllerContext,
  contextFor,
  type LoopContext,
  nameOf,
  namespaceOf,
  referenceOf,
} from '../shared/context.ts';
import { decideNode, lookAgainMs } from './decide.ts';

const leaseNamespace = 'kube-node-lease';

export function nodeLifecycleController(context: ControllerContext): Service {
  const own = contextFor(context, 'node-controller');
  const informer = own.informers.informer(nodes);
  const leaseInformer = own.informers.informer(leases);
  /** When each node was last heard of, by our monotonic clock. */
  const heardMs = new Map<string, number>();
  const hear = (name: string): void => void heardMs.set(name, own.clock.monotonic());
  const loop = new ControlLoop({
    ...own,
    name: 'node-lifecycle',
    informers: [informer, leaseInformer],
    reconcile: async (name) => {
      const node = informer.cache.byKey(name);
      if (node === undefined) return done;
      return watchOver(own, node, own.clock.monotonic() - (heardMs.get(name) ?? 0));
    },
  });
  informer.addHandler({
    added: (node) => {
      hear(nameOf(node));
      loop.queue.add(nameOf(node));
    },
    updated: (node, previous) => {
      if (isHeartbeat(node, previous)) hear(nameOf(node));
      loop.queue.add(nameOf(node));
    },
    deleted: (node) => void heardMs.delete(nameOf(node)),
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
  return loop;
}

/** Only the node itself says that it is or is not ready, and when; what we write is Unknown. */
function isHeartbeat(node: Node, previous: Node): boolean {
  const [now, before] = [readiness(node), readiness(previous)];
  if (now === undefined || now.status === 'Unknown') return false;
  return now.status !== before?.status || now.lastHeartbeatTime !== before?.lastHeartbeatTime;
}

const readiness = (node: Node): NodeCondition | undefined =>
  node.status?.conditions?.find(({ type }) => type === 'Ready');

async function watchOver(context: LoopContext, node: Node, silentMs: number): Promise<Outcome> {
  const { client, clock, events } = context;
  const plan = decideNode(node, silentMs, clock.now());
  let current = node;
  if (plan.conditions !== undefined) {
    const status = { ...node.status, conditions: plan.conditions };
    current = await client.update(nodes, { ...node, status }, { subresource: 'status' });
    events.record(nodes, node, 'Normal', 'NodeNotReady', `Node ${nameOf(node)} status is now: NodeNotReady`);
  }
  if (plan.taints !== undefined) {
    const { resourceVersion } = current.metadata ?? {};
    const body = { metadata: { resourceVersion }, spec: { taints: plan.taints.length === 0 ? null : plan.taints } };
    await client.patch(nodes, referenceOf(node), { type: 'merge', body });
  }
  return after(lookAgainMs(silentMs));
}
