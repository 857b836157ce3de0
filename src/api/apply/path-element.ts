/**
 * One step of a field path, as structured-merge-diff has it, and its two texts: the key in a `FieldsV1` object
 * (`f:name`, `k:{"port":80}`, `v:"x"`, `i:3`) and what people read (`.name`, `[port=80]`, `[="x"]`, `[3]`).
 *
 * An element's key is canonical: two elements are equal exactly where their keys are. So sets index by key, and
 * only what has an order (FieldsV1, conflicts) sorts.
 */
import { SharedValues } from '../../lib/shared-values.ts';
import { goQuote } from '../field-error.ts';
import type { JsonObject, JsonValue } from '../object.ts';
import { goFloat, goJson } from './go-text.ts';

/** The pairs of a `k:` element, sorted by name. */
export type KeyPairs = readonly KeyPair[];
type KeyPair = readonly [name: string, value: JsonValue];

export type PathElement =
  | { readonly kind: 'field'; readonly key: string; readonly name: string }
  | { readonly kind: 'key'; readonly key: string; readonly pairs: KeyPairs }
  | { readonly kind: 'value'; readonly key: string; readonly value: JsonValue }
  | { readonly kind: 'index'; readonly key: string; readonly index: number };

export type Path = readonly PathElement[];

/** A FieldsV1 that is none. What it says is upstream's or near it; nobody sees more than "failed to decode". */
export class FieldsError extends Error {
  override name = 'FieldsError';
}

/** A tracked write asks for some hundred: nearly always the same ones, and a known one brings a text whose hash is known, too. */
const fieldElements = new SharedValues<PathElement>(4_096);
const sharedNameLengthMax = 64;

export function fieldElement(name: string): PathElement {
  const known = fieldElements.known(name);
  if (known !== undefined) return known;
  const element: PathElement = { kind: 'field', key: `f:${name}`, name };
  return name.length <= sharedNameLengthMax ? fieldElements.share(name, element) : element;
}

export const valueElement = (value: JsonValue): PathElement => ({ kind: 'value', key: `v:${goJson(value)}`, value });

export const indexElement = (index: number): PathElement => ({ kind: 'index', key: `i:${index}`, index });

export function keyElement(unsorted: KeyPairs): PathElement {
  const pairs = unsorted.length < 2 ? unsorted : unsorted.toSorted(([a], [b]) => compareText(a, b));
  return {
    kind: 'key',
    key: `k:{${pairs.length === 1 ? pairText(pairs[0] as KeyPair) : pairs.map(pairText).join(',')}}`,
    pairs,
  };
}

const pairText = ([name, value]: KeyPair): string => `${goJson(name)}:${goJson(value)}`;

/**
 * The element that a key of a FieldsV1 object stands for; undefined where its kind is unknown: a later version may have it.
 * @throws FieldsError
 */
export function parseElement(key: string): PathElement | undefined {
  if (key.length < 2) throw new FieldsError(`key must be 2 characters long: ${key}`);
  if (key[1] !== ':') throw new FieldsError(`missing colon: ${key}`);
  const rest = key.slice(2);
  switch (key.charAt(0)) {
    case 'f':
      return { kind: 'field', key, name: rest };
    case 'k':
      return keyElement(parsePairs(rest));
    case 'v':
      return valueElement(parseValue(rest));
    case 'i':
      if (!/^[+-]?\d{1,18}$/.test(rest)) throw new FieldsError(`invalid index: ${key}`);
      return indexElement(Number(rest));
    default:
      return undefined;
  }
}

function parsePairs(text: string): KeyPairs {
  const value = parseValue(text);
  if (value === null) return [];
  if (typeof value !== 'object' || Array.isArray(value)) throw new FieldsError(`not an object: ${text}`);
  return Object.entries(value);
}

/** Values in keys are scalars: what nests has no business there, and could nest without end. */
function parseValue(text: string): JsonValue {
  let value: JsonValue;
  try {
    value = JSON.parse(text) as JsonValue;
  } catch {
    throw new FieldsError(`invalid JSON: ${text}`);
  }
  const parts = typeof value === 'object' && value !== null ? Object.values(value) : [];
  if (parts.some((part) => typeof part === 'object' && part !== null)) throw new FieldsError(`not scalar: ${text}`);
  return value;
}

/** `.spec.containers[name="web"].ports[containerPort=80,protocol="TCP"]` */
export const pathText = (path: Path): string => path.map(elementText).join('');

export function elementText(element: PathElement): string {
  switch (element.kind) {
    case 'field':
      return `.${element.name}`;
    case 'key':
      return `[${element.pairs.map(([name, value]) => `${name}=${valueText(value)}`).join(',')}]`;
    case 'value':
      return `[=${valueText(element.value)}]`;
    case 'index':
      return `[${element.index}]`;
  }
}

function valueText(value: JsonValue): string {
  if (typeof value === 'string') return goQuote(value);
  if (typeof value === 'number') return goFloat(value);
  if (Array.isArray(value)) return `[${value.map(valueText).join(',')}]`;
  if (typeof value !== 'object' || value === null) return String(value);
  return Object.entries(value)
    .map(([name, each]) => `${name}=${valueText(each)}`)
    .join('');
}

const kindOrder = { field: 0, key: 1, value: 2, index: 3 } as const;

/** Upstream's order: fields, then keys, values, indices. */
export function compareElements(a: PathElement, b: PathElement): number {
  if (a.kind === 'field' && b.kind === 'field') return compareText(a.name, b.name);
  if (a.kind === 'key' && b.kind === 'key') return comparePairs(a.pairs, b.pairs);
  if (a.kind === 'value' && b.kind === 'value') return compareValues(a.value, b.value);
  if (a.kind === 'index' && b.kind === 'index') return a.index - b.index;
  return kindOrder[a.kind] - kindOrder[b.kind];
}

function comparePairs(a: KeyPairs, b: KeyPairs): number {
  for (const [i, [name, value]] of a.entries()) {
    const other = b[i];
    if (!other) return 1;
    const order = compareText(name, other[0]) || compareValues(value, other[1]);
    if (order !== 0) return order;
  }
  return a.length - b.length;
}

/** Numbers, strings, booleans, lists, maps, null: and within one kind by value. */
function compareValues(a: JsonValue, b: JsonValue): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  if (typeof a === 'string' && typeof b === 'string') return compareText(a, b);
  if (typeof a === 'boolean' && typeof b === 'boolean') return Number(a) - Number(b);
  return valueOrder(a) - valueOrder(b) || compareText(goJson(a), goJson(b));
}

function valueOrder(value: JsonValue): number {
  if (value === null) return 5;
  if (typeof value === 'object') return Array.isArray(value) ? 3 : 4;
  return typeof value === 'number' ? 0 : typeof value === 'string' ? 1 : 2;
}

const surrogate = /[\uD800-\uDFFF]/;

/** The order of UTF-8 bytes, as Go compares; that of UTF-16 is the same but for surrogates. */
export function compareText(a: string, b: string): number {
  if (a === b) return 0;
  if (surrogate.test(a) || surrogate.test(b)) return Buffer.compare(Buffer.from(a), Buffer.from(b));
  return a < b ? -1 : 1;
}

/** What `object` itself holds: never what it inherits, whatever its keys are called. */
export const own = (object: JsonObject, name: string): JsonValue | undefined =>
  Object.hasOwn(object, name) ? object[name] : undefined;
