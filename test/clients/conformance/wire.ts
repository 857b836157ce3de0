/**
 * Requests as Go's typed clients send them: one HTTP/2 connection, protobuf in and out, bodies in the envelope of the group that is spoken
 * to, `DeleteOptions` as a body of that group too, selectors in the query. And as its dynamic client does: the same in JSON.
 *
 * Kept true: an answer that is not a success becomes an `ApiError`, which carries the `Status` that the server sent; a typed client's
 * answer must be protobuf where the kind has such a form.
 */
import http2 from 'node:http2';
import type { JsonObject } from '../../../src/api/object.ts';
import { encodeProtobuf } from '../../../src/api/protobuf/encode.ts';
import { decodeEnveloped, encodeEnveloped, envelop, protobufMediaType } from '../../../src/api/protobuf/envelope.ts';
import { protobufType } from '../../../src/api/protobuf/unknown.ts';
import { WireReader } from '../../../src/api/protobuf/wire.ts';
import type { Connection } from '../../harness.ts';

/** Any object as it came: tests look into it by path. */
// biome-ignore lint/suspicious/noExplicitAny: what a test looks at is what the server sent, of any shape
// oxlint-disable-next-line typescript/no-explicit-any
export type Sent = any;

export interface Answer {
  readonly code: number;
  readonly headers: http2.IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface Ask {
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer | string;
}

/** An answer that was no success. */
export class ApiError extends Error {
  readonly code: number;
  readonly reason: string;
  readonly status: Sent;

  constructor(what: string, answer: Answer) {
    const status = decodeAnswer(answer) as Sent;
    super(`${what}: ${answer.code} ${status?.reason}: ${status?.message ?? answer.body.toString()}`);
    this.code = answer.code;
    this.reason = String(status?.reason);
    this.status = status;
  }
}

export function decodeAnswer({ headers, body }: Pick<Answer, 'headers' | 'body'>): unknown {
  const type = headers['content-type'] ?? '';
  if (type.startsWith(protobufMediaType)) return decodeEnveloped(body, { apiVersion: 'v1', kind: 'Status' });
  return type.startsWith('application/json') ? JSON.parse(body.toString()) : body.toString();
}

/** One connection, as one user. */
export class Wire {
  readonly #session: http2.ClientHttp2Session;
  readonly #headers: Readonly<Record<string, string>>;

  /** `headers` go with every request: whom to impersonate. */
  constructor({ server, authority, certificate, key }: Connection, headers: Readonly<Record<string, string>> = {}) {
    this.#session = http2.connect(server, { ca: authority, cert: certificate, key });
    this.#session.on('error', () => {});
    this.#headers = headers;
  }

  close(): void {
    this.#session.destroy();
  }

  open({ method, path, headers, body }: Ask): http2.ClientHttp2Stream {
    const agent = { 'user-agent': 'e2e.test/v1.36.0 (linux/amd64) kubernetes/0000000' };
    const pseudo = { ':method': method, ':path': path };
    const endStream = body === undefined;
    const stream = this.#session.request({ ...pseudo, ...agent, ...this.#headers, ...headers }, { endStream });
    if (!endStream) stream.end(body);
    return stream;
  }

  async ask(ask: Ask): Promise<Answer> {
    const stream = this.open(ask);
    const headers = await headersOf(stream);
    const chunks: Buffer[] = [];
    for await (const chunk of stream) chunks.push(chunk as Buffer);
    return { code: Number(headers[':status']), headers, body: Buffer.concat(chunks) };
  }

  /** @throws ApiError */
  async must(ask: Ask): Promise<Answer> {
    const answer = await this.ask(ask);
    if (answer.code >= 300) throw new ApiError(`${ask.method} ${ask.path}`, answer);
    return answer;
  }

  /** A document that has no client of its own: discovery, health, metrics. @throws ApiError */
  async json(path: string, accept = 'application/json'): Promise<Sent> {
    const answer = await this.must({ method: 'GET', path, headers: { accept } });
    return JSON.parse(answer.body.toString());
  }
}

export function headersOf(stream: http2.ClientHttp2Stream): Promise<http2.IncomingHttpHeaders> {
  return new Promise((resolve, reject) => {
    stream.once('response', (headers) => resolve(headers));
    stream.once('error', reject);
    stream.once('close', () => reject(new Error('the stream was closed without an answer')));
  });
}

/** How a client's bodies travel. */
export interface Form {
  readonly contentType: string;
  readonly accept: string;
  readonly encode: (object: JsonObject) => Buffer;
}

export const typedForm: Form = {
  contentType: protobufMediaType,
  accept: `${protobufMediaType}, */*`,
  encode: inEnvelope,
};

export const dynamicForm: Form = {
  contentType: 'application/json',
  accept: 'application/json',
  encode: (object) => Buffer.from(JSON.stringify(object)),
};

/** Options are of the group that is spoken to by name, and of `meta/v1` by form. */
function inEnvelope(object: JsonObject): Buffer {
  const whole = encodeEnveloped(object);
  if (whole !== undefined) return whole;
  const { apiVersion, kind } = object as Sent;
  const type = protobufType({ apiVersion: 'meta/v1', kind }) ?? protobufType({ apiVersion: 'v1', kind });
  if (type === undefined) throw new Error(`${kind} has no protobuf form`);
  const message = encodeProtobuf(type, object);
  const { head, tail } = envelop({ apiVersion, kind }, message.length);
  return Buffer.concat([head, message, tail]);
}

export interface WatchedEvent {
  readonly type: string;
  readonly object: Sent;
}

/** Takes whole frames off the front of what came so far, and returns what is left: four bytes of length, then the event. */
export function takeFrames(buffer: Buffer, event: (event: WatchedEvent) => void): Buffer {
  let rest = buffer;
  while (rest.length >= 4 && rest.length >= 4 + rest.readUInt32BE(0)) {
    const end = 4 + rest.readUInt32BE(0);
    event(readFrame(rest.subarray(4, end)));
    rest = rest.subarray(end);
  }
  return rest;
}

/** `metav1.WatchEvent`: 1 is its type, 2 holds 1: the enveloped object. */
function readFrame(frame: Buffer): WatchedEvent {
  const reader = new WireReader(frame);
  let type = '';
  let object: Sent;
  while (reader.nextField()) {
    if (reader.number === 1) {
      type = reader.string();
      continue;
    }
    const outer = reader.enter('RawExtension');
    while (reader.nextField()) object = decodeEnveloped(Buffer.from(reader.bytes()), { apiVersion: 'v1', kind: '' });
    reader.leave(outer);
  }
  return { type, object };
}

/** The same of JSON: a line is an event. */
export function takeLines(buffer: Buffer, event: (event: WatchedEvent) => void): Buffer {
  let rest = buffer;
  for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10)) {
    event(JSON.parse(rest.subarray(0, end).toString()) as WatchedEvent);
    rest = rest.subarray(end + 1);
  }
  return rest;
}
