/**
 * API types as OpenAPI schemas, for both of OpenAPI's versions.
 *
 * A `SchemaCollector` is given the types that a document needs and finds all that they refer to. The two versions differ in
 * where schemas stand, and in that version 3 cannot put anything beside a `$ref` and knows `oneOf`.
 */
import type { Field, GroupVersionKind, MessageType, Scalar, SpecialForm, Type } from '../schema/schema.ts';
import { fieldDescriptions } from './descriptions.ts';

export type OpenApiVersion = 'v2' | 'v3';

export type Json = { [name: string]: unknown };

const scalarSchemas: Readonly<Record<Scalar, Json>> = {
  string: { type: 'string' },
  boolean: { type: 'boolean' },
  int32: { type: 'integer', format: 'int32' },
  int64: { type: 'integer', format: 'int64' },
  uint32: { type: 'integer', format: 'int64' },
  uint64: { type: 'integer', format: 'int64' },
  float: { type: 'number', format: 'float' },
  double: { type: 'number', format: 'double' },
  bytes: { type: 'string', format: 'byte' },
};

interface Special {
  /** The name that upstream's documents give it. */
  readonly name: string;
  readonly v2: Json;
  readonly v3: Json;
}

const meta = 'io.k8s.apimachinery.pkg.apis.meta.v1';
const same = (name: string, schema: Json): Special => ({ name, v2: schema, v3: schema });

const specialSchemas: Readonly<Record<Exclude<SpecialForm, 'json'>, Special>> = {
  quantity: {
    name: 'io.k8s.apimachinery.pkg.api.resource.Quantity',
    v2: { type: 'string' },
    v3: { oneOf: [{ type: 'string' }, { type: 'number' }] },
  },
  'int-or-string': {
    name: 'io.k8s.apimachinery.pkg.util.intstr.IntOrString',
    v2: { type: 'string', format: 'int-or-string' },
    v3: { oneOf: [{ type: 'integer' }, { type: 'string' }], format: 'int-or-string' },
  },
  time: same(`${meta}.Time`, { type: 'string', format: 'date-time' }),
  'micro-time': same(`${meta}.MicroTime`, { type: 'string', format: 'date-time' }),
  duration: same(`${meta}.Duration`, { type: 'string' }),
  'raw-extension': same('io.k8s.apimachinery.pkg.runtime.RawExtension', { type: 'object' }),
  'fields-v1': same(`${meta}.FieldsV1`, { type: 'object' }),
};

export class SchemaCollector {
  readonly #version: OpenApiVersion;
  readonly #schemas = new Map<string, Json>();
  readonly #kinds = new Map<string, GroupVersionKind[]>();

  constructor(version: OpenApiVersion) {
    this.#version = version;
  }

  /** A reference to a type, which thereby becomes part of the document. */
  reference(type: MessageType): Json {
    if (!this.#schemas.has(type.name)) {
      this.#schemas.set(type.name, {});
      this.#schemas.set(type.name, this.#messageSchema(type));
    }
    return this.#ref(type.name);
  }

  /** The same for a type that is the kind `gvk`. */
  referenceKind(type: MessageType, gvk: GroupVersionKind): Json {
    const known = this.#kinds.get(type.name) ?? [];
    const isKnown = known.some((each) => each.group === gvk.group && each.version === gvk.version);
    const { group, version, kind } = gvk;
    if (!isKnown) this.#kinds.set(type.name, [...known, { group, version, kind }]);
    return this.reference(type);
  }

  /** A schema of the document's own. */
  named(name: string, schema: Json): Json {
    this.#schemas.set(name, schema);
    return this.#ref(name);
  }

  /** All schemas so far, by name. */
  collected(): Json {
    const names = [...this.#schemas.keys()].sort();
    return Object.fromEntries(names.map((name) => [name, this.#withKinds(name)]));
  }

  #withKinds(name: string): Json {
    const kinds = this.#kinds.get(name);
    return { ...this.#schemas.get(name), ...(kinds && { 'x-kubernetes-group-version-kind': kinds }) };
  }

  #ref(name: string): Json {
    return { $ref: `${this.#version === 'v3' ? '#/components/schemas' : '#/definitions'}/${name}` };
  }

  #messageSchema(type: MessageType): Json {
    const fields = [...type.fieldsByName.values()];
    const required = fields.filter((field) => field.required).map(({ name }) => name);
    const descriptions = fieldDescriptions[type.name];
    return {
      type: 'object',
      ...(fields.length > 0 && {
        properties: Object.fromEntries(
          fields.map((field) => [field.name, this.#fieldSchema(field, descriptions?.[field.name])]),
        ),
      }),
      ...(required.length > 0 && { required }),
    };
  }

  #fieldSchema(field: Field, description: string | undefined): Json {
    const schema = this.#typeSchema(field.type);
    const more = {
      ...(description !== undefined && { description }),
      ...extensions(field),
      ...(this.#version === 'v3' && defaultOf(field)),
      ...(field.enum && { enum: field.enum }),
    };
    if (Object.keys(more).length === 0) return schema;
    // Version 3 ignores what stands beside a $ref.
    return this.#version === 'v3' && '$ref' in schema ? { allOf: [schema], ...more } : { ...schema, ...more };
  }

  #typeSchema(type: Type): Json {
    switch (type.kind) {
      case 'scalar':
        return scalarSchemas[type.scalar];
      case 'special':
        return this.#specialSchema(type.form, type.message);
      case 'message':
        return this.reference(type.message);
      case 'list':
        return { type: 'array', items: this.#elementSchema(type.element) };
      case 'map':
        return { type: 'object', additionalProperties: this.#elementSchema(type.value) };
    }
  }

  /** In a list or a map nothing is absent: what stands there has at least its zero value. */
  #elementSchema(type: Type): Json {
    const schema = this.#typeSchema(type);
    const zero = this.#version === 'v3' ? zeroOf(type) : undefined;
    if (zero === undefined) return schema;
    return '$ref' in schema ? { allOf: [schema], default: zero } : { ...schema, default: zero };
  }

  #specialSchema(form: SpecialForm, message: MessageType | undefined): Json {
    if (form === 'json') return message === undefined ? {} : this.named(message.name, {});
    const { name, ...schemas } = specialSchemas[form];
    return this.named(name, schemas[this.#version]);
  }
}

function extensions(field: Field): Json {
  const { listType, listMapKeys, atomic, patchMergeKey, patchStrategy } = field;
  return {
    ...(listType && { 'x-kubernetes-list-type': listType }),
    ...(listMapKeys && { 'x-kubernetes-list-map-keys': listMapKeys }),
    ...(atomic && field.type.kind !== 'list' && { 'x-kubernetes-map-type': 'atomic' }),
    ...(patchMergeKey && { 'x-kubernetes-patch-merge-key': patchMergeKey }),
    ...(patchStrategy && { 'x-kubernetes-patch-strategy': patchStrategy.join(',') }),
  };
}

/**
 * As upstream's generator: what `+default` says, else the zero value of what Go never leaves out: a struct, and a plain value
 * without `omitempty`. Version 2 documents have no defaults.
 */
function defaultOf(field: Field): Json {
  if (field.default !== undefined) return { default: field.default };
  const isPlain = field.type.kind === 'scalar' && field.alwaysEncoded;
  const zero = !field.pointer && (isPlain || field.type.kind === 'message') ? zeroOf(field.type) : undefined;
  return zero === undefined ? {} : { default: zero };
}

function zeroOf(type: Type): unknown {
  if (type.kind === 'message') return {};
  if (type.kind !== 'scalar' || type.scalar === 'bytes') return undefined;
  if (type.scalar === 'string') return '';
  return type.scalar === 'boolean' ? false : 0;
}
