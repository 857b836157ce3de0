/**
 * Lists: what the selection takes of one moment, in pages where the client wants them. Which moment (KEP-2340):
 *
 * ```
 *  resourceVersion   resourceVersionMatch   limit     the list is
 *  ""                                       any       of now
 *  "0"               "" or NotOlderThan     ignored   of now, whole
 *  "N"               Exact                  any       of N
 *  "N"               ""                     > 0       of N
 *  "N"               "" or NotOlderThan     others    of now, which is waited for where N lies ahead
 *  continue                                 any       of the moment of the page before
 * ```
 */
import type { KubeObject } from '../api/object.ts';
import { hasReason } from '../api/status-error.ts';
import type { Entry, Snapshot } from '../store/store.ts';
import {
  type ContinueToken,
  decodeContinue,
  encodeContinue,
  type ListStart,
  presentRevision,
  startAfter,
} from './continue-token.ts';
import type { Environment } from './environment.ts';
import { ContinueExpired, entriesFrom } from './paging.ts';
import { partialObject } from './partial-object.ts';
import type { ListOptions, ListResult, RequestTarget } from './request.ts';
import { continueWithVersion, parseResourceVersion, waitUntilFresh } from './resource-version.ts';
import { type Selection, selectionOf } from './selection.ts';
import { keyOf, prepareEntries, type ServedResource, shownEntry } from './served-resource.ts';

/** What the options ask for. */
interface Reading {
  /** Exactly as of this revision. */
  readonly exact?: number;
  readonly notOlderThan?: number;
  readonly token?: ContinueToken;
  readonly limit: number;
}

/** @throws StatusError BadRequest, Expired, Timeout */
export async function listObjects(
  environment: Environment,
  target: RequestTarget,
  options: ListOptions,
): Promise<ListResult> {
  const served = environment.served.of(target.resource);
  const selection = selectionOf(served, target, options);
  const reading = readingOf(served, selection, options);
  await waitUntilFresh(environment, reading.exact ?? reading.notOlderThan);
  const snapshot = snapshotFor(environment, served, selection, reading);
  const { token, limit } = reading;
  const rest = token ? entriesFrom(snapshot.entries, token.start) : snapshot.entries;
  const looked = selection.looksAtForms ? prepareEntries(served, rest) : undefined;
  if (looked !== undefined) await looked;
  const page = takePage(rest, selection, limit);
  const due = prepareEntries(served, page.entries);
  if (due !== undefined) await due;
  const last = page.entries.at(-1);
  const show = showingOf(served, options);
  if (!page.more || last === undefined) return listResult(served, show, page.entries, snapshot.revision, '');
  environment.pages.keep(served.collection, selection.namespace, snapshot);
  const next = continueFrom(served, snapshot.revision, startAfter(last.key));
  const remaining = selection.everything ? rest.length - page.entries.length : undefined;
  return listResult(served, show, page.entries, snapshot.revision, next, remaining);
}

type Show = (entry: Entry) => KubeObject;

function showingOf(served: ServedResource, { metadataOnly }: ListOptions): Show {
  return metadataOnly ? (entry) => partialObject(served, entry) : (entry) => shownEntry(served, entry).object;
}

/** One object alone has no pages: upstream ignores the token there. */
function readingOf({ info }: ServedResource, selection: Selection, options: ListOptions): Reading {
  const { resourceVersion, resourceVersionMatch } = options;
  const limit = options.limit && options.limit > 0 && resourceVersion !== '0' ? options.limit : Infinity;
  if (options.continue && !selection.single) {
    const token = decodeContinue(options.continue, info.namespaced);
    if (resourceVersion && resourceVersion !== '0') throw continueWithVersion();
    return { token, limit, ...(token.revision > 0 && { exact: token.revision }) };
  }
  const version = parseResourceVersion(resourceVersion);
  if (!version) return { limit };
  const exact = resourceVersionMatch === 'Exact' || (!resourceVersionMatch && limit < Infinity && !selection.single);
  return exact ? { exact: version, limit } : { notOlderThan: version, limit };
}

function snapshotFor(
  environment: Environment,
  served: ServedResource,
  selection: Selection,
  { exact, token, limit }: Reading,
): Snapshot {
  const { collection } = served;
  if (exact === undefined) return presentList(environment, served, selection, limit === Infinity && !token);
  try {
    return environment.pages.at(collection, selection.namespace, exact);
  } catch (error) {
    if (!token || !hasReason(error, 'Expired')) throw error;
    throw new ContinueExpired(continueFrom(served, presentRevision, token.start));
  }
}

function continueFrom({ info }: ServedResource, revision: number, start: ListStart): string {
  return encodeContinue({ revision, start }, info.namespaced);
}

/**
 * What is there now, and may match: without a walk over the collection where a name picks its entry, or a field its few. A list
 * that is not `inOneGo` is kept whole for further pages: they may come with other selectors.
 */
export function presentList(
  environment: Environment,
  served: ServedResource,
  { single, namespace, name = '', field }: Selection,
  inOneGo = true,
): Snapshot {
  const { store, pages, indexes } = environment;
  if (single) {
    const entry = store.get(keyOf(served, namespace, name));
    return { entries: entry ? [entry] : [], revision: store.revision };
  }
  if (field && inOneGo) return indexes.list(served.collection, namespace, field.path, field.value);
  return pages.now(served.collection, namespace);
}

function takePage(
  entries: readonly Entry[],
  selection: Selection,
  limit: number,
): { entries: readonly Entry[]; more: boolean } {
  if (selection.everything) {
    return entries.length <= limit ? { entries, more: false } : { entries: entries.slice(0, limit), more: true };
  }
  const taken: Entry[] = [];
  for (const entry of entries) {
    if (!selection.takes(entry)) continue;
    if (taken.length === limit) return { entries: taken, more: true };
    taken.push(entry);
  }
  return { entries: taken, more: false };
}

/** `objects` are made when first asked for: who sends the entries' bytes never does. */
function listResult(
  served: ServedResource,
  show: Show,
  entries: readonly Entry[],
  revision: number,
  next: string,
  remainingItemCount?: number,
): ListResult {
  let objects: readonly KubeObject[] | undefined;
  return {
    entries,
    get objects() {
      objects ??= entries.map(show);
      return objects;
    },
    get areEntriesShown() {
      const { forms } = served;
      return forms === undefined ? served.isStoredForm : entries.every((entry) => forms.isShared(entry));
    },
    resourceVersion: String(revision),
    continue: next,
    ...(remainingItemCount !== undefined && { remainingItemCount }),
  };
}
