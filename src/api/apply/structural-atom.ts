/**
 * How server-side apply sees a structural schema, by the rules by which upstream turns the OpenAPI of a CustomResourceDefinition into
 * structured-merge-diff's schema. Made where somebody comes to it, once for each node.
 *
 * Where unknown fields stay, they stay all the way down, as upstream has it: below such a node no field is undeclared.
 */
import type { JsonValue } from '../object.ts';
import { objectFieldNames } from '../structural/message-type.ts';
import type { Structural } from '../structural/structural.ts';
import type { ListAtom, MapAtom, ScalarForm, TypeAtom } from './atom.ts';

/** What does not hang on the schema. */
export interface SharedAtoms {
  /** JSON whose maps are granular. */
  readonly deduced: TypeAtom;
  /** JSON with one owner. */
  readonly untypedAtomic: TypeAtom;
  metadata(): TypeAtom;
}

const text: TypeAtom = { scalar: 'string' };

/** One for each of both cases: unknown fields stay, or they do not. */
const known = { keeping: new WeakMap<Structural, TypeAtom>(), strict: new WeakMap<Structural, TypeAtom>() };

/** A whole object; of undefined, any fields. */
export function declaredAtom(structural: Structural | undefined, shared: SharedAtoms): TypeAtom {
  const map = structural === undefined ? shared.deduced.map : mapOf(structural, shared, false);
  return { map: asObject(map as MapAtom, shared) };
}

/** With what every object has, whatever the schema says of it. */
function asObject(map: MapAtom, shared: SharedAtoms): MapAtom {
  return {
    ...map,
    declares: (name) => objectFieldNames.has(name) || map.declares(name),
    field: (name) => (name === 'metadata' ? shared.metadata() : objectFieldNames.has(name) ? text : map.field(name)),
  };
}

function atomOf(structural: Structural, shared: SharedAtoms, keepsAbove: boolean): TypeAtom {
  const keeps = keepsAbove || structural.preserveUnknown;
  const atoms = keeps ? known.keeping : known.strict;
  let atom = atoms.get(structural);
  if (atom === undefined) atoms.set(structural, (atom = make(structural, shared, keeps)));
  return atom;
}

function make(structural: Structural, shared: SharedAtoms, keeps: boolean): TypeAtom {
  switch (structural.type) {
    case 'object':
      return { map: embedded(structural, shared, keeps) };
    case 'array':
      return { list: listOf(structural, shared, keeps) };
    case 'string':
      return { scalar: stringForm(structural.source.format ?? '') };
    case 'boolean':
      return { scalar: 'boolean' };
    case 'integer':
    case 'number':
      return { scalar: 'numeric' };
    case '':
      return {
        scalar: 'untyped',
        list: listOf(structural, shared, keeps),
        map: embedded(structural, shared, keeps),
      };
  }
}

/** A text of a form of its own is any scalar, as upstream. */
const stringForm = (format: string): ScalarForm => (format === '' || format === 'byte' ? 'string' : 'untyped');

function embedded(structural: Structural, shared: SharedAtoms, keeps: boolean): MapAtom {
  const map = mapOf(structural, shared, keeps);
  return structural.embeddedResource ? asObject(map, shared) : map;
}

function mapOf(structural: Structural, shared: SharedAtoms, keepsAbove: boolean): MapAtom {
  const { properties, mapType } = structural;
  const keeps = keepsAbove || structural.preserveUnknown;
  const others = otherFields(structural, shared, keeps);
  return {
    atomic: mapType === 'atomic',
    declares: (name) => properties.has(name),
    field: (name) => {
      const property = properties.get(name);
      return property === undefined ? others() : atomOf(property, shared, keeps);
    },
    default: (name): JsonValue | undefined => properties.get(name)?.default,
    untyped: properties.size === 0 && others() === shared.deduced,
    nulls: [],
    emptyNulls: [],
    hasNulls: false,
  };
}

/** Of fields without a name of their own. An object of which nothing is said at all has any. */
function otherFields(structural: Structural, shared: SharedAtoms, keeps: boolean): () => TypeAtom | undefined {
  const { properties, additionalProperties, source } = structural;
  if (additionalProperties === undefined) {
    const atom = keeps || properties.size === 0 ? shared.deduced : undefined;
    return () => atom;
  }
  if (additionalProperties !== true) return () => atomOf(additionalProperties, shared, keeps);
  return () => (source.additionalProperties === false ? undefined : shared.deduced);
}

function listOf(structural: Structural, shared: SharedAtoms, keeps: boolean): ListAtom {
  const { listType, listMapKeys, items } = structural;
  return {
    atomic: listType === 'atomic',
    keys: listType === 'map' ? listMapKeys : [],
    get element(): TypeAtom {
      return items === undefined ? shared.untypedAtomic : atomOf(items, shared, keeps);
    },
  };
}
