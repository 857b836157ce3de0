/**
 * From what the node has left to the pressures it is under, and to the thresholds that call for action now. Pure.
 *
 * ```
 *   met now, or met before and not yet above value + minimum reclaim ─▶ pressures, each for a transition period after it was last seen
 *        └─ and for as long as their grace period ─▶ met ─▶ measured anew since the last look ─▶ due
 * ```
 * Times are of a clock that never goes back.
 */
import { type Observations, type Pressure, signals } from './signals.ts';
import { isMet, type Threshold } from './thresholds.ts';

/** What one look leaves for the next. */
export interface PressureMemory {
  readonly firstMetAtMs: ReadonlyMap<Threshold, number>;
  /** For longer than their grace period, and not yet resolved. */
  readonly met: readonly Threshold[];
  readonly lastSeenAtMs: ReadonlyMap<Pressure, number>;
  readonly observations: Observations;
}

export const noPressure: PressureMemory = {
  firstMetAtMs: new Map(),
  met: [],
  lastSeenAtMs: new Map(),
  observations: new Map(),
};

export interface PressureFacts {
  readonly thresholds: readonly Threshold[];
  readonly observations: Observations;
  readonly transitionPeriodMs: number;
  readonly nowMs: number;
}

export interface PressureVerdict {
  readonly memory: PressureMemory;
  readonly pressures: readonly Pressure[];
  /** What must be acted on, memory first. */
  readonly due: readonly Threshold[];
}

export function decidePressure(before: PressureMemory, facts: PressureFacts): PressureVerdict {
  const { thresholds, observations, transitionPeriodMs, nowMs } = facts;
  const metNow = thresholdsMet(thresholds, observations, false);
  const unresolved = thresholdsMet(before.met, observations, true);
  const active = [...new Set([...metNow, ...unresolved])];
  const firstMetAtMs = new Map(active.map((one) => [one, before.firstMetAtMs.get(one) ?? nowMs]));
  const met = active.filter((one) => nowMs - (firstMetAtMs.get(one) ?? nowMs) >= one.gracePeriodMs);
  const lastSeenAtMs = new Map(before.lastSeenAtMs);
  for (const { signal } of active) lastSeenAtMs.set(signals[signal].pressure, nowMs);
  for (const [pressure, atMs] of lastSeenAtMs) {
    // What is seen now holds at least until the next look, however short the period.
    if (atMs !== nowMs && nowMs - atMs >= transitionPeriodMs) lastSeenAtMs.delete(pressure);
  }
  const due = met.filter(({ signal }) => isNewer(observations, before.observations, signal)).toSorted(memoryFirst);
  return { memory: { firstMetAtMs, met, lastSeenAtMs, observations }, pressures: [...lastSeenAtMs.keys()].sort(), due };
}

/** After something was given back: is all well again, with what is to be free beyond the thresholds? */
export function isRelieved(thresholds: readonly Threshold[], observations: Observations): boolean {
  return thresholdsMet(thresholds, observations, true).length === 0;
}

function thresholdsMet(
  thresholds: readonly Threshold[],
  observations: Observations,
  withReclaim: boolean,
): readonly Threshold[] {
  return thresholds.filter((threshold) => {
    const observed = observations.get(threshold.signal);
    return observed !== undefined && isMet(threshold, observed, withReclaim);
  });
}

/** An old figure says nothing of what the last eviction gave back. */
function isNewer(now: Observations, before: Observations, signal: Threshold['signal']): boolean {
  const timeMs = now.get(signal)?.timeMs ?? 0;
  const knownMs = before.get(signal)?.timeMs;
  return knownMs === undefined || timeMs === 0 || timeMs > knownMs;
}

function memoryFirst(a: Threshold, b: Threshold): number {
  const rank = ({ signal }: Threshold): number => (signals[signal].resource === 'memory' ? 0 : 1);
  return rank(a) - rank(b);
}
