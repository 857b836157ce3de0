/** Lists: what the selection takes of one moment, in pages where the client wants them. */
import type { KubeObject } from '../api/object.ts';
import { hasReason } from '../api/status-error.ts';
import type { Entry, Snapshot } from '../store/store.ts';
import type { Environment } from './environment.ts';
import { ContinueExpired, type ContinueToken, decodeContinue, encodeContinue, entriesAfter } from './paging.ts';
import type { ListOptions, ListResult, RequestTarget } from './request.ts';
import { checkNotAhead, continueWithVersion, parseResourceVersion } from './resource-version.ts';
import { type Selection, selectionOf } from './selection.ts';
import { keyOf, type ServedResource, shown } from './served-resource.ts';

/** @throws StatusError BadRequest, Expired, Timeout */
export function listObjects(environment: Environment, target: RequestTarget, options: ListOptions): ListResult {
  const served = environment.served.of(target.resource);
  const selection = selectionOf(served, target, options);
  const token = options.continue ? decodeContinue(options.continue) : undefined;
  const snapshot = snapshotFor(environment, served, selection, options, token);
  const rest = token ? entriesAfter(snapshot.entries, token.after) : snapshot.entries;
  const limit = options.limit && options.limit > 0 ? options.limit : Infinity;
  const page = takePage(rest, selection, limit);
  const last = page.entries.at(-1);
  if (!page.more || last === undefined) return listResult(served, page.entries, snapshot.revision, '');
  environment.pages.keep(served.collection, selection.namespace, snapshot);
  const next = encodeContinue({ revision: snapshot.revision, after: last.key });
  const remaining = selection.everything ? { remainingItemCount: rest.length - page.entries.length } : {};
  return { ...listResult(served, page.entries, snapshot.revision, next), ...remaining };
}

function snapshotFor(
  environment: Environment,
  served: ServedResource,
  selection: Selection,
  options: ListOptions,
  token: ContinueToken | undefined,
): Snapshot {
  const { store, pages } = environment;
  const { collection } = served;
  const { namespace } = selection;
  const version = parseResourceVersion(options.resourceVersion);
  if (token) {
    if (version) throw continueWithVersion();
    return token.revision === 0 ? pages.now(collection, namespace) : pastPage(environment, served, selection, token);
  }
  checkNotAhead(version, store.revision);
  if (options.resourceVersionMatch === 'Exact' && version) return pages.at(collection, namespace, version);
  if (selection.name !== undefined && namespace === '' && served.info.namespaced)
    return pages.now(collection, namespace);
  return selection.name === undefined ? pages.now(collection, namespace) : oneOf(environment, served, selection);
}

/** A name picks its entry without a walk over the collection. */
function oneOf({ store }: Environment, served: ServedResource, { namespace, name = '' }: Selection): Snapshot {
  const entry = store.get(keyOf(served, namespace, name));
  return { entries: entry ? [entry] : [], revision: store.revision };
}

function pastPage(
  { pages }: Environment,
  served: ServedResource,
  selection: Selection,
  { revision, after }: ContinueToken,
): Snapshot {
  try {
    return pages.at(served.collection, selection.namespace, revision);
  } catch (error) {
    if (hasReason(error, 'Expired')) throw new ContinueExpired(encodeContinue({ revision: 0, after }));
    throw error;
  }
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
    if (!selection.matches(entry.object)) continue;
    if (taken.length === limit) return { entries: taken, more: true };
    taken.push(entry);
  }
  return { entries: taken, more: false };
}

/** `objects` are made when first asked for: who sends the entries' bytes never does. */
function listResult(served: ServedResource, entries: readonly Entry[], revision: number, next: string): ListResult {
  let objects: readonly KubeObject[] | undefined;
  return {
    entries,
    get objects() {
      objects ??= entries.map((entry) => shown(served, entry.object));
      return objects;
    },
    resourceVersion: String(revision),
    continue: next,
  };
}
