/**
 * The rules of ownership (structured-merge-diff's updater): what a change does to everybody's sets, and what goes from an
 * object when its applier leaves it out.
 *
 * A manager's set speaks of the object in the version in which the manager wrote. So each step looks at the object in the
 * version of the set at hand; a manager whose version is not served any more is dropped.
 */
import type { JsonObject } from '../object.ts';
import type { MessageType } from '../schema/schema.ts';
import { messageAtom, type TypeAtom } from './atom.ts';
import { compareTyped } from './compare-typed.ts';
import { ConflictsError } from './conflict.ts';
import { FieldSet } from './field-set.ts';
import { type Managed, type ManagerIdentity, type Managers, managerKey } from './managed-fields.ts';
import { mergeTyped } from './merge-typed.ts';
import { reconcileSet } from './reconcile-set.ts';
import { removeItems } from './remove-items.ts';
import { toFieldSet } from './typed-to-set.ts';

/** The object as one version has it. */
export interface Versioned {
  readonly apiVersion: string;
  readonly type: MessageType;
  readonly value: JsonObject;
}

export interface Rules {
  /** Undefined where the version is not served. */
  readonly convert: (object: Versioned, apiVersion: string) => Versioned | undefined;
  /** Of the fields that a request changes, those that its manager comes to own. */
  readonly ownable: (set: FieldSet) => FieldSet;
}

/** What the server alone sets, and what names the object. */
const metaFields = FieldSet.of([
  'apiVersion',
  'kind',
  'metadata',
  'metadata.name',
  'metadata.namespace',
  'metadata.creationTimestamp',
  'metadata.selfLink',
  'metadata.uid',
  'metadata.clusterName',
  'metadata.generation',
  'metadata.managedFields',
  'metadata.resourceVersion',
]);

const withoutMeta = (set: FieldSet): FieldSet => set.difference(metaFields);

const atomOf = (object: Versioned): TypeAtom => messageAtom(object.type);
const setOf = (object: Versioned): FieldSet => toFieldSet(atomOf(object), object.value);

function convert(rules: Rules, object: Versioned, apiVersion: string): Versioned | undefined {
  return object.apiVersion === apiVersion ? object : rules.convert(object, apiVersion);
}

function remove(object: Versioned, items: FieldSet): Versioned {
  const value = removeItems(atomOf(object), object.value, items);
  return value === object.value ? object : { ...object, value: (value ?? {}) as JsonObject };
}

/** Sets written under an older schema made to fit; managers of versions that are gone, gone. */
function reconcileManagers(rules: Rules, live: Versioned, managers: Managers): Map<string, Managed> {
  const types = new Map<string, TypeAtom | undefined>();
  const reconciled = new Map<string, Managed>();
  for (const [key, managed] of managers) {
    const { apiVersion } = managed;
    if (!types.has(apiVersion)) {
      const object = convert(rules, live, apiVersion);
      types.set(apiVersion, object && atomOf(object));
    }
    const atom = types.get(apiVersion);
    if (!atom) continue;
    const set = reconcileSet(atom, managed.set);
    reconciled.set(key, set === managed.set ? managed : { ...managed, set });
  }
  return reconciled;
}

interface Change {
  /** Added or modified: whoever did it owns it from now on. */
  readonly taken: FieldSet;
  readonly removed: FieldSet;
}

/** How the object changed, in each version in which somebody owns some of it. */
class Changes {
  readonly #rules: Rules;
  readonly #before: Versioned;
  readonly #after: Versioned;
  readonly #byVersion = new Map<string, Change | undefined>();

  constructor(rules: Rules, before: Versioned, after: Versioned) {
    this.#rules = rules;
    this.#before = before;
    this.#after = after;
  }

  in(apiVersion: string): Change | undefined {
    if (!this.#byVersion.has(apiVersion)) this.#byVersion.set(apiVersion, this.#compare(apiVersion));
    return this.#byVersion.get(apiVersion);
  }

  #compare(apiVersion: string): Change | undefined {
    const before = convert(this.#rules, this.#before, apiVersion);
    const after = before && convert(this.#rules, this.#after, apiVersion);
    if (!after) return undefined;
    const { removed, modified, added } = compareTyped(atomOf(after), before.value, after.value);
    const { ownable } = this.#rules;
    return { taken: ownable(modified.union(added)), removed: ownable(removed) };
  }
}

/**
 * Who changes a field takes it from everybody else; what is removed nobody owns.
 * @throws ConflictsError unless `force`, where another owns what changed
 */
function takeFromOthers(managers: Managers, changes: Changes, self: string, force: boolean): Map<string, Managed> {
  const kept = new Map<string, Managed>();
  const conflicts: [Managed, FieldSet][] = [];
  for (const [key, managed] of managers) {
    if (key === self) {
      if (!managed.set.isEmpty) kept.set(key, managed);
      continue;
    }
    const change = changes.in(managed.apiVersion);
    if (!change) continue;
    const taken = managed.set.intersection(change.taken);
    if (!taken.isEmpty) conflicts.push([managed, taken]);
    const set = managed.set.difference(taken).difference(change.removed);
    if (!set.isEmpty) kept.set(key, set === managed.set ? managed : { ...managed, set });
  }
  if (!force && conflicts.length > 0) throw ConflictsError.of(conflicts);
  return kept;
}

/** The key under which the request's own changes stand until they join the manager's. */
const currentOperation = 'current-operation';

/**
 * After a create, update or patch. `taken` is what the request added or modified: the manager's own from now on.
 * @throws TypedError
 */
export function updateOwnership(
  rules: Rules,
  live: Versioned,
  next: Versioned,
  managers: Managers,
): { readonly managers: Map<string, Managed>; readonly taken: FieldSet } {
  const reconciled = reconcileManagers(rules, live, managers);
  const changes = new Changes(rules, live, next);
  const kept = takeFromOthers(reconciled, changes, currentOperation, true);
  return { managers: kept, taken: withoutMeta(changes.in(next.apiVersion)?.taken ?? FieldSet.empty) };
}

/**
 * After an apply: the merged object and everybody's sets.
 * @throws TypedError, ConflictsError
 */
export function applyOwnership(
  rules: Rules,
  live: Versioned,
  applied: Versioned,
  managers: Managers,
  applier: ManagerIdentity,
  force: boolean,
): { readonly object: Versioned; readonly managers: Map<string, Managed> } {
  const self = managerKey(applier);
  const reconciled = reconcileManagers(rules, live, managers);
  const value = mergeTyped(atomOf(live), live.value, applied.value) as JsonObject;
  const merged = value === live.value ? live : { ...live, value };
  const last = reconciled.get(self);
  // Names and what the server sets count until the end: they keep the metadata from being pruned.
  const set = rules.ownable(setOf(applied));
  reconciled.set(self, { ...last, ...applier, set });
  const leavesOut = last && !(last.apiVersion === applied.apiVersion && last.set.difference(set).isEmpty);
  const object = leavesOut ? prune(rules, merged, reconciled, last) : merged;
  const kept = takeFromOthers(reconciled, new Changes(rules, live, object), self, force);
  keepOwn(kept, self, last);
  return { object, managers: kept };
}

/** The applier's set as it is written. Where it is as it was read, it is the one that was read, and its entry stays. */
function keepOwn(managers: Map<string, Managed>, self: string, last: Managed | undefined): void {
  const own = managers.get(self);
  if (!own) return;
  const set = withoutMeta(own.set);
  if (set.isEmpty) managers.delete(self);
  else managers.set(self, { ...own, set: last?.set.equals(set) ? last.set : set });
}

/** Takes away what the applier applied last time and does not apply now, unless somebody else owns it. */
function prune(rules: Rules, merged: Versioned, managers: Managers, last: Managed): Versioned {
  const before = convert(rules, merged, last.apiVersion);
  if (!before) return merged;
  const lastSet = last.set.withNamedFields(atomOf(before));
  const bare = remove(before, lastSet);
  const owned = addBackOwned(rules, before, bare, managers);
  const pruned = addBackDangling(rules, before, owned, lastSet, last.apiVersion);
  return pruned === before ? merged : (convert(rules, pruned, merged.apiVersion) ?? merged);
}

/** What others (or the applier, still) own comes back; in the version pruned first, for conversion may need it. */
function addBackOwned(rules: Rules, merged: Versioned, pruned: Versioned, managers: Managers): Versioned {
  const sets = new Map<string, FieldSet>();
  for (const { apiVersion, set } of managers.values()) {
    sets.set(apiVersion, (sets.get(apiVersion) ?? FieldSet.empty).union(set));
  }
  const versions = [merged.apiVersion, ...[...sets.keys()].filter((version) => version !== merged.apiVersion)];
  let current = { merged, pruned };
  for (const version of versions) {
    const owned = sets.get(version);
    if (owned) current = addBackOwnedIn(rules, version, current, owned);
  }
  return current.pruned;
}

interface Pair {
  readonly merged: Versioned;
  readonly pruned: Versioned;
}

function addBackOwnedIn(rules: Rules, version: string, pair: Pair, owned: FieldSet): Pair {
  const merged = convert(rules, pair.merged, version);
  const pruned = merged && convert(rules, pair.pruned, version);
  if (!pruned) return pair;
  const atom = atomOf(merged);
  const keep = setOf(pruned).withNamedFields(atom).union(owned.withNamedFields(atom));
  return { merged, pruned: remove(merged, setOf(merged).withNamedFields(atom).difference(keep)) };
}

/** Nothing goes but what the applier owned: what nobody owns, and what pruning took along, comes back. */
function addBackDangling(
  rules: Rules,
  merged: Versioned,
  pruned: Versioned,
  lastSet: FieldSet,
  lastVersion: string,
): Versioned {
  const converted = convert(rules, pruned, lastVersion);
  if (!converted) return merged;
  const atom = atomOf(merged);
  const prunedSet = setOf(converted).withNamedFields(atom);
  const mergedSet = setOf(merged).withNamedFields(atom);
  return remove(merged, mergedSet.difference(prunedSet).intersection(lastSet));
}
