/**
 * From Kubernetes' protobuf to the JSON shape of an object of a type, by the same tables as everything else.
 *
 * What comes out is what a Go client would have sent as JSON, so that defaulting works the same for both. Go's encoder writes
 * a field that is no pointer also when it is zero: such a zero says nothing, and appears only where Go's JSON always has it.
 * Unknown fields are passed over, a message that comes twice is merged, packed lists are taken.
 *
 * Values are only brought into shape here: whether a quantity is one, `decodeObject` says when it gets the result. The forms
 * that are messages here and something else in JSON stand in `decode-special.ts`.
 */
import { DecodeError } from '../decode-error.ts';
import { checkDepth } from '../decode-json.ts';
import type { JsonArray, JsonObject, JsonValue } from '../object.ts';
import { setKey } from '../patch/json-tree.ts';
import type { Field, MessageType, Scalar, Type } from '../schema/schema.ts';
import { zeroValue } from '../schema/zero.ts';
import { decodeRawJson, decodeSpecial, parseRaw, readRaw } from './decode-special.ts';
import { isEnveloped, notRegistered, openEnvelope, protobufType } from './unknown.ts';
import { lengthWire, WireReader, wireOf } from './wire.ts';

/** @throws DecodeError */
export function decodeProtobuf(type: MessageType, bytes: Uint8Array): JsonObject {
  return new Decoder(bytes).root(type);
}

type ListType = Type & { readonly kind: 'list' };
type MapType = Type & { readonly kind: 'map' };

class Decoder {
  readonly #reader: WireReader;
  #depth: number;

  constructor(bytes: Uint8Array, depth = 0) {
    this.#reader = new WireReader(bytes);
    this.#depth = depth;
  }

  root(type: MessageType): JsonObject {
    const object: JsonObject = {};
    this.#fields(type, object);
    return object;
  }

  /** The fields up to the end of the message that was entered last, into `object`. */
  #fields(type: MessageType, object: JsonObject): void {
    const fields = type.fieldsByNumber;
    while (this.#reader.nextField()) {
      const field = fields.get(this.#reader.number);
      if (field === undefined) this.#reader.skip();
      else if (field.inline) this.#inlined(field, object);
      else this.#field(field, object);
    }
  }

  /** A message of its own here; in JSON its fields are the parent's. */
  #inlined({ type, goName }: Field, object: JsonObject): void {
    if (type.kind !== 'message') return this.#reader.skip();
    const outer = this.#reader.enter(goName);
    this.#fields(type.message, object);
    this.#reader.leave(outer);
  }

  #field(field: Field, object: JsonObject): void {
    const { type, name } = field;
    // Scalars replace what an earlier occurrence of the same field left, all else adds to it.
    const before = type.kind === 'scalar' ? undefined : object[name];
    const value = this.#fieldValue(field, before);
    if (value !== undefined && (field.pointer || field.alwaysEncoded || !isZero(value))) object[name] = value;
    else if (object[name] !== undefined) delete object[name];
  }

  #fieldValue({ type, goName }: Field, before: JsonValue | undefined): JsonValue | undefined {
    if (type.kind === 'list') return type.wrapped ? this.#wrapped(type, goName) : this.#append(type, goName, before);
    if (type.kind === 'map') return this.#put(type, goName, before);
    return this.#value(type, goName, before);
  }

  /** Adds one element, or all those of a packed list. */
  #append({ element }: ListType, goName: string, before: JsonValue | undefined): JsonArray {
    const list = (before ?? []) as JsonArray;
    const isPacked =
      this.#reader.wire === lengthWire && element.kind === 'scalar' && wireOf(element.scalar) !== lengthWire;
    if (!isPacked) {
      list.push(this.#element(element, goName));
      return list;
    }
    const outer = this.#reader.enter(goName);
    while (!this.#reader.atEnd()) list.push(this.#scalar(element.scalar));
    this.#reader.leave(outer);
    return list;
  }

  /** A message whose field 1 repeats the elements. */
  #wrapped(type: ListType, goName: string): JsonArray {
    const list: JsonArray = [];
    const outer = this.#reader.enter(goName);
    while (this.#reader.nextField()) {
      if (this.#reader.number === 1) this.#append(type, 'Items', list);
      else this.#reader.skip();
    }
    this.#reader.leave(outer);
    return list;
  }

  /** Adds one entry: a message with the key and the value. */
  #put(type: MapType, goName: string, before: JsonValue | undefined): JsonObject {
    const map = (before ?? {}) as JsonObject;
    let key = '';
    let value: JsonValue | undefined;
    const outer = this.#reader.enter(goName);
    while (this.#reader.nextField()) {
      if (this.#reader.number === 1) key = this.#mapKey(goName);
      else if (this.#reader.number === 2) value = this.#element(type.value, goName);
      else this.#reader.skip();
    }
    this.#reader.leave(outer);
    setKey(map, key, value ?? zeroValue(type.value) ?? null);
    return map;
  }

  #mapKey(goName: string): string {
    this.#reader.expect(lengthWire, goName);
    return this.#reader.string();
  }

  /** In a list or a map there is no leaving a value out. */
  #element(type: Type, goName: string): JsonValue {
    if (type.kind === 'list') return this.#wrapped(type, goName);
    return this.#value(type, goName, undefined) ?? zeroValue(type) ?? null;
  }

  #value(type: Type, goName: string, before: JsonValue | undefined): JsonValue | undefined {
    if (type.kind === 'scalar') {
      this.#reader.expect(wireOf(type.scalar), goName);
      return this.#scalar(type.scalar);
    }
    const outer = this.#reader.enter(goName);
    const value = this.#nested(type, before);
    this.#reader.leave(outer);
    return value;
  }

  /** What is a message here, entered already. */
  #nested(type: Exclude<Type, { kind: 'scalar' }>, before: JsonValue | undefined): JsonValue | undefined {
    if (type.kind === 'message') return this.#message(type.message, before);
    if (type.kind !== 'special') throw new DecodeError(`proto: a ${type.kind} has no form within another`);
    if (type.form === 'json' && type.message !== undefined) return this.#jsonForm(type.message);
    return type.form === 'raw-extension' ? this.#rawExtension() : decodeSpecial(type.form, this.#reader);
  }

  /** An object within the object: as JSON, or in an envelope of its own. */
  #rawExtension(): JsonValue | undefined {
    const raw = readRaw(this.#reader);
    if (!isEnveloped(raw)) return parseRaw(raw);
    const { apiVersion, kind, raw: message } = openEnvelope(raw);
    const type = protobufType({ apiVersion, kind });
    if (type === undefined) throw notRegistered({ apiVersion, kind });
    checkDepth(this.#depth + 1);
    return { kind, apiVersion, ...new Decoder(message, this.#depth + 1).root(type) };
  }

  #message(type: MessageType, before: JsonValue | undefined): JsonObject {
    checkDepth(++this.#depth);
    const object = (before ?? {}) as JsonObject;
    this.#fields(type, object);
    this.#depth--;
    return object;
  }

  /** One of JSONSchemaProps' forms. In JSON it is the one part that is set: a schema, a boolean, a list, any JSON. */
  #jsonForm(message: MessageType): JsonValue | undefined {
    if (message.fieldsByName.has('Raw')) return decodeRawJson(this.#reader);
    const parts: JsonObject = {};
    this.#fields(message, parts);
    const allows = message.fieldsByName.has('Allows') ? (parts['Allows'] ?? false) : undefined;
    return parts['JSONSchemas'] ?? parts['Property'] ?? parts['Schema'] ?? allows;
  }

  #scalar(scalar: Scalar): JsonValue {
    switch (scalar) {
      case 'string':
        return this.#reader.string();
      case 'bytes':
        return this.#reader.bytes().toString('base64');
      case 'boolean':
        return this.#reader.boolean();
      case 'int32':
        return this.#reader.int32();
      case 'uint32':
        return this.#reader.uint32();
      case 'int64':
        return this.#reader.int64();
      case 'uint64':
        return this.#reader.uint64();
      case 'float':
        return finite(this.#reader.float());
      case 'double':
        return finite(this.#reader.double());
    }
  }
}

function isZero(value: JsonValue): boolean {
  return value === '' || value === 0 || value === false;
}

/** JSON has no words for the others. */
function finite(value: number): number {
  if (Number.isFinite(value)) return value;
  throw new DecodeError(`json: unsupported value: ${value}`);
}
