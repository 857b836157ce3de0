/**
 * Gives up lost nodes one after the other, as fast as their zone allows (`zones.ts`), and takes it back when every zone is lost. One key:
 * all nodes are looked at together, when one becomes ready or stops to be, and as long as some wait for their turn.
 */
import type { Node, Taint } from '../../api/schema/types/core-v1.ts';
import { after, ControlLoop, done, type Outcome } from '../../client/controller.ts';
import { nodes as nodesResource } from '../../client/resources.ts';
import type { Service } from '../../lib/service.ts';
import { createdMs, type LoopContext, nameOf, referenceOf } from '../shared/context.ts';
import { givenUp, isGivenUp, takenBack, waitsForTurn } from './decide.ts';
import { decideDisruption, readyStatus, zoneOf } from './zones.ts';

const key = 'turns';

export interface Turns {
  /** Called when the first nodes answer again after none did: nobody's silence of before counts. */
  readonly recovered: () => void;
}

export function evictionTurns(own: LoopContext, { recovered }: Turns): Service {
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
      const { intervalMs, isTotal } = decideDisruption(all);
      if (wasTotal && !isTotal) recovered();
      if (isTotal && !wasTotal) own.log.warn('no node is ready: evictions stop', { nodes: all.length });
      wasTotal = isTotal;
      if (isTotal) return takeBack(own, all);
      return giveUp(own, all, intervalMs, lastMs);
    },
  });
  nodes.addHandler({
    added: () => loop.queue.add(key),
    deleted: () => loop.queue.add(key),
    updated: (node, before) => {
      if (readyStatus(node) !== readyStatus(before) || zoneOf(node) !== zoneOf(before)) loop.queue.add(key);
    },
  });
  return loop;
}

async function takeBack(own: LoopContext, all: readonly Node[]): Promise<Outcome> {
  for (const node of all) if (isGivenUp(node)) await setTaints(own, node, takenBack(node));
  return done;
}

async function giveUp(
  own: LoopContext,
  all: readonly Node[],
  intervalMs: ReadonlyMap<string, number | undefined>,
  lastMs: Map<string, number>,
): Promise<Outcome> {
  const nowMs = own.clock.monotonic();
  let nextMs = Number.POSITIVE_INFINITY;
  for (const [zone, waiting] of Map.groupBy(all.filter(waitsForTurn), zoneOf)) {
    const interval = intervalMs.get(zone);
    const [first] = waiting;
    if (interval === undefined || first === undefined) continue;
    const atMs = (lastMs.get(zone) ?? Number.NEGATIVE_INFINITY) + interval;
    if (atMs > nowMs) {
      nextMs = Math.min(nextMs, atMs - nowMs);
      continue;
    }
    await setTaints(own, first, givenUp(first, own.clock.now()));
    lastMs.set(zone, nowMs);
    if (waiting.length > 1) nextMs = Math.min(nextMs, interval);
  }
  return nextMs === Number.POSITIVE_INFINITY ? done : after(nextMs);
}

/** With the version that was decided on: whoever changed the node in between is not undone. */
export async function setTaints({ client }: LoopContext, node: Node, taints: readonly Taint[]): Promise<void> {
  const { resourceVersion } = node.metadata ?? {};
  const body = { metadata: { resourceVersion }, spec: { taints: taints.length === 0 ? null : taints } };
  await client.patch(nodesResource, referenceOf(node), { type: 'merge', body });
}
