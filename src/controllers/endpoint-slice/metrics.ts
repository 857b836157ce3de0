/** What is counted about the slices of Services, under upstream's names; see `shared/slice-metrics.ts` for what the mirrors count, too. */
import type { Service } from '../../api/schema/types/core-v1.ts';
import type { HistogramMetric, MetricRegistry, NumberMetric } from '../../lib/metrics.ts';
import { SliceMetrics, type SliceTotals } from '../shared/slice-metrics.ts';
import type { TypeCounts } from './decide.ts';
import { hintingOf } from './hints.ts';
import { wantsTopologyHints } from './topology.ts';

const subsystem = 'endpoint_slice_controller';

/** Prometheus' own, as upstream names none here. */
const buckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

export class ServiceSliceMetrics {
  readonly slices: SliceMetrics;
  readonly #syncs: NumberMetric;
  readonly #changed: HistogramMetric;
  readonly #services: NumberMetric;
  readonly #distributions = new Map<string, string>();

  constructor(registry: MetricRegistry) {
    this.slices = new SliceMetrics(registry, subsystem, 'a Service');
    this.#syncs = registry.counter({ name: `${subsystem}_syncs`, help: 'Looks at a Service.', labels: ['result'] });
    this.#changed = registry.histogram({
      name: `${subsystem}_endpointslices_changed_per_sync`,
      help: 'Slices written by a look at a Service.',
      labels: ['topology', 'traffic_distribution'],
      buckets,
    });
    this.#services = registry.gauge({
      name: `${subsystem}_services_count_by_traffic_distribution`,
      help: 'Services by the traffic distribution that they wish.',
      labels: ['traffic_distribution'],
    });
  }

  synced(result: 'success' | 'stale' | 'error'): void {
    this.#syncs.with(result).add();
  }

  /** A look has decided; `counts` are those of each address type. */
  decided(key: string, service: Service, counts: readonly TypeCounts[]): void {
    for (const { added, removed } of counts) this.slices.moved(added, removed);
    const sum = (which: keyof SliceTotals): number => counts.reduce((all, each) => all + each[which], 0);
    this.slices.hold(key, { endpoints: sum('endpoints'), slices: sum('slices'), slicesWanted: sum('slicesWanted') });
    this.#distribute(key, distributionOf(service));
  }

  /** All that was decided is written. */
  carriedOut(service: Service, counts: readonly TypeCounts[]): void {
    const topology = wantsTopologyHints(service) ? 'Auto' : 'Disabled';
    for (const { written } of counts) this.#changed.with(topology, distributionOf(service)).observe(written);
  }

  forget(key: string): void {
    this.slices.forget(key);
    this.#distribute(key, '');
  }

  #distribute(key: string, distribution: string): void {
    if ((this.#distributions.get(key) ?? '') === distribution) return;
    if (distribution === '') this.#distributions.delete(key);
    else this.#distributions.set(key, distribution);
    this.#services.clear();
    for (const each of this.#distributions.values()) this.#services.with(each).add();
  }
}

/** The annotation goes before the field. */
const distributionOf = (service: Service): string =>
  wantsTopologyHints(service) || hintingOf(service) === undefined ? '' : (service.spec?.trafficDistribution ?? '');
