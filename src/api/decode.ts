/**
 * From a client's JSON to an object of a type: unknown fields are dropped and told, types are checked, values get the one
 * form in which Go would print them again (quantities, times), and null means absent.
 *
 * Names are case-sensitive. The result is new, shares nothing with the input but what is known already (see `decodeObject`), and has
 * its fields in the table's order and its map keys sorted, so that equal objects encode equally. What fails, fails in the words of Go's decoder, which clients
 * see: `json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32`.
 *
 * Defaults are another's duty (`schema-defaults.ts`), and so is Go's rule about empty values (`normalize.ts`).
 */

import { decodeBase64 } from './decode-base64.ts';
import { DecodeError } from './decode-error.ts';
import { checkDepth } from './decode-json.ts';
import { checkDuration, decodeMicroTime, decodeTime } from './decode-time.ts';
import { hasLiterals, inexactError, isInexact, isLargeInt64, keptIntegers, literalOf } from './number-literals.ts';
import type { JsonArray, JsonObject, JsonValue } from './object.ts';
import { setKey } from './patch/json-tree.ts';
import { canonicalQuantity, QuantityError } from './quantity.ts';
import type { Field, MessageType, Scalar, SpecialForm, Type } from './schema/schema.ts';
import { zeroValue } from './schema/zero.ts';
import { StrictErrors } from './strict-errors.ts';
import { Coercion } from './structural/coerce.ts';
import { conformStored, decodeDeclared, readMetadata } from './structural/decode-declared.ts';
import type { Structural } from './structural/structural.ts';

export { DecodeError } from './decode-error.ts';
export { type ParsedDocument, parseJson } from './decode-json.ts';

export interface Decoded {
  readonly object: JsonObject;
  /** Texts for strict field validation: `unknown field "spec.foo"`. */
  readonly unknownFields: string[];
}

/**
 * `known` is an object of this type that was decoded before, and frozen since: parts of `value` that are the very same ones at the
 * same place are taken as they are. Whoever changes one part of an object hands in the others so. `inside` is where the value stands in a
 * larger object, for what is told of unknown fields.
 * @throws DecodeError
 */
export function decodeObject(type: MessageType, value: JsonValue, known?: JsonObject, inside?: string): Decoded {
  if (type.declared !== undefined && isObject(value)) return decodeDeclared(type, value, decodeObject);
  const decoder = new Decoder(hasLiterals(value));
  if (inside !== undefined) decoder.errors.enterField(inside);
  const object = decoder.root(type, value, known);
  return { object, unknownFields: decoder.errors.texts };
}

/** What reading a value by its schema finds. `path` is where it stands; absent: it is a whole object. @throws MalformedField */
export function coerceStrictly(structural: Structural, value: JsonValue, path?: string): Coercion {
  const coercion = new Coercion({
    readMetadata: (metadata, at) => readMetadata(decodeObject, metadata, at),
    ...(path !== undefined && { inside: path }),
  });
  coercion.value(structural, value);
  return coercion;
}

/**
 * A stored object of a custom kind as its present schema has it: itself, where that changes nothing. Frozen parts are shared. What is malformed
 * in objects inside is dropped: it was stored when nobody looked at it.
 */
export function conformed(structural: Structural, stored: JsonObject): JsonObject {
  return conformStored(structural, stored, decodeObject);
}

/** As `conformed`, without defaults: an object that was converted has those of the version that it comes from. */
export function pruned(structural: Structural, converted: JsonObject): JsonObject {
  return conformStored(structural, converted, decodeObject, true);
}

/** A field where it stands in a message's JSON object. */
interface Slot {
  readonly field: Field;
  /** Its place in the table. */
  readonly order: number;
  /** The Go names of the embedded structs on the way, then its JSON name: what Go's errors carry. */
  readonly goPath: readonly string[];
  readonly isText: boolean;
}

const noneKnown: JsonObject = {};

const slotsByMessage = new WeakMap<MessageType, ReadonlyMap<string, Slot>>();

function slotsOf(message: MessageType): ReadonlyMap<string, Slot> {
  let slots = slotsByMessage.get(message);
  if (slots === undefined) {
    slots = new Map(collectSlots(message, []).map((slot, order) => [slot.field.name, { ...slot, order }]));
    slotsByMessage.set(message, slots);
  }
  return slots;
}

function collectSlots(message: MessageType, embedded: readonly string[]): Omit<Slot, 'order'>[] {
  return message.fields.flatMap((field) => {
    if (field.inline && field.type.kind === 'message')
      return collectSlots(field.type.message, [...embedded, field.goName]);
    const isText = field.type.kind === 'scalar' && field.type.scalar === 'string';
    return [{ field, goPath: [...embedded, field.name], isText }];
  });
}

const int32Range = [-(2 ** 31), 2 ** 31 - 1] as const;
function inTableOrder(object: JsonObject, slots: ReadonlyMap<string, Slot>): JsonObject {
  const orderOf = (name: string): number => slots.get(name)?.order ?? 0;
  const names = Object.keys(object).sort((a, b) => orderOf(a) - orderOf(b));
  const sorted: JsonObject = {};
  for (const name of names) sorted[name] = object[name] as JsonValue;
  return sorted;
}

const integerRanges: Partial<Record<Scalar, readonly [number, number]>> = {
  int32: int32Range,
  uint32: [0, 2 ** 32 - 1],
  // Beyond these a JavaScript number is not the number that was written.
  int64: [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
  uint64: [0, Number.MAX_SAFE_INTEGER],
};

class Decoder {
  readonly errors = new StrictErrors();
  /** Of each field on the way; put together where something is wrong. */
  readonly #goPath: (readonly string[])[] = [];
  #goStruct = '';
  #depth = 0;
  /** Within these, upstream's own decoding of the type tells no unknown fields. */
  #quiet = 0;
  readonly #hasLiterals: boolean;
  /** How the number that is being decoded was written, where that matters. */
  #literal: string | undefined;

  constructor(hasLiterals: boolean) {
    this.#hasLiterals = hasLiterals;
  }

  root(type: MessageType, value: JsonValue, known: JsonObject | undefined): JsonObject {
    return this.#message(type, value, known);
  }

  /** Undefined where Go would keep nothing of the value. */
  #value(type: Type, value: JsonValue, known?: JsonValue): JsonValue | undefined {
    if (value === known && typeof value === 'object') return value;
    switch (type.kind) {
      case 'scalar':
        return this.#scalar(type, value);
      case 'message':
        return this.#message(type.message, value, known);
      case 'list':
        return this.#list(type, value, known);
      case 'map':
        return this.#map(type, value);
      case 'special':
        return type.form === 'json' && type.message !== undefined
          ? this.#jsonForm(type.message, value)
          : this.#special(type.form, value);
    }
  }

  #message(message: MessageType, value: JsonValue, knownValue?: JsonValue): JsonObject {
    if (!isObject(value))
      this.#wrongType(value, `${message.goPackage ?? ''}${message.goPackage ? '.' : ''}${message.goName}`);
    checkDepth(++this.#depth);
    const slots = slotsOf(message);
    const known = isObject(knownValue) ? knownValue : noneKnown;
    const object: JsonObject = {};
    // Machines write fields in the table's order.
    let isSorted = true;
    let last = -1;
    for (const name of Object.keys(value)) {
      const slot = slots.get(name);
      if (slot === undefined) {
        if (this.#quiet === 0) this.errors.add('unknown field', name);
        continue;
      }
      this.#enterValue(value, name);
      const decoded = this.#field(message, slot, value[name] as JsonValue, known[name]);
      if (decoded === undefined) continue;
      isSorted &&= slot.order > last;
      last = slot.order;
      object[name] = decoded;
    }
    this.#depth--;
    return isSorted ? object : inTableOrder(object, slots);
  }

  #field(
    message: MessageType,
    { field, goPath, isText }: Slot,
    value: JsonValue,
    known: JsonValue | undefined,
  ): JsonValue | undefined {
    if (value === null || value === undefined) return undefined;
    // Most fields are texts: nothing can be wrong with one, so nobody need know where it stands.
    if (isText && typeof value === 'string') return value.toWellFormed();
    const outerStruct = this.#goStruct;
    this.#goStruct = message.goName;
    this.#goPath.push(goPath);
    this.errors.enterField(field.name);
    const decoded = this.#value(field.type, value, known);
    this.errors.leave();
    this.#goPath.pop();
    this.#goStruct = outerStruct;
    return decoded;
  }

  #list(type: Type & { kind: 'list' }, value: JsonValue, knownValue?: JsonValue): JsonArray {
    if (!Array.isArray(value)) this.#wrongType(value, goTypeOf(type));
    checkDepth(++this.#depth);
    const known = Array.isArray(knownValue) ? knownValue : [];
    const list: JsonArray = [];
    for (const [index, element] of value.entries()) {
      this.errors.enterIndex(index);
      this.#enterValue(value, index);
      list.push(this.#element(type.element, element, known[index]));
      this.errors.leave();
    }
    this.#depth--;
    return list;
  }

  #map(type: Type & { kind: 'map' }, value: JsonValue): JsonObject {
    if (!isObject(value)) this.#wrongType(value, goTypeOf(type));
    checkDepth(++this.#depth);
    const map: JsonObject = {};
    for (const name of Object.keys(value).sort()) {
      this.errors.enterField(name);
      this.#enterValue(value, name);
      setKey(map, name, this.#element(type.value, value[name] as JsonValue));
      this.errors.leave();
    }
    this.#depth--;
    return map;
  }

  #enterValue(holder: JsonArray | JsonObject, key: string | number): void {
    if (this.#hasLiterals) this.#literal = literalOf(holder, key);
  }

  /** In a list or a map, null stands for the zero value: there is no leaving it out. */
  #element(type: Type, value: JsonValue, known?: JsonValue): JsonValue {
    const decoded = value === null || value === undefined ? undefined : this.#value(type, value, known);
    return decoded ?? zeroValue(type) ?? null;
  }

  #scalar(type: Type & { kind: 'scalar' }, value: JsonValue): JsonValue {
    const { scalar } = type;
    const range = integerRanges[scalar];
    if (range !== undefined) return this.#integer(range, value, goTypeOf(type));
    if (scalar === 'bytes') return this.#bytes(value, goTypeOf(type));
    const wanted = scalar === 'float' || scalar === 'double' ? 'number' : scalar;
    if (typeof value !== wanted) this.#wrongType(value, goTypeOf(type));
    // Half a surrogate pair has no form in UTF-8: it becomes U+FFFD, as in Go.
    return typeof value === 'string' ? value.toWellFormed() : value;
  }

  /** Base64, or a list of the bytes as numbers. */
  #bytes(value: JsonValue, goType: string): string {
    if (typeof value === 'string') return decodeBase64(value);
    if (!Array.isArray(value)) this.#wrongType(value, goType);
    return Buffer.from(value.map((byte) => this.#integer([0, 255], byte ?? 0, 'uint8'))).toString('base64');
  }

  #integer([min, max]: readonly [number, number], value: JsonValue, goType: string): number {
    if (typeof value !== 'number') this.#wrongType(value, goType);
    const literal = this.#literal;
    if (literal !== undefined || !Number.isInteger(value) || value < min || value > max) {
      this.#cannot(
        `number ${literal ?? value}`,
        goType,
        goType === 'int64' && literal !== undefined && isLargeInt64(literal),
      );
    }
    return value + 0; // Makes 0 of -0.
  }

  #special(form: SpecialForm, value: JsonValue): JsonValue | undefined {
    switch (form) {
      case 'quantity':
        return decodeQuantity(this.#literal ?? value);
      case 'int-or-string':
        return typeof value === 'string' ? value : this.#integer(int32Range, value, 'int32');
      case 'time':
        return withoutZeroTime(decodeTime(this.#text(value)));
      case 'micro-time':
        return withoutZeroTime(decodeMicroTime(this.#text(value)));
      case 'duration':
        checkDuration(this.#text(value));
        return value;
      case 'fields-v1':
        // Whoever writes in this process hands back the tree that the store keeps: known by identity, it is not read again.
        return typeof value === 'object' && Object.isFrozen(value) ? value : this.#copy(value);
      case 'raw-extension':
      case 'json':
        return this.#copy(value);
    }
  }

  #text(value: JsonValue): string {
    return typeof value === 'string' ? value : this.#wrongType(value, 'string');
  }

  /** The JSON forms of JSONSchemaProps: a schema, or what its name says besides. Go keeps nothing of any other value. */
  #jsonForm(message: MessageType, value: JsonValue): JsonValue | undefined {
    const inner = (name: string): Type | undefined => message.fieldsByName.get(name)?.type;
    const schema = inner('Schema');
    if (schema === undefined) return this.#copy(value);
    this.#quiet++;
    try {
      if (isObject(value)) return this.#value(schema, value);
      if (inner('Allows') !== undefined) {
        if (typeof value !== 'boolean') throw new DecodeError('boolean or JSON schema expected');
        return value;
      }
      const list = inner('JSONSchemas') ?? inner('Property');
      return Array.isArray(value) && list !== undefined ? this.#value(list, value) : undefined;
    } finally {
      this.#quiet--;
    }
  }

  #copy(value: JsonValue): JsonValue {
    if (typeof value === 'number' && this.#literal !== undefined && isInexact(this.#literal)) {
      throw inexactError(this.#literal);
    }
    if (typeof value !== 'object' || value === null) return value;
    checkDepth(++this.#depth);
    const copied = Array.isArray(value) ? this.#copyList(value) : this.#copyObject(value);
    this.#depth--;
    return copied;
  }

  #copyList(list: JsonArray): JsonArray {
    return list.map((element, index) => {
      this.#enterValue(list, index);
      return this.#copy(element);
    });
  }

  #copyObject(value: JsonObject): JsonObject {
    const copied: JsonObject = {};
    for (const name of Object.keys(value)) {
      this.#enterValue(value, name);
      setKey(copied, name, this.#copy(value[name] as JsonValue));
    }
    return copied;
  }

  #wrongType(value: JsonValue, goType: string): never {
    this.#cannot(goWord(value), goType);
  }

  #cannot(what: string, goType: string, inexact = false): never {
    const into =
      this.#goStruct === '' ? 'Go value' : `Go struct field ${this.#goStruct}.${this.#goPath.flat().join('.')}`;
    throw new DecodeError(
      `json: cannot unmarshal ${what} into ${into} of type ${goType}${inexact ? `: ${keptIntegers}` : ''}`,
    );
  }
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What Go's decoder calls a value. */
export function goWord(value: JsonValue): string {
  if (Array.isArray(value)) return 'array';
  return typeof value === 'boolean' ? 'bool' : value === null ? 'null' : typeof value;
}

const goScalars: Readonly<Record<Scalar, string>> = {
  string: 'string',
  boolean: 'bool',
  int32: 'int32',
  int64: 'int64',
  uint32: 'uint32',
  uint64: 'uint64',
  float: 'float32',
  double: 'float64',
  bytes: '[]uint8',
};

const goSpecials: Readonly<Record<SpecialForm, string>> = {
  quantity: 'resource.Quantity',
  'int-or-string': 'intstr.IntOrString',
  time: 'v1.Time',
  'micro-time': 'v1.MicroTime',
  duration: 'v1.Duration',
  'raw-extension': 'runtime.RawExtension',
  'fields-v1': 'v1.FieldsV1',
  json: 'v1.JSON',
};

/** The type as Go prints it: `[]v1.Container`, `map[string]string`. */
function goTypeOf(type: Type): string {
  switch (type.kind) {
    case 'scalar':
      return type.goType ?? goScalars[type.scalar];
    case 'special':
      return goSpecials[type.form];
    case 'message':
      return type.message.goPackage === undefined
        ? type.message.goName
        : `${type.message.goPackage}.${type.message.goName}`;
    case 'list':
      return type.goType ?? `[]${goTypeOf(type.element)}`;
    case 'map':
      return type.goType ?? `map[string]${goTypeOf(type.value)}`;
  }
}

function decodeQuantity(value: JsonValue): string {
  try {
    return canonicalQuantity(
      typeof value === 'string' || typeof value === 'number' ? String(value).trim() : JSON.stringify(value),
    );
  } catch (cause) {
    if (cause instanceof QuantityError) throw new DecodeError(cause.message, { cause });
    throw cause;
  }
}

/** Go's zero time is no time: it prints null. */
function withoutZeroTime(time: string): string | undefined {
  return time.startsWith('0001-01-01') && /^0001-01-01T00:00:00(?:\.0+)?Z$/.test(time) ? undefined : time;
}
