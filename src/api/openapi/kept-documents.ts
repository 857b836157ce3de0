/**
 * Documents with their hash, in JSON and in protobuf. Of built-in kinds there are a few megabytes: they are kept, and their hash is of what
 * they say. Custom ones know their hash without being made.
 *
 * A document's protobuf has the hash of its JSON in version 3, as upstream, whose clients find it by URL; in version 2 each has its own.
 */
import { createHash } from 'node:crypto';
import type { ResourceInfo } from '../resources.ts';
import { type Content, documentV2, type OpenDocument, openDocumentV2 } from './documents.ts';
import type { KeptBytes } from './kept-bytes.ts';
import { encodeOpenApiV2 } from './protobuf.ts';
import { encodeOpenApiV3 } from './protobuf-v3.ts';
import type { Json } from './schemas.ts';

/** Its content may be made when it is read. */
export interface OpenApiDocument {
  readonly json: Buffer;
  /** Upper-case hex; the ETag is this in quotes. */
  readonly hash: string;
  /** The same for clients that want it so. @throws UnencodableError where the document holds what protobuf cannot */
  readonly protobuf: Buffer;
  /** The same, with a `pause` wherever making it takes a while. */
  read(form: OpenApiForm, pause: Pause): Buffer | Promise<Buffer>;
}

export type OpenApiForm = 'json' | 'protobuf';

/** Resolves when others had their turn; undefined: it is not their turn yet. */
export type Pause = () => Promise<void> | undefined;

/** Version 3 of built-in kinds, and the index. */
export class WholeDocument implements OpenApiDocument {
  readonly json: Buffer;
  readonly hash: string;
  #protobuf: Buffer | undefined;

  constructor(document: Json) {
    this.json = Buffer.from(JSON.stringify(document));
    this.hash = hashOf(this.json);
  }

  get protobuf(): Buffer {
    this.#protobuf ??= encodeOpenApiV3(JSON.parse(this.json.toString()) as Json);
    return this.#protobuf;
  }

  read(form: OpenApiForm): Buffer {
    return this[form];
  }
}

type Makers = Readonly<Record<OpenApiForm, () => Generator<void, Buffer>>>;

/** Made when it is read; kept for as long as there is room. */
export class LazyDocument implements OpenApiDocument {
  readonly hash: string;
  readonly #lately: KeptBytes;
  readonly #make: Makers;
  readonly #underWay = new Map<OpenApiForm, Promise<Buffer>>();

  constructor(hash: string, lately: KeptBytes, make: Makers) {
    this.hash = hash;
    this.#lately = lately;
    this.#make = make;
  }

  get json(): Buffer {
    return this.#atOnce('json');
  }

  get protobuf(): Buffer {
    return this.#atOnce('protobuf');
  }

  read(form: OpenApiForm, pause: Pause): Buffer | Promise<Buffer> {
    const kept = this.#lately.get(this.#key(form));
    if (kept !== undefined) return kept;
    const others = this.#underWay.get(form);
    if (others !== undefined) return others;
    const made = this.#slowly(form, pause).finally(() => this.#underWay.delete(form));
    this.#underWay.set(form, made);
    return made;
  }

  #atOnce(form: OpenApiForm): Buffer {
    const kept = this.#lately.get(this.#key(form));
    if (kept !== undefined) return kept;
    const making = this.#make[form]();
    for (;;) {
      const { done, value } = making.next();
      if (done) return this.#lately.keep(this.#key(form), value);
    }
  }

  async #slowly(form: OpenApiForm, pause: Pause): Promise<Buffer> {
    const making = this.#make[form]();
    for (;;) {
      const { done, value } = making.next();
      if (done) return this.#lately.keep(this.#key(form), value);
      await pause();
    }
  }

  #key(form: OpenApiForm): string {
    return `${this.hash} ${form}`;
  }
}

/** Version 2 of all built-in kinds, to which custom ones are added. Each form is made when it is first asked for. */
export class BuiltinV2 implements OpenApiDocument {
  readonly rows: readonly ResourceInfo[];
  readonly #version: string;
  readonly #content: () => Content;
  #open: OpenDocument | undefined;
  #hash: string | undefined;
  #protobuf: Buffer | undefined;

  constructor(rows: readonly ResourceInfo[], version: string, content: () => Content) {
    this.rows = rows;
    this.#version = version;
    this.#content = content;
  }

  get open(): OpenDocument {
    this.#open ??= openDocumentV2(this.#content(), this.#version);
    return this.#open;
  }

  get json(): Buffer {
    const { untilPathsEnd, untilSchemasEnd, rest } = this.open;
    return Buffer.concat([untilPathsEnd, untilSchemasEnd, rest]);
  }

  get hash(): string {
    this.#hash ??= hashOf(this.json);
    return this.#hash;
  }

  get protobuf(): Buffer {
    this.#protobuf ??= encodeOpenApiV2(documentV2(this.#content(), this.#version));
    return this.#protobuf;
  }

  read(form: OpenApiForm): Buffer {
    return this[form];
  }
}

/** Of a version 2 document in protobuf: another one than its JSON's. */
export function protobufHashOf({ hash }: OpenApiDocument): string {
  return hashOf(`${hash} protobuf`);
}

export function hashOf(content: Buffer | string): string {
  return createHash('sha512').update(content).digest('hex').toUpperCase();
}
