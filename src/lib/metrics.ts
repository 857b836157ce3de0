/**
 * Counters, gauges and histograms in the text form that Prometheus reads (exposition format 0.0.4).
 *
 * ```
 *  hot path:  series = metric.with('GET', 'pods')   once, then kept by the caller
 *             series.add(1) / series.observe(0.02)  a few additions, no allocation, no look-up
 *  scrape:    registry.text()                       asks gauges that are computed, then writes everything
 * ```
 * Our own rather than prom-client's, which hashes all labels at each observation: that would be a tenth of what a GET costs.
 * A metric holds at most `metricSeriesMax` series, whatever clients send; all beyond share one, whose labels are `unexpected`.
 * There is no global registry: whoever measures is handed one.
 */
import { limits } from './limits.ts';

export interface MetricOptions {
  readonly name: string;
  readonly help: string;
  readonly labels?: readonly string[];
}

/** Which of a metric's numbers: its labels' values, as text `a="x",b="y"`. */
interface Series {
  readonly labels: string;
  lines(name: string): string;
}

class Family<S extends Series> {
  readonly options: MetricOptions;
  readonly #type: string;
  readonly #make: (labels: string) => S;
  readonly #series = new Map<string, S>();

  constructor(options: MetricOptions, type: string, make: (labels: string) => S) {
    this.options = options;
    this.#type = type;
    this.#make = make;
  }

  /** The series of these values, in the order of the metric's labels. Look it up once and keep it. */
  with(...values: readonly string[]): S {
    const key = values.join('\0');
    const known = this.#series.get(key);
    if (known !== undefined) return known;
    if (this.#series.size >= limits.metricSeriesMax) return this.#shared();
    return this.#add(key, values);
  }

  /** Forgets all series, for metrics that are told anew at each scrape. */
  clear(): void {
    this.#series.clear();
  }

  text(): string {
    if (this.#series.size === 0) return '';
    const { name, help } = this.options;
    const lines = [...this.#series.values()].map((series) => series.lines(name));
    return `# HELP ${name} ${help}\n# TYPE ${name} ${this.#type}\n${lines.join('')}`;
  }

  #shared(): S {
    const values = (this.options.labels ?? []).map(() => 'unexpected');
    const key = values.join('\0');
    return this.#series.get(key) ?? this.#add(key, values);
  }

  #add(key: string, values: readonly string[]): S {
    const { labels = [] } = this.options;
    const made = this.#make(labels.map((label, index) => `${label}="${escaped(values[index] ?? '')}"`).join(','));
    this.#series.set(key, made);
    return made;
  }
}

function escaped(value: string): string {
  return /["\\\n]/.test(value) ? value.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n') : value;
}

function line(name: string, labels: string, value: number): string {
  return labels === '' ? `${name} ${shown(value)}\n` : `${name}{${labels}} ${shown(value)}\n`;
}

function shown(value: number): string {
  if (Number.isFinite(value)) return String(value);
  return Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf';
}

/** One number, of a counter or a gauge. */
export class NumberSeries implements Series {
  readonly labels: string;
  value = 0;

  constructor(labels: string) {
    this.labels = labels;
  }

  add(amount = 1): void {
    this.value += amount;
  }

  set(value: number): void {
    this.value = value;
  }

  lines(name: string): string {
    return line(name, this.labels, this.value);
  }
}

/** How often something fell into each bucket. Counts are kept apart and added up when they are read. */
export class HistogramSeries implements Series {
  readonly labels: string;
  readonly #bounds: readonly number[];
  readonly #counts: Float64Array;
  #sum = 0;

  constructor(labels: string, bounds: readonly number[]) {
    this.labels = labels;
    this.#bounds = bounds;
    this.#counts = new Float64Array(bounds.length + 1);
  }

  observe(value: number): void {
    let bucket = 0;
    // Most observations fall into the first buckets.
    while (bucket < this.#bounds.length && value > (this.#bounds[bucket] as number)) bucket++;
    this.#counts[bucket] = (this.#counts[bucket] as number) + 1;
    this.#sum += value;
  }

  lines(name: string): string {
    const separator = this.labels === '' ? '' : ',';
    let count = 0;
    let text = '';
    for (const [index, inBucket] of this.#counts.entries()) {
      count += inBucket;
      const bound = this.#bounds[index] ?? Number.POSITIVE_INFINITY;
      text += line(`${name}_bucket`, `${this.labels}${separator}le="${shown(bound)}"`, count);
    }
    return text + line(`${name}_sum`, this.labels, this.#sum) + line(`${name}_count`, this.labels, count);
  }
}

export type NumberMetric = Family<NumberSeries>;
export type HistogramMetric = Family<HistogramSeries>;

export class MetricRegistry {
  readonly #families = new Map<string, { text(): string }>();
  readonly #beforeScrape: (() => void)[] = [];

  /** Only goes up. The same name gives the same metric. */
  counter(options: MetricOptions): NumberMetric {
    return this.#family(options, () => new Family(options, 'counter', (labels) => new NumberSeries(labels)));
  }

  gauge(options: MetricOptions): NumberMetric {
    return this.#family(options, () => new Family(options, 'gauge', (labels) => new NumberSeries(labels)));
  }

  /** `buckets`: upper bounds, ascending, without infinity. */
  histogram(options: MetricOptions & { readonly buckets: readonly number[] }): HistogramMetric {
    const make = (labels: string): HistogramSeries => new HistogramSeries(labels, options.buckets);
    return this.#family(options, () => new Family(options, 'histogram', make));
  }

  /** Called before each scrape, to set gauges that are cheaper to read than to keep. Must be quick. */
  beforeScrape(callback: () => void): void {
    this.#beforeScrape.push(callback);
  }

  text(): string {
    for (const callback of this.#beforeScrape) callback();
    return [...this.#families.values()].map((family) => family.text()).join('');
  }

  #family<F extends { text(): string }>(options: MetricOptions, make: () => F): F {
    const known = this.#families.get(options.name);
    // A name is made by one line of the source, so it has one type.
    if (known !== undefined) return known as F;
    const made = make();
    this.#families.set(options.name, made);
    return made;
  }
}

/** `count` bounds, each `factor` times the one before. */
export function exponentialBuckets(start: number, factor: number, count: number): number[] {
  return Array.from({ length: count }, (_, index) => Number((start * factor ** index).toPrecision(12)));
}
