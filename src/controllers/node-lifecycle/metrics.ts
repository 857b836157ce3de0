/** What is counted about nodes and their zones, under upstream's names. */
import { exponentialBuckets, type HistogramMetric, type MetricRegistry, type NumberMetric } from '../../lib/metrics.ts';
import type { ZoneCount } from './zones.ts';

export class NodeMetrics {
  readonly #size: NumberMetric;
  readonly #health: NumberMetric;
  readonly #unhealthy: NumberMetric;
  readonly #evictions: NumberMetric;
  readonly #seconds: HistogramMetric;
  #zones: ReadonlySet<string> = new Set();

  constructor(registry: MetricRegistry) {
    const perZone = (rest: string, help: string) => ({ name: `node_collector_${rest}`, help, labels: ['zone'] });
    this.#size = registry.gauge(perZone('zone_size', 'Nodes of the zone.'));
    this.#health = registry.gauge(perZone('zone_health', 'How many percent of the nodes of the zone are ready.'));
    this.#unhealthy = registry.gauge(perZone('unhealthy_nodes_in_zone', 'Nodes of the zone that are not ready.'));
    this.#evictions = registry.counter(perZone('evictions_total', 'Nodes whose pods were told to leave.'));
    this.#seconds = registry.histogram({
      name: 'node_collector_update_node_health_duration_seconds',
      help: 'How long a look at a node took.',
      buckets: exponentialBuckets(0.001, 4, 8),
    });
  }

  /** All zones that there are; one that is gone counts as empty and well. */
  counted(zones: ReadonlyMap<string, ZoneCount>): void {
    for (const zone of new Set([...this.#zones, ...zones.keys()])) {
      const { size, unhealthy } = zones.get(zone) ?? { size: 0, unhealthy: 0 };
      this.#size.with(zone).set(size);
      this.#unhealthy.with(zone).set(unhealthy);
      this.#health.with(zone).set(size === 0 ? 100 : (100 * (size - unhealthy)) / size);
    }
    this.#zones = new Set(zones.keys());
  }

  evicted(zone: string): void {
    this.#evictions.with(zone).add();
  }

  took(durationMs: number): void {
    this.#seconds.with().observe(durationMs / 1000);
  }
}
