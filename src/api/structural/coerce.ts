/**
 * A value that a client sent, or that was stored under an earlier schema → what its schema makes of it, in one walk: fields that it does not know
 * are dropped (and told), null goes where it is no value, defaults come where there is none, objects inside have metadata of the usual form.
 * Wrong types stay: validation tells them.
 *
 * The result shares nothing with the value but what is frozen and stays as it is; keys are sorted, so that equal objects encode equally. What
 * upstream does in four walks (prune, drop nulls, coerce, default) is one here, since each looks at a node before what is below it.
 */

import { deepFreeze } from '../../lib/deep-freeze.ts';
import { limits } from '../../lib/limits.ts';
import { DecodeError } from '../decode-error.ts';
import { checkDepth } from '../decode-json.ts';
import { invalidValue, shownKey } from '../field-error.ts';
import type { JsonArray, JsonObject, JsonValue } from '../object.ts';
import { isObject, setKey } from '../patch/json-tree.ts';
import { type FieldError, StatusError } from '../status-error.ts';
import { objectFieldNames } from './message-type.ts';
import type { Structural } from './structural.ts';

/** Who wants to hear of more would read no more. */
const toldMax = 100;

export interface DecodedMetadata {
  readonly metadata: JsonObject;
  readonly unknownFields: readonly string[];
}

export interface CoerceOptions {
  /** Reads the metadata that stands at `path`. @throws DecodeError */
  readonly readMetadata: (metadata: JsonValue, path: string) => DecodedMetadata;
  /** Of stored objects: what is malformed in an object inside is dropped and not refused. */
  readonly dropsMalformed?: boolean;
  /** Of objects that were converted: no defaults come, and null stays. */
  readonly withoutDefaults?: boolean;
  /** Where the value stands, for what is told of it; absent: it is a whole object. */
  readonly inside?: string;
}

/** One field of an object inside is not of the form that it has in all objects. */
export class MalformedField extends DecodeError {
  readonly error: FieldError;

  constructor(error: FieldError) {
    super(`${error.field}: ${error.message}`);
    this.error = error;
  }
}

/** Below `undefined`, nothing is known: of objects nothing stays. */
type Schema = Structural | undefined;

export class Coercion {
  readonly #options: CoerceOptions;
  /** Names and indexes on the way. */
  readonly #steps: (string | number)[] = [];
  readonly #unknown: string[] = [];
  readonly #unknownMetadata: string[] = [];
  /** Characters of all defaults that came. */
  #defaulted = 0;

  constructor(options: CoerceOptions) {
    this.#options = options;
    if (options.inside !== undefined) this.#steps.push(options.inside);
  }

  /** Something was dropped because nobody knows it; not counting metadata of objects inside. */
  get dropped(): boolean {
    return this.#unknown.length > 0;
  }

  /** Texts for strict field validation: first fields, then those of metadata inside. */
  get unknownFields(): string[] {
    const fields = this.#unknown.sort().map((path) => `unknown field "${path}"`);
    return [...fields, ...this.#unknownMetadata.sort()];
  }

  /** Without a schema, nothing is unknown. */
  whole(object: JsonObject): JsonObject {
    return this.#object(undefined, object, true);
  }

  /** All of a whole object but what every object has, which stays as it is; its fields keep their order. @throws DecodeError */
  root(schema: Structural, object: JsonObject): JsonObject {
    return this.#object(schema, object, schema.preserveUnknown, objectFieldNames);
  }

  /** @throws DecodeError */
  value(schema: Schema, value: JsonValue): JsonValue {
    return this.#value(schema, value, schema?.preserveUnknown ?? false);
  }

  /** `keeps`: fields that are not known stay, with all that is in them. */
  #value(schema: Schema, value: JsonValue, keeps: boolean): JsonValue {
    if (typeof value === 'string') return value.toWellFormed();
    if (typeof value === 'number') return value + 0; // Makes 0 of -0.
    if (typeof value !== 'object' || value === null) return value;
    checkDepth(this.#steps.length);
    return Array.isArray(value) ? this.#list(schema, value, keeps) : this.#object(schema, value, keeps);
  }

  #list(schema: Schema, list: JsonArray, keeps: boolean): JsonArray {
    const items = schema?.items;
    let same = Object.isFrozen(list);
    const coerced = list.map((item, index) => {
      this.#steps.push(index);
      // Who keeps what is unknown in a list keeps it in its items.
      const next = isNoValue(items, item)
        ? (this.#default(items) ?? null)
        : this.#value(items, item, keeps || !!items?.preserveUnknown);
      this.#steps.pop();
      same &&= next === item;
      return next;
    });
    return same ? list : coerced;
  }

  #object(schema: Schema, object: JsonObject, keeps: boolean, asIs?: ReadonlySet<string>): JsonObject {
    const coerced: JsonObject = {};
    const names = namesIn(schema, object);
    if (asIs === undefined && !isSorted(names)) names.sort();
    let same = Object.isFrozen(object);
    for (const name of names) {
      const value = Object.hasOwn(object, name) ? object[name] : undefined;
      const next = asIs?.has(name) ? value : this.#field(schema, name, value, keeps);
      if (next !== undefined) setKey(coerced, name, next);
      same &&= next === value;
    }
    return same ? object : coerced;
  }

  /** Undefined: the field goes. */
  #field(schema: Schema, name: string, value: JsonValue | undefined, keeps: boolean): JsonValue | undefined {
    const property = schema?.properties.get(name);
    const values = schema?.additionalProperties;
    const known = property ?? (values === true ? undefined : values);
    if (value === undefined) return this.#default(known);
    if (isNoValue(known, value)) return this.#options.withoutDefaults ? value : this.#default(known);
    this.#steps.push(name);
    try {
      if (schema?.embeddedResource && objectFieldNames.has(name)) return this.#objectField(property, name, value);
      if (property !== undefined || values !== undefined) return this.value(known, value);
      if (keeps) return this.#copy(value);
      // At the top, what every object has is handled by others.
      if (this.#steps.length > 1 || !objectFieldNames.has(name)) this.#tellUnknown();
      return undefined;
    } finally {
      this.#steps.pop();
    }
  }

  #default(schema: Schema): JsonValue | undefined {
    if (this.#options.withoutDefaults) return undefined;
    const value = defaultOf(schema);
    if (value !== undefined && !this.#options.dropsMalformed) this.#count(schema as Structural, value);
    return value;
  }

  /** A list of empty items is short, and with what a schema puts into each of them it may be as long as all memory. @throws StatusError */
  #count(schema: Structural, value: JsonValue): void {
    let characters = defaultCharacters.get(schema);
    if (characters === undefined) defaultCharacters.set(schema, (characters = JSON.stringify(value).length));
    this.#defaulted += characters;
    if (this.#defaulted <= limits.objectBytesMax) return;
    const why = `with the defaults of its schema it has more than ${limits.objectBytesMax} bytes`;
    throw new StatusError(413, 'RequestEntityTooLarge', `the object is too large: ${why}`, {});
  }

  /** Of an object inside. What its schema says of metadata beside its form is defaults. */
  #objectField(property: Schema, name: string, value: JsonValue): JsonValue | undefined {
    if (name !== 'metadata') {
      if (typeof value === 'string') return value;
      return this.#malformed(value, 'must be a string');
    }
    const path = pathText(this.#steps);
    try {
      const { metadata, unknownFields } = this.#options.readMetadata(value, path);
      if (this.#unknownMetadata.length < toldMax) this.#unknownMetadata.push(...unknownFields);
      const whole = property === undefined ? metadata : this.#value(property, metadata, true);
      return sameTexts(whole, value) ? value : whole;
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      return this.#malformed(value, error.message);
    }
  }

  #malformed(value: JsonValue, why: string): undefined {
    if (this.#options.dropsMalformed) return undefined;
    throw new MalformedField(invalidValue(pathText(this.#steps), value, why));
  }

  #copy(value: JsonValue): JsonValue {
    return this.#value(undefined, value, true);
  }

  #tellUnknown(): void {
    if (this.#unknown.length < toldMax) this.#unknown.push(pathText(this.#steps));
  }
}

function isNoValue(schema: Schema, value: JsonValue): boolean {
  return value === null && schema !== undefined && !schema.nullable;
}

/** Of the fields that are there, and of those that have a default. */
function namesIn(schema: Schema, object: JsonObject): string[] {
  const names = Object.keys(object);
  if (schema === undefined) return names;
  for (const name of namesWithDefault(schema)) if (!Object.hasOwn(object, name)) names.push(name);
  return names;
}

function isSorted(names: readonly string[]): boolean {
  for (let i = 1; i < names.length; i++) if ((names[i - 1] as string) > (names[i] as string)) return false;
  return true;
}

/** Frozen, and the same? Then the one that is there stays. */
function sameTexts(left: JsonValue, right: JsonValue): boolean {
  return Object.isFrozen(right) && JSON.stringify(left) === JSON.stringify(right);
}

export function pathText(steps: readonly (string | number)[]): string {
  let text = '';
  for (const step of steps) {
    if (typeof step === 'number') text += `[${step}]`;
    else text += text === '' ? shownKey(step) : `.${shownKey(step)}`;
  }
  return text;
}

const defaults = new WeakMap<Structural, JsonValue>();
const defaultCharacters = new WeakMap<Structural, number>();
const namesByNode = new WeakMap<Structural, readonly string[]>();

/** The default of a node, with what defaults below it add and without what its schema does not know. Frozen, and made once. */
function defaultOf(schema: Schema): JsonValue | undefined {
  if (schema?.default === undefined) return undefined;
  let value = defaults.get(schema);
  if (value === undefined) {
    const coercion = new Coercion({
      readMetadata: (metadata) => ({ metadata: asObject(metadata), unknownFields: [] }),
      dropsMalformed: true,
    });
    value = deepFreeze(coercion.value(schema, schema.default));
    defaults.set(schema, value);
  }
  return value;
}

const asObject = (value: JsonValue): JsonObject => (isObject(value) ? value : {});

function namesWithDefault(schema: Structural): readonly string[] {
  let names = namesByNode.get(schema);
  if (names === undefined) {
    names = [...schema.properties].filter(([, property]) => property.default !== undefined).map(([name]) => name);
    namesByNode.set(schema, names);
  }
  return names;
}
