/** An exchange over HTTP/1.1. */
import type { IncomingHttpHeaders, IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { Readable, Writable } from 'node:stream';
import type { Connection } from './connection.ts';
import { type AnswerHeaders, bodyBrokenOff, bodyTooLarge, type Exchange } from './exchange.ts';
import { readBody } from './read-body.ts';

/** What a server's exchanges share: whether it is about to close. */
export interface Draining {
  readonly draining: boolean;
}

export class Http1Exchange implements Exchange {
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly connection: Connection;
  readonly #server: Draining;

  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    connection: Connection,
    server: Draining = { draining: false },
  ) {
    this.#request = request;
    this.#response = response;
    this.connection = connection;
    this.#server = server;
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

  get status(): number {
    return this.#response.headersSent ? this.#response.statusCode : 0;
  }

  onClose(callback: () => void): void {
    if (this.#response.closed) queueMicrotask(callback);
    else this.#response.once('close', callback);
  }

  get requestBody(): Readable | undefined {
    const { headers } = this;
    const hasBody = headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
    return hasBody ? this.#request : undefined;
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
    // A body that was not read to its end would be taken for the next request; a closing server takes no next one.
    if (!this.#request.complete || this.#server.draining) head['connection'] = 'close';
    this.#response.writeHead(status, head);
    if (this.method === 'HEAD') this.#response.end();
    else this.#response.end(body);
  }

  stream(status: number, headers: AnswerHeaders): Writable {
    const head = { ...(headers as OutgoingHttpHeaders) };
    if (!this.#request.complete || this.#server.draining) head['connection'] = 'close';
    this.#response.writeHead(status, head);
    this.#response.flushHeaders();
    return this.#response;
  }

  abort(): void {
    this.#response.destroy();
  }
}

function ignore(): void {}
