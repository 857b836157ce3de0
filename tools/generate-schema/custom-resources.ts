/**
 * Group-versions from CustomResourceDefinitions: fields, their types, defaults and bounds, of the versions that are served. What CEL rules
 * say is told in `src/registry/validation`; descriptions are left behind.
 *
 * Such kinds have no protobuf form, and their fields keep what is said, also if that is empty: they are all pointers, as Go would have it.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import type { ValueRules } from '../../src/api/schema/schema.ts';
import type { CustomResourceDefinition, JSONSchemaProps } from '../../src/api/schema/types/apiextensions-v1.ts';
import { structureNames } from './custom-names.ts';
import { fileName } from './file-name.ts';
import type { GroupVersionModel, ModelField, ModelMessage, ModelType } from './model.ts';

/** How the origin of such tables begins. */
export const customOrigin = 'CustomResourceDefinitions of ';

export function customModels(folder: string): GroupVersionModel[] {
  const definitions = readdirSync(folder)
    .filter((name) => name.endsWith('.yaml'))
    .sort()
    .flatMap((name) => parseAllDocuments(readFileSync(join(folder, name), 'utf8')))
    .map((document) => document.toJS() as CustomResourceDefinition)
    .filter(({ kind }) => kind === 'CustomResourceDefinition');
  const byVersion = Map.groupBy(
    definitions.flatMap(({ spec }) =>
      spec.versions.filter(({ served }) => served).map((version) => ({ spec, version })),
    ),
    ({ spec, version }) => `${spec.group}/${version.name}`,
  );
  return [...byVersion.values()].map((all) => {
    const [{ spec, version } = fail('no versions')] = all;
    const kinds = all.map(
      (each) => [each.spec.names.kind, each.version.schema?.openAPIV3Schema ?? fail('no schema')] as const,
    );
    const names = new Map<string, string>();
    for (const [kind, schema] of kinds) collectNames(kind, schema, names);
    const writer = new StructureWriter(fileName({ group: spec.group, version: version.name }), names);
    for (const [kind, schema] of kinds) writer.kind(kind, schema);
    return writer.model(spec.group, version.name);
  });
}

/** Names of the structures that have a line of their own. @throws Error where two different ones go by the same name */
function collectNames(path: string, schema: JSONSchemaProps, names: Map<string, string>): void {
  const name = structureNames[path];
  if (name !== undefined && schema.type === 'object') {
    const signature = signatureOf(schema);
    const others = [...names].filter(([other, its]) => its === name && other !== signature);
    if (others.length > 0) fail(`${path} is called ${name}, which another structure is called already`);
    names.set(signature, name);
  }
  for (const [field, each] of Object.entries(schema.properties ?? {})) collectNames(`${path}.${field}`, each, names);
  if (schema.type === 'array') collectNames(`${path}[]`, schema.items as JSONSchemaProps, names);
}

/** Without its prose. */
function signatureOf(schema: JSONSchemaProps): string {
  const isProse = (key: string, value: unknown): boolean => key === 'description' && typeof value === 'string';
  return JSON.stringify(schema, (key, value: unknown) => (isProse(key, value) ? undefined : value));
}

function fail(text: string): never {
  throw new Error(text);
}

const typeMeta: ModelType = { kind: 'message', file: 'meta-v1', name: 'TypeMeta' };
const plain = { required: false, pointer: false, alwaysEncoded: false, inline: false };

class StructureWriter {
  readonly #file: string;
  readonly #messages = new Map<string, ModelMessage>();
  /** By what it is, wherever it stands. */
  readonly #names: ReadonlyMap<string, string>;
  readonly #kinds: string[] = [];

  constructor(file: string, names: ReadonlyMap<string, string>) {
    this.#file = file;
    this.#names = names;
  }

  model(group: string, version: string): GroupVersionModel {
    const reversed = group.split('.').reverse().join('.');
    return {
      file: this.#file,
      group,
      version,
      openapiPackage: `${reversed}.${version}`,
      goPackage: version,
      origin: `${customOrigin}${group}`,
      kinds: this.#kinds.toSorted(),
      messages: [...this.#messages.values()].sort((a, b) => (a.name < b.name ? -1 : 1)),
      enums: [],
    };
  }

  kind(kind: string, schema: JSONSchemaProps): void {
    this.#kinds.push(kind, `${kind}List`);
    const inline: ModelField = { ...plain, name: '', goName: 'TypeMeta', type: typeMeta, inline: true };
    const own = Object.entries(schema.properties ?? {}).filter(
      ([name]) => !['apiVersion', 'kind', 'metadata'].includes(name),
    );
    const fields = own.map(([name, each]) => this.#field(`${kind}.${name}`, name, each, schema.required ?? []));
    this.#messages.set(kind, { name: kind, fields: [inline, metadata('ObjectMeta'), ...fields] });
    const items: ModelType = { kind: 'list', element: { kind: 'message', file: this.#file, name: kind } };
    const list = { ...plain, name: 'items', goName: 'Items', type: items, required: true, alwaysEncoded: true };
    this.#messages.set(`${kind}List`, { name: `${kind}List`, fields: [inline, metadata('ListMeta'), list] });
  }

  #field(path: string, name: string, schema: JSONSchemaProps, requiredNames: readonly string[]): ModelField {
    const rules = rulesOf(schema);
    const isText = schema.type === 'string';
    return {
      ...plain,
      name,
      goName: name.slice(0, 1).toUpperCase() + name.slice(1),
      type: this.#type(path, schema),
      required: requiredNames.includes(name),
      pointer: true,
      ...(schema['x-kubernetes-list-type'] !== undefined && { listType: schema['x-kubernetes-list-type'] }),
      ...(schema['x-kubernetes-list-map-keys'] !== undefined && { listMapKeys: schema['x-kubernetes-list-map-keys'] }),
      ...(schema['x-kubernetes-map-type'] === 'atomic' && { atomic: true }),
      ...(isText && schema.enum !== undefined && { enum: schema.enum as readonly string[] }),
      ...(schema.default !== undefined && { default: schema.default }),
      ...(rules !== undefined && { rules }),
    };
  }

  #type(path: string, schema: JSONSchemaProps): ModelType {
    const { type = 'none' } = schema;
    switch (type) {
      case 'string':
        return schema.format === 'date-time' ? { kind: 'special', form: 'time' } : { kind: 'scalar', scalar: 'string' };
      case 'boolean':
        return { kind: 'scalar', scalar: 'boolean' };
      case 'integer':
        return { kind: 'scalar', scalar: schema.format ?? 'int64' };
      case 'array':
        return { kind: 'list', element: this.#type(`${path}[]`, schema.items as JSONSchemaProps) };
      case 'object':
        if (schema.properties === undefined && schema.additionalProperties !== undefined)
          return { kind: 'map', value: this.#type(`${path}{}`, schema.additionalProperties as JSONSchemaProps) };
        return { kind: 'message', file: this.#file, name: this.#structure(path, schema) };
      default:
        return fail(`${path} has the type ${schema.type}, which no table can hold`);
    }
  }

  #structure(path: string, schema: JSONSchemaProps): string {
    const signature = signatureOf(schema);
    const name = this.#names.get(signature) ?? fail(`The structure ${path} has no name: add one to custom-names.ts.`);
    if (this.#messages.has(name)) return name;
    const fields = Object.entries(schema.properties ?? {}).map(([field, each]) =>
      this.#field(`${path}.${field}`, field, each, schema.required ?? []),
    );
    this.#messages.set(name, { name, fields });
    return name;
  }
}

function metadata(type: 'ObjectMeta' | 'ListMeta'): ModelField {
  const of: ModelType = { kind: 'message', file: 'meta-v1', name: type };
  return { ...plain, name: 'metadata', goName: type, type: of, alwaysEncoded: true };
}

const keywords = [
  'minLength',
  'maxLength',
  'pattern',
  'minimum',
  'maximum',
  'minItems',
  'maxItems',
  'minProperties',
  'maxProperties',
] as const;

/** Undefined where nothing is asked. The element's rules stand with the list's: an element has no row of its own. */
function rulesOf(schema: JSONSchemaProps, isElement = false): ValueRules | undefined {
  const own = keywords.flatMap((keyword) =>
    schema[keyword] === undefined ? [] : [[keyword, schema[keyword]] as const],
  );
  const inner =
    schema.type === 'array' ? schema.items : schema.properties === undefined ? schema.additionalProperties : undefined;
  const each = inner === undefined ? undefined : rulesOf(inner as JSONSchemaProps, true);
  const needsEnum = schema.enum !== undefined && (isElement || schema.type !== 'string');
  const rules = {
    ...Object.fromEntries(own),
    ...(needsEnum && { enum: schema.enum as (string | number)[] }),
    ...(each && { each }),
  };
  return Object.keys(rules).length === 0 ? undefined : rules;
}
