/**
 * A store whose work is counted and whose health is known. The numbers have the names that upstream's storage layer gives to
 * etcd; what stands behind them here is the store in this process and the commit of its journal.
 *
 * Reads come from memory and take no time worth telling; a write's duration is that of its commit.
 */
import type { Clock } from '../lib/clock.ts';
import type { HistogramSeries, MetricRegistry, NumberSeries } from '../lib/metrics.ts';
import {
  type Entry,
  type Snapshot,
  type Store,
  type StoreKey,
  StoreUnavailable,
  type StoreWatch,
  type WatchHandler,
  type WatchOptions,
  type WriteOperation,
} from './store.ts';

const buckets = [0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60];

/** A write that waits this long means that the journal hangs. */
const hangingMs = 10_000;
/** A refusal counts until a write succeeds, or this long: where nobody writes, nobody would find out that it is over. */
const refusalMs = 30_000;

interface Series {
  readonly count: NumberSeries;
  readonly errors: () => NumberSeries;
  readonly seconds: HistogramSeries;
}

export interface ObservedStoreOptions {
  readonly metrics: MetricRegistry;
  readonly clock: Clock;
  /** Of the state's files; 0 for a store in memory. */
  readonly sizeBytes: () => number;
}

export class ObservedStore implements Store {
  readonly name: string;
  readonly #inner: Store;
  readonly #clock: Clock;
  readonly #metrics: MetricRegistry;
  readonly #series = new Map<string, Series>();
  /** When each write under way began, in that order. */
  readonly #underWay = new Set<{ readonly atMs: number }>();
  #refused: { readonly atMs: number; readonly why: string } | undefined;

  constructor(inner: Store, { metrics, clock, sizeBytes }: ObservedStoreOptions) {
    this.name = inner.name;
    this.#inner = inner;
    this.#clock = clock;
    this.#metrics = metrics;
    this.#countObjects(sizeBytes);
  }

  /** Why writes cannot be relied on now; undefined where they can. */
  problem(): string | undefined {
    const now = this.#clock.monotonic();
    for (const { atMs } of this.#underWay) {
      if (now - atMs > hangingMs) return `a write has waited for ${Math.round((now - atMs) / 1000)} s`;
      break;
    }
    return this.#refused !== undefined && now - this.#refused.atMs < refusalMs ? this.#refused.why : undefined;
  }

  start(): Promise<void> {
    return this.#inner.start();
  }

  close(): Promise<void> {
    return this.#inner.close();
  }

  get revision(): number {
    return this.#inner.revision;
  }

  get(key: StoreKey): Entry | undefined {
    return this.#inner.get(key);
  }

  list(collection: string, namespace?: string): Snapshot {
    return this.#inner.list(collection, namespace);
  }

  counts(): ReadonlyMap<string, number> {
    return this.#inner.counts();
  }

  watch(options: WatchOptions, handler: WatchHandler): StoreWatch {
    return this.#inner.watch(options, handler);
  }

  async write(operation: WriteOperation): Promise<Entry> {
    const series = this.#seriesOf(operation);
    const write = { atMs: this.#clock.monotonic() };
    this.#underWay.add(write);
    try {
      const entry = await this.#inner.write(operation);
      this.#refused = undefined;
      return entry;
    } catch (error) {
      series.errors().add();
      if (error instanceof StoreUnavailable) this.#refused = { atMs: this.#clock.monotonic(), why: error.message };
      throw error;
    } finally {
      this.#underWay.delete(write);
      series.count.add();
      series.seconds.observe((this.#clock.monotonic() - write.atMs) / 1000);
    }
  }

  #seriesOf({ kind, key, ...operation }: WriteOperation): Series {
    const verb = kind === 'delete' ? 'delete' : operation.expectedRevision === 0 ? 'create' : 'update';
    const id = `${verb} ${key.collection}`;
    const known = this.#series.get(id);
    if (known !== undefined) return known;
    const made = this.#makeSeries([verb, ...splitCollection(key.collection)]);
    this.#series.set(id, made);
    return made;
  }

  #makeSeries(values: readonly string[]): Series {
    const labels = ['operation', 'group', 'resource'];
    const counter = (name: string, help: string): NumberSeries =>
      this.#metrics.counter({ name, help, labels }).with(...values);
    const help = 'Writes to the store, from the call to the commit on disk.';
    return {
      count: counter('etcd_requests_total', 'Writes to the store.'),
      errors: () => counter('etcd_request_errors_total', 'Writes that the store refused, lost races among them.'),
      seconds: this.#metrics
        .histogram({ name: 'etcd_request_duration_seconds', help, labels, buckets })
        .with(...values),
    };
  }

  #countObjects(sizeBytes: () => number): void {
    const help = 'Objects stored.';
    const old = this.#metrics.gauge({ name: 'apiserver_storage_objects', help, labels: ['resource'] });
    const objects = this.#metrics.gauge({ name: 'apiserver_resource_objects', help, labels: ['group', 'resource'] });
    const size = this.#metrics.gauge({
      name: 'apiserver_storage_size_bytes',
      help: 'Bytes of the files that hold the state.',
      labels: ['storage_cluster_id'],
    });
    this.#metrics.beforeScrape(() => {
      for (const metric of [old, objects]) metric.clear();
      for (const [collection, count] of this.#inner.counts()) {
        old.with(collection).set(count);
        objects.with(...splitCollection(collection)).set(count);
      }
      size.with('naru').set(sizeBytes());
    });
  }
}

/** `deployments.apps` → `apps`, `deployments`. */
function splitCollection(collection: string): [group: string, resource: string] {
  const dot = collection.indexOf('.');
  return dot < 0 ? ['', collection] : [collection.slice(dot + 1), collection.slice(0, dot)];
}
