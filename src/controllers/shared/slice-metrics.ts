/**
 * What the two loops that write EndpointSlices count, under upstream's names: what a look added and took away, how many slices there are, and
 * how many would do.
 */
import { exponentialBuckets, type HistogramMetric, type MetricRegistry, type NumberMetric } from '../../lib/metrics.ts';
import { endpointsPerSliceMax } from './endpoint-slices.ts';

type SliceOperation = 'create' | 'update' | 'delete';

/** What stands for one object after a look. */
export interface SliceTotals {
  readonly endpoints: number;
  readonly slices: number;
  /** With the endpoints packed as tightly as may be. */
  readonly slicesWanted: number;
}

const nothing: SliceTotals = { endpoints: 0, slices: 0, slicesWanted: 0 };

/** Endpoints of one address type and with the same ports. */
export const slicesFor = (endpoints: number): number => Math.ceil(endpoints / endpointsPerSliceMax);

export class SliceMetrics {
  readonly #added: HistogramMetric;
  readonly #removed: HistogramMetric;
  readonly #changes: NumberMetric;
  readonly #gauges: Readonly<Record<keyof SliceTotals, NumberMetric>>;
  readonly #held = new Map<string, SliceTotals>();
  #sum = nothing;

  /** @param subsystem what upstream's names begin with @param what a look looks at, for the help texts */
  constructor(registry: MetricRegistry, subsystem: string, what: string) {
    const name = (rest: string): string => `${subsystem}_${rest}`;
    const buckets = exponentialBuckets(2, 2, 15);
    const perLook = (verb: string): HistogramMetric =>
      registry.histogram({
        name: name(`endpoints_${verb}_per_sync`),
        help: `Endpoints ${verb} by a look at ${what}.`,
        buckets,
      });
    this.#added = perLook('added');
    this.#removed = perLook('removed');
    this.#changes = registry.counter({ name: name('changes'), help: 'Writes of slices.', labels: ['operation'] });
    const gauge = (rest: string, help: string): NumberMetric => registry.gauge({ name: name(rest), help });
    this.#gauges = {
      endpoints: gauge('endpoints_desired', 'Endpoints that slices should hold.'),
      slices: gauge('num_endpoint_slices', 'Slices that there are.'),
      slicesWanted: gauge('desired_endpoint_slices', 'Slices that would be enough.'),
    };
  }

  moved(added: number, removed: number): void {
    this.#added.with().observe(added);
    this.#removed.with().observe(removed);
  }

  wrote(operation: SliceOperation): void {
    this.#changes.with(operation).add();
  }

  hold(key: string, totals: SliceTotals): void {
    const before = this.#held.get(key) ?? nothing;
    this.#held.set(key, totals);
    const now = (which: keyof SliceTotals): number => this.#sum[which] + totals[which] - before[which];
    this.#sum = { endpoints: now('endpoints'), slices: now('slices'), slicesWanted: now('slicesWanted') };
    for (const which of ['endpoints', 'slices', 'slicesWanted'] as const) {
      this.#gauges[which].with().set(this.#sum[which]);
    }
  }

  /** For what is gone. */
  forget(key: string): void {
    if (!this.#held.has(key)) return;
    this.hold(key, nothing);
    this.#held.delete(key);
  }
}
