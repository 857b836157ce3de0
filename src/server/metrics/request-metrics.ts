/**
 * What is counted about requests, under the names and labels that upstream's dashboards and alerts ask for.
 *
 * A request costs one look-up of its series, by the labels that it has before its answer; each series keeps its counters by
 * status code. Labels hold only what the API serves: an unknown resource or method counts without its name.
 */
import type { ResourceInfo } from '../../api/resources.ts';
import type { HistogramSeries, MetricRegistry, NumberMetric, NumberSeries } from '../../lib/metrics.ts';
import type { InFlight } from '../flow/in-flight.ts';

/** What is known of a request before its answer. */
export interface RequestLabels {
  /** Of the metrics: `GET`, `LIST`, `WATCH`, `POST`, `APPLY`, `CONNECT`, …; `other`. */
  readonly verb: string;
  /** `All`, `invalid` or empty. */
  readonly dryRun: string;
  /** Undefined where the URL names no resource that there is. */
  readonly resource: ResourceInfo | undefined;
  readonly subresource: string;
  readonly scope: 'resource' | 'namespace' | 'cluster' | '';
}

/** All of one set of labels. */
class RequestSeries {
  readonly duration: HistogramSeries;
  readonly sliDuration: HistogramSeries | undefined;
  readonly sizes: HistogramSeries | undefined;
  readonly #count: (code: string) => NumberSeries;
  readonly #byCode = new Map<number, NumberSeries>();

  constructor(
    count: (code: string) => NumberSeries,
    duration: HistogramSeries,
    sliDuration: HistogramSeries | undefined,
    sizes: HistogramSeries | undefined,
  ) {
    this.#count = count;
    this.duration = duration;
    this.sliDuration = sliDuration;
    this.sizes = sizes;
  }

  counted(code: number): NumberSeries {
    const known = this.#byCode.get(code) ?? this.#count(String(code));
    this.#byCode.set(code, known);
    return known;
  }
}

const durationBuckets = [
  0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60,
];
const sliBuckets = durationBuckets.slice(2);
const sizeBuckets = [1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9];

const labels = ['verb', 'group', 'version', 'resource', 'subresource', 'scope', 'component'];
const dryRunLabels = ['verb', 'dry_run', ...labels.slice(1)];
const component = 'apiserver';

export class RequestMetrics {
  readonly #metrics;
  readonly #terminations: NumberMetric;
  readonly #longRunning: NumberMetric;
  readonly #deprecated: NumberMetric;
  /** Rows of resources come and go with their definitions. */
  readonly #series = new WeakMap<object, Map<string, RequestSeries>>();

  constructor(registry: MetricRegistry, inFlight: InFlight) {
    const name = (rest: string): string => `apiserver_${rest}`;
    this.#metrics = {
      total: registry.counter({
        name: name('request_total'),
        help: 'Requests answered, by what was asked and the status code.',
        labels: [...dryRunLabels, 'code'],
      }),
      duration: registry.histogram({
        name: name('request_duration_seconds'),
        help: 'Time from a request to the end of its answer.',
        labels: dryRunLabels,
        buckets: durationBuckets,
      }),
      sli: registry.histogram({
        name: name('request_sli_duration_seconds'),
        help: 'The same, dry runs left out.',
        labels,
        buckets: sliBuckets,
      }),
      sizes: registry.histogram({
        name: name('response_sizes'),
        help: 'Bytes of the answers to reads, before compression.',
        labels,
        buckets: sizeBuckets,
      }),
    };
    this.#terminations = registry.counter({
      name: name('request_terminations_total'),
      help: 'Requests refused or given up to protect the server.',
      labels: [...labels, 'code'],
    });
    this.#longRunning = registry.gauge({
      name: name('longrunning_requests'),
      help: 'Watches, logs and other long-running requests under way.',
      labels,
    });
    this.#deprecated = registry.gauge({
      name: name('requested_deprecated_apis'),
      help: 'Deprecated APIs that were asked for.',
      labels: ['group', 'version', 'resource', 'subresource', 'removed_release'],
    });
    const kinds = registry.gauge({
      name: name('current_inflight_requests'),
      help: 'The most requests at a time since the last scrape.',
      labels: ['request_kind'],
    });
    registry.beforeScrape(() => {
      for (const kind of ['mutating', 'readOnly'] as const) kinds.with(kind).set(inFlight.takeHighest(kind));
    });
  }

  /** A request is over. `bytes`: of its answer; undefined where that was a stream. */
  finished(request: RequestLabels, code: number, durationMs: number, bytes: number | undefined): void {
    const series = this.#seriesOf(request);
    const seconds = durationMs / 1000;
    series.counted(code).add();
    series.duration.observe(seconds);
    series.sliDuration?.observe(seconds);
    if (bytes !== undefined) series.sizes?.observe(bytes);
    if (request.resource?.deprecated !== undefined) this.#noteDeprecated(request.resource, request.subresource);
  }

  /** Turned away, or given up after its time. */
  terminated(request: RequestLabels, code: number): void {
    this.#terminations.with(...values(request), String(code)).add();
  }

  /** The result says that it is over. */
  longRunning(request: RequestLabels): () => void {
    const series = this.#longRunning.with(...values(request));
    series.add(1);
    return () => series.add(-1);
  }

  #noteDeprecated({ group, version, resource, deprecated }: ResourceInfo, subresource: string): void {
    this.#deprecated.with(group, version, resource, subresource, deprecated?.removedIn ?? '').set(1);
  }

  #seriesOf(request: RequestLabels): RequestSeries {
    const { verb, dryRun, resource, subresource, scope } = request;
    // Most requests have neither of the two, and this is on every request's way.
    const key = subresource === '' && dryRun === '' ? verb + scope : `${verb} ${scope} ${subresource} ${dryRun}`;
    const row = resource ?? noResource;
    let ofResource = this.#series.get(row);
    if (ofResource === undefined) {
      ofResource = new Map();
      this.#series.set(row, ofResource);
    }
    const known = ofResource.get(key);
    if (known !== undefined) return known;
    const made = this.#makeSeries(request);
    ofResource.set(key, made);
    return made;
  }

  #makeSeries(request: RequestLabels): RequestSeries {
    const { total, duration, sli, sizes } = this.#metrics;
    const [verb = '', ...rest] = values(request);
    const isRead = verb === 'GET' || verb === 'LIST';
    return new RequestSeries(
      (code) => total.with(verb, request.dryRun, ...rest, code),
      duration.with(verb, request.dryRun, ...rest),
      request.dryRun === '' ? sli.with(verb, ...rest) : undefined,
      isRead ? sizes.with(verb, ...rest) : undefined,
    );
  }
}

const noResource = {};

function values({ verb, resource, subresource, scope }: RequestLabels): string[] {
  const { group = '', version = '', resource: name = '' } = resource ?? {};
  return [verb, group, version, name, subresource, scope, component];
}
