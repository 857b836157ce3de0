/** An exchange over HTTP/1.1. */
import type { IncomingHttpHeaders, IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { Readable, Writable } from 'node:stream';
import type { Clock } from '../../lib/clock.ts';
import { limits } from '../../lib/limits.ts';
import type { Connection } from './connection.ts';
import { type AnswerHeaders, bodyBrokenOff, bodyTooLarge, type Exchange } from './exchange.ts';
import { readBody } from './read-body.ts';

/** What a server's exchanges share. */
export interface Http1Server {
  /** It is about to close. */
  readonly draining: boolean;
  readonly clock?: Clock;
}

export class Http1Exchange implements Exchange {
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly connection: Connection;
  readonly #server: Http1Server;

  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    connection: Connection,
    server: Http1Server = { draining: false },
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
    const { headers } = this.#request;
    return headers['x-remote-user'] === undefined ? headers : remoteKeptApart(this.#request);
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
    const sending = !this.#request.complete;
    if (sending || this.#server.draining) head['connection'] = 'close';
    this.#response.writeHead(status, head);
    if (this.method !== 'HEAD') this.#response.write(body);
    if (sending) this.#endAfterRequest();
    else this.#response.end();
  }

  /**
   * A client that is still sending would find its connection reset, and not see the answer. So the rest of its body is taken and
   * dropped, within bounds of length and time.
   */
  #endAfterRequest(): void {
    const end = (): void => void this.#response.end();
    let bytes = 0;
    this.#request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > limits.droppedBodyBytesMax) end();
    });
    const late = this.#server.clock?.after(limits.droppedBodyMsMax, end);
    this.#response.once('close', () => late?.cancel());
    this.#request.once('end', end);
    this.#request.once('close', end);
    this.#request.resume();
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

/** A front proxy's headers, each by itself: a group's name may hold the comma by which equal headers are joined. */
function remoteKeptApart({ headers, headersDistinct }: IncomingMessage): IncomingHttpHeaders {
  const remote = Object.entries(headersDistinct).filter(([name]) => name.startsWith('x-remote-'));
  return { ...headers, ...Object.fromEntries(remote) };
}

function ignore(): void {}
