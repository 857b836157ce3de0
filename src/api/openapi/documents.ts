/**
 * What a document is made of: paths and schemas of some rows, and what stands around them in each of OpenAPI's versions. No document is
 * kept here.
 */
import type { CustomRow } from '../custom-rows.ts';
import { apiVersionOf, type ResourceInfo } from '../resources.ts';
import type { SchemaRegistry } from '../schema/schema.ts';
import { PathBuilder } from './paths.ts';
import { encodeOpenApiV2 } from './protobuf.ts';
import { encodeOpenApiV3 } from './protobuf-v3.ts';
import { type Json, type OpenApiVersion, SchemaCollector } from './schemas.ts';

export interface Content {
  readonly paths: Json;
  readonly schemas: Json;
}

export function resourceContent(
  version: OpenApiVersion,
  schema: SchemaRegistry,
  rows: readonly ResourceInfo[],
  plainPaths: readonly string[] = [],
): Content {
  const collector = new SchemaCollector(version);
  const builder = new PathBuilder(version, schema, collector);
  const roots = new Set<string>();
  for (const row of rows) {
    // Upstream's custom resources have no document at their root.
    if (!roots.has(apiVersionOf(row)) && row.definition === undefined) {
      builder.addRoot(row);
      roots.add(apiVersionOf(row));
    }
    builder.add(row);
  }
  for (const path of plainPaths) addPlain(builder, path);
  return { paths: builder.paths, schemas: collector.collected() };
}

/**
 * What custom kinds add to a document that has the schemas of `names`, one by one: each is decoded, told and let go, since all at once may be
 * larger than memory.
 */
export function* customContents(
  version: OpenApiVersion,
  schema: SchemaRegistry,
  rows: readonly CustomRow[],
  names: ReadonlySet<string>,
): Generator<Content> {
  const known = new Set(names);
  for (const row of rows) {
    const { paths, schemas } = resourceContent(version, schema, [row]);
    const added = Object.entries(schemas).filter(([name]) => !known.has(name));
    for (const [name] of added) known.add(name);
    yield { paths, schemas: Object.fromEntries(added) };
  }
}

const bearerToken = { type: 'apiKey', name: 'authorization', in: 'header', description: 'Bearer Token authentication' };
const security = [{ BearerToken: [] }];

function infoOf(version: string): Json {
  return { title: 'Kubernetes', version };
}

export function documentV3({ paths, schemas }: Content, version: string): Json {
  return {
    openapi: '3.0.0',
    info: infoOf(version),
    paths,
    components: { schemas, securitySchemes: { BearerToken: bearerToken } },
    security,
  };
}

export function documentV2({ paths, schemas }: Content, version: string): Json {
  return {
    swagger: '2.0',
    info: infoOf(version),
    paths,
    definitions: schemas,
    securityDefinitions: { BearerToken: bearerToken },
    security,
  };
}

/** A document, open at the ends of its paths and of its schemas. */
export interface OpenDocument {
  readonly untilPathsEnd: Buffer;
  readonly untilSchemasEnd: Buffer;
  readonly rest: Buffer;
  /** Of its schemas. */
  readonly names: ReadonlySet<string>;
}

export function openDocumentV2(content: Content, version: string): OpenDocument {
  const { swagger, info, paths, definitions, ...rest } = documentV2(content, version);
  return {
    untilPathsEnd: Buffer.from(`${open({ swagger, info })},"paths":${open(paths)}`),
    untilSchemasEnd: Buffer.from(`},"definitions":${open(definitions)}`),
    rest: Buffer.from(`},${JSON.stringify(rest).slice(1)}`),
    names: new Set(Object.keys(content.schemas)),
  };
}

export function openDocumentV3(content: Content, version: string): OpenDocument {
  const { openapi, info, paths, components } = documentV3(content, version);
  const { schemas, ...rest } = components as Json;
  return {
    untilPathsEnd: Buffer.from(`${open({ openapi, info })},"paths":${open(paths)}`),
    untilSchemasEnd: Buffer.from(`},"components":{"schemas":${open(schemas)}`),
    rest: Buffer.from(`},${JSON.stringify(rest).slice(1)},"security":${JSON.stringify(security)}}`),
    names: new Set(Object.keys(content.schemas)),
  };
}

const open = (members: unknown): string => JSON.stringify(members).slice(0, -1);

/** Members to follow others: `,"a":1`. */
function further(members: Json): Buffer {
  const text = JSON.stringify(members);
  return Buffer.from(text === '{}' ? '' : `,${text.slice(1, -1)}`);
}

/** Yields after each part, so that others may have their turn. The document that is added to has at least one path and one schema. */
export function* joinedJson(document: OpenDocument, more: Iterable<Content>): Generator<void, Buffer> {
  const paths: Buffer[] = [];
  const schemas: Buffer[] = [];
  for (const content of more) {
    paths.push(further(content.paths));
    schemas.push(further(content.schemas));
    yield;
  }
  const { untilPathsEnd, untilSchemasEnd, rest } = document;
  return Buffer.concat([untilPathsEnd, ...paths, untilSchemasEnd, ...schemas, rest]);
}

/** Encoded messages that follow each other are one message, with the members of all. Yields as `joinedJson`. */
export function* joinedProtobuf(
  document: Buffer,
  more: Iterable<Content>,
  encode: (content: Content) => Buffer,
): Generator<void, Buffer> {
  const parts = [document];
  for (const content of more) {
    parts.push(encode(content));
    yield;
  }
  return Buffer.concat(parts);
}

export const partV2 = ({ paths, schemas }: Content): Buffer => encodeOpenApiV2({ paths, definitions: schemas });
export const partV3 = ({ paths, schemas }: Content): Buffer => encodeOpenApiV3({ paths, components: { schemas } });

const versionFields = [
  'buildDate',
  'compiler',
  'emulationMajor',
  'emulationMinor',
  'gitCommit',
  'gitTreeState',
  'gitVersion',
  'goVersion',
  'major',
  'minCompatibilityMajor',
  'minCompatibilityMinor',
  'minor',
  'platform',
];

function addPlain(builder: PathBuilder, path: string): void {
  if (path === 'version') builder.addServerVersion(versionFields);
  else if (path === 'api' || path === 'apis') builder.addVersions(path);
  else builder.addGroup(path.slice('apis/'.length));
}
