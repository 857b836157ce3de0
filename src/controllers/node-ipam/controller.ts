/**
 * Gives each node that has none its part of the cluster's ranges, one of each family. What nodes bring along is theirs, and kept from
 * others. Does nothing where the cluster has no ranges of its own.
 *
 * All nodes that were there at the start are counted in before the first part is given.
 */
import type { Node } from '../../api/schema/types/core-v1.ts';
import { hasReason } from '../../api/status-error.ts';
import { after, ControlLoop, done, type Outcome } from '../../client/controller.ts';
import { nodes as nodesResource } from '../../client/resources.ts';
import { MetricRegistry } from '../../lib/metrics.ts';
import type { Service } from '../../lib/service.ts';
import {
  type ControllerContext,
  contextFor,
  isDeleting,
  type LoopContext,
  nameOf,
  referenceOf,
} from '../shared/context.ts';
import { RangeMetrics } from './metrics.ts';
import { NodeRanges } from './ranges.ts';

const retryMs = 30_000;

const rangesOf = ({ spec }: Node): readonly string[] => spec?.podCIDRs ?? (spec?.podCIDR ? [spec.podCIDR] : []);

export function nodeIpamController(context: ControllerContext): Service[] {
  const { clusterCidrs = [] } = context;
  if (clusterCidrs.length === 0) return [];
  const own = contextFor(context, 'node-controller', 'cidrAllocator');
  const ranges = clusterCidrs.map((cidr) => new NodeRanges(cidr));
  const metrics = new RangeMetrics(own.metrics ?? new MetricRegistry());
  for (const [at, range] of ranges.entries()) metrics.counted(clusterCidrs[at] ?? '', range, range.takenCount);
  const nodes = own.informers.informer(nodesResource);
  /** The ranges counted as each node's. */
  const held = new Map<string, readonly string[]>();
  const hold = (name: string, cidrs: readonly string[]): void => {
    for (const [at, range] of ranges.entries()) {
      const before = range.takenCount;
      for (const cidr of cidrs) range.occupy(cidr);
      for (const cidr of held.get(name) ?? []) range.release(cidr);
      metrics.counted(clusterCidrs[at] ?? '', range, before);
    }
    if (cidrs.length === 0) held.delete(name);
    else held.set(name, cidrs);
  };
  const loop: ControlLoop = new ControlLoop({
    ...own,
    name: 'node-ipam',
    workers: 1,
    informers: [nodes],
    reconcile: async (name) => {
      const node = nodes.cache.byKey(name);
      if (node === undefined || isDeleting(node) || rangesOf(node).length > 0) return done;
      const given = (): void => {
        for (const [at, range] of ranges.entries()) metrics.searched(clusterCidrs[at] ?? '', range);
      };
      return give(own, node, ranges, { standing: () => held.get(name), hold: (cidrs) => hold(name, cidrs), given });
    },
  });
  const see = (node: Node): void => {
    if (rangesOf(node).length > 0) hold(nameOf(node), rangesOf(node));
    else loop.queue.add(nameOf(node));
  };
  nodes.addHandler({ added: see, updated: see, deleted: (node) => hold(nameOf(node), []) });
  return [loop];
}

interface Holding {
  /** What is counted as the node's: chosen before, where it is not known whether it was written. */
  readonly standing: () => readonly string[] | undefined;
  readonly hold: (cidrs: readonly string[]) => void;
  /** Called when free parts were found. */
  readonly given: () => void;
}

async function give(
  { client, events, log }: LoopContext,
  node: Node,
  ranges: readonly NodeRanges[],
  { standing, hold, given }: Holding,
): Promise<Outcome> {
  const tell = (reason: string): void =>
    events.record(nodesResource, node, 'Normal', reason, `Node ${nameOf(node)} status is now: ${reason}`);
  const known = standing();
  const cidrs = known ?? freeParts(ranges);
  if (cidrs === undefined) {
    tell('CIDRNotAvailable');
    return after(retryMs);
  }
  if (known === undefined) given();
  hold(cidrs);
  const body = { metadata: { uid: node.metadata?.uid }, spec: { podCIDR: cidrs[0], podCIDRs: cidrs } };
  try {
    await client.patch(nodesResource, referenceOf(node), { type: 'strategic', body });
    log.info('node has its range', { node: nameOf(node), cidrs: cidrs.join(',') });
  } catch (error) {
    // It is gone, or has a range meanwhile: the informer tells which.
    if (!hasReason(error, 'NotFound', 'Conflict', 'Invalid')) {
      tell('CIDRAssignmentFailed');
      throw error;
    }
    if (standing() === cidrs) hold([]);
  }
  return done;
}

/** One part of each range, or of none. */
function freeParts(ranges: readonly NodeRanges[]): readonly string[] | undefined {
  const found = ranges.map((range) => range.free());
  return found.every((cidr) => cidr !== undefined) ? found : undefined;
}
