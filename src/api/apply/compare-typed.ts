/** How two values of one type differ, as sets of fields. Stops at leaves: what has one owner changes as a whole. */
import type { JsonArray, JsonObject, JsonValue } from '../object.ts';
import { deepEqual, getKey, isObject } from '../patch/json-tree.ts';
import { atomFor, formOf, type ListAtom, type MapAtom, type TypeAtom } from './atom.ts';
import { type FieldSet, FieldSetBuilder } from './field-set.ts';
import { itemsByKey } from './list-items.ts';
import { fieldElement, type PathElement } from './path-element.ts';

/** No field is in two of them. */
export interface Comparison {
  readonly removed: FieldSet;
  readonly modified: FieldSet;
  readonly added: FieldSet;
}

interface Walk {
  readonly path: PathElement[];
  readonly removed: FieldSetBuilder;
  readonly modified: FieldSetBuilder;
  readonly added: FieldSetBuilder;
}

/** Undefined is absent; null is a value. */
type Side = JsonValue | undefined;

/** @throws TypedError */
export function compareTyped(atom: TypeAtom, left: JsonValue, right: JsonValue): Comparison {
  const walk: Walk = {
    path: [],
    removed: new FieldSetBuilder(),
    modified: new FieldSetBuilder(),
    added: new FieldSetBuilder(),
  };
  compare(walk, atom, left, right);
  return { removed: walk.removed.build(), modified: walk.modified.build(), added: walk.added.build() };
}

function compare(walk: Walk, declared: TypeAtom, left: Side, right: Side): void {
  // Objects come out of the store frozen and shared: most of an update is the same object still.
  if (left === right) return;
  const atomLeft = atomFor(declared, left);
  const atomRight = atomFor(declared, right);
  const isOneForm = left === undefined || right === undefined || sameForms(atomLeft, atomRight);
  if (!isOneForm) compareAs(walk, atomLeft, left, right);
  const isLeaf = compareAs(walk, right === undefined ? atomLeft : atomRight, left, right);
  if (isLeaf) return;
  if (left === undefined) walk.added.add(walk.path);
  else if (right === undefined) walk.removed.add(walk.path);
}

const sameForms = (a: TypeAtom, b: TypeAtom): boolean => a.map === b.map && a.list === b.list && a.scalar === b.scalar;

/** True where the value was compared as a whole. */
function compareAs(walk: Walk, atom: TypeAtom, left: Side, right: Side): boolean {
  switch (formOf(atom)) {
    case 'map':
      return compareMaps(walk, atom.map as MapAtom, left, right);
    case 'list':
      return compareLists(walk, atom.list as ListAtom, left, right);
    case 'scalar':
      return compareLeaf(walk, left, right);
  }
}

function compareLeaf({ path, added, removed, modified }: Walk, left: Side, right: Side): true {
  if (left === undefined) added.add(path);
  else if (right === undefined) removed.add(path);
  else if (!deepEqual(left, right)) modified.add(path);
  return true;
}

const entriesOf = (side: Side): JsonObject | undefined => (isObject(side) ? side : undefined);
const itemsOf = (side: Side): JsonArray | undefined => (Array.isArray(side) ? side : undefined);

/** Where both are empty or null they are leaves, which tells the two apart. */
function compareMaps(walk: Walk, map: MapAtom, leftSide: Side, rightSide: Side): boolean {
  const left = entriesOf(leftSide);
  const right = entriesOf(rightSide);
  if (map.atomic || (isBare(map, left) && isBare(map, right))) return compareLeaf(walk, leftSide, rightSide);
  // Each name once, without a set to say so: this runs for every struct of every write.
  if (left) for (const name of Object.keys(left)) compareField(walk, map, name, left, right);
  if (right) for (const name of Object.keys(right)) if (!has(left, name)) compareField(walk, map, name, left, right);
  for (const name of map.nulls) if (!has(left, name) && !has(right, name)) compareField(walk, map, name, left, right);
  return false;
}

const has = (side: JsonObject | undefined, name: string): boolean => side !== undefined && Object.hasOwn(side, name);

/** Without any field, not even one that upstream has as null. */
function isBare({ nulls }: MapAtom, side: JsonObject | undefined): boolean {
  if (side === undefined) return true;
  for (const _name in side) return false;
  return nulls.length === 0;
}

function compareField(
  walk: Walk,
  map: MapAtom,
  name: string,
  leftSide: JsonObject | undefined,
  rightSide: JsonObject | undefined,
): void {
  const left = fieldOf(map, leftSide, name);
  const right = fieldOf(map, rightSide, name);
  const atom = left === right ? undefined : map.field(name);
  if (!atom) return;
  walk.path.push(fieldElement(name));
  compare(walk, atom, left, right);
  walk.path.pop();
}

function fieldOf(map: MapAtom, side: JsonObject | undefined, name: string): Side {
  const value = side && getKey(side, name);
  return value === undefined && side && map.nulls.includes(name) ? null : value;
}

function compareLists(walk: Walk, list: ListAtom, leftSide: Side, rightSide: Side): boolean {
  const left = itemsOf(leftSide) ?? [];
  const right = itemsOf(rightSide) ?? [];
  if (list.atomic || left.length + right.length === 0) return compareLeaf(walk, leftSide, rightSide);
  // To find the items by their keys costs ten times as much, and most lists of an object that changes stay as they were.
  if (left.length === right.length && deepEqual(left, right)) return false;
  const lefts = itemsByKey(list, left);
  const rights = itemsByKey(list, right);
  for (const [key, { element, items }] of lefts) {
    compareItems(walk, list, element, items, rights.get(key)?.items ?? []);
  }
  for (const [key, { element, items }] of rights) {
    if (!lefts.has(key)) compareItems(walk, list, element, [], items);
  }
  return false;
}

/** Duplicates are one atomic thing, which appears and goes as such. */
function compareItems(walk: Walk, list: ListAtom, element: PathElement, left: JsonArray, right: JsonArray): void {
  walk.path.push(element);
  if (left.length <= 1 && right.length <= 1) compare(walk, list.element, left[0], right[0]);
  else if (left.length > 1 && right.length > 1) {
    if (!deepEqual(left, right)) walk.modified.add(walk.path);
  } else if (left.length > 1) {
    if (right.length > 0) compare(walk, list.element, undefined, right[0]);
    walk.removed.add(walk.path);
  } else {
    if (left.length > 0) compare(walk, list.element, left[0], undefined);
    walk.added.add(walk.path);
  }
  walk.path.pop();
}
