/**
 * Who watches what. A change reaches only those who asked for it: each watch stands under one topic, the narrowest that its
 * options allow, and a change looks up the few topics that it belongs to.
 *
 * ```
 *  pods ─▶ all: {w1}   namespaces: a ─▶ {w2}   keys: a/x ─▶ {w3}   names: x ─▶ {w4}   fields: spec.nodeName ─▶ n1 ─▶ {w5}
 * ```
 * Kept true: a watch is told each revision at most once and in order, nothing after `cancel`, and nothing at or before the
 * revision that it started from; that also holds for watches made or cancelled while a change is being delivered.
 */
import type { Logger } from '../lib/log.ts';
import type { Entry, StoreEvent, StoreKey, StoreWatch, WatchEnd, WatchHandler, WatchOptions } from './store.ts';

interface Watcher {
  readonly options: WatchOptions;
  readonly handler: WatchHandler;
  /** Told up to here. */
  revision: number;
  active: boolean;
}

type Topics = Map<string, Set<Watcher>>;

export class WatchHub {
  readonly #log: Logger;
  readonly #collections = new Map<string, CollectionTopics>();

  constructor(log: Logger) {
    this.#log = log;
  }

  /** Delivers `past` (a superset will do), then whatever is dispatched after `revision`. */
  add(options: WatchOptions, handler: WatchHandler, revision: number, past: Iterable<StoreEvent>): StoreWatch {
    const watcher = { options, handler, revision, active: true };
    for (const event of past) this.#deliver(watcher, event);
    const topics = this.#topicsOf(options.collection);
    topics.add(watcher);
    return { cancel: () => this.#remove(topics, watcher) };
  }

  dispatch(event: StoreEvent): void {
    this.#collections.get(event.entry.key.collection)?.each(event, (watcher) => this.#deliver(watcher, event));
  }

  /** Ends all watches. */
  end(reason: WatchEnd): void {
    const watchers = [...this.#collections.values()].flatMap((topics) => [...topics.watchers()]);
    this.#collections.clear();
    for (const watcher of watchers) {
      if (!watcher.active) continue;
      watcher.active = false;
      this.#call(watcher, () => watcher.handler.end?.(reason));
    }
  }

  #deliver(watcher: Watcher, event: StoreEvent): void {
    if (!watcher.active || event.revision <= watcher.revision || !concerns(watcher.options, event)) return;
    watcher.revision = event.revision;
    this.#call(watcher, () => watcher.handler.event(event));
  }

  #call(watcher: Watcher, handler: () => void): void {
    try {
      handler();
    } catch (error) {
      this.#log.error('watch handler threw', { collection: watcher.options.collection, error });
    }
  }

  #remove(topics: CollectionTopics, watcher: Watcher): void {
    if (!watcher.active) return;
    watcher.active = false;
    topics.remove(watcher);
    if (topics.size === 0) this.#collections.delete(watcher.options.collection);
  }

  #topicsOf(collection: string): CollectionTopics {
    let topics = this.#collections.get(collection);
    if (topics === undefined) this.#collections.set(collection, (topics = new CollectionTopics()));
    return topics;
  }
}

/** The watches of one collection, by topic. */
class CollectionTopics {
  size = 0;
  readonly #all: Topics = new Map();
  readonly #namespaces: Topics = new Map();
  readonly #keys: Topics = new Map();
  readonly #names: Topics = new Map();
  /** By the path, joined; then by the value. */
  readonly #fields = new Map<string, { readonly path: readonly string[]; readonly values: Topics }>();

  add(watcher: Watcher): void {
    const [topics, topic] = this.#place(watcher.options);
    const watchers = topics.get(topic);
    if (watchers === undefined) topics.set(topic, new Set([watcher]));
    else watchers.add(watcher);
    this.size++;
  }

  remove(watcher: Watcher): void {
    const [topics, topic] = this.#place(watcher.options);
    const watchers = topics.get(topic);
    if (!watchers?.delete(watcher)) return;
    this.size--;
    if (watchers.size > 0) return;
    topics.delete(topic);
    const { field } = watcher.options;
    if (field !== undefined && this.#fields.get(pathKey(field.path))?.values.size === 0) {
      this.#fields.delete(pathKey(field.path));
    }
  }

  /** Calls `tell` for all whose topic `event` belongs to: a superset of those whom it concerns. */
  each(event: StoreEvent, tell: (watcher: Watcher) => void): void {
    const { key } = event.entry;
    this.#all.get('')?.forEach(tell);
    this.#namespaces.get(key.namespace)?.forEach(tell);
    if (this.#keys.size > 0) this.#keys.get(keyTopic(key.namespace, key.name))?.forEach(tell);
    this.#names.get(key.name)?.forEach(tell);
    for (const { path, values } of this.#fields.values()) {
      const after = fieldValue(event.entry, path);
      const before = event.previous && fieldValue(event.previous, path);
      values.get(after)?.forEach(tell);
      if (before !== undefined && before !== after) values.get(before)?.forEach(tell);
    }
  }

  *watchers(): Generator<Watcher> {
    const fields = [...this.#fields.values()].map(({ values }) => values);
    for (const topics of [this.#all, this.#namespaces, this.#keys, this.#names, ...fields]) {
      for (const watchers of topics.values()) yield* watchers;
    }
  }

  #place({ namespace, name, field }: WatchOptions): [Topics, string] {
    if (name !== undefined && namespace !== undefined) return [this.#keys, keyTopic(namespace, name)];
    if (name !== undefined) return [this.#names, name];
    if (field !== undefined) return [this.#valuesOf(field.path), field.value];
    if (namespace !== undefined) return [this.#namespaces, namespace];
    return [this.#all, ''];
  }

  #valuesOf(path: readonly string[]): Topics {
    let field = this.#fields.get(pathKey(path));
    if (field === undefined) this.#fields.set(pathKey(path), (field = { path, values: new Map() }));
    return field.values;
  }
}

/** The whole condition, exactly; topics only narrow down who is asked. */
function concerns(options: WatchOptions, event: StoreEvent): boolean {
  return (
    options.collection === event.entry.key.collection &&
    inRange(options, event.entry.key) &&
    (options.field === undefined || hasField(options.field, event.entry) || hasField(options.field, event.previous))
  );
}

function inRange({ namespace, name }: WatchOptions, key: StoreKey): boolean {
  return (namespace === undefined || namespace === key.namespace) && (name === undefined || name === key.name);
}

function hasField(field: NonNullable<WatchOptions['field']>, entry: Entry | undefined): boolean {
  return entry !== undefined && fieldValue(entry, field.path) === field.value;
}

/** Empty where it is missing, as in a field selector. */
function fieldValue(entry: Entry, path: readonly string[]): string {
  let value: unknown = entry.object;
  for (const name of path) {
    if (typeof value !== 'object' || value === null) return '';
    value = (value as Readonly<Record<string, unknown>>)[name];
  }
  return typeof value === 'string' ? value : '';
}

function pathKey(path: readonly string[]): string {
  return path.join('\0');
}

function keyTopic(namespace: string, name: string): string {
  return `${namespace}/${name}`;
}
