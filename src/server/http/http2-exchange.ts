/** An exchange over one HTTP/2 stream (node:http2's core API). */
import type { IncomingHttpHeaders } from 'node:http';
import { constants, type IncomingHttpHeaders as Http2Headers, type ServerHttp2Stream } from 'node:http2';
import type { Readable, Writable } from 'node:stream';
import type { Connection } from './connection.ts';
import { type AnswerHeaders, bodyBrokenOff, bodyTooLarge, type Exchange } from './exchange.ts';
import { readBody } from './read-body.ts';

export class Http2Exchange implements Exchange {
  readonly #stream: ServerHttp2Stream;
  readonly #headers: Http2Headers;
  readonly connection: Connection;

  constructor(stream: ServerHttp2Stream, headers: Http2Headers, connection: Connection) {
    this.#stream = stream;
    this.#headers = headers;
    this.connection = connection;
    // A client that resets its stream is no event for the log.
    stream.on('error', ignore);
  }

  get method(): string {
    return this.#headers[':method'] ?? '';
  }

  get url(): string {
    return this.#headers[':path'] ?? '';
  }

  get headers(): IncomingHttpHeaders {
    return this.#headers;
  }

  get answered(): boolean {
    return this.#stream.headersSent;
  }

  get status(): number {
    return Number(this.#stream.sentHeaders?.[':status'] ?? 0);
  }

  onClose(callback: () => void): void {
    if (this.#stream.destroyed) queueMicrotask(callback);
    else this.#stream.once('close', callback);
  }

  get requestBody(): Readable | undefined {
    if (this.#stream.endAfterHeaders) return undefined;
    const stream = this.#stream;
    if (this.#headers.expect === '100-continue' && !stream.destroyed) stream.additionalHeaders({ ':status': 100 });
    return stream;
  }

  async body(bytesMax: number): Promise<Buffer> {
    if (Number(this.#headers['content-length'] ?? 0) > bytesMax) throw bodyTooLarge(bytesMax);
    const stream = this.#stream;
    // Node answers this by itself over HTTP/1.1 only.
    if (this.#headers.expect === '100-continue' && !stream.destroyed) stream.additionalHeaders({ ':status': 100 });
    return readBody(stream, bytesMax, bodyBrokenOff);
  }

  respond(status: number, headers: AnswerHeaders, body: Uint8Array | string): void {
    const stream = this.#stream;
    if (stream.destroyed || stream.headersSent) return;
    const head = { ':status': status, 'content-length': Buffer.byteLength(body), ...headers };
    if (this.method === 'HEAD') return stream.respond(head, { endStream: true });
    stream.respond(head);
    stream.end(body);
    // What is left of a body that was refused half-way is not wanted; one that nobody began to read Node drops itself.
    if (stream.readableFlowing === false) stream.resume();
  }

  stream(status: number, headers: AnswerHeaders): Writable {
    if (!this.#stream.destroyed) this.#stream.respond({ ':status': status, ...headers });
    return this.#stream;
  }

  abort(): void {
    this.#stream.close(constants.NGHTTP2_INTERNAL_ERROR);
    this.#stream.destroy();
  }
}

function ignore(): void {}
