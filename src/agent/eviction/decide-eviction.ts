/**
 * What one look at the node leads to. Pure; `eviction-manager.ts` looks and acts.
 *
 * ```
 *   summary ─▶ pressures (node conditions, admission)
 *          ├─▶ pods over their own limits: all of them go, and that is all for this look
 *          └─▶ a threshold is due: first the node gives back what it can; if that does not do, one pod goes (`nextVictim`)
 * ```
 */
import type { Pod } from '../../api/schema/types/core-v1.ts';
import { isCriticalPod } from '../pod/critical-pod.ts';
import type { PodStats, Summary } from '../stats/summary.ts';
import { decidePressure, type PressureMemory } from './decide-pressure.ts';
import { excessOf } from './local-limits.ts';
import { evictionText } from './messages.ts';
import { rank, type StatsOf } from './rank.ts';
import { type Observations, observe, type Pressure, signals } from './signals.ts';
import { type DiskLayout, isHard, type Threshold } from './thresholds.ts';

/** What has to go at once gets this long. */
const immediateGraceMs = 1000;

export interface Eviction {
  readonly pod: Pod;
  /** Why, as metrics name it: a signal, or a limit of the pod's own. */
  readonly signal: string;
  readonly message: string;
  readonly annotations: Readonly<Record<string, string>>;
  /** Undefined: what the pod itself asks for. */
  readonly graceMs?: number;
  /** The node needs what the pod holds: it did nothing that it may not do. */
  readonly isForTheNode: boolean;
}

export interface EvictionFacts {
  readonly summary: Summary;
  /** Those that have not ended. */
  readonly pods: readonly Pod[];
  readonly thresholds: readonly Threshold[];
  readonly layout: DiskLayout;
  readonly transitionPeriodMs: number;
  /** For soft thresholds; 0: as long as the pod asks for. */
  readonly maxPodGraceMs: number;
  readonly nowMs: number;
}

export interface EvictionVerdict {
  readonly memory: PressureMemory;
  readonly pressures: readonly Pressure[];
  readonly evictions: readonly Eviction[];
  /** What the node is short of, where no pod was over its own limits. */
  readonly due: readonly Threshold[];
}

export function decideEviction(before: PressureMemory, facts: EvictionFacts): EvictionVerdict {
  const { summary, thresholds, transitionPeriodMs, nowMs } = facts;
  const observations = observe(summary);
  const verdict = decidePressure(before, { thresholds, observations, transitionPeriodMs, nowMs });
  const evictions = overLimits(facts);
  return { ...verdict, evictions, due: evictions.length > 0 ? [] : verdict.due };
}

function overLimits({ summary, pods, layout }: EvictionFacts): readonly Eviction[] {
  const statsOf = statsByUid(summary);
  return pods.flatMap((pod): readonly Eviction[] => {
    const stats = statsOf(pod);
    const excess = stats === undefined || isCriticalPod(pod) ? undefined : excessOf(pod, stats, layout);
    if (excess === undefined) return [];
    return [{ pod, ...excess, annotations: {}, graceMs: immediateGraceMs, isForTheNode: false }];
  });
}

/** @param due what the node is short of; @param observations as they were when that was decided */
export function nextVictim(
  facts: EvictionFacts,
  due: readonly Threshold[],
  observations: Observations,
): Eviction | undefined {
  const [threshold] = due;
  if (threshold === undefined) return undefined;
  const { summary, pods, layout, maxPodGraceMs } = facts;
  const statsOf = statsByUid(summary);
  const pod = rank(pods, threshold.signal, layout, statsOf).find((candidate) => !isCriticalPod(candidate));
  if (pod === undefined) return undefined;
  const { resource } = signals[threshold.signal];
  const ownMs = (pod.spec?.terminationGracePeriodSeconds ?? 30) * 1000;
  const softMs = maxPodGraceMs > 0 ? Math.min(ownMs, maxPodGraceMs) : undefined;
  const graceMs = isHard(threshold) ? immediateGraceMs : softMs;
  return {
    pod,
    signal: threshold.signal,
    ...evictionText(pod, statsOf(pod), { resource, thresholds: due, observations }),
    ...(graceMs !== undefined && { graceMs }),
    isForTheNode: true,
  };
}

function statsByUid({ pods }: Summary): StatsOf {
  const byUid = new Map<string, PodStats>(pods.map((stats) => [stats.podRef.uid, stats]));
  return ({ metadata }) => byUid.get(metadata?.uid ?? '');
}
