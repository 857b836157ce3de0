/**
 * A set made to fit its type, where the type has changed since the set was written: who owned something inside what is
 * atomic now owns the whole. From atomic to granular nothing needs to be done.
 */
import { formOf, type ListAtom, type MapAtom, type TypeAtom } from './atom.ts';
import { FieldSet, FieldSetBuilder } from './field-set.ts';
import type { PathElement } from './path-element.ts';

interface Walk {
  readonly path: PathElement[];
  readonly whole: FieldSetBuilder;
}

/** By type, the sets that fit: a set does not change, and one is read again with every write to the object. */
const fitting = new WeakMap<TypeAtom, WeakSet<FieldSet>>();

/** The set itself where nothing changes. */
export function reconcileSet(atom: TypeAtom, set: FieldSet): FieldSet {
  let known = fitting.get(atom);
  if (known === undefined) fitting.set(atom, (known = new WeakSet()));
  if (known.has(set)) return set;
  const reconciled = reconciledSet(atom, set);
  if (reconciled === set) known.add(set);
  return reconciled;
}

function reconciledSet(atom: TypeAtom, set: FieldSet): FieldSet {
  const walk: Walk = { path: [], whole: new FieldSetBuilder() };
  reconcile(walk, atom, set);
  const whole = walk.whole.build();
  return whole.isEmpty ? set : set.recursiveDifference(whole).union(whole);
}

function reconcile(walk: Walk, atom: TypeAtom, set: FieldSet): void {
  switch (formOf(atom)) {
    case 'map':
      return reconcileMap(walk, atom.map as MapAtom, set);
    case 'list':
      return reconcileList(walk, atom.list as ListAtom, set);
    case 'scalar':
  }
}

function reconcileMap(walk: Walk, map: MapAtom, set: FieldSet): void {
  if (map.untyped) return;
  if (map.atomic) return walk.whole.add(walk.path);
  for (const element of set.parents()) {
    const atom = element.kind === 'field' ? map.field(element.name) : undefined;
    if (atom) descend(walk, atom, element, set);
  }
}

function reconcileList(walk: Walk, list: ListAtom, set: FieldSet): void {
  if (list.atomic) return walk.whole.add(walk.path);
  for (const element of set.parents()) descend(walk, list.element, element, set);
}

/** Only where something is owned inside: who owns a field alone owns it whole already. */
function descend(walk: Walk, atom: TypeAtom, element: PathElement, set: FieldSet): void {
  walk.path.push(element);
  reconcile(walk, atom, set.child(element) ?? FieldSet.empty);
  walk.path.pop();
}
