/**
 * A resource as Go's clients see it: `typed` speaks protobuf, as the generated clients do, `dynamic` JSON. Verbs have the names that they
 * have there, so that a step of upstream's conformance suite can be written down as it stands.
 */
import assert from 'node:assert/strict';
import type http2 from 'node:http2';
import type { JsonObject } from '../../../src/api/object.ts';
import { resourceTable } from '../../../src/api/resource-table.ts';
import type { ResourceInfo } from '../../../src/api/resources.ts';
import { eventually } from '../../harness.ts';
import {
  ApiError,
  decodeAnswer,
  dynamicForm,
  type Form,
  headersOf,
  type Sent,
  takeFrames,
  takeLines,
  typedForm,
  type WatchedEvent,
  type Wire,
} from './wire.ts';

export type Query = Readonly<Record<string, string | number | boolean>>;

export const patchTypes = {
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  apply: 'application/apply-patch+yaml',
} as const;

/** The resource of a kind. */
export function resourceOf(apiVersion: string, kind: string): ResourceInfo {
  const [group, version] = apiVersion.includes('/') ? apiVersion.split('/') : ['', apiVersion];
  const info = resourceTable().byKind({ group: group ?? '', version: version ?? '', kind });
  if (info === undefined) throw new Error(`no resource of kind ${apiVersion} ${kind}`);
  return info;
}

export const apiVersionOf = ({ group, version }: ResourceInfo): string =>
  group === '' ? version : `${group}/${version}`;

export class ResourceClient {
  readonly info: ResourceInfo;
  readonly #wire: Wire;
  readonly #namespace: string;
  readonly #form: Form;

  /** An empty namespace: all of them, or a resource that has none. */
  constructor(wire: Wire, info: ResourceInfo, namespace: string, form: Form) {
    this.#wire = wire;
    this.info = info;
    this.#namespace = info.namespaced ? namespace : '';
    this.#form = form;
  }

  path(name = '', subresource = '', query: Query = {}): string {
    const { group, version, resource } = this.info;
    const root = group === '' ? ['/api', version] : ['/apis', group, version];
    const inNamespace = this.#namespace === '' ? [] : ['namespaces', this.#namespace];
    const path = [...root, ...inNamespace, resource, name, subresource].filter((part) => part !== '').join('/');
    const search = new URLSearchParams(Object.entries(query).map(([key, value]) => [key, String(value)])).toString();
    return search === '' ? path : `${path}?${search}`;
  }

  create(object: object, query: Query = {}): Promise<Sent> {
    return this.#write('POST', this.path('', '', query), this.#complete(object));
  }

  /** A body of a subresource, which may be of another kind. */
  createSubresource(name: string, subresource: string, body: object): Promise<Sent> {
    return this.#write('POST', this.path(name, subresource), body as JsonObject);
  }

  get(name: string, subresource = ''): Promise<Sent> {
    return this.#read(this.path(name, subresource));
  }

  /** In protobuf, an empty list says nothing of its items. */
  async list(query: Query = {}): Promise<Sent> {
    const list = await this.#read(this.path('', '', query));
    return { ...list, items: list.items ?? [] };
  }

  update(object: Sent, subresource = '', query: Query = {}): Promise<Sent> {
    return this.#write('PUT', this.path(object.metadata.name, subresource, query), this.#complete(object));
  }

  /** A PUT of a subresource of another kind. */
  updateSubresource(name: string, subresource: string, body: object): Promise<Sent> {
    return this.#write('PUT', this.path(name, subresource), body as JsonObject);
  }

  async patch(
    name: string,
    type: keyof typeof patchTypes,
    patch: object | string,
    subresource = '',
    query: Query = {},
  ): Promise<Sent> {
    const body = typeof patch === 'string' ? patch : JSON.stringify(patch);
    const path = this.path(name, subresource, query);
    const headers = { accept: this.#form.accept, 'content-type': patchTypes[type] };
    return this.#decode(await this.#wire.must({ method: 'PATCH', path, headers, body }));
  }

  delete(name: string, options: object = {}): Promise<Sent> {
    return this.#write('DELETE', this.path(name), this.#deleteOptions(options));
  }

  deleteCollection(query: Query = {}, options: object = {}): Promise<Sent> {
    return this.#write('DELETE', this.path('', '', query), this.#deleteOptions(options));
  }

  async watch(query: Query): Promise<Watch> {
    const path = this.path('', '', { ...query, watch: true });
    const stream = this.#wire.open({ method: 'GET', path, headers: { accept: this.#form.accept } });
    const headers = await headersOf(stream);
    const code = Number(headers[':status']);
    if (code === 200) return new Watch(stream, headers);
    const chunks: Buffer[] = [];
    for await (const chunk of stream) chunks.push(chunk as Buffer);
    throw new ApiError(`WATCH ${path}`, { code, headers, body: Buffer.concat(chunks) });
  }

  async isGone(name: string): Promise<boolean> {
    return (await refusal(this.get(name), 404)) !== undefined;
  }

  #complete(object: object): JsonObject {
    return { apiVersion: apiVersionOf(this.info), kind: this.info.kind, ...object };
  }

  #deleteOptions(options: object): JsonObject {
    return { kind: 'DeleteOptions', apiVersion: apiVersionOf(this.info), ...options };
  }

  async #read(path: string): Promise<Sent> {
    return this.#decode(await this.#wire.must({ method: 'GET', path, headers: { accept: this.#form.accept } }));
  }

  async #write(method: string, path: string, object: JsonObject): Promise<Sent> {
    const { accept, contentType, encode } = this.#form;
    const headers = { accept, 'content-type': contentType };
    return this.#decode(await this.#wire.must({ method, path, headers, body: encode(object) }));
  }

  #decode(answer: Parameters<typeof decodeAnswer>[0]): Sent {
    assert.equal(answer.headers['content-type'], this.#form.contentType);
    return decodeAnswer(answer);
  }
}

/** A watch, and all that it said. */
export class Watch {
  readonly events: WatchedEvent[] = [];
  readonly #stream: http2.ClientHttp2Stream;
  #taken = 0;
  ended = false;

  constructor(stream: http2.ClientHttp2Stream, headers: http2.IncomingHttpHeaders) {
    this.#stream = stream;
    const isFramed = headers['content-type'] === `${typedForm.contentType};stream=watch`;
    const take = isFramed ? takeFrames : takeLines;
    let rest: Buffer = Buffer.alloc(0);
    stream.on('data', (chunk: Buffer) => {
      rest = take(Buffer.concat([rest, chunk]), (event) => void this.events.push(event));
    });
    stream.on('error', () => {});
    stream.once('close', () => (this.ended = true));
  }

  /** The next event that was not asked for yet. */
  next(what: string): Promise<WatchedEvent> {
    return eventually(`watch: ${what}`, () => this.events[this.#taken++] ?? this.#none(), 15_000);
  }

  /** Skips what comes before. */
  async until(what: string, matches: (event: WatchedEvent) => boolean): Promise<WatchedEvent> {
    for (;;) {
      const event = await this.next(what);
      if (matches(event)) return event;
    }
  }

  stop(): void {
    this.#stream.close();
  }

  #none(): undefined {
    this.#taken--;
  }
}

export function typed(wire: Wire, apiVersion: string, kind: string, namespace = ''): ResourceClient {
  return new ResourceClient(wire, resourceOf(apiVersion, kind), namespace, typedForm);
}

export function dynamic(wire: Wire, apiVersion: string, kind: string, namespace = ''): ResourceClient {
  return new ResourceClient(wire, resourceOf(apiVersion, kind), namespace, dynamicForm);
}

/** The error with which a request was refused; undefined where it succeeded. Any other code fails. */
export async function refusal(request: Promise<unknown>, code: number): Promise<ApiError | undefined> {
  try {
    await request;
    return undefined;
  } catch (error) {
    if (error instanceof ApiError && error.code === code) return error;
    throw error;
  }
}

/** The same where success fails the test. */
export async function mustRefuse(request: Promise<unknown>, code: number): Promise<ApiError> {
  const error = await refusal(request, code);
  assert.ok(error, `expected ${code}, got a success`);
  return error;
}

/** All that `expected` names is so in `actual`; lists are compared item by item. */
export function assertHas(actual: Sent, expected: Sent, what: string): void {
  if (typeof expected !== 'object' || expected === null) return assert.deepEqual(actual, expected, what);
  assert.ok(typeof actual === 'object' && actual !== null, `${what} is not there`);
  for (const [key, value] of Object.entries(expected)) assertHas(actual[key], value, `${what}.${key}`);
}
