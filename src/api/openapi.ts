/**
 * OpenAPI documents: version 3, an index and one document for each group and version, and version 2, one document for all;
 * both also in protobuf (`openapi/protobuf*.ts`).
 *
 * Made from the schema registry and the resource table when first asked for, then kept. Both inputs are immutable: where
 * CustomResourceDefinitions change them, make a new `OpenApi`, handing it the old one as `previous`: documents of groups and
 * versions whose rows and schema did not change are taken over. Descriptions are left out.
 */
import { createHash } from 'node:crypto';
import { PathBuilder } from './openapi/paths.ts';
import { encodeOpenApiV2 } from './openapi/protobuf.ts';
import { encodeOpenApiV3 } from './openapi/protobuf-v3.ts';
import { type Json, type OpenApiVersion, SchemaCollector } from './openapi/schemas.ts';
import type { ResourceTable } from './resource-table.ts';
import { apiVersionOf, type ResourceInfo } from './resources.ts';
import type { SchemaRegistry } from './schema/schema.ts';

export interface OpenApiDocument {
  readonly json: Buffer;
  /** Upper-case hex; the ETag is this in quotes. */
  readonly hash: string;
}

/** The same document for clients that want it in protobuf. */
export interface OpenApiProtobuf {
  readonly protobuf: Buffer;
  readonly hash: string;
}

export interface OpenApiOptions {
  readonly schema: SchemaRegistry;
  readonly resources: ResourceTable;
  /** As `/version` tells it: `v1.36.0`. */
  readonly version: string;
  readonly previous?: OpenApi;
}

interface KeptDocument extends OpenApiDocument {
  /** Made when first asked for. */
  protobuf?: Buffer;
  readonly rows: readonly ResourceInfo[];
  /** The types of the rows' kinds, by which a changed schema is known. */
  readonly types: readonly unknown[];
}

export class OpenApi {
  readonly #options: OpenApiOptions;
  readonly #documents = new Map<string, KeptDocument>();
  #index: OpenApiDocument | undefined;
  #v2: OpenApiDocument | undefined;
  #v2Protobuf: OpenApiProtobuf | undefined;

  constructor(options: OpenApiOptions) {
    const { previous, ...own } = options;
    this.#options = own;
    const served = new Set(this.#paths());
    for (const [path, document] of previous === undefined ? [] : previous.#documents) {
      if (!served.has(path)) continue;
      const { group, version } = parsePath(path);
      const rows = own.resources.inGroupVersion(group, version);
      if (sameItems(document.rows, rows) && sameItems(document.types, this.#typesOf(rows)))
        this.#documents.set(path, document);
    }
  }

  /** `/openapi/v3`: where the document of each group and version stands. The hash in a URL lets clients keep it for ever. */
  index(): OpenApiDocument {
    this.#index ??= encode({
      paths: Object.fromEntries(this.#paths().map((path) => [path, { serverRelativeURL: this.#url(path) }])),
    });
    return this.#index;
  }

  /** `/openapi/v3/PATH`, where PATH is `api/v1`, `apis/apps/v1`, `apis/apps`, `version`; undefined where that is not served. */
  v3(path: string): OpenApiDocument | undefined {
    return this.#kept(path);
  }

  #kept(path: string): KeptDocument | undefined {
    const kept = this.#documents.get(path);
    if (kept !== undefined) return kept;
    const { group, version } = parsePath(path);
    const rows = this.#options.resources.inGroupVersion(group, version);
    const isResources = rows.length > 0 && pathOf(group, version) === path;
    if (!isResources && !this.#plainPaths().includes(path)) return undefined;
    const content = isResources ? this.#resourceContent('v3', rows) : this.#plainContent('v3', path);
    const document: KeptDocument = {
      ...encode(this.#v3Document(content)),
      rows: isResources ? rows : [],
      types: this.#typesOf(isResources ? rows : []),
    };
    this.#documents.set(path, document);
    return document;
  }

  /** The same in protobuf, under the hash of its JSON, as upstream. @throws UnencodableError */
  v3Protobuf(path: string): OpenApiProtobuf | undefined {
    const document = this.#kept(path);
    if (document === undefined) return undefined;
    document.protobuf ??= encodeOpenApiV3(JSON.parse(document.json.toString()) as Json);
    return { protobuf: document.protobuf, hash: document.hash };
  }

  /** `/openapi/v2`, as JSON. */
  v2(): OpenApiDocument {
    this.#v2 ??= encode(this.#v2Document());
    return this.#v2;
  }

  /** `/openapi/v2`, as gnostic's message. @throws UnencodableError where the document holds what that cannot */
  v2Protobuf(): OpenApiProtobuf {
    this.#v2Protobuf ??= encodeProtobuf(this.#v2Document());
    return this.#v2Protobuf;
  }

  #paths(): string[] {
    const { resources } = this.#options;
    const versions = resources
      .groups()
      .flatMap(({ group, versions: each }) => each.map((version) => pathOf(group, version)));
    return [...this.#plainPaths(), ...versions].sort();
  }

  /** What is served beside resources. */
  #plainPaths(): string[] {
    const groups = this.#options.resources.groups().filter(({ group }) => group !== '');
    return ['api', 'apis', 'version', ...groups.map(({ group }) => `apis/${group}`)];
  }

  #url(path: string): string {
    return `/openapi/v3/${path}?hash=${this.v3(path)?.hash ?? ''}`;
  }

  #typesOf(rows: readonly ResourceInfo[]): unknown[] {
    return rows.map((row) => this.#options.schema.kind(row));
  }

  #v3Document({ paths, schemas }: Content): Json {
    return {
      openapi: '3.0.0',
      info: this.#info(),
      paths,
      components: { schemas, securitySchemes: { BearerToken: bearerToken } },
      security: [{ BearerToken: [] }],
    };
  }

  #v2Document(): Json {
    const { paths, schemas } = this.#content('v2', (builder) => {
      this.#addResources(builder, this.#options.resources.all);
      for (const path of this.#plainPaths()) addPlain(builder, path);
    });
    return {
      swagger: '2.0',
      info: this.#info(),
      paths,
      definitions: schemas,
      securityDefinitions: { BearerToken: bearerToken },
      security: [{ BearerToken: [] }],
    };
  }

  #info(): Json {
    return { title: 'Kubernetes', version: this.#options.version };
  }

  #resourceContent(version: OpenApiVersion, rows: readonly ResourceInfo[]): Content {
    return this.#content(version, (builder) => this.#addResources(builder, rows));
  }

  #plainContent(version: OpenApiVersion, path: string): Content {
    return this.#content(version, (builder) => addPlain(builder, path));
  }

  #addResources(builder: PathBuilder, rows: readonly ResourceInfo[]): void {
    const roots = new Set<string>();
    for (const row of rows) {
      if (!roots.has(apiVersionOf(row))) builder.addRoot(row);
      roots.add(apiVersionOf(row));
      builder.add(row);
    }
  }

  #content(version: OpenApiVersion, fill: (builder: PathBuilder) => void): Content {
    const collector = new SchemaCollector(version);
    const builder = new PathBuilder(version, this.#options.schema, collector);
    fill(builder);
    return { paths: builder.paths, schemas: collector.collected() };
  }
}

interface Content {
  readonly paths: Json;
  readonly schemas: Json;
}

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

const bearerToken = { type: 'apiKey', name: 'authorization', in: 'header', description: 'Bearer Token authentication' };

function encode(document: Json): OpenApiDocument {
  const json = Buffer.from(JSON.stringify(document));
  return { json, hash: hashOf(json) };
}

function encodeProtobuf(document: Json): OpenApiProtobuf {
  const protobuf = encodeOpenApiV2(document);
  return { protobuf, hash: hashOf(protobuf) };
}

function hashOf(bytes: Buffer): string {
  return createHash('sha512').update(bytes).digest('hex').toUpperCase();
}

function pathOf(group: string, version: string): string {
  return group === '' ? `api/${version}` : `apis/${group}/${version}`;
}

function parsePath(path: string): { group: string; version: string } {
  const [root, ...rest] = path.split('/');
  const [group = '', version = ''] = root === 'api' ? ['', ...rest] : rest;
  return { group, version };
}

function sameItems(left: readonly unknown[], right: readonly unknown[]): boolean {
  return left.length === right.length && left.every((item, index) => item === right[index]);
}
