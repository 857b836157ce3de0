/**
 * Watches: the store's changes as one client wants to see them.
 *
 * ```
 *                      matches before?   matches now?
 *  store event ──────▶      no               yes        ADDED
 *                           yes              yes        MODIFIED
 *                           yes              no         DELETED, with what it was and the new version
 *                           no               no         nothing
 * ```
 * Where it starts (KEP-3157):
 * ```
 *  sendInitialEvents   resourceVersion   first comes                                 then, changes after
 *  unset or true       "" or "0"         what is there, ADDED                        now
 *  true                "N"               what is there, once the store is at N       now
 *  false               "" or "0"         nothing                                     now
 *  unset or false      "N"               nothing                                     N, also where N lies ahead
 * ```
 * Where what is there comes first and bookmarks are wanted, one that is marked `k8s.io/initial-events-end` follows it.
 *
 * Kept true: every change after the starting point, in order, once; initial events before all others; a bookmark never
 * promises more than was sent. A starting point that the history has lost, or that does not come, ends the watch with an ERROR event,
 * as upstream: only what is malformed is refused before the watch begins.
 */
import { normalizeObject } from '../api/normalize.ts';
import type { JsonObject, KubeObject } from '../api/object.ts';
import { internalError, StatusError } from '../api/status-error.ts';
import type { Timer } from '../lib/clock.ts';
import { deepFreeze } from '../lib/deep-freeze.ts';
import { nextInt } from '../lib/prng.ts';
import { type Entry, HistoryCompacted, type StoreEvent, type StoreWatch } from '../store/store.ts';
import { definitionCollection } from './custom/definition-source.ts';
import { Line } from './custom/line.ts';
import type { Environment } from './environment.ts';
import { presentList } from './list.ts';
import { partialObject } from './partial-object.ts';
import type { RequestTarget, WatchRequestOptions, WatchSink, WatchStream } from './request.ts';
import { parseResourceVersion, tooOld, waitUntilFresh } from './resource-version.ts';
import { type Selection, selectionOf } from './selection.ts';
import { prepareEntries, type ServedResource, shown, shownEntry, workedOn } from './served-resource.ts';

/** Upstream's frequency, spread a little so that watchers made together do not stay together. */
const bookmarkMs = 60_000;
const bookmarkSpreadMs = 5_000;
/** A last bookmark goes out this long before the time-out, so that the next watch starts where this one ends. */
const lastBookmarkMs = 2_000;

export const initialEventsEnd = 'k8s.io/initial-events-end';

/** Resolves when what is past was delivered. @throws StatusError BadRequest */
export async function watchObjects(
  environment: Environment,
  target: RequestTarget,
  options: WatchRequestOptions,
  sink: WatchSink,
): Promise<WatchStream> {
  const served = environment.served.of(target.resource);
  const watch = new Watch(environment, served, selectionOf(served, target, options), options, sink);
  await watch.start();
  return watch;
}

class Watch implements WatchStream {
  readonly #environment: Environment;
  #served: ServedResource;
  /** What waits for a webhook that converts, in order; absent nearly always. */
  #line: Line | undefined;
  #definition: StoreWatch | undefined;
  readonly #selection: Selection;
  readonly #options: WatchRequestOptions;
  readonly #sink: WatchSink;
  readonly #timers = new Set<Timer>();
  #source: StoreWatch | undefined;
  #over = false;
  /** Where it started. */
  #after = 0;

  constructor(
    environment: Environment,
    served: ServedResource,
    selection: Selection,
    options: WatchRequestOptions,
    sink: WatchSink,
  ) {
    this.#environment = environment;
    this.#served = served;
    this.#selection = selection;
    this.#options = options;
    this.#sink = sink;
  }

  async start(): Promise<void> {
    const version = parseResourceVersion(this.#options.resourceVersion);
    const wantsPresent = this.#options.sendInitialEvents ?? !version;
    if (wantsPresent && version && !(await this.#isFresh(version))) return;
    this.#begin(wantsPresent, version);
  }

  /** The store has come as far as `version`; else the client was told that it has not. */
  async #isFresh(version: number): Promise<boolean> {
    try {
      await waitUntilFresh(this.#environment, version);
      return true;
    } catch (error) {
      if (!(error instanceof StatusError)) throw error;
      this.#fail(error);
      return false;
    }
  }

  #begin(wantsPresent: boolean, version: number | undefined): void {
    this.#after = wantsPresent ? this.#sendPresent() : version || this.#environment.store.revision;
    if (wantsPresent && this.#options.allowWatchBookmarks) this.#bookmark(this.#after, true);
    this.#followDefinition();
    this.#follow(this.#after);
    if (!this.#over) this.#setTimers();
  }

  /** The kind may come to be served otherwise, which the watch outlives; or not at all any more, which ends it. */
  #followDefinition(): void {
    const { forms, collection: name } = this.#served;
    if (forms === undefined || this.#over) return;
    const options = { collection: definitionCollection, name };
    this.#definition = this.#environment.store.watch(options, { event: () => queueMicrotask(() => this.#serveAnew()) });
  }

  #serveAnew(): void {
    const { resources, served } = this.#environment;
    const { group, version, resource } = this.#served.info;
    const row = resources.find(group, version, resource);
    if (row === undefined) this.#inOrder([], () => this.#end());
    else this.#served = served.of(row);
  }

  /** At once, unless these entries, or what came before, must be converted first. */
  #inOrder(entries: readonly Entry[], act: () => void): void {
    const due = (): Promise<void> | undefined => prepareEntries(this.#served, entries);
    if (this.#line === undefined && due() === undefined) return act();
    this.#line ??= new Line({
      failed: (error) => this.#fail(error instanceof StatusError ? error : internalError(error)),
      over: () => {
        this.#line = undefined;
      },
    });
    if (!this.#line.add(due, act)) this.#end();
  }

  cancel(): void {
    this.#over = true;
    this.#source?.cancel();
    this.#definition?.cancel();
    this.#line?.cancel();
    for (const timer of this.#timers) timer.cancel();
    this.#timers.clear();
  }

  /** All that is there now, as ADDED. Returns the revision of that. */
  #sendPresent(): number {
    const snapshot = presentList(this.#environment, this.#served, this.#selection);
    this.#inOrder(snapshot.entries, () => {
      for (const entry of snapshot.entries) this.#sendIfMatching(entry);
    });
    return snapshot.revision;
  }

  #sendIfMatching(entry: Entry): void {
    if (!this.#over && this.#takes(entry)) this.#sink.event({ type: 'ADDED', ...this.#show(entry) });
  }

  #show(entry: Entry): { object: KubeObject; entry?: Entry } {
    const { metadataOnly = false } = this.#options;
    return metadataOnly ? { object: partialObject(this.#served, entry) } : shownEntry(this.#served, entry);
  }

  /** Without selectors the object need not be looked at. */
  #takes(entry: Entry): boolean {
    return this.#selection.everything || this.#selection.takes(entry);
  }

  #follow(afterRevision: number): void {
    const { namespace, name, field } = this.#selection;
    const options = {
      collection: this.#served.collection,
      afterRevision,
      ...(namespace !== '' && { namespace }),
      ...(name !== undefined && { name }),
      ...(field !== undefined && { field }),
    };
    try {
      this.#source = this.#environment.store.watch(options, {
        event: (event) => this.#relay(event),
        end: () => this.#end(),
      });
    } catch (error) {
      if (!(error instanceof HistoryCompacted)) throw error;
      this.#fail(tooOld(afterRevision, error.oldestRevision));
    }
    // The sink may have cancelled while it was told the past.
    if (this.#over) this.#source?.cancel();
  }

  #relay(event: StoreEvent): void {
    if (this.#over) return;
    if (this.#served.forms === undefined) return this.#send(event);
    const { entry, previous } = event;
    this.#inOrder(previous === undefined ? [entry] : [entry, previous], () => this.#send(event));
  }

  #send(event: StoreEvent): void {
    if (this.#over) return;
    const before = event.previous !== undefined && this.#takes(event.previous);
    const now = event.type !== 'deleted' && this.#takes(event.entry);
    if (now) this.#sink.event({ type: before ? 'MODIFIED' : 'ADDED', ...this.#show(event.entry) });
    else if (before) this.#relayDeparture(event);
  }

  /** What left is shown as it last matched; its version is that of leaving, so that a client can resume from it. */
  #relayDeparture({ type, entry, previous, revision }: StoreEvent): void {
    if (type === 'deleted' || previous === undefined) {
      this.#sink.event({ type: 'DELETED', ...this.#show(entry) });
      return;
    }
    const last = workedOn(this.#served, previous);
    const metadata = { ...last.metadata, resourceVersion: String(revision) };
    this.#sink.event({ type: 'DELETED', object: shown(this.#served, { ...last, metadata }) });
  }

  /** A time-out below zero is over at once; none, or 0, is nobody's here: the server sets one for its clients. */
  #setTimers(): void {
    const { timeoutSeconds, allowWatchBookmarks } = this.#options;
    const timeoutMs = timeoutSeconds ? timeoutSeconds * 1000 : undefined;
    if (timeoutMs !== undefined && timeoutMs < 0) return this.#end();
    if (allowWatchBookmarks) {
      this.#repeatBookmark();
      if (timeoutMs !== undefined && timeoutMs > lastBookmarkMs) {
        this.#later(timeoutMs - lastBookmarkMs, () => this.#bookmark(this.#environment.store.revision, false));
      }
    }
    if (timeoutMs !== undefined) this.#later(timeoutMs, () => this.#end());
  }

  #repeatBookmark(): void {
    this.#later(bookmarkMs - nextInt(this.#environment.prng, bookmarkSpreadMs), () => {
      this.#bookmark(this.#environment.store.revision, false);
      this.#repeatBookmark();
    });
  }

  #later(delayMs: number, callback: () => void): void {
    const timer = this.#environment.clock.after(delayMs, () => {
      this.#timers.delete(timer);
      if (!this.#over) callback();
    });
    this.#timers.add(timer);
  }

  /**
   * Everything up to `revision` was sent: changes are delivered as they become visible. A watch that waits for the future is told
   * nothing that lies before it.
   */
  #bookmark(revision: number, initialEnd: boolean): void {
    if (revision < this.#after) return;
    this.#inOrder([], () => {
      if (!this.#over) this.#sink.event({ type: 'BOOKMARK', object: bookmarkOf(this.#served, revision, initialEnd) });
    });
  }

  #fail(error: StatusError): void {
    this.#sink.event({ type: 'ERROR', object: error.toStatus() });
    this.#end();
  }

  #end(): void {
    if (this.#over) return;
    this.cancel();
    this.#sink.end();
  }
}

/** An object of the kind that is empty but for its version: typed clients decode it as any other. */
function bookmarkOf(served: ServedResource, revision: number, initialEnd: boolean): KubeObject {
  const empty = emptyOf(served);
  const annotations = initialEnd ? { annotations: { [initialEventsEnd]: 'true' } } : {};
  const metadata = { ...(empty['metadata'] as JsonObject), resourceVersion: String(revision), ...annotations };
  return { ...empty, metadata };
}

/** Each watch gets a bookmark a minute, and all of a kind are alike but for their version. */
const empties = new WeakMap<ServedResource, JsonObject>();

function emptyOf(served: ServedResource): JsonObject {
  let empty = empties.get(served);
  if (empty === undefined) {
    const { apiVersion, info, type } = served;
    const named = { kind: info.kind, apiVersion, metadata: { resourceVersion: '0' } };
    empty = deepFreeze(normalizeObject(type, named));
    empties.set(served, empty);
  }
  return empty;
}
