/**
 * Gives up lost nodes one after the other, as fast as their zone allows (`zones.ts`), and takes it back when every zone is lost. One key:
 * all nodes are looked at together, when one becomes ready or stops to be, and as long as some wait for their turn.
 *
 * Kept true: a node that cannot be written holds up no other, nor does its zone another zone.
 */
import type { Node, Taint } from '../../api/schema/types/core-v1.ts';
import { hasReason } from '../../api/status-error.ts';
import { after, ControlLoop, done, type Outcome } from '../../client/controller.ts';
import { nodes as nodesResource } from '../../client/resources.ts';
import type { Service } from '../../lib/service.ts';
import { createdMs, type LoopContext, nameOf, referenceOf } from '../shared/context.ts';
import { givenUp, isGivenUp, takenBack, waitsForTurn } from './decide.ts';
import type { NodeMetrics } from './metrics.ts';
import { decideDisruption, isCounted, readyStatus, zoneOf } from './zones.ts';

const key = 'turns';

/** When what could not be written is tried again (ms). */
const retryMs = 1000;

export interface Turns {
  /** Called when the first nodes answer again after none did: nobody's silence of before counts. */
  readonly recovered: () => void;
  readonly metrics: NodeMetrics;
}

export function evictionTurns(own: LoopContext, { recovered, metrics }: Turns): Service {
  const nodes = own.informers.informer(nodesResource);
  /** When the last node of each zone was given up, by our monotonic clock. */
  const lastMs = new Map<string, number>();
  let wasTotal = false;
  const loop: ControlLoop = new ControlLoop({
    ...own,
    name: 'node-eviction-turns',
    workers: 1,
    informers: [nodes],
    begin: () => loop.queue.add(key),
    reconcile: async () => {
      const all = nodes.cache
        .list()
        .toSorted((a, b) => createdMs(a) - createdMs(b) || (nameOf(a) < nameOf(b) ? -1 : 1));
      const { zones, intervalMs, isTotal } = decideDisruption(all);
      metrics.counted(zones);
      if (wasTotal && !isTotal) recovered();
      if (isTotal && !wasTotal) own.log.warn('no node is ready: evictions stop', { nodes: all.length });
      wasTotal = isTotal;
      if (isTotal) return takeBack(own, all);
      return giveUp(own, all, intervalMs, { lastMs, metrics });
    },
  });
  nodes.addHandler({
    added: () => loop.queue.add(key),
    deleted: () => loop.queue.add(key),
    updated: (node, before) => {
      const hasChanged =
        readyStatus(node) !== readyStatus(before) ||
        zoneOf(node) !== zoneOf(before) ||
        isCounted(node) !== isCounted(before);
      // Somebody may have taken its taint away, though it is lost.
      if (hasChanged || (waitsForTurn(node) && !waitsForTurn(before))) loop.queue.add(key);
    },
  });
  return loop;
}

async function takeBack(own: LoopContext, all: readonly Node[]): Promise<Outcome> {
  let failed = false;
  for (const node of all.filter(isGivenUp)) if (!(await tries(own, node, takenBack(node)))) failed = true;
  return failed ? after(retryMs) : done;
}

async function giveUp(
  own: LoopContext,
  all: readonly Node[],
  intervalMs: ReadonlyMap<string, number | undefined>,
  { lastMs, metrics }: { readonly lastMs: Map<string, number>; readonly metrics: NodeMetrics },
): Promise<Outcome> {
  const nowMs = own.clock.monotonic();
  let nextMs = Number.POSITIVE_INFINITY;
  for (const [zone, waiting] of Map.groupBy(all.filter(waitsForTurn), zoneOf)) {
    const interval = intervalMs.get(zone);
    if (interval === undefined) continue;
    const atMs = (lastMs.get(zone) ?? Number.NEGATIVE_INFINITY) + interval;
    if (atMs > nowMs) {
      nextMs = Math.min(nextMs, atMs - nowMs);
      continue;
    }
    const isGiven = await giveUpOne(own, waiting);
    if (isGiven) {
      lastMs.set(zone, nowMs);
      metrics.evicted(zone);
    }
    if (!isGiven || waiting.length > 1) nextMs = Math.min(nextMs, isGiven ? interval : retryMs);
  }
  return nextMs === Number.POSITIVE_INFINITY ? done : after(nextMs);
}

/** The first that lets itself be written: whether there was one. */
async function giveUpOne(own: LoopContext, waiting: readonly Node[]): Promise<boolean> {
  for (const node of waiting) if (await tries(own, node, givenUp(node, own.clock.now()))) return true;
  return false;
}

async function tries(own: LoopContext, node: Node, taints: readonly Taint[]): Promise<boolean> {
  try {
    await setTaints(own, node, taints);
    return true;
  } catch (error) {
    // Somebody was faster: the cache will show it.
    if (!hasReason(error, 'Conflict', 'NotFound'))
      own.log.warn('the taints of a node could not be written', { node: nameOf(node), error });
    return false;
  }
}

/** With the version that was decided on: whoever changed the node in between is not undone. */
export async function setTaints({ client }: LoopContext, node: Node, taints: readonly Taint[]): Promise<void> {
  const { resourceVersion } = node.metadata ?? {};
  const body = { metadata: { resourceVersion }, spec: { taints: taints.length === 0 ? null : taints } };
  await client.patch(nodesResource, referenceOf(node), { type: 'merge', body });
}
