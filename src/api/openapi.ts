/**
 * OpenAPI documents: version 3, an index and one document for each group and version, and version 2, one document for all,
 * which is also there in protobuf (`openapi/protobuf.ts`).
 *
 * Made from the schema registry and the resource table when first asked for, then kept. Both inputs are immutable: where
 * CustomResourceDefinitions change them, make a new `OpenApi`, handing it the old one as `previous`: documents of groups and
 * versions whose rows and schema did not change are taken over. Descriptions are left out.
 */
import { createHash } from 'node:crypto';
import { PathBuilder } from './openapi/paths.ts';
import { encodeOpenApiV2 } from './openapi/protobuf.ts';
import { type Json, type OpenApiVersion, SchemaCollector } from './openapi/schemas.ts';
import type { ResourceTable } from './resource-table.ts';
import type { ResourceInfo } from './resources.ts';
import type { SchemaRegistry } from './schema/schema.ts';

export interface OpenApiDocument {
  readonly json: Buffer;
  /** Upper-case hex; the ETag is this in quotes. */
  readonly hash: string;
}

/** The same document for clients that want it in protobuf. Other bytes, so another hash. */
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
    for (const [path, document] of previous === undefined ? [] : previous.#documents) {
      const { group, version } = parsePath(path);
      const rows = own.resources.inGroupVersion(group, version);
      if (sameItems(document.rows, rows) && sameItems(document.types, this.#typesOf(rows)))
        this.#documents.set(path, document);
    }
  }

  /** `/openapi/v3`: where the document of each group and version stands. The hash in a URL lets clients keep it for ever. */
  index(): OpenApiDocument {
    this.#index ??= encode({
      paths: Object.fromEntries(this.#groupVersions().map((path) => [path, { serverRelativeURL: this.#url(path) }])),
    });
    return this.#index;
  }

  /** `/openapi/v3/PATH`, where PATH is `api/v1` or `apis/apps/v1`; undefined where that is not served. */
  v3(path: string): OpenApiDocument | undefined {
    const kept = this.#documents.get(path);
    if (kept !== undefined) return kept;
    const { group, version } = parsePath(path);
    const rows = this.#options.resources.inGroupVersion(group, version);
    if (rows.length === 0 || pathOf(group, version) !== path) return undefined;
    const document = { ...encode(this.#v3Document(rows)), rows, types: this.#typesOf(rows) };
    this.#documents.set(path, document);
    return document;
  }

  /** `/openapi/v2`, as JSON. */
  v2(): OpenApiDocument {
    this.#v2 ??= encode(this.#v2Document(this.#options.resources.all));
    return this.#v2;
  }

  /** `/openapi/v2`, as gnostic's message. @throws UnencodableError where the document holds what that cannot */
  v2Protobuf(): OpenApiProtobuf {
    this.#v2Protobuf ??= encodeProtobuf(this.#v2Document(this.#options.resources.all));
    return this.#v2Protobuf;
  }

  #groupVersions(): string[] {
    return this.#options.resources
      .groups()
      .flatMap(({ group, versions }) => versions.map((version) => pathOf(group, version)))
      .sort();
  }

  #url(path: string): string {
    return `/openapi/v3/${path}?hash=${this.v3(path)?.hash ?? ''}`;
  }

  #typesOf(rows: readonly ResourceInfo[]): unknown[] {
    return rows.map((row) => this.#options.schema.kind(row));
  }

  #v3Document(rows: readonly ResourceInfo[]): Json {
    const { paths, schemas } = this.#content('v3', rows);
    return {
      openapi: '3.0.0',
      info: this.#info(),
      paths,
      components: { schemas, securitySchemes: { BearerToken: bearerToken } },
      security: [{ BearerToken: [] }],
    };
  }

  #v2Document(rows: readonly ResourceInfo[]): Json {
    const { paths, schemas } = this.#content('v2', rows);
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

  #content(version: OpenApiVersion, rows: readonly ResourceInfo[]): { paths: Json; schemas: Json } {
    const collector = new SchemaCollector(version);
    const builder = new PathBuilder(version, this.#options.schema, collector);
    for (const row of rows) builder.add(row);
    return { paths: builder.paths, schemas: collector.collected() };
  }
}

const bearerToken = { type: 'apiKey', name: 'authorization', in: 'header', description: 'Bearer token' };

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
