/**
 * What the service proxy of a node counts, under kube-proxy's names.
 *
 * How long an endpoint took to get here is measured from what its slice says (`endpoints.kubernetes.io/last-change-trigger-time`). Each such time counts
 * once, with the round that takes it to the kernel; those from before this proxy tell of nothing that it did.
 */
import type { EndpointSlice } from '../../api/schema/types/discovery-v1.ts';
import type { Informer } from '../../client/informer.ts';
import { triggerTimeAnnotation } from '../../controllers/shared/service-pods.ts';
import type { Clock } from '../../lib/clock.ts';
import { exponentialBuckets, type HistogramSeries, type MetricRegistry, type NumberSeries } from '../../lib/metrics.ts';

const steps = (start: number, width: number, count: number): number[] =>
  Array.from({ length: count }, (_, index) => start + width * index);
/** As kube-proxy has them: quarters of a second, seconds to a minute, five seconds to two minutes, half minutes to five. */
const programmingBuckets = [...steps(0.25, 0.25, 3), ...steps(1, 1, 59), ...steps(60, 5, 12), ...steps(120, 30, 7)];

export class ProxyMetrics {
  readonly #clock: Clock;
  readonly #startMs: number;
  readonly #roundSeconds: HistogramSeries;
  readonly #programmingSeconds: HistogramSeries;
  readonly #lastRound: NumberSeries;
  readonly #lastQueued: NumberSeries;
  readonly #endpointChanges: NumberSeries;
  readonly #serviceChanges: NumberSeries;
  readonly #failures: NumberSeries;
  /** Of what the next round takes along. */
  #triggersMs: number[] = [];

  /** @param waiting how many Services have changed and are not in the kernel yet */
  constructor(registry: MetricRegistry, clock: Clock, waiting: () => number) {
    this.#clock = clock;
    this.#startMs = clock.now();
    const sync = (name: string, help: string) => ({ name: `kubeproxy_sync_proxy_rules_${name}`, help });
    this.#roundSeconds = registry
      .histogram({
        ...sync('duration_seconds', 'How long it took to bring what changed to the kernel.'),
        buckets: exponentialBuckets(0.001, 2, 15),
      })
      .with();
    this.#programmingSeconds = registry
      .histogram({
        name: 'kubeproxy_network_programming_duration_seconds',
        help: 'From the change of a pod or a Service until the kernel of this node had it.',
        buckets: programmingBuckets,
      })
      .with();
    this.#lastRound = registry.gauge(sync('last_timestamp_seconds', 'When that was done last, since 1970.')).with();
    this.#lastQueued = registry.gauge(sync('last_queued_timestamp_seconds', 'When it was asked for last.')).with();
    this.#endpointChanges = registry.counter(sync('endpoint_changes_total', 'Changes of endpoints.')).with();
    this.#serviceChanges = registry.counter(sync('service_changes_total', 'Changes of Services.')).with();
    this.#failures = registry
      .counter(sync('nftables_sync_failures_total', 'Services of which the kernel refused something.'))
      .with();
    const pending = registry.gauge(sync('service_changes_pending', 'Services that wait to be brought there.')).with();
    registry.beforeScrape(() => pending.set(waiting()));
  }

  /** Before others hear of slices: whoever acts on one at once finds it counted. */
  follow(slices: Informer<EndpointSlice>): () => void {
    return slices.addHandler({
      added: (slice) => this.#changed(slice, undefined),
      updated: (slice, previous) => this.#changed(slice, previous),
      deleted: () => this.#endpointChanges.add(),
    });
  }

  queued(): void {
    this.#serviceChanges.add();
    this.#lastQueued.set(this.#clock.now() / 1000);
  }

  /** A round begins. Its result is to be called when the kernel has it. */
  round(): (refusals: number) => void {
    const startMs = this.#clock.monotonic();
    const triggersMs = this.#triggersMs;
    this.#triggersMs = [];
    return (refusals) => {
      const nowMs = this.#clock.now();
      this.#roundSeconds.observe((this.#clock.monotonic() - startMs) / 1000);
      for (const triggerMs of triggersMs) this.#programmingSeconds.observe(Math.max(0, nowMs - triggerMs) / 1000);
      this.#lastRound.set(nowMs / 1000);
      this.#failures.add(refusals);
    };
  }

  #changed(slice: EndpointSlice, previous: EndpointSlice | undefined): void {
    this.#endpointChanges.add();
    const text = triggerOf(slice);
    if (text === undefined || text === triggerOf(previous)) return;
    const triggerMs = Date.parse(text);
    // Times have whole seconds: one of the second in which the proxy began may be after it.
    if (triggerMs >= this.#startMs - 1000) this.#triggersMs.push(triggerMs);
  }
}

const triggerOf = (slice: EndpointSlice | undefined): string | undefined =>
  slice?.metadata?.annotations?.[triggerTimeAnnotation];
