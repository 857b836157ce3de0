/**
 * How server-side apply sees a type: what of it has one owner and what many. Made from the schema's tables, lazily, once
 * for each field; the rules are those by which upstream turns its OpenAPI into structured-merge-diff's schema.
 *
 * A type is a scalar, a list or a map (structs are maps with declared fields); untyped JSON is all three at once, and the
 * value at hand decides.
 */
import type { JsonValue } from '../object.ts';
import type { Field, MessageType, Type } from '../schema/schema.ts';
import { zeroValue } from '../schema/zero.ts';
import { objectMetaType } from '../structural/message-type.ts';
import { declaredAtom, type SharedAtoms } from './structural-atom.ts';

export type ScalarForm = 'string' | 'boolean' | 'numeric' | 'untyped';

export interface TypeAtom {
  readonly scalar?: ScalarForm;
  readonly list?: ListAtom;
  readonly map?: MapAtom;
}

export interface ListAtom {
  /** One owner for the whole list. Otherwise each item has its own: told apart by `keys`, or by its value in a set. */
  readonly atomic: boolean;
  readonly keys: readonly string[];
  readonly element: TypeAtom;
}

export interface MapAtom {
  /** One owner for the whole map or struct. */
  readonly atomic: boolean;
  /** True where the struct declares the field; the keys of a map are not declared. */
  declares(name: string): boolean;
  /** The type at a declared field or, in a map, at any key. Undefined: there is no such field. */
  field(name: string): TypeAtom | undefined;
  /** What stands for the field in a list's key where an item leaves it out. */
  default(name: string): JsonValue | undefined;
  /** Nothing declared, anything allowed. */
  readonly untyped: boolean;
  /** Fields that upstream has as null where they are absent: times and raw objects without `omitempty`, pointers. */
  readonly nulls: readonly string[];
  /** Lists and maps without `omitempty`: empty here, and null upstream, where storage keeps no empty ones. */
  readonly emptyNulls: readonly string[];
  /** May there be any of the two in it, or below? False is sure. */
  readonly hasNulls: boolean;
}

/** Untyped JSON that has one owner whatever it is. */
const untypedAtomic: TypeAtom = {
  scalar: 'untyped',
  list: {
    atomic: true,
    keys: [],
    get element(): TypeAtom {
      return untypedAtomic;
    },
  },
  map: {
    atomic: true,
    declares: () => false,
    field: () => untypedAtomic,
    default: () => undefined,
    untyped: false,
    nulls: [],
    emptyNulls: [],
    hasNulls: false,
  },
};

/** Untyped JSON whose maps are granular, and whose lists are atomic. */
const deduced: TypeAtom = {
  scalar: 'untyped',
  list: { atomic: true, keys: [], element: untypedAtomic },
  map: {
    atomic: false,
    declares: () => false,
    field: () => deduced,
    default: () => undefined,
    untyped: true,
    nulls: [],
    emptyNulls: [],
    hasNulls: false,
  },
};

const scalarForms: Readonly<Record<string, ScalarForm>> = { string: 'string', bytes: 'string', boolean: 'boolean' };

const messages = new WeakMap<MessageType, TypeAtom>();
const fields = new WeakMap<Field, TypeAtom>();

/** A struct. One for the process for each type. */
export function messageAtom(message: MessageType): TypeAtom {
  let atom = messages.get(message);
  if (!atom) messages.set(message, (atom = makeMessageAtom(message)));
  return atom;
}

const shared: SharedAtoms = { deduced, untypedAtomic, metadata: () => messageAtom(objectMetaType()) };

function makeMessageAtom(message: MessageType): TypeAtom {
  const { declared } = message;
  return declared ? declaredAtom(declared.structural, shared) : { map: structOf(message, false) };
}

function structOf(message: MessageType, atomic: boolean): MapAtom {
  const { fieldsByName } = message;
  const open = fieldsByName.size === 0;
  return {
    atomic,
    declares: (name) => fieldsByName.has(name),
    field: (name) => {
      const field = fieldsByName.get(name);
      return field ? fieldAtom(field) : open ? deduced : undefined;
    },
    default: (name) => keyDefault(fieldsByName.get(name)),
    untyped: open,
    nulls: [...fieldsByName.values()].filter(isNullWhenAbsent).map(({ name }) => name),
    emptyNulls: [...fieldsByName.values()].filter(isNullWhenEmpty).map(({ name }) => name),
    get hasNulls() {
      return messageHasNulls(message);
    },
  };
}

const nullsKnown = new WeakMap<MessageType, boolean>();

function messageHasNulls(message: MessageType): boolean {
  const known = nullsKnown.get(message);
  if (known !== undefined) return known;
  // A type within itself: true is never wrong.
  nullsKnown.set(message, true);
  const found = [...message.fieldsByName.values()].some(
    (field) => isNullWhenAbsent(field) || isNullWhenEmpty(field) || typeHasNulls(field.type),
  );
  nullsKnown.set(message, found);
  return found;
}

function typeHasNulls(type: Type): boolean {
  if (type.kind === 'list') return typeHasNulls(type.element);
  if (type.kind === 'map') return typeHasNulls(type.value);
  return type.kind === 'message' && messageHasNulls(type.message);
}

const isNullWhenEmpty = ({ alwaysEncoded, type }: Field): boolean =>
  alwaysEncoded && (type.kind === 'list' || type.kind === 'map');

const isNullWhenAbsent = ({ alwaysEncoded, pointer, type }: Field): boolean =>
  alwaysEncoded && (pointer || zeroValue(type) === undefined);

/** Untyped JSON has none. */
export function atomHasNulls({ scalar, map, list }: TypeAtom): boolean {
  if (scalar === 'untyped') return false;
  return (map?.hasNulls ?? false) || (list !== undefined && atomHasNulls(list.element));
}

function mapOf(element: TypeAtom, atomic: boolean): MapAtom {
  return {
    atomic,
    declares: () => false,
    field: () => element,
    default: () => undefined,
    untyped: element === deduced,
    nulls: [],
    emptyNulls: [],
    get hasNulls() {
      return atomHasNulls(element);
    },
  };
}

/** Upstream's OpenAPI carries a zero as default for what is always encoded and is no pointer. */
function keyDefault(field: Field | undefined): JsonValue | undefined {
  if (!field) return undefined;
  if (field.default !== undefined) return field.default as JsonValue;
  return field.alwaysEncoded && !field.pointer && field.type.kind === 'scalar' ? zeroValue(field.type) : undefined;
}

function fieldAtom(field: Field): TypeAtom {
  let atom = fields.get(field);
  if (!atom) fields.set(field, (atom = makeFieldAtom(field)));
  return atom;
}

function makeFieldAtom(field: Field): TypeAtom {
  const { type } = field;
  switch (type.kind) {
    case 'list':
      return { list: { ...listKind(field), element: elementAtom(field, type.element) } };
    case 'map':
      return { map: mapOf(typeAtom(type.value), field.atomic === true) };
    case 'message':
      return field.atomic ? { map: structOf(type.message, true) } : messageAtom(type.message);
    case 'scalar':
    case 'special':
      return typeAtom(type);
  }
}

const elementAtom = ({ atomic = false }: Field, element: Type): TypeAtom =>
  atomic && element.kind === 'message' ? { map: structOf(element.message, true) } : typeAtom(element);

/** Where no list type is declared, the patch strategy tells. */
function listKind({ listType, listMapKeys, patchStrategy, patchMergeKey }: Field): Pick<ListAtom, 'atomic' | 'keys'> {
  if (listType !== undefined) return { atomic: listType === 'atomic', keys: (listType === 'map' && listMapKeys) || [] };
  if (!patchStrategy?.includes('merge')) return { atomic: true, keys: [] };
  return { atomic: false, keys: patchMergeKey === undefined ? [] : [patchMergeKey] };
}

/** A type that stands alone, as the element of a list or map. */
function typeAtom(type: Type): TypeAtom {
  switch (type.kind) {
    case 'scalar':
      return { scalar: scalarForms[type.scalar] ?? 'numeric' };
    case 'message':
      return messageAtom(type.message);
    case 'list':
      return { list: { atomic: true, keys: [], element: typeAtom(type.element) } };
    case 'map':
      return { map: mapOf(typeAtom(type.value), false) };
    case 'special':
      return specialAtom(type.form);
  }
}

function specialAtom(form: (Type & { kind: 'special' })['form']): TypeAtom {
  switch (form) {
    case 'duration':
      return { scalar: 'string' };
    case 'quantity':
    case 'int-or-string':
    case 'time':
    case 'micro-time':
      return { scalar: 'untyped' };
    case 'raw-extension':
      return untypedAtomic;
    case 'fields-v1':
      return { map: deduced.map as MapAtom };
    case 'json':
      return deduced;
  }
}

/** The one form of an atom that fits the value; the atom as it is where none does, or where null could be any. */
export function atomFor(atom: TypeAtom, value: JsonValue | undefined): TypeAtom {
  if (value === undefined || value === null) return atom;
  if (typeof value !== 'object') return atom.scalar && (atom.list ?? atom.map) ? { scalar: atom.scalar } : atom;
  if (Array.isArray(value)) return atom.list && (atom.scalar ?? atom.map) ? { list: atom.list } : atom;
  return atom.map && (atom.scalar ?? atom.list) ? { map: atom.map } : atom;
}

/** Which form decides: maps before scalars before lists. */
export type AtomForm = 'map' | 'scalar' | 'list';

export const formOf = (atom: TypeAtom): AtomForm => (atom.map ? 'map' : atom.scalar ? 'scalar' : 'list');
