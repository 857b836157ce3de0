/** What is counted about mirrors of Endpoints, under upstream's names; see `shared/slice-metrics.ts` for the rest. */
import { exponentialBuckets, type HistogramMetric, type MetricRegistry } from '../../lib/metrics.ts';
import { SliceMetrics } from '../shared/slice-metrics.ts';
import type { MirrorCounts } from './decide.ts';

const subsystem = 'endpoint_slice_mirroring_controller';

export class MirrorMetrics {
  readonly slices: SliceMetrics;
  readonly #updated: HistogramMetric;
  readonly #skipped: HistogramMetric;
  readonly #seconds: HistogramMetric;

  constructor(registry: MetricRegistry) {
    this.slices = new SliceMetrics(registry, subsystem, 'Endpoints');
    const histogram = (rest: string, help: string, buckets: readonly number[]): HistogramMetric =>
      registry.histogram({ name: `${subsystem}_${rest}`, help, buckets });
    const counts = exponentialBuckets(2, 2, 15);
    this.#updated = histogram('endpoints_updated_per_sync', 'Endpoints changed by a look at Endpoints.', counts);
    this.#skipped = histogram('addresses_skipped_per_sync', 'Addresses left out by a look at Endpoints.', counts);
    const seconds = exponentialBuckets(0.001, 2, 15);
    this.#seconds = histogram('endpoints_sync_duration', 'How long a look at Endpoints took (s).', seconds);
  }

  decided(key: string, counts: MirrorCounts): void {
    this.slices.moved(counts.added, counts.removed);
    this.#updated.with().observe(counts.updated);
    this.#skipped.with().observe(counts.skipped);
    this.slices.hold(key, counts);
  }

  took(durationMs: number): void {
    this.#seconds.with().observe(durationMs / 1000);
  }
}
