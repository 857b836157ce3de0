/** Which APIServices are away, and how often and why they went, under upstream's names. */
import type { APIService } from '../../api/schema/types/apiregistration-v1.ts';
import { MetricRegistry, type NumberMetric } from '../../lib/metrics.ts';
import type { ApiServiceIndex } from './api-service-index.ts';

export class AvailabilityMetrics {
  readonly #unavailable: NumberMetric;

  constructor(index: ApiServiceIndex, registry: MetricRegistry = new MetricRegistry()) {
    this.#unavailable = registry.counter({
      name: 'aggregator_unavailable_apiservice_total',
      help: 'How often an APIService became unavailable, by name and reason.',
      labels: ['name', 'reason'],
    });
    const now = registry.gauge({
      name: 'aggregator_unavailable_apiservice',
      help: '1 for each APIService that is unavailable, 0 for the others.',
      labels: ['name'],
    });
    registry.beforeScrape(() => {
      now.clear();
      for (const object of index.all) now.with(object.metadata?.name ?? '').set(isAvailable(object) ? 0 : 1);
    });
  }

  went(name: string, reason: string): void {
    this.#unavailable.with(name, reason).add();
  }
}

export function isAvailable({ status }: APIService): boolean {
  return status?.conditions?.some(({ type, status: is }) => type === 'Available' && is === 'True') ?? false;
}
