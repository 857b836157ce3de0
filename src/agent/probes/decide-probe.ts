/** When a probe's results become a verdict: so many in a row. Pure. */
import type { Probe } from '../../api/schema/types/core-v1.ts';
import type { Verdict } from '../pod/plan.ts';

export interface ProbeState {
  readonly verdict: Verdict;
  /** How many results in a row were as the last one, and which that was. */
  readonly run: number;
  readonly lastOk: boolean;
}

export const unprobed: ProbeState = { verdict: 'unknown', run: 0, lastOk: false };

export function afterResult(state: ProbeState, probe: Probe, ok: boolean): ProbeState {
  const run = state.run > 0 && state.lastOk === ok ? state.run + 1 : 1;
  const threshold = ok ? (probe.successThreshold ?? 1) : (probe.failureThreshold ?? 3);
  if (run < threshold) return { verdict: state.verdict, run, lastOk: ok };
  return { verdict: ok ? 'success' : 'failure', run, lastOk: ok };
}
