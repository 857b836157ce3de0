/**
 * What is counted about Jobs, under upstream's names: looks at a Job, pods and indexes that ended, Jobs that finished. What a status counts is
 * told from one status to the next that was written, so an end that the status counts once is counted once here.
 */
import type { Job, JobStatus, PodFailurePolicyAction } from '../../api/schema/types/batch-v1.ts';
import type { Pod } from '../../api/schema/types/core-v1.ts';
import { exponentialBuckets, type HistogramMetric, type MetricRegistry, type NumberMetric } from '../../lib/metrics.ts';
import { isFinished } from '../shared/pods.ts';
import type { ConditionNews } from './conditions.ts';
import { Indexes } from './indexes.ts';
import { isIndexed, isTracked } from './marks.ts';
import type { JobView } from './view.ts';

/** What a look at a Job did; `reconciling` where its pods were not looked after. */
export type SyncAction = 'reconciling' | 'tracking' | 'pods_created' | 'pods_deleted';

const modeOf = (job: Job): string => (isIndexed(job) ? 'Indexed' : 'NonIndexed');

export class JobMetrics {
  readonly #syncs: NumberMetric;
  readonly #syncSeconds: HistogramMetric;
  readonly #finished: NumberMetric;
  readonly #elsewhere: NumberMetric;
  readonly #pods: NumberMetric;
  readonly #indexes: NumberMetric;
  readonly #created: NumberMetric;
  readonly #decided: NumberMetric;
  readonly #tracked: NumberMetric;

  constructor(registry: MetricRegistry) {
    const counter = (rest: string, help: string, ...labels: string[]): NumberMetric =>
      registry.counter({ name: `job_controller_${rest}`, help, labels });
    const syncLabels = ['completion_mode', 'result', 'action'];
    this.#syncs = counter('job_syncs_total', 'Looks at a Job that goes on.', ...syncLabels);
    this.#syncSeconds = registry.histogram({
      name: 'job_controller_job_sync_duration_seconds',
      help: 'How long a look at a Job took.',
      labels: syncLabels,
      buckets: exponentialBuckets(0.004, 2, 15),
    });
    this.#finished = counter('jobs_finished_total', 'Jobs that finished.', 'completion_mode', 'result', 'reason');
    this.#elsewhere = counter('jobs_by_external_controller_total', 'Jobs that others manage.', 'controller_name');
    this.#pods = counter('job_pods_finished_total', 'Ends of pods that were counted.', 'completion_mode', 'result');
    this.#indexes = counter('job_finished_indexes_total', 'Indexes that ended.', 'status', 'backoffLimit');
    this.#created = counter('job_pods_creation_total', 'Tries to make a pod, and why.', 'reason', 'status');
    const decided = 'Failed pods by what the policy of failures decided on them.';
    this.#decided = counter('pod_failures_handled_by_failure_policy_total', decided, 'action');
    const tracked = 'Ended pods that got or lost the tracking finalizer.';
    this.#tracked = counter('terminated_pods_tracking_finalizer_total', tracked, 'event');
  }

  synced(job: Job, action: SyncAction, result: 'success' | 'error', durationMs: number): void {
    this.#syncs.with(modeOf(job), result, action).add();
    this.#syncSeconds.with(modeOf(job), result, action).observe(durationMs / 1000);
  }

  finished(job: Job, { type, reason }: ConditionNews): void {
    this.#finished.with(modeOf(job), type === 'Complete' ? 'succeeded' : 'failed', reason).add();
  }

  managedElsewhere({ spec }: Job): void {
    this.#elsewhere.with(spec?.managedBy ?? '').add();
  }

  /** A new pod replaces another where one has failed before, or still ends. */
  created({ job, failed, terminating }: JobView, succeeded: number, refused: number): void {
    const onlyFailed = job.spec?.podReplacementPolicy === 'Failed';
    const replacing = failed > 0 || (terminating.length > 0 && !onlyFailed);
    const replacement = onlyFailed ? 'recreate_failed' : 'recreate_terminating_or_failed';
    const reason = replacing ? replacement : 'new';
    if (succeeded > 0) this.#created.with(reason, 'succeeded').add(succeeded);
    if (refused > 0) this.#created.with(reason, 'failed').add(refused);
  }

  decided(actions: readonly PodFailurePolicyAction[]): void {
    for (const action of actions) this.#decided.with(action).add();
  }

  /** `status` took the place of what `job` says. An index that is no longer wanted takes nothing away. */
  counted(job: Job, status: JobStatus): void {
    const before: Partial<JobStatus> = job.status ?? {};
    const pods = (result: string, count: number): void => {
      if (count > 0) this.#pods.with(modeOf(job), result).add(count);
    };
    pods('failed', (status.failed ?? 0) - (before.failed ?? 0));
    if (!isIndexed(job)) {
      pods('succeeded', (status.succeeded ?? 0) - (before.succeeded ?? 0));
      return;
    }
    const limit = job.spec?.backoffLimitPerIndex === undefined ? 'global' : 'perIndex';
    for (const [result, field] of [['succeeded', 'completedIndexes'] as const, ['failed', 'failedIndexes'] as const]) {
      const total = (text: string | undefined): number => Indexes.read(text, job.spec?.completions ?? 0).total;
      const count = total(status[field]) - total(before[field]);
      if (count > 0) this.#indexes.with(result, limit).add(count);
      if (result === 'succeeded') pods(result, count);
    }
  }

  podChanged(before: Pod | undefined, now: Pod | undefined): void {
    const [was, is] = [before, now].map((pod) => pod !== undefined && isFinished(pod) && isTracked(pod));
    if (was !== is) this.#tracked.with(is ? 'add' : 'delete').add();
  }
}
