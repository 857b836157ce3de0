/**
 * What the agent counts of its own work, under the names of upstream's kubelet. Light simulated nodes have none: thousands of them would hold
 * nothing but empty counters.
 */
import {
  exponentialBuckets,
  type HistogramMetric,
  type HistogramSeries,
  MetricRegistry,
  type NumberMetric,
} from '../../lib/metrics.ts';

const podStartBuckets = [
  0.5, 1, 2, 3, 4, 5, 6, 8, 10, 20, 30, 45, 60, 120, 180, 240, 300, 360, 480, 600, 900, 1200, 1800, 2700, 3600,
];
const pullBuckets = [1, 5, 10, 20, 30, 60, 180, 300, 480, 600, 900, 1200, 1800, 2700, 3600];
const relistBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const probeBuckets = relistBuckets;

const mb = 1024 * 1024;
const gb = 1024 * mb;

/** Sizes of images, as the label of a pull's time tells them. */
const imageSizes: readonly (readonly [below: number, label: string])[] = [
  [10 * mb, '0-10MB'],
  [100 * mb, '10MB-100MB'],
  [500 * mb, '100MB-500MB'],
  [gb, '500MB-1GB'],
  [5 * gb, '1GB-5GB'],
  [10 * gb, '5GB-10GB'],
  [20 * gb, '10GB-20GB'],
  [30 * gb, '20GB-30GB'],
  [40 * gb, '30GB-40GB'],
  [60 * gb, '40GB-60GB'],
  [100 * gb, '60GB-100GB'],
];

export type ContainerType = 'container' | 'init_container' | 'ephemeral_container';
export type ProbeOutcome = 'successful' | 'failed' | 'unknown';

export interface ProbeLabels {
  readonly probeType: string;
  readonly container: string;
  readonly pod: string;
  readonly namespace: string;
  readonly podUid: string;
}

export class AgentMetrics {
  readonly registry = new MetricRegistry();
  /** Of `/metrics/probes`. */
  readonly probeRegistry = new MetricRegistry();
  readonly #operations: NumberMetric;
  readonly #operationErrors: NumberMetric;
  readonly #operationSeconds: HistogramMetric;
  readonly #podStart: HistogramMetric;
  readonly #pulls: HistogramMetric;
  readonly #startedPods: NumberMetric;
  readonly #startedPodErrors: NumberMetric;
  readonly #startedContainers: NumberMetric;
  readonly #startedContainerErrors: NumberMetric;
  readonly #relistSeconds: HistogramSeries;
  readonly #relistInterval: HistogramSeries;
  readonly #lastSeen: NumberMetric;
  readonly #evictions: NumberMetric;
  readonly #probes: NumberMetric;
  readonly #probeSeconds: HistogramMetric;

  constructor() {
    const { registry } = this;
    const counter = (name: string, help: string, ...labels: string[]): NumberMetric =>
      registry.counter({ name: `kubelet_${name}`, help, labels });
    const histogram = (name: string, help: string, buckets: number[], ...labels: string[]): HistogramMetric =>
      registry.histogram({ name: `kubelet_${name}`, help, labels, buckets });
    const type = 'operation_type';
    this.#operations = counter('runtime_operations_total', 'Calls of the container runtime.', type);
    this.#operationErrors = counter('runtime_operations_errors_total', 'Such calls that failed.', type);
    const operationBuckets = exponentialBuckets(0.005, 2.5, 14);
    const operationHelp = 'How long calls of the container runtime took.';
    this.#operationSeconds = histogram('runtime_operations_duration_seconds', operationHelp, operationBuckets, type);
    this.#podStart = histogram(
      'pod_start_duration_seconds',
      'From when a pod was first seen until it ran.',
      podStartBuckets,
    );
    this.#pulls = histogram('image_pull_duration_seconds', 'How long pulls took.', pullBuckets, 'image_size_in_bytes');
    this.#startedPods = counter('started_pods_total', 'Sandboxes made.');
    this.#startedPodErrors = counter('started_pods_errors_total', 'Sandboxes that could not be made.');
    this.#startedContainers = counter('started_containers_total', 'Containers started.', 'container_type');
    const errorLabels = ['container_type', 'code'];
    this.#startedContainerErrors = counter(
      'started_containers_errors_total',
      'Containers that could not be started.',
      ...errorLabels,
    );
    this.#relistSeconds = histogram(
      'pleg_relist_duration_seconds',
      'How long a look at all pods took.',
      relistBuckets,
    ).with();
    this.#relistInterval = histogram(
      'pleg_relist_interval_seconds',
      'From one such look to the next.',
      relistBuckets,
    ).with();
    this.#lastSeen = registry.gauge({
      name: 'kubelet_pleg_last_seen_seconds',
      help: 'When the last such look ended, since 1970.',
    });
    this.#evictions = counter('evictions', 'Pods evicted, by what was short.', 'eviction_signal');
    const probeLabels = ['probe_type', 'container', 'pod', 'namespace'];
    this.#probes = this.probeRegistry.counter({
      name: 'prober_probe_total',
      help: 'Probes of containers, by their result.',
      labels: [...probeLabels, 'pod_uid', 'result'],
    });
    this.#probeSeconds = this.probeRegistry.histogram({
      name: 'prober_probe_duration_seconds',
      help: 'How long probes took.',
      labels: probeLabels,
      buckets: probeBuckets,
    });
  }

  operation(type: string, ms: number, failed: boolean): void {
    this.#operations.with(type).add();
    this.#operationSeconds.with(type).observe(ms / 1000);
    if (failed) this.#operationErrors.with(type).add();
  }

  podStarted(ms: number): void {
    this.#podStart.with().observe(ms / 1000);
  }

  pulled(ms: number, sizeBytes: number): void {
    const label = imageSizes.find(([below]) => sizeBytes < below)?.[1] ?? 'GT100GB';
    this.#pulls.with(label).observe(ms / 1000);
  }

  sandboxMade(failed: boolean): void {
    this.#startedPods.with().add();
    if (failed) this.#startedPodErrors.with().add();
  }

  /** @param code the waiting reason, where it failed */
  containerStarted(type: ContainerType, code = ''): void {
    this.#startedContainers.with(type).add();
    if (code !== '') this.#startedContainerErrors.with(type, code).add();
  }

  relisted(ms: number, sinceLastMs: number | undefined, nowMs: number): void {
    this.#relistSeconds.observe(ms / 1000);
    if (sinceLastMs !== undefined) this.#relistInterval.observe(sinceLastMs / 1000);
    this.#lastSeen.with().set(nowMs / 1000);
  }

  /** @param signal what was short: `memory.available` */
  evicted(signal: string): void {
    this.#evictions.with(signal).add();
  }

  probed({ probeType, container, pod, namespace, podUid }: ProbeLabels, result: ProbeOutcome, ms: number): void {
    this.#probes.with(probeType, container, pod, namespace, podUid, result).add();
    this.#probeSeconds.with(probeType, container, pod, namespace).observe(ms / 1000);
  }
}
