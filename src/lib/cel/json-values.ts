/**
 * JSON as values of expressions, by declared type: integers become `int`, texts of formats times and bytes. Objects and maps are read
 * where an expression reads them, lists one level at a time. JSON that does not fit its type is a fault where it is read.
 */
import { isDeepStrictEqual } from 'node:util';
import { parsedDuration, parsedTimestamp } from './times.ts';
import type { CelListType, CelObjectType, CelType } from './types.ts';
import { CelMap, CelRecord, type CelTimestamp, type CelValue, fault } from './values.ts';

export interface JsonOptions {
  /** Of numbers whose type nobody declared: claims of tokens are always doubles. */
  readonly numbers?: 'double';
}

/** @throws CelFault where the value itself does not fit; what is in it is looked at when it is read */
export function celValue(type: CelType, json: unknown, options?: JsonOptions): CelValue {
  if (json === null || json === undefined) return null;
  if (type.kind === 'object') return isObject(json) ? new JsonRecord(type, json, options) : unfit('object', json);
  if (type.kind === 'list') return Array.isArray(json) ? listOf(type, json, options) : unfit('list', json);
  if (type.kind === 'map') return isObject(json) ? new JsonMap(type.value, json, options) : unfit('map', json);
  if (type.kind === 'int') return integer(json);
  if (type.kind === 'double') return typeof json === 'number' ? json : unfit('double', json);
  if (type.kind === 'bool') return typeof json === 'boolean' ? json : unfit('bool', json);
  const read = ofTexts[type.kind];
  if (read === undefined) return undeclared(json, options);
  return (typeof json === 'string' ? read(json) : undefined) ?? unfit(type.kind, json);
}

/** By kind of the type; undefined: the text is none. */
const ofTexts: Readonly<Partial<Record<CelType['kind'], (text: string) => CelValue | undefined>>> = {
  string: (text) => text,
  bytes: (text) => new Uint8Array(Buffer.from(text, 'base64')),
  timestamp,
  duration: parsedDuration,
};

/** Kubernetes' format `date` has no time. */
function timestamp(text: string): CelTimestamp | undefined {
  return parsedTimestamp(/^\d{4}-\d\d-\d\d$/.test(text) ? `${text}T00:00:00Z` : text);
}

type JsonFields = Readonly<Record<string, unknown>>;

const isObject = (json: unknown): json is JsonFields =>
  typeof json === 'object' && json !== null && !Array.isArray(json);

const expected: Readonly<Record<string, string>> = {
  object: 'a map for the provided schema with type=object',
  map: 'a map for the provided schema with type=object',
  list: 'an array for the provided schema with type=array',
  double: 'float',
};

/** In upstream's words. @throws CelFault always */
function unfit(wanted: string, json: unknown): never {
  const what = expected[wanted];
  const got = what?.includes('schema') ? '' : `, got ${Array.isArray(json) ? 'list' : typeof json}`;
  return fault(`invalid data, expected ${what ?? wanted}${got}`);
}

/** An int of 64 bits is below it, in size. Its neighbour, the largest one, is the same number in JavaScript. */
const int64Limit = 2 ** 63;

const isInt = (json: number): boolean => Number.isInteger(json) && Math.abs(json) <= int64Limit;
const intOf = (json: number): bigint => (json === int64Limit ? 2n ** 63n - 1n : BigInt(json));

function integer(json: unknown): bigint {
  if (typeof json === 'number' && isInt(json)) return intOf(json);
  return typeof json === 'bigint' ? json : unfit('int', json);
}

const dyn: CelType = { kind: 'dyn' };

function undeclared(json: unknown, options: JsonOptions | undefined): CelValue {
  if (typeof json === 'number') return isInt(json) && options?.numbers !== 'double' ? intOf(json) : json;
  if (Array.isArray(json)) return listOf({ kind: 'list', element: dyn }, json, options);
  if (isObject(json)) return new JsonMap(dyn, json, options);
  if (typeof json === 'string' || typeof json === 'boolean' || typeof json === 'bigint') return json;
  return json === null ? null : unfit('JSON', json);
}

interface ListSemantics {
  readonly listType: 'set' | 'map';
  readonly mapKeys: readonly string[];
}

const semantics = new WeakMap<readonly CelValue[], ListSemantics>();

/** Undefined: the order of the list says something. */
export function listSemantics(list: readonly CelValue[]): ListSemantics | undefined {
  return semantics.get(list);
}

export function withSemantics(list: readonly CelValue[], as: ListSemantics): readonly CelValue[] {
  semantics.set(list, as);
  return list;
}

function listOf(type: CelListType, json: readonly unknown[], options: JsonOptions | undefined): readonly CelValue[] {
  const list = json.map((each) => celValue(type.element, each, options));
  if (type.listType !== undefined) semantics.set(list, { listType: type.listType, mapKeys: type.mapKeys ?? [] });
  return list;
}

/** What was made of lists and objects: a loop may read one many times. */
type Made = Map<string, CelValue>;

function kept(made: Made, name: string, make: () => CelValue): CelValue {
  const known = made.get(name);
  if (known !== undefined) return known;
  const value = make();
  made.set(name, value);
  return value;
}

export class JsonRecord extends CelRecord {
  readonly typeName: string;
  readonly #type: CelObjectType;
  readonly #json: JsonFields;
  readonly #options: JsonOptions | undefined;
  #made: Made | undefined;

  constructor(type: CelObjectType, json: JsonFields, options: JsonOptions | undefined) {
    super();
    this.typeName = type.name;
    this.#type = type;
    this.#json = json;
    this.#options = options;
  }

  get(name: string): CelValue | undefined {
    const field = this.#type.fields.get(name);
    if (field === undefined) return undefined;
    const jsonName = field.jsonName ?? name;
    const json = Object.hasOwn(this.#json, jsonName) ? this.#json[jsonName] : undefined;
    // A field that is null is as absent, as upstream has it.
    if (json === undefined || json === null) return undefined;
    if (typeof json !== 'object') return celValue(field.type, json, this.#options);
    return kept((this.#made ??= new Map()), name, () => celValue(field.type, json, this.#options));
  }

  override has(name: string): boolean {
    const field = this.#type.fields.get(name);
    if (field === undefined) return false;
    const jsonName = field.jsonName ?? name;
    return Object.hasOwn(this.#json, jsonName) && this.#json[jsonName] !== undefined && this.#json[jsonName] !== null;
  }

  override get celSize(): number {
    return Object.keys(this.#json).length;
  }

  /** Expressions cannot see what the type does not name, but equal records have the same of it. */
  sameUndeclared(other: JsonRecord): boolean {
    const [own, others] = [this.#undeclared(), other.#undeclared()];
    const names = Object.keys(own);
    if (names.length !== Object.keys(others).length) return false;
    return names.every((name) => Object.hasOwn(others, name) && isDeepStrictEqual(own[name], others[name]));
  }

  #undeclared(): JsonFields {
    const declared = new Set<string>();
    for (const [name, { jsonName }] of this.#type.fields) declared.add(jsonName ?? name);
    return Object.fromEntries(Object.entries(this.#json).filter(([name]) => !declared.has(name)));
  }

  /** Those that are set, as the expression calls them. */
  *fieldNames(): Iterable<string> {
    for (const name of this.#type.fields.keys()) if (this.has(name)) yield name;
  }
}

class JsonMap extends CelMap {
  readonly #type: CelType;
  readonly #json: JsonFields;
  readonly #options: JsonOptions | undefined;
  #keys: readonly string[] | undefined;
  #made: Made | undefined;

  constructor(type: CelType, json: JsonFields, options: JsonOptions | undefined) {
    super();
    this.#type = type;
    this.#json = json;
    this.#options = options;
  }

  get size(): number {
    return this.keys().length;
  }

  keys(): readonly string[] {
    this.#keys ??= Object.keys(this.#json).filter((key) => this.#json[key] !== undefined);
    return this.#keys;
  }

  get(key: CelValue): CelValue | undefined {
    if (typeof key !== 'string' || !this.has(key)) return undefined;
    const json = this.#json[key];
    if (typeof json !== 'object' || json === null) return celValue(this.#type, json, this.#options);
    return kept((this.#made ??= new Map()), key, () => celValue(this.#type, json, this.#options));
  }

  override has(key: CelValue): boolean {
    return typeof key === 'string' && Object.hasOwn(this.#json, key) && this.#json[key] !== undefined;
  }
}
