/** What is counted about ReplicaSets and ReplicationControllers, under upstream's name. */
import type { Pod } from '../../api/schema/types/core-v1.ts';
import { exponentialBuckets, type HistogramSeries, type MetricRegistry } from '../../lib/metrics.ts';
import { createdMs } from '../shared/context.ts';
import { isReady } from '../shared/pods.ts';

export class ReplicaMetrics {
  readonly #ageRatio: HistogramSeries;

  constructor(registry: MetricRegistry) {
    const metric = registry.histogram({
      name: 'replicaset_controller_sorting_deletion_age_ratio',
      help: 'How many times as old as the youngest ready pod those are that were chosen to go.',
      buckets: exponentialBuckets(0.25, 2, 6),
    });
    this.#ageRatio = metric.with();
  }

  /** `chosen` of `active` go. Where all go nothing was chosen. Whole numbers, as upstream's. */
  chosen(active: readonly Pod[], chosen: readonly Pod[], nowMs: number): void {
    if (chosen.length >= active.length) return;
    const youngestMs = nowMs - Math.max(...active.filter(isReady).map(createdMs));
    if (!(youngestMs > 0)) return;
    for (const pod of chosen.filter(isReady)) this.#ageRatio.observe(Math.floor((nowMs - createdMs(pod)) / youngestMs));
  }
}
