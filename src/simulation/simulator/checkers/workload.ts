/** The checkers of what loops and admission promise about each kind of workload, whatever users and faults do. */
import { budgetBooks, keptApart, quotaLimits, serviceAddresses } from './bounds.ts';
import type { Checker } from './checker.ts';
import { cronRuns } from './cron-jobs.ts';
import { jobBooks } from './jobs.ts';
import { generations, namespaceLives, rolloutRevisions } from './lifetimes.ts';
import type { RunningPods } from './pods.ts';
import { oneOfEachName, statefulOrder } from './stateful-sets.ts';
import { claimBinding, claimProtection } from './storage.ts';

export function workloadCheckers(running: RunningPods, nowMs: () => number): readonly Checker[] {
  return [
    generations(),
    rolloutRevisions(),
    namespaceLives(),
    jobBooks(),
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
