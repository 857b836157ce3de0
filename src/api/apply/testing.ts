/** Small types and shared objects for the tests of apply. */
import type { JsonObject, JsonValue } from '../object.ts';
import { builtinSchema } from '../schema/load.ts';
import type { Field, MessageType, Type } from '../schema/schema.ts';
import type { ManagedFieldsEntry } from '../schema/types/meta-v1.ts';
import { applyConfiguration, type OwnershipRequest, type TypedObject, trackUpdate } from './apply.ts';
import { FieldSet } from './field-set.ts';
import { pathText } from './path-element.ts';

type FieldOptions = Partial<Pick<Field, 'listType' | 'listMapKeys' | 'atomic' | 'default' | 'patchStrategy'>>;
type FieldDeclaration = Type | readonly [Type, FieldOptions];

/** A struct of optional fields. */
export function struct(name: string, declared: Readonly<Record<string, FieldDeclaration>>): MessageType {
  const fields = Object.entries(declared).map(([field, declaration]): Field => {
    const [type, options] = Array.isArray(declaration)
      ? (declaration as readonly [Type, FieldOptions])
      : [declaration as Type, {}];
    return {
      name: field,
      goName: field,
      type,
      required: false,
      pointer: true,
      alwaysEncoded: false,
      inline: false,
      ...options,
    };
  });
  const fieldsByName = new Map(fields.map((field) => [field.name, field]));
  return { name: `test.${name}`, goName: name, fields, fieldsByName, fieldsByNumber: new Map() };
}

export const text: Type = { kind: 'scalar', scalar: 'string' };
export const number: Type = { kind: 'scalar', scalar: 'int32' };
export const anyJson: Type = { kind: 'special', form: 'json' };
export const rawObject: Type = { kind: 'special', form: 'raw-extension' };
export const message = (type: MessageType): Type => ({ kind: 'message', message: type });
export const mapOf = (value: Type): Type => ({ kind: 'map', value });
export const listOf = (element: Type): Type => ({ kind: 'list', element });
export const setOf = (element: Type): FieldDeclaration => [listOf(element), { listType: 'set' }];
export const listMapOf = (element: MessageType, ...listMapKeys: string[]): FieldDeclaration => [
  listOf(message(element)),
  { listType: 'map', listMapKeys },
];

/** A kind: apiVersion, kind, metadata, and the fields given. */
export function kind(name: string, declared: Readonly<Record<string, FieldDeclaration>>): MessageType {
  const metadata = builtinSchema().message('io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta');
  if (!metadata) throw new Error('no ObjectMeta');
  return struct(name, { apiVersion: text, kind: text, metadata: message(metadata), ...declared });
}

export function builtinKind(group: string, version: string, name: string): MessageType {
  const type = builtinSchema().kind({ group, version, kind: name });
  if (!type) throw new Error(`no ${name}`);
  return type;
}

export interface Options {
  readonly force?: boolean;
  readonly apiVersion?: string;
  readonly subresource?: string;
  readonly time?: string;
  readonly resetFields?: FieldSet;
}

export type Conversion = (value: JsonObject, from: string, to: string) => JsonObject;

/** One object, written by many: what a server keeps of it. */
export class SharedObject {
  readonly #types: Readonly<Record<string, MessageType>>;
  readonly #convert: Conversion;
  /** In the first version. */
  live: JsonObject | undefined;

  constructor(types: Readonly<Record<string, MessageType>>, convert: Conversion = (value) => value) {
    this.#types = types;
    this.#convert = convert;
  }

  get #stored(): string {
    return Object.keys(this.#types)[0] as string;
  }

  /** Versions served no more. */
  readonly unserved = new Set<string>();

  typed(value: JsonObject, apiVersion: string): TypedObject {
    const type = this.#types[apiVersion];
    if (!type) throw new Error(`no ${apiVersion}`);
    return { apiVersion, type, value: { apiVersion, kind: type.goName, ...value } };
  }

  #inVersion(object: TypedObject, apiVersion: string): TypedObject | undefined {
    if (this.unserved.has(apiVersion) || !this.#types[apiVersion]) return undefined;
    const { apiVersion: _, ...value } = this.#convert(object.value, object.apiVersion, apiVersion);
    return this.typed(value, apiVersion);
  }

  #request(
    manager: string,
    { subresource = '', time = '2026-01-01T00:00:00Z', resetFields }: Options,
  ): OwnershipRequest {
    return {
      manager,
      subresource,
      time,
      ...(resetFields && { resetFields }),
      inVersion: (object, apiVersion) => this.#inVersion(object, apiVersion),
    };
  }

  #liveIn(apiVersion: string): TypedObject | undefined {
    if (!this.live) return undefined;
    const stored = this.typed(this.live, this.#stored);
    return apiVersion === this.#stored ? stored : this.#inVersion(stored, apiVersion);
  }

  #store(object: JsonObject, apiVersion: string): void {
    const stored = apiVersion === this.#stored ? object : this.#convert(object, apiVersion, this.#stored);
    this.live = frozen({ ...structuredClone(stored), apiVersion: this.#stored });
  }

  apply(manager: string, value: JsonObject, options: Options = {}): this {
    const apiVersion = options.apiVersion ?? this.#stored;
    const live = this.#liveIn(apiVersion);
    const request = { ...this.#request(manager, options), force: options.force ?? false };
    const object = applyConfiguration(live, this.typed(value, apiVersion), request);
    if (object !== live?.value) this.#store(withoutNulls(object) as JsonObject, apiVersion);
    return this;
  }

  /** Puts the whole object; without managedFields, as clients do who do not know of them. */
  update(manager: string, value: JsonObject, options: Options = {}): this {
    const apiVersion = options.apiVersion ?? this.#stored;
    const next = this.typed(value, apiVersion);
    const entries = trackUpdate(this.#liveIn(apiVersion), next, this.#request(manager, options));
    this.#store(withEntries(next.value, entries), apiVersion);
    return this;
  }

  get entries(): readonly ManagedFieldsEntry[] {
    return entriesOf(this.live);
  }

  /** What each manager owns, as paths; `NAME` for appliers, `NAME (update)` for others. */
  get owners(): Readonly<Record<string, readonly string[]>> {
    return Object.fromEntries(this.entries.map((entry) => [ownerName(entry), ownedPaths(entry)]));
  }

  /** The object without what apply itself puts there. */
  get value(): JsonObject {
    const { apiVersion: _v, kind: _k, metadata, ...rest } = this.live ?? {};
    const { managedFields: _m, ...own } = (metadata ?? {}) as JsonObject;
    return Object.keys(own).length > 0 ? { ...rest, metadata: own } : rest;
  }
}

function ownerName({ manager, operation, subresource }: ManagedFieldsEntry): string {
  return `${manager}${subresource ? `/${subresource}` : ''}${operation === 'Update' ? ' (update)' : ''}`;
}

export const ownedPaths = (entry: ManagedFieldsEntry): string[] =>
  [...FieldSet.fromFieldsV1(entry.fieldsV1)].map(pathText);

export function entriesOf(object: JsonObject | undefined): readonly ManagedFieldsEntry[] {
  return ((object?.['metadata'] as JsonObject | undefined)?.['managedFields'] ?? []) as readonly ManagedFieldsEntry[];
}

export function withEntries(object: JsonObject, entries: readonly ManagedFieldsEntry[]): JsonObject {
  const { managedFields: _, ...metadata } = (object['metadata'] ?? {}) as JsonObject;
  return { ...object, metadata: { ...metadata, managedFields: entries as unknown as JsonValue } };
}

/** As a decoder leaves it. */
function withoutNulls(value: JsonValue): JsonValue {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(withoutNulls);
  const kept = Object.entries(value).filter(([, each]) => each !== null);
  return Object.fromEntries(kept.map(([name, each]) => [name, withoutNulls(each)]));
}

export function frozen<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  for (const each of Object.values(value)) frozen(each);
  return Object.freeze(value);
}
