/** What is counted about scheduling, under upstream's names: decisions by their result, and pods that wait by where they do. */
import type { MetricRegistry, NumberMetric } from '../lib/metrics.ts';

export type AttemptResult = 'scheduled' | 'unschedulable' | 'error';

const profile = 'default-scheduler';

export class SchedulerMetrics {
  readonly #attempts: NumberMetric;

  /** `sizes`: how many pods wait at each place. */
  constructor(registry: MetricRegistry, sizes: () => Readonly<Record<'active' | 'backoff' | 'unschedulable', number>>) {
    this.#attempts = registry.counter({
      name: 'scheduler_schedule_attempts_total',
      help: 'Decisions about pods, by their result; error: the decision could not be carried out.',
      labels: ['profile', 'result'],
    });
    const pending = registry.gauge({ name: 'scheduler_pending_pods', help: 'Pods that wait.', labels: ['queue'] });
    registry.beforeScrape(() => {
      for (const [queue, count] of Object.entries(sizes())) if (queue !== 'gone') pending.with(queue).set(count);
    });
  }

  attempt(result: AttemptResult): void {
    this.#attempts.with(profile, result).add();
  }
}
