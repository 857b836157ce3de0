/**
 * Links the built-in tables into types (ARCHITECTURE.md, D1).
 *
 * A table is read from disk when the first type in it is asked for its fields, and a type's fields are linked when they
 * are first looked at: a process pays for what it uses. Tables are made by `tools/generate-schema`; what a row leaves out
 * has the default that stands here.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type {
  Field,
  GroupVersionKind,
  ListType,
  MessageType,
  PatchStrategy,
  SchemaRegistry,
  SpecialForm,
  Type,
  ValueRules,
} from './schema.ts';

const tablesFolder = join(import.meta.dirname, 'tables');

interface Row {
  readonly name?: string;
  readonly inline?: true;
  readonly go?: string;
  /** `string`, `[]Container`, `{}quantity`, `meta-v1:ObjectMeta`: see `tools/generate-schema/emit-tables.ts`. */
  readonly type: string;
  readonly number?: number;
  readonly goType?: string;
  readonly wrapped?: true;
  readonly required?: true;
  readonly pointer?: true;
  readonly always?: true;
  readonly listType?: ListType;
  readonly listMapKeys?: readonly string[];
  readonly atomic?: true;
  readonly patchStrategy?: readonly PatchStrategy[];
  readonly patchMergeKey?: string;
  readonly enum?: readonly string[];
  readonly default?: unknown;
  readonly rules?: ValueRules;
}

interface Table {
  readonly group: string;
  readonly version: string;
  readonly openapiPackage: string;
  readonly goPackage: string;
  readonly kinds: readonly string[];
  readonly jsonForms?: readonly string[];
  readonly types: Readonly<Record<string, readonly Row[]>>;
}

const scalars: ReadonlySet<string> = new Set([
  'string',
  'boolean',
  'int32',
  'int64',
  'uint32',
  'uint64',
  'float',
  'double',
  'bytes',
]);

/** Kinds that every group-version knows, from meta/v1. */
const commonKinds: ReadonlySet<string> = new Set([
  'CreateOptions',
  'DeleteOptions',
  'GetOptions',
  'ListOptions',
  'PatchOptions',
  'UpdateOptions',
  'WatchEvent',
]);

/** Kinds of meta/v1 that go by the core group's `v1`. */
const unversionedKinds: ReadonlySet<string> = new Set([
  'APIGroup',
  'APIGroupList',
  'APIResourceList',
  'APIVersions',
  'Status',
]);

/** Kinds that meta.k8s.io has also in v1beta1, the same as in v1. */
const oldMetaKinds: ReadonlySet<string> = new Set([
  'PartialObjectMetadata',
  'PartialObjectMetadataList',
  'Table',
  'TableOptions',
]);

let builtin: BuiltinSchema | undefined;

/** The schema of all kinds that upstream declares. One for the process: it never changes. */
export function builtinSchema(): SchemaRegistry {
  return (builtin ??= new BuiltinSchema());
}

class BuiltinSchema implements SchemaRegistry {
  readonly #files: ReadonlySet<string>;
  readonly #tables = new Map<string, Table>();
  readonly #messages = new Map<string, MessageType>();
  #fileByPackage: ReadonlyMap<string, string> | undefined;

  constructor() {
    const names = readdirSync(tablesFolder).map((name) => /^([a-z]+-v\d\w*)\.json$/.exec(name)?.[1]);
    this.#files = new Set(names.filter((name): name is string => name !== undefined));
  }

  kind({ group, version, kind }: GroupVersionKind): MessageType | undefined {
    if (group === 'meta.k8s.io' && version === 'v1beta1') {
      return oldMetaKinds.has(kind) ? this.#message('meta-v1', kind) : undefined;
    }
    const file = `${group === '' ? 'core' : group.split('.')[0]}-${version}`;
    if (!this.#files.has(file)) return undefined;
    const table = this.table(file);
    if (table.group !== group) return undefined;
    if (table.kinds.includes(kind)) return this.#message(file, kind);
    const isMeta = commonKinds.has(kind) || (file === 'core-v1' && unversionedKinds.has(kind));
    return isMeta ? this.#message('meta-v1', kind) : undefined;
  }

  message(name: string): MessageType | undefined {
    const dot = name.lastIndexOf('.');
    const file = this.#packages().get(name.slice(0, dot));
    const goName = name.slice(dot + 1);
    return file !== undefined && Object.hasOwn(this.table(file).types, goName)
      ? this.#message(file, goName)
      : undefined;
  }

  /** A file's table, read once. `file` is one that stands in the folder: never a name from a request. */
  table(file: string): Table {
    let table = this.#tables.get(file);
    if (table === undefined) {
      table = JSON.parse(readFileSync(join(tablesFolder, `${file}.json`), 'utf8')) as Table;
      this.#tables.set(file, table);
    }
    return table;
  }

  /** Which file holds an OpenAPI package's types. Reads every table: only `message` needs it. */
  #packages(): ReadonlyMap<string, string> {
    this.#fileByPackage ??= new Map([...this.#files].map((file) => [this.table(file).openapiPackage, file]));
    return this.#fileByPackage;
  }

  #message(file: string, goName: string): MessageType {
    const key = `${file}:${goName}`;
    let message = this.#messages.get(key);
    if (message === undefined) {
      message = new LinkedMessage(file, goName, this.table(file), (text, row) => this.#type(file, text, row));
      this.#messages.set(key, message);
    }
    return message;
  }

  #type(file: string, text: string, row: Pick<Row, 'goType' | 'wrapped'>): Type {
    const { goType } = row;
    if (text.startsWith('[]')) {
      if (goType?.startsWith('[]'))
        return { kind: 'list', element: this.#type(file, text.slice(2), { ...row, goType: goType.slice(2) }) };
      const element = this.#type(file, text.slice(2), {});
      return { kind: 'list', element, ...(goType !== undefined && { goType }), ...(row.wrapped && { wrapped: true }) };
    }
    if (text.startsWith('{}')) {
      const prefix = 'map[string]';
      if (goType?.startsWith(prefix)) {
        return { kind: 'map', value: this.#type(file, text.slice(2), { ...row, goType: goType.slice(prefix.length) }) };
      }
      return { kind: 'map', value: this.#type(file, text.slice(2), {}), ...(goType !== undefined && { goType }) };
    }
    if (scalars.has(text)) return { kind: 'scalar', scalar: text, ...(goType !== undefined && { goType }) } as Type;
    return /^(?:[A-Z]|.*:)/.test(text) ? this.#messageType(file, text) : { kind: 'special', form: text as SpecialForm };
  }

  #messageType(file: string, text: string): Type {
    const colon = text.indexOf(':');
    const owner = colon < 0 ? file : text.slice(0, colon);
    const goName = text.slice(colon + 1);
    const message = this.#message(owner, goName);
    const isJson = this.table(owner).jsonForms?.includes(goName);
    return isJson ? { kind: 'special', form: 'json', message } : { kind: 'message', message };
  }
}

/** Links its fields when they are first looked at, which also lets types refer to each other in circles. */
class LinkedMessage implements MessageType {
  readonly name: string;
  readonly goName: string;
  readonly goPackage: string;
  readonly #rows: readonly Row[];
  readonly #typeOf: (text: string, row: Row) => Type;
  #fields: readonly Field[] | undefined;
  #byName: ReadonlyMap<string, Field> | undefined;
  #byNumber: ReadonlyMap<number, Field> | undefined;

  constructor(file: string, goName: string, table: Table, typeOf: (text: string, row: Row) => Type) {
    const rows = table.types[goName];
    if (rows === undefined) throw new Error(`The table ${file} has no type ${goName}: run npm run generate-schema.`);
    this.name = `${table.openapiPackage}.${goName}`;
    this.goName = goName;
    this.goPackage = table.goPackage;
    this.#rows = rows;
    this.#typeOf = typeOf;
  }

  get fields(): readonly Field[] {
    this.#fields ??= this.#rows.map((row) => fieldOf(row, this.#typeOf(row.type, row)));
    return this.#fields;
  }

  get fieldsByName(): ReadonlyMap<string, Field> {
    this.#byName ??= fieldsByName(this.fields);
    return this.#byName;
  }

  get fieldsByNumber(): ReadonlyMap<number, Field> {
    this.#byNumber ??= fieldsByNumber(this.fields);
    return this.#byNumber;
  }
}

function fieldOf(row: Row, type: Type): Field {
  const name = row.name ?? '';
  const { number, listType, listMapKeys, patchStrategy, patchMergeKey } = row;
  return {
    name,
    goName:
      row.go ??
      (type.kind === 'message' && row.inline ? type.message.goName : name.slice(0, 1).toUpperCase() + name.slice(1)),
    type,
    ...(number !== undefined && { number }),
    required: row.required ?? false,
    pointer: row.pointer ?? false,
    alwaysEncoded: row.always ?? false,
    inline: row.inline ?? false,
    ...(listType !== undefined && { listType }),
    ...(listMapKeys !== undefined && { listMapKeys }),
    ...(row.atomic && { atomic: true }),
    ...(patchStrategy !== undefined && { patchStrategy }),
    ...(patchMergeKey !== undefined && { patchMergeKey }),
    ...(row.enum !== undefined && { enum: row.enum }),
    ...(row.default !== undefined && { default: row.default }),
    ...(row.rules !== undefined && { rules: row.rules }),
  };
}

/** Shared with the types that CRDs make: a message's fields by JSON name, those of inlined messages among them. */
export function fieldsByName(fields: readonly Field[]): ReadonlyMap<string, Field> {
  const byName = new Map<string, Field>();
  for (const field of fields) {
    if (!field.inline) byName.set(field.name, field);
    else if (field.type.kind === 'message')
      for (const [name, inner] of field.type.message.fieldsByName) byName.set(name, inner);
  }
  return byName;
}

export function fieldsByNumber(fields: readonly Field[]): ReadonlyMap<number, Field> {
  return new Map(fields.flatMap((field) => (field.number === undefined ? [] : [[field.number, field] as const])));
}
