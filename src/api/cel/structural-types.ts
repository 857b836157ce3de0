/**
 * Structural schemas → types for expressions, by upstream's rules on what expressions see and how large it may be.
 *
 * Hidden: what the schema does not describe (`x-kubernetes-preserve-unknown-fields`, `additionalProperties: true`), lists and maps of such,
 * and fields whose names cannot be written. A field of `x-kubernetes-int-or-string` is `dyn`. The root and embedded objects always have
 * `apiVersion`, `kind`, `metadata.name` and `metadata.generateName`, and of metadata nothing else.
 *
 * Where a schema bounds nothing, the size is what a request can carry: as many of the smallest values as fit. Types are kept by node, and made
 * as deep as somebody looks.
 */

import { escaped } from '../../lib/cel/escaping.ts';
import { type CelField, type CelType, celTypes } from '../../lib/cel/types.ts';
import { limits } from '../../lib/limits.ts';
import type { Structural } from '../structural/structural.ts';

const requestBytes = limits.requestBodyBytesMax;
/** Without the quotes. */
const textMax = requestBytes - 2;

const kept = {
  root: new WeakMap<Structural, CelType | 'hidden'>(),
  inner: new WeakMap<Structural, CelType | 'hidden'>(),
};

/** Undefined: expressions do not see such values. `isRoot`: the value is a whole object. */
export function structuralType(schema: Structural, isRoot = schema.embeddedResource): CelType | undefined {
  const types = isRoot ? kept.root : kept.inner;
  let type = types.get(schema);
  if (type === undefined) types.set(schema, (type = make(schema, isRoot) ?? 'hidden'));
  return type === 'hidden' ? undefined : type;
}

function make(schema: Structural, isRoot: boolean): CelType | undefined {
  if (schema.intOrString) return { kind: 'dyn', maxSize: textSize(schema.source.maxLength) ?? textMax };
  switch (schema.type) {
    case 'array':
      return listType(schema);
    case 'object':
      return typeof schema.additionalProperties === 'object' && !isRoot
        ? mapType(schema, schema.additionalProperties)
        : objectType(schema, isRoot);
    case 'string':
      return textType(schema);
    case 'boolean':
      return celTypes.bool;
    case 'number':
      return celTypes.double;
    case 'integer':
      return celTypes.int;
    case '':
      return undefined;
  }
}

const atLeastZero = (count: number): number => Math.max(count, 0);
/** In bytes: a character takes four at most. */
const textSize = (maxLength: number | undefined): number | undefined =>
  maxLength === undefined ? undefined : atLeastZero(maxLength) * 4;

function listType(schema: Structural): CelType | undefined {
  const element = schema.items && structuralType(schema.items);
  if (schema.items === undefined || element === undefined) return undefined;
  const { maxItems } = schema.source;
  const maxSize =
    maxItems === undefined ? Math.trunc((requestBytes - 2) / (smallestSize(schema.items) + 1)) : atLeastZero(maxItems);
  const { listType: kind } = schema;
  if (kind === 'atomic') return { kind: 'list', element, maxSize };
  return { kind: 'list', element, maxSize, listType: kind, ...(kind === 'map' && { mapKeys: schema.listMapKeys }) };
}

/** Quotes, colon, comma and two characters of a key come with each value. */
const entryBytes = 6;

/** Upstream's estimates take keys for empty. */
const mapKey: CelType = { kind: 'string', maxSize: 0 };

function mapType({ source: { maxProperties } }: Structural, values: Structural): CelType | undefined {
  const value = structuralType(values);
  if (value === undefined) return undefined;
  const maxSize =
    maxProperties === undefined
      ? Math.trunc((requestBytes - 2) / (smallestSize(values) + entryBytes))
      : atLeastZero(maxProperties);
  return { kind: 'map', key: mapKey, value, maxSize };
}

const text: CelType = { kind: 'string', maxSize: textMax };

let made = 0;

/** Names are in errors alone, and tell types apart. */
function objectType(schema: Structural, isRoot: boolean): CelType {
  made++;
  let fields: ReadonlyMap<string, CelField> | undefined;
  return {
    kind: 'object',
    name: `object${made}`,
    get fields() {
      return (fields ??= fieldsOf(schema, isRoot));
    },
  };
}

/** Reserved words name fields as they are, and escaped (`self.metadata.namespace`, `self.metadata.__namespace__`). */
class FieldMap extends Map<string, CelField> {
  override get(name: string): CelField | undefined {
    return super.get(name) ?? super.get(`__${name}__`);
  }

  override has(name: string): boolean {
    return this.get(name) !== undefined;
  }
}

function fieldsOf(schema: Structural, isRoot: boolean): ReadonlyMap<string, CelField> {
  const required = new Set(schema.source.required);
  const fields = new FieldMap();
  for (const [jsonName, property] of schema.properties) {
    const name = escaped(jsonName);
    const type = name === undefined ? undefined : structuralType(property);
    if (name === undefined || type === undefined) continue;
    fields.set(name, {
      type,
      ...(required.has(jsonName) && { required: true }),
      ...(name !== jsonName && { jsonName }),
    });
  }
  if (isRoot && !declaresMeta(schema)) {
    for (const [name, type] of metaFields) fields.set(name, { ...fields.get(name), type });
  }
  return fields;
}

const metaFields: readonly (readonly [string, CelType])[] = [
  ['apiVersion', text],
  ['kind', text],
  [
    'metadata',
    {
      kind: 'object',
      name: 'metadata',
      fields: new Map([
        ['name', { type: text }],
        ['generateName', { type: text }],
      ]),
    },
  ],
];

/** Then its own bounds hold. */
function declaresMeta({ properties }: Structural): boolean {
  const metadata = properties.get('metadata');
  return (
    properties.get('kind')?.type === 'string' &&
    properties.get('apiVersion')?.type === 'string' &&
    metadata?.type === 'object' &&
    metadata.properties.get('name')?.type === 'string' &&
    metadata.properties.get('generateName')?.type === 'string'
  );
}

/** Of formats that are values of their own: the longest text, the shortest, with quotes. */
const timeSizes = {
  duration: { kind: 'duration', longest: 32, shortest: 3 },
  date: { kind: 'timestamp', longest: 12, shortest: 12 },
  'date-time': { kind: 'timestamp', longest: 32, shortest: 21 },
} as const;

const timeOf = (format: string | undefined): (typeof timeSizes)[keyof typeof timeSizes] | undefined =>
  format !== undefined && Object.hasOwn(timeSizes, format) ? timeSizes[format as keyof typeof timeSizes] : undefined;

function textType({ source }: Structural): CelType {
  const { format, maxLength } = source;
  const time = timeOf(format);
  if (time !== undefined) return { kind: time.kind, maxSize: time.longest };
  if (format === 'byte') return { kind: 'bytes', maxSize: maxLength === undefined ? textMax : atLeastZero(maxLength) };
  return { kind: 'string', maxSize: textSize(maxLength) ?? longestListed(source.enum) ?? textMax };
}

function longestListed(allowed: readonly unknown[] | undefined): number | undefined {
  if (allowed === undefined || allowed.length === 0) return undefined;
  return Math.max(0, ...allowed.map((value) => (typeof value === 'string' ? Buffer.byteLength(value) : 0)));
}

const smallest = new WeakMap<Structural, number>();

/** The fewest bytes that a value takes in JSON. */
export function smallestSize(schema: Structural, isRoot = schema.embeddedResource): number {
  if (schema.intOrString) return 1;
  switch (schema.type) {
    case 'object':
      return smallestObject(schema, isRoot);
    case 'string':
      return timeOf(schema.source.format)?.shortest ?? 2;
    case 'array':
      return 2;
    case 'boolean':
      return 4;
    case 'number':
    case 'integer':
    case '':
      return 1;
  }
}

/** Braces, and each field that must be there and is not filled in. */
function smallestObject(schema: Structural, isRoot: boolean): number {
  if (typeof schema.additionalProperties === 'object') return 2;
  const known = smallest.get(schema);
  if (known !== undefined) return known;
  let size = 2;
  for (const name of new Set(schema.source.required)) {
    const property = schema.properties.get(name);
    const isMeta = isRoot && (name === 'metadata' || name === 'apiVersion' || name === 'kind');
    if (property === undefined || isMeta) size += isMeta ? name.length + 6 : 0;
    else if (property.default === undefined && structuralType(property) !== undefined) {
      size += name.length + smallestSize(property) + 4;
    }
  }
  smallest.set(schema, size);
  return size;
}

/** How often a value of this schema may be in one object, where nothing above bounds it. */
export function mostTimes(schema: Structural, isRoot = schema.embeddedResource): number {
  return Math.trunc(requestBytes / (smallestSize(schema, isRoot) + 1));
}
