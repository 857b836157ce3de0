/**
 * The kinds of CustomResourceDefinitions as OpenAPI schemas: what their authors wrote, with what every Kubernetes object has beside it
 * (`apiVersion`, `kind`, `metadata`), as upstream publishes them. Authors' descriptions are served: `kubectl explain` shows them.
 *
 * Version 3 says all that a schema says. Version 2 leaves out what it has no words for, and what makes old versions of kubectl refuse good
 * manifests: `nullable`, alternatives, fields beside unknown ones, defaults. Nodes of a schema that need no change are shared, not copied.
 */
import type { CustomDefinition } from '../custom-definition.ts';
import type { CustomRow } from '../custom-rows.ts';
import type { ResourceInfo } from '../resources.ts';
import type {
  JSONSchemaProps,
  JSONSchemaPropsOrArray,
  JSONSchemaPropsOrBool,
} from '../schema/types/apiextensions-v1.ts';
import { typeMetaDescriptions } from './descriptions.ts';
import type { Json, OpenApiVersion } from './schemas.ts';

export function isCustomRow(row: ResourceInfo): row is CustomRow {
  return row.definition !== undefined;
}

/** References to the metadata of objects and of lists. */
export interface MetaReferences {
  readonly object: Json;
  readonly list: Json;
}

/** `com.example.stable.v1.CronTab`. */
export function modelName({ group, version }: ResourceInfo, kind: string): string {
  return [...group.split('.').toReversed(), version, kind].join('.');
}

export function listKindOf({ kind, definition }: CustomRow): string {
  const { spec, status } = definition.outline;
  return status?.acceptedNames?.listKind ?? spec.names.listKind ?? `${kind}List`;
}

export function customSchema(row: CustomRow, version: OpenApiVersion, meta: MetaReferences): Json {
  return { ...contentOf(row.definition, version, meta), ...extensionsOf(row, row.kind) };
}

export function customListSchema(row: CustomRow, version: OpenApiVersion, item: Json, meta: MetaReferences): Json {
  return {
    description: `${listKindOf(row)} is a list of ${row.kind}`,
    type: 'object',
    required: ['items'],
    properties: {
      ...typeMeta,
      items: { description: `The ${row.resource} of the list.`, type: 'array', items: item },
      metadata: described(meta.list, typeMetaDescriptions.listMetadata, version),
    },
    ...extensionsOf(row, listKindOf(row)),
  };
}

const typeMeta: Readonly<Record<'apiVersion' | 'kind', Json>> = {
  apiVersion: { description: typeMetaDescriptions.apiVersion, type: 'string' },
  kind: { description: typeMetaDescriptions.kind, type: 'string' },
};

/**
 * Where nothing is known of a kind's fields, nothing is said of any: kubectl takes a list of properties for the whole list, and version 2
 * cannot say that there may be others.
 */
function contentOf(definition: CustomDefinition, version: OpenApiVersion, meta: MetaReferences): Json {
  const root = definition.version.schema?.openAPIV3Schema;
  if (root === undefined) return { type: 'object' };
  const isOpen = root[preserveUnknown] === true || definition.outline.spec.preserveUnknownFields === true;
  if (version === 'v2' && isOpen) return { type: 'object' };
  const content = version === 'v2' ? nodeV2(root, meta) : nodeV3(root, meta);
  const metadata = described(meta.object, typeMetaDescriptions.metadata, version);
  return { ...content, properties: { ...(content.properties as Json | undefined), ...typeMeta, metadata } };
}

function extensionsOf({ group, version, definition }: CustomRow, kind: string): Json {
  const selectable = definition.selectableFields.map((path) => ({ fieldPath: path.replace(/^\./, '') }));
  return {
    'x-kubernetes-group-version-kind': [{ group, version, kind }],
    ...(selectable.length > 0 && { 'x-kubernetes-selectable-fields': selectable }),
  };
}

/** Version 3 ignores what stands beside a `$ref`. */
function described(reference: Json, description: string, version: OpenApiVersion): Json {
  return version === 'v3' ? { allOf: [reference], description } : { ...reference, description };
}

const preserveUnknown = 'x-kubernetes-preserve-unknown-fields';

type Node = JSONSchemaProps;
type Convert = (node: Node, meta: MetaReferences) => Json;

function nodeV3(node: Node, meta: MetaReferences): Json {
  const told = withoutUntold(node);
  const changes = {
    ...childrenOf(told, nodeV3, meta),
    ...(node['x-kubernetes-int-or-string'] === true && intOrString(node)),
  };
  const content = Object.keys(changes).length === 0 ? (told as Json) : { ...told, ...changes };
  return node['x-kubernetes-embedded-resource'] === true ? asResource(content, 'v3', meta) : content;
}

/** Structural schemas have no use for these, which upstream does not publish, and a `$ref` would lead nowhere. */
const untold: ReadonlySet<string> = new Set([
  '$ref',
  '$schema',
  'additionalItems',
  'definitions',
  'dependencies',
  'id',
  'patternProperties',
]);

function withoutUntold(node: Node): Node {
  for (const name in node) {
    if (untold.has(name)) return Object.fromEntries(Object.entries(node).filter(([each]) => !untold.has(each)));
  }
  return node;
}

/** The children that are other ones afterwards. */
function childrenOf(node: Node, convert: Convert, meta: MetaReferences): Json {
  const changes: Json = {};
  const properties = node.properties && propertiesOf(node.properties, convert, meta);
  if (properties !== node.properties) changes['properties'] = properties;
  const items = isSchema(node.items) ? convert(node.items, meta) : node.items;
  if (items !== node.items) changes['items'] = items;
  const { additionalProperties: rest } = node;
  const converted = isSchema(rest) ? convert(rest, meta) : rest;
  if (converted !== rest) changes['additionalProperties'] = converted;
  return changes;
}

function propertiesOf(properties: NonNullable<Node['properties']>, convert: Convert, meta: MetaReferences): Json {
  const entries = Object.entries(properties).map(([name, child]) => [name, convert(child, meta)] as const);
  return entries.every(([name, child]) => child === properties[name]) ? properties : Object.fromEntries(entries);
}

function isSchema(value: JSONSchemaPropsOrArray | JSONSchemaPropsOrBool | undefined): value is Node {
  return typeof value === 'object' && !Array.isArray(value);
}

const eitherType = [{ type: 'integer' }, { type: 'string' }];

/** Says in words of OpenAPI what the extension means, where the author did not. */
function intOrString({ anyOf, allOf }: Node): Json {
  if (isEither(anyOf) || isEither(allOf?.[0]?.anyOf)) return {};
  return anyOf === undefined ? { anyOf: eitherType } : { allOf: [{ anyOf: eitherType }, ...(allOf ?? [])] };
}

function isEither(alternatives: readonly Node[] | undefined): boolean {
  return alternatives?.length === 2 && alternatives.every(({ type }, index) => type === eitherType[index]?.type);
}

function asResource(content: Json, version: OpenApiVersion, meta: MetaReferences): Json {
  const metadata = described(meta.object, typeMetaDescriptions.metadata, version);
  const required = new Set([...((content['required'] as readonly string[] | undefined) ?? []), 'kind', 'apiVersion']);
  const properties = { ...(content['properties'] as Json | undefined), ...typeMeta, metadata };
  return { ...content, properties, required: [...required] };
}

/** What version 2 does not have at all. */
const unknownToV2: ReadonlySet<string> = new Set(['allOf', 'anyOf', 'default', 'not', 'nullable', 'oneOf']);
/** kubectl takes a value of a schema with these for one that has nothing else. */
const closing: ReadonlySet<string> = new Set(['items', 'properties']);

function nodeV2(node: Node, meta: MetaReferences): Json {
  const isNullable = node.nullable === true;
  const isOpen = node[preserveUnknown] === true;
  const bare = Object.fromEntries(
    Object.entries(node).filter(
      ([name]) => !unknownToV2.has(name) && !untold.has(name) && !((isNullable || isOpen) && closing.has(name)),
    ),
  ) as Node;
  const content: Json = { ...bare, ...childrenOf(bare, nodeV2, meta), required: requiredV2(bare) };
  // kubectl cannot read a list without items, and no type says that nothing may be null.
  const isUntyped = isNullable || (isOpen && node.type === 'object') || (node.type === 'array' && !bare.items);
  if (isUntyped) delete content['type'];
  if (content['required'] === undefined) delete content['required'];
  const isResource = node['x-kubernetes-embedded-resource'] === true && !isOpen;
  return isResource ? asResource(content, 'v2', meta) : content;
}

/** What may be null is not required: to kubectl, null is as absent. */
function requiredV2({ required, properties, additionalProperties }: Node): readonly string[] | undefined {
  if (isSchema(additionalProperties) && additionalProperties.nullable === true) return undefined;
  const left = required?.filter((name) => properties === undefined || properties[name]?.nullable !== true);
  return left?.length === 0 ? undefined : left;
}
