/** An exchange over HTTP/1.1. */
import type { IncomingHttpHeaders, IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { Writable } from 'node:stream';
import type { Connection } from './connection.ts';
import { type AnswerHeaders, bodyBrokenOff, bodyTooLarge, type Exchange } from './exchange.ts';
import { readBody } from './read-body.ts';

export class Http1Exchange implements Exchange {
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly connection: Connection;

  constructor(request: IncomingMessage, response: ServerResponse, connection: Connection) {
    this.#request = request;
    this.#response = response;
    this.connection = connection;
    response.on('error', ignore);
    request.on('error', ignore);
  }

  get method(): string {
    return this.#request.method ?? '';
  }

  get url(): string {
    return this.#request.url ?? '';
  }

  get headers(): IncomingHttpHeaders {
    return this.#request.headers;
  }

  get answered(): boolean {
    return this.#response.headersSent;
  }

  onClose(callback: () => void): void {
    if (this.#response.closed) queueMicrotask(callback);
    else this.#response.once('close', callback);
  }

  async body(bytesMax: number): Promise<Buffer> {
    if (Number(this.headers['content-length'] ?? 0) > bytesMax) throw bodyTooLarge(bytesMax);
    return readBody(this.#request, bytesMax, bodyBrokenOff);
  }

  respond(status: number, headers: AnswerHeaders, body: Uint8Array | string): void {
    if (this.#response.headersSent || this.#response.destroyed) return;
    const head: OutgoingHttpHeaders = {
      'content-length': Buffer.byteLength(body),
      ...(headers as OutgoingHttpHeaders),
    };
    // A body that was not read to its end would be taken for the next request.
    if (!this.#request.complete) head['connection'] = 'close';
    this.#response.writeHead(status, head);
    if (this.method === 'HEAD') this.#response.end();
    else this.#response.end(body);
  }

  stream(status: number, headers: AnswerHeaders): Writable {
    this.#response.writeHead(status, headers as OutgoingHttpHeaders);
    this.#response.flushHeaders();
    return this.#response;
  }

  abort(): void {
    this.#response.destroy();
  }
}

function ignore(): void {}
