/** What must be true at the end of what counts others: CronJobs, disruption budgets, quotas, ReplicationControllers. */
import type { CronJob, Job } from '../../api/schema/types/batch-v1.ts';
import type { Pod, ReplicationController, ResourceQuota } from '../../api/schema/types/core-v1.ts';
import type { PodDisruptionBudget } from '../../api/schema/types/policy-v1.ts';
import type { Store } from '../../store/store.ts';
import { controlled, isFinished, isReady, isTrue, list, problemsOf, selected } from './convergence-list.ts';

export function countsTrue(store: Store): readonly string[] {
  const pods = list<Pod>(store, 'pods');
  const jobs = list<Job>(store, 'jobs.batch');
  return [
    ...problemsOf<CronJob>(store, 'cronjobs.batch', (cronJob) => cronJobProblem(cronJob, controlled(jobs, cronJob))),
    ...problemsOf<PodDisruptionBudget>(store, 'poddisruptionbudgets.policy', (one) => budgetProblem(one, pods)),
    ...problemsOf<ResourceQuota>(store, 'resourcequotas', (quota) => quotaProblem(store, quota)),
    ...problemsOf<ReplicationController>(store, 'replicationcontrollers', controllerProblem),
  ];
}

/** The users have put them to sleep. */
function cronJobProblem({ spec, status }: CronJob, jobs: readonly Job[]): string | undefined {
  const running = jobs.filter((job) => !isTrue(job, 'Complete') && !isTrue(job, 'Failed'));
  const named = (status?.active ?? []).map(({ uid }) => uid).sort();
  const there = running.map(({ metadata }) => metadata?.uid).sort();
  if (named.join() !== there.join()) return `names ${named.length} running jobs, and has ${there.length}`;
  const rows = [
    ['Complete', spec.successfulJobsHistoryLimit ?? 3],
    ['Failed', spec.failedJobsHistoryLimit ?? 1],
  ] as const;
  for (const [type, most] of rows) {
    const kept = jobs.filter((job) => isTrue(job, type)).length;
    if (kept > most) return `keeps ${kept} jobs that are ${type}, and should keep ${most}`;
  }
  return undefined;
}

function budgetProblem({ metadata, spec, status }: PodDisruptionBudget, pods: readonly Pod[]): string | undefined {
  if (status?.observedGeneration !== metadata?.generation) return 'was changed, and its status does not know';
  const there = spec?.selector === undefined ? [] : selected(pods, metadata?.namespace, spec.selector);
  const healthy = there.filter(isReady).length;
  const {
    currentHealthy = 0,
    desiredHealthy = 0,
    disruptionsAllowed = 0,
    expectedPods = 0,
    disruptedPods,
  } = status ?? {};
  if (currentHealthy !== healthy) return `tells of ${currentHealthy} healthy pods, and there are ${healthy}`;
  if (typeof spec?.minAvailable === 'number' && expectedPods !== there.length)
    return `expects ${expectedPods} pods of ${there.length}`;
  const wanted = expectedPods > 0 ? Math.max(0, healthy - desiredHealthy) : 0;
  if (disruptionsAllowed !== wanted) return `lets ${disruptionsAllowed} pods go, and should let ${wanted}`;
  return Object.keys(disruptedPods ?? {}).length === 0 ? undefined : 'waits for pods to go that do not';
}

function quotaProblem(store: Store, { metadata, spec, status }: ResourceQuota): string | undefined {
  for (const [name, hard] of Object.entries(spec?.hard ?? {})) {
    if (String(status?.hard?.[name]) !== hard) return `has the limit ${status?.hard?.[name]} of ${name} in its status`;
    const all = store.list(name, metadata?.namespace ?? '').entries.map(({ object }) => object);
    const used = name === 'pods' ? all.filter((pod) => !isFinished(pod)).length : all.length;
    if (String(status?.used?.[name]) !== String(used))
      return `counts ${status?.used?.[name]} ${name}, and there are ${used}`;
  }
  return undefined;
}

function controllerProblem({ metadata, spec, status }: ReplicationController): string | undefined {
  const { observedGeneration, replicas = 0, readyReplicas = 0 } = status ?? {};
  if (observedGeneration !== metadata?.generation) return 'was changed, and its status does not know';
  const wanted = spec?.replicas ?? 1;
  return replicas === wanted && readyReplicas === wanted
    ? undefined
    : `has ${readyReplicas} ready of ${replicas}, and wants ${wanted}`;
}
