/** The checkers of runs in which little else happens than what they are exact for. */
import { type Action, onlyDrains, onlyRollouts } from '../workload.ts';
import { budgetPromise, daemonSetPromise, keptAvailable, statefulSetPromise } from './available.ts';
import type { Checker } from './checker.ts';
import { rollout } from './rollout.ts';

export function promisesOf(actions: readonly Action[]): readonly Checker[] {
  if (actions === onlyRollouts) return [rollout(), keptAvailable(statefulSetPromise), keptAvailable(daemonSetPromise)];
  return actions === onlyDrains ? [keptAvailable(budgetPromise)] : [];
}
