/**
 * A request whose connection asks to become something else (`Connection: Upgrade`), as an `Exchange`: it goes through the pipeline like
 * every other (who asks, may they, the error funnel), and whoever serves it either answers it as an ordinary request or takes the bare
 * connection with `upgrade.take()`.
 *
 * Kept true: the connection carries nothing after this request's answer. HTTP/1.1 only; what HTTP/2 has for it no client of the API uses.
 */
import { type IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { type Duplex, PassThrough, type Writable } from 'node:stream';
import type { Connection } from './connection.ts';
import type { AnswerHeaders, Upgrade } from './exchange.ts';
import { Http1Exchange } from './http1-exchange.ts';

/** What clients of the API ask for: others are answered as if they had not asked. */
const protocols: ReadonlySet<string> = new Set(['websocket', 'spdy/3.1']);

export const protocolOf = (request: IncomingMessage): string => (request.headers.upgrade ?? '').toLowerCase();

/** A request with a body is none: its connection would carry two things at once. */
export function asksForUpgrade(request: IncomingMessage): boolean {
  const { headers } = request;
  const hasBody = headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
  return protocols.has(protocolOf(request)) && !hasBody;
}

export class UpgradeExchange extends Http1Exchange {
  readonly #socket: Duplex;
  readonly upgrade: Upgrade;
  #taken = false;

  static from(request: IncomingMessage, socket: Duplex, head: Buffer, connection: Connection): UpgradeExchange {
    const response = new ServerResponse(request);
    response.shouldKeepAlive = false;
    response.assignSocket(socket as Socket);
    return new UpgradeExchange(request, response, { socket, head }, connection);
  }

  private constructor(
    request: IncomingMessage,
    response: ServerResponse,
    { socket, head }: { readonly socket: Duplex; readonly head: Buffer },
    connection: Connection,
  ) {
    super(request, response, connection);
    this.#socket = socket;
    socket.on('error', ignore);
    const end = (): void => endAfterAnswer(socket);
    response.once('finish', end);
    this.upgrade = {
      protocol: protocolOf(request),
      request,
      take: () => {
        if (this.answered) throw new Error('the request was answered already');
        this.#taken = true;
        response.off('finish', end);
        response.detachSocket(socket as Socket);
        return { socket, head };
      },
    };
  }

  override get answered(): boolean {
    return this.#taken || super.answered;
  }

  /** Node's server tells an answer when its connection takes more, but not on a connection that it has handed out: this does. */
  override stream(status: number, headers: AnswerHeaders): Writable {
    const answer = super.stream(status, headers);
    const more = (): void => void answer.emit('drain');
    this.#socket.on('drain', more);
    const body = new PassThrough();
    answer.once('close', () => {
      this.#socket.off('drain', more);
      body.destroy();
    });
    body.on('error', ignore).pipe(answer);
    return body;
  }

  override onClose(callback: () => void): void {
    if (this.#socket.destroyed) queueMicrotask(callback);
    else this.#socket.once('close', callback);
  }

  override abort(): void {
    this.#socket.destroy();
  }
}

/** As Node's server ends a connection after its last answer. What was sent beyond the request is read, or a reset would cut the answer off. */
function endAfterAnswer(socket: Duplex): void {
  socket.resume();
  (socket as Socket).destroySoon();
}

function ignore(): void {}
