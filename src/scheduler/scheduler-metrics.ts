/** What is counted about scheduling, under upstream's names: decisions by result and time, waiting pods by place, room that was made. */
import { exponentialBuckets, type HistogramMetric, type MetricRegistry, type NumberMetric } from '../lib/metrics.ts';
import type { QueueSizes } from './queue/scheduling-queue.ts';
import type { RefusedCount } from './queue/waiting.ts';

export type AttemptResult = 'scheduled' | 'unschedulable' | 'error';

export class SchedulerMetrics {
  readonly #attempts: NumberMetric;
  readonly #attemptSeconds: HistogramMetric;
  readonly #waitSeconds: HistogramMetric;
  readonly #podAttempts: HistogramMetric;
  readonly #preemptions: NumberMetric;
  readonly #victims: HistogramMetric;
  readonly #incoming: NumberMetric;

  /** `sizes`: how many pods wait at each place; `refused`: how many of them each plugin refused. */
  constructor(registry: MetricRegistry, sizes: () => QueueSizes, refused: () => readonly RefusedCount[]) {
    this.#attempts = registry.counter({
      name: 'scheduler_schedule_attempts_total',
      help: 'Decisions about pods, by their result; error: the decision could not be carried out.',
      labels: ['profile', 'result'],
    });
    this.#attemptSeconds = registry.histogram({
      name: 'scheduler_scheduling_attempt_duration_seconds',
      help: 'How long a decision took.',
      labels: ['profile', 'result'],
      buckets: exponentialBuckets(0.001, 2, 15),
    });
    this.#waitSeconds = registry.histogram({
      name: 'scheduler_pod_scheduling_sli_duration_seconds',
      help: 'From when a pod came to wait until the decision that bound it, by attempts.',
      labels: ['attempts'],
      buckets: exponentialBuckets(0.01, 2, 20),
    });
    this.#podAttempts = registry.histogram({
      name: 'scheduler_pod_scheduling_attempts',
      help: 'Attempts that a pod took until it was bound.',
      buckets: exponentialBuckets(1, 2, 5),
    });
    this.#preemptions = registry.counter({
      name: 'scheduler_preemption_attempts_total',
      help: 'How often room was looked for where other pods are.',
    });
    this.#victims = registry.histogram({
      name: 'scheduler_preemption_victims',
      help: 'Pods that had to go for one.',
      buckets: exponentialBuckets(1, 2, 7),
    });
    this.#incoming = registry.counter({
      name: 'scheduler_queue_incoming_pods_total',
      help: 'Pods that came to wait at a place, by the event that brought them there.',
      labels: ['queue', 'event'],
    });
    const pending = registry.gauge({ name: 'scheduler_pending_pods', help: 'Pods that wait.', labels: ['queue'] });
    const unschedulable = registry.gauge({
      name: 'scheduler_unschedulable_pods',
      help: 'Pods that wait, by the plugins that refused them when they were last decided on.',
      labels: ['plugin', 'profile'],
    });
    registry.beforeScrape(() => {
      unschedulable.clear();
      for (const { plugin, profile, count } of refused()) unschedulable.with(plugin, profile).set(count);
      for (const [queue, count] of Object.entries(sizes())) pending.with(queue).set(count);
    });
  }

  attempt(profile: string, result: AttemptResult, durationMs: number): void {
    this.#attempts.with(profile, result).add();
    if (result !== 'error') this.#attemptSeconds.with(profile, result).observe(durationMs / 1000);
  }

  bound(waitedMs: number, attempts: number): void {
    this.#waitSeconds.with(attempts >= 15 ? '15+' : String(attempts)).observe(waitedMs / 1000);
    this.#podAttempts.with().observe(attempts);
  }

  /** A pod came to a place in the queue. */
  entered(queue: string, event: string): void {
    this.#incoming.with(queue, event).add();
  }

  /** `victims`: undefined where none were found. */
  preemption(victims: number | undefined): void {
    this.#preemptions.with().add();
    if (victims !== undefined) this.#victims.with().observe(victims);
  }
}
