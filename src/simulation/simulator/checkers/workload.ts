/** The checkers of what loops and admission promise about each kind of workload, whatever users and faults do. */
import { budgetBooks, keptApart, quotaLimits, serviceAddresses } from './bounds.ts';
import type { Checker } from './checker.ts';
import { cronRuns } from './cron-jobs.ts';
import { jobBooks } from './jobs.ts';
import { generations, namespaceLives, rolloutRevisions } from './lifetimes.ts';
import type { RunningPods } from './pods.ts';
import { oneOfEachName, statefulOrder } from './stateful-sets.ts';
import { claimBinding, claimProtection } from './storage.ts';

/** @param isUnanswered whether the maker of the object with this uid was told that making it failed */
export function workloadCheckers(
  running: RunningPods,
  nowMs: () => number,
  isUnanswered: (uid: string) => boolean,
): readonly Checker[] {
  return [
    generations(),
    rolloutRevisions(),
    namespaceLives(),
    jobBooks(isUnanswered),
    cronRuns(),
    statefulOrder(),
    oneOfEachName(running),
    claimBinding(),
    claimProtection(),
    budgetBooks(nowMs),
    quotaLimits(),
    serviceAddresses(),
    keptApart(),
  ];
}
