/** What is counted about the cluster's ranges, under upstream's names (one of which is misspelt there). */
import { exponentialBuckets, type HistogramMetric, type MetricRegistry, type NumberMetric } from '../../lib/metrics.ts';
import type { NodeRanges } from './ranges.ts';

export class RangeMetrics {
  readonly #allocations: NumberMetric;
  readonly #releases: NumberMetric;
  readonly #max: NumberMetric;
  readonly #usage: NumberMetric;
  readonly #tries: HistogramMetric;

  constructor(registry: MetricRegistry) {
    const labels = ['clusterCIDR'];
    const options = (rest: string, help: string) => ({ name: `node_ipam_controller_${rest}`, help, labels });
    this.#allocations = registry.counter(options('cidrset_cidrs_allocations_total', 'Parts that were taken.'));
    this.#releases = registry.counter(options('cidrset_cidrs_releases_total', 'Parts that came free.'));
    this.#max = registry.gauge(options('cirdset_max_cidrs', 'Parts that there are.'));
    this.#usage = registry.gauge(options('cidrset_usage_cidrs', 'Which share of the parts is taken, from 0 to 1.'));
    const tries = options('cidrset_allocation_tries_per_request', 'Parts looked at until one was free.');
    this.#tries = registry.histogram({ ...tries, buckets: exponentialBuckets(1, 5, 5) });
  }

  /** @param before how many parts were taken until now */
  counted(cidr: string, range: NodeRanges, before: number): void {
    const change = range.takenCount - before;
    if (change > 0) this.#allocations.with(cidr).add(change);
    if (change < 0) this.#releases.with(cidr).add(-change);
    this.#max.with(cidr).set(range.count);
    this.#usage.with(cidr).set(range.takenCount / range.count);
  }

  searched(cidr: string, range: NodeRanges): void {
    this.#tries.with(cidr).observe(range.tries);
  }
}
