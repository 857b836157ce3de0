/** What is counted about a work queue, under the names of client-go's `util/workqueue`: how much waits, how long, and what is stuck. */
import type { Clock } from './clock.ts';
import { exponentialBuckets, type HistogramSeries, type MetricRegistry, type NumberSeries } from './metrics.ts';
import type { WorkQueueObserver } from './work-queue.ts';

const buckets = exponentialBuckets(1e-8, 10, 10);

export class WorkQueueMetrics implements WorkQueueObserver {
  readonly #clock: Clock;
  readonly #addedMs = new Map<string, number>();
  readonly #takenMs = new Map<string, number>();
  readonly #adds: NumberSeries;
  readonly #retries: NumberSeries;
  readonly #waited: HistogramSeries;
  readonly #worked: HistogramSeries;

  /** `depth`: keys that are ready now. */
  constructor(
    name: string,
    options: { readonly metrics: MetricRegistry; readonly clock: Clock; readonly depth: () => number },
  ) {
    const { metrics, clock, depth } = options;
    this.#clock = clock;
    const labels = ['name'];
    const counter = (rest: string, help: string): NumberSeries =>
      metrics.counter({ name: `workqueue_${rest}`, help, labels }).with(name);
    const gauge = (rest: string, help: string): NumberSeries =>
      metrics.gauge({ name: `workqueue_${rest}`, help, labels }).with(name);
    const histogram = (rest: string, help: string): HistogramSeries =>
      metrics.histogram({ name: `workqueue_${rest}`, help, labels, buckets }).with(name);
    this.#adds = counter('adds_total', 'Keys added.');
    this.#retries = counter('retries_total', 'Keys added again after a failure.');
    this.#waited = histogram('queue_duration_seconds', 'How long keys wait for a worker.');
    this.#worked = histogram('work_duration_seconds', 'How long workers take for a key.');
    const depthNow = gauge('depth', 'Keys that wait for a worker.');
    const unfinished = gauge('unfinished_work_seconds', 'How long the keys under way have been so, together.');
    const longest = gauge('longest_running_processor_seconds', 'How long the longest of them has been so.');
    metrics.beforeScrape(() => {
      depthNow.set(depth());
      const ages = [...this.#takenMs.values()].map((atMs) => (clock.monotonic() - atMs) / 1000);
      unfinished.set(ages.reduce((sum, age) => sum + age, 0));
      longest.set(Math.max(0, ...ages));
    });
  }

  added(key: string): void {
    this.#adds.add();
    this.#addedMs.set(key, this.#clock.monotonic());
  }

  taken(key: string): void {
    const now = this.#clock.monotonic();
    const addedMs = this.#addedMs.get(key);
    if (addedMs !== undefined) this.#waited.observe((now - addedMs) / 1000);
    this.#addedMs.delete(key);
    this.#takenMs.set(key, now);
  }

  done(key: string): void {
    const takenMs = this.#takenMs.get(key);
    if (takenMs !== undefined) this.#worked.observe((this.#clock.monotonic() - takenMs) / 1000);
    this.#takenMs.delete(key);
  }

  retried(): void {
    this.#retries.add();
  }

  /** What waits was dropped. */
  cleared(): void {
    this.#addedMs.clear();
  }
}
