/**
 * OpenAPI documents: version 3, an index and one document for each group and version, and version 2, one document for all;
 * both also in protobuf (`openapi/protobuf*.ts`).
 *
 * Made from the schema registry and one state of the resource table when first asked for. Where CustomResourceDefinitions change the table,
 * make a new `OpenApi`, handing it the old one as `previous`: what did not change is taken over. Documents of built-in kinds are kept, and
 * known by a hash of what they say. Those of custom kinds may be hundreds of megabytes: they are made when asked for, the latest few are kept,
 * and their hash is of what they are made from, so that the index costs no more than its length.
 */
import { limits } from '../lib/limits.ts';
import type { CustomRow } from './custom-rows.ts';
import { isCustomRow } from './openapi/custom-schemas.ts';
import {
  type Content,
  customContents,
  documentV3,
  joinedJson,
  joinedProtobuf,
  openDocumentV3,
  partV2,
  partV3,
  resourceContent,
} from './openapi/documents.ts';
import { KeptBytes } from './openapi/kept-bytes.ts';
import { BuiltinV2, hashOf, LazyDocument, type OpenApiDocument, WholeDocument } from './openapi/kept-documents.ts';
import { encodeOpenApiV3 } from './openapi/protobuf-v3.ts';
import type { ResourceTable } from './resource-table.ts';
import type { ResourceInfo } from './resources.ts';
import type { SchemaRegistry } from './schema/schema.ts';

export type { OpenApiDocument } from './openapi/kept-documents.ts';

export interface OpenApiOptions {
  readonly schema: SchemaRegistry;
  /** As it is at one moment (`ResourceTable.current`). */
  readonly resources: ResourceTable;
  /** As `/version` tells it: `v1.36.0`. */
  readonly version: string;
  /** What servers that extend this one add; another object where it is something else. */
  readonly remote?: RemoteOpenApi | undefined;
  readonly previous?: OpenApi;
}

export interface RemoteOpenApi {
  /** Of version 3, by path: where a document stands. */
  readonly urls: ReadonlyMap<string, string>;
  /** Of all that it adds to version 2. */
  readonly hash: string;
  /** Beside schemas of these names. */
  contents(names: ReadonlySet<string>): Iterable<Content>;
}

/** Counts the ways in which documents of custom kinds were ever made: their hash says nothing of this program. */
const form = 1;

/** By path, with what it was made from, by which a change is known. */
interface Kept {
  readonly document: OpenApiDocument;
  readonly sources: readonly unknown[];
}

export class OpenApi {
  readonly #options: OpenApiOptions;
  readonly #kept = new Map<string, Kept>();
  readonly #lately: KeptBytes;
  readonly #plainPaths: ReadonlySet<string>;
  readonly #builtin: BuiltinV2;
  readonly #custom: readonly CustomRow[];
  #index: OpenApiDocument | undefined;
  #v2: OpenApiDocument | undefined;

  constructor(options: OpenApiOptions) {
    const { previous, ...own } = options;
    const { resources, schema, version } = own;
    this.#options = own;
    this.#lately = previous === undefined ? new KeptBytes(limits.openApiKeptBytesMax) : previous.#lately;
    this.#plainPaths = new Set(plainPathsOf(resources));
    this.#custom = resources.all.filter(isCustomRow);
    const builtin = resources.all.filter(isNotCustom);
    const sameBuiltin = previous !== undefined && sameItems(builtin, previous.#builtin.rows);
    const content = (): Content => resourceContent('v2', schema, builtin, [...this.#plainPaths]);
    this.#builtin = sameBuiltin ? previous.#builtin : new BuiltinV2(builtin, version, content);
    for (const [path, kept] of previous === undefined ? [] : previous.#kept) {
      if (sameItems(kept.sources, this.#sourcesOf(path))) this.#kept.set(path, kept);
    }
  }

  get resources(): ResourceTable {
    return this.#options.resources;
  }

  get remote(): RemoteOpenApi | undefined {
    return this.#options.remote;
  }

  /** `/openapi/v3`: where the document of each group and version stands. The hash in a URL lets clients keep it for ever. */
  index(): OpenApiDocument {
    this.#index ??= new WholeDocument({
      paths: Object.fromEntries(this.#paths().map((path) => [path, { serverRelativeURL: this.#url(path) }])),
    });
    return this.#index;
  }

  /** `/openapi/v3/PATH`, where PATH is `api/v1`, `apis/apps/v1`, `apis/apps`, `version`; undefined where that is not served. */
  v3(path: string): OpenApiDocument | undefined {
    const kept = this.#kept.get(path);
    if (kept !== undefined) return kept.document;
    const rows = this.#rowsOf(path);
    const isPlain = this.#plainPaths.has(path);
    if (rows.length === 0 && !isPlain) return undefined;
    const document = this.#made(rows, isPlain ? [path] : []);
    this.#kept.set(path, { document, sources: this.#sourcesOf(path) });
    return document;
  }

  /** `/openapi/v2`. */
  v2(): OpenApiDocument {
    if (this.#custom.length === 0 && this.#options.remote === undefined) return this.#builtin;
    this.#v2 ??= this.#withCustom();
    return this.#v2;
  }

  #paths(): string[] {
    const { resources } = this.#options;
    const versions = resources
      .groups()
      .flatMap(({ group, versions: each }) => each.map((version) => pathOf(group, version)));
    return [...new Set([...this.#plainPaths, ...versions, ...(this.#options.remote?.urls.keys() ?? [])])].sort();
  }

  #url(path: string): string {
    const elsewhere = this.#options.remote?.urls.get(path);
    if (elsewhere !== undefined) return elsewhere;
    return `/openapi/v3/${path}?hash=${this.v3(path)?.hash ?? ''}`;
  }

  #made(rows: readonly ResourceInfo[], plainPaths: readonly string[]): OpenApiDocument {
    const { schema, version } = this.#options;
    const custom = rows.filter(isCustomRow);
    const builtin = rows.filter(isNotCustom);
    if (custom.length === 0)
      return new WholeDocument(documentV3(resourceContent('v3', schema, builtin, plainPaths), version));
    // Whatever stands first, the others follow.
    const first = builtin.length > 0 ? builtin : custom.slice(0, 1);
    const others = builtin.length > 0 ? custom : custom.slice(1);
    const begin = (): Content => resourceContent('v3', schema, first, plainPaths);
    const more = (names: ReadonlySet<string>): Iterable<Content> => customContents('v3', schema, others, names);
    return new LazyDocument(hashOf(JSON.stringify([form, 'v3', version, ...rows.map(contentKey)])), this.#lately, {
      json: () => {
        const open = openDocumentV3(begin(), version);
        return joinedJson(open, more(open.names));
      },
      protobuf: () => {
        const content = begin();
        const names = new Set(Object.keys(content.schemas));
        return joinedProtobuf(encodeOpenApiV3(documentV3(content, version)), more(names), partV3);
      },
    });
  }

  #withCustom(): OpenApiDocument {
    const { schema, version, remote } = this.#options;
    const builtin = this.#builtin;
    const key = JSON.stringify([form, 'v2', version, builtin.hash, remote?.hash, ...this.#custom.map(contentKey)]);
    const custom = this.#custom;
    const more = function* (): Generator<Content> {
      const { names } = builtin.open;
      yield* customContents('v2', schema, custom, names);
      if (remote !== undefined) yield* remote.contents(names);
    };
    return new LazyDocument(hashOf(key), this.#lately, {
      json: () => joinedJson(builtin.open, more()),
      protobuf: () => joinedProtobuf(builtin.protobuf, more(), partV2),
    });
  }

  #rowsOf(path: string): readonly ResourceInfo[] {
    const { group, version } = parsePath(path);
    return pathOf(group, version) === path ? this.#options.resources.inGroupVersion(group, version) : [];
  }

  /** Rows, and the types of the built-in ones: that of a custom one is costly to make, and changes with its row. */
  #sourcesOf(path: string): readonly unknown[] {
    const rows = this.#rowsOf(path);
    const types = rows.map((row) => (isCustomRow(row) ? undefined : this.#options.schema.kind(row)));
    return [this.#plainPaths.has(path), ...rows, ...types];
  }
}

/** What is served beside resources. A group of custom kinds alone has no document of its own. */
function plainPathsOf(resources: ResourceTable): string[] {
  const groups = resources.groups().filter(({ group, versions }) => {
    const isBuiltin = (version: string): boolean => resources.inGroupVersion(group, version).some(isNotCustom);
    return group !== '' && versions.some(isBuiltin);
  });
  return ['api', 'apis', 'version', ...groups.map(({ group }) => `apis/${group}`)];
}

const isNotCustom = (row: ResourceInfo): boolean => !isCustomRow(row);

/** All that the document says of a kind follows from this: a schema changes only with its definition's generation. */
function contentKey(row: ResourceInfo): unknown {
  const { group, version, resource, kind, namespaced, verbs, subresources } = row;
  const { uid, generation } = row.definition?.outline.metadata ?? {};
  return [uid, generation, group, version, resource, kind, namespaced, verbs, subresources];
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
