/**
 * Who goes first when the node is short of something: upstream's order. Pods that nothing is known of come before all others; then those
 * that use more than they asked for, then those of lower priority, then those that use most beyond what they asked for. Pure.
 */
import type { Pod } from '../../api/schema/types/core-v1.ts';
import type { PodStats } from '../stats/summary.ts';
import type { Resource, Signal } from './signals.ts';
import { signals } from './signals.ts';
import type { DiskLayout } from './thresholds.ts';
import { type DiskPart, diskUsage, memoryUsage, processCount, requestOf } from './usage.ts';

export type StatsOf = (pod: Pod) => PodStats | undefined;

/** Negative: `a` goes before `b`. */
type Order = (a: Pod, b: Pod) => number;
type Usage = (pod: Pod, stats: PodStats) => number;

const everything = ['layers', 'logs', 'volumes'] as const;
const withoutLayers = ['logs', 'volumes'] as const;

/** What counts, by where it lies: the disk of volumes and logs, the disk of images and layers. */
const diskParts: Readonly<
  Record<DiskLayout, { readonly nodefs: readonly DiskPart[]; readonly imagefs: readonly DiskPart[] }>
> = {
  'one-disk': { nodefs: everything, imagefs: everything },
  'images-apart': { nodefs: withoutLayers, imagefs: ['layers'] },
};

export function rank(pods: readonly Pod[], signal: Signal, layout: DiskLayout, statsOf: StatsOf): readonly Pod[] {
  const orders = ordersOf(signal, layout, statsOf);
  return pods.toSorted((a, b) => {
    for (const order of orders) {
      const verdict = order(a, b);
      if (verdict !== 0) return verdict;
    }
    return 0;
  });
}

function ordersOf(signal: Signal, layout: DiskLayout, statsOf: StatsOf): readonly Order[] {
  const { resource } = signals[signal];
  const used = usageOf(signal, layout);
  if (resource === 'pids') return [byPriority, byMost(used, () => 0, statsOf)];
  const asked = (pod: Pod): number => requestOf(pod, resource);
  return [byExcess(used, asked, statsOf), byPriority, byMost(used, asked, statsOf)];
}

function usageOf(signal: Signal, layout: DiskLayout): Usage {
  const parts = diskParts[layout][signal.startsWith('nodefs.') ? 'nodefs' : 'imagefs'];
  const usages: Readonly<Record<Resource, Usage>> = {
    memory: (_, stats) => memoryUsage(stats),
    pids: (_, stats) => processCount(stats),
    'ephemeral-storage': (pod, stats) => diskUsage(pod, stats, parts, 'bytes'),
    inodes: (pod, stats) => diskUsage(pod, stats, parts, 'inodes'),
  };
  return usages[signals[signal].resource];
}

const byPriority: Order = (a, b) => (a.spec?.priority ?? 0) - (b.spec?.priority ?? 0);

function byExcess(used: Usage, asked: (pod: Pod) => number, statsOf: StatsOf): Order {
  return known(statsOf, (a, aStats, b, bStats) => trueFirst(used(a, aStats) > asked(a), used(b, bStats) > asked(b)));
}

function byMost(used: Usage, asked: (pod: Pod) => number, statsOf: StatsOf): Order {
  return known(statsOf, (a, aStats, b, bStats) => used(b, bStats) - asked(b) - (used(a, aStats) - asked(a)));
}

function known(statsOf: StatsOf, order: (a: Pod, aStats: PodStats, b: Pod, bStats: PodStats) => number): Order {
  return (a, b) => {
    const aStats = statsOf(a);
    const bStats = statsOf(b);
    if (aStats === undefined || bStats === undefined) return trueFirst(aStats === undefined, bStats === undefined);
    return order(a, aStats, b, bStats);
  };
}

function trueFirst(a: boolean, b: boolean): number {
  return Number(b) - Number(a);
}
