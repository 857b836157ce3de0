/**
 * One request and its answer, whichever HTTP version carries them. Everything above this folder sees only an `Exchange`.
 *
 * HTTP/2 goes over node:http2's core stream API (`http2-exchange.ts`), not its compatibility API: twice the requests a second
 * for the most frequent ones, and the difference is hidden here. HTTP/1.1 (`http1-exchange.ts`) serves tools that know
 * nothing newer, and upgrades.
 */
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { Duplex, Readable, Writable } from 'node:stream';
import { StatusError } from '../../api/status-error.ts';
import type { Connection } from './connection.ts';

export type AnswerHeaders = Readonly<Record<string, string | readonly string[]>>;

/** The connection of a request that asks to become something else (`upgrade-exchange.ts`). */
export interface Upgrade {
  /** What was asked for, in lower case: `websocket`, `spdy/3.1`. */
  readonly protocol: string;
  readonly request: IncomingMessage;
  /** Hands the bare connection over, once: from here on its new owner answers, also with the 101. `head` was read already. */
  take(): { readonly socket: Duplex; readonly head: Buffer };
}

export interface Exchange {
  readonly method: string;
  /** Path and query, as sent. */
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly connection: Connection;
  /** The head of the answer was sent. */
  readonly answered: boolean;
  /** The status that was sent; 0 where none was. */
  readonly status: number;
  /** Where the client asked for another protocol. Whoever does not care answers as always. */
  readonly upgrade?: Upgrade;
  /** Calls back, once and never at once, when the exchange is over: the answer is complete, or the client has gone. */
  onClose(callback: () => void): void;
  /** The body as it comes, for those who pass it on; undefined: there is none. Whoever reads it so does not call `body`. */
  readonly requestBody: Readable | undefined;
  /** @throws StatusError RequestEntityTooLarge, BadRequest where the client breaks off */
  body(bytesMax: number): Promise<Buffer>;
  /** The whole answer. Does nothing where the client has gone. */
  respond(status: number, headers: AnswerHeaders, body: Uint8Array | string): void;
  /** An answer whose length is not known yet: its head goes out now. */
  stream(status: number, headers: AnswerHeaders): Writable;
  /** Breaks the answer off in such a way that the client sees it is not whole. */
  abort(): void;
}

/** An `AbortSignal` for work that ends with the exchange. */
export function closeSignal(exchange: Exchange): AbortSignal {
  const controller = new AbortController();
  exchange.onClose(() => controller.abort(new Error('the exchange is over')));
  return controller.signal;
}

export const bodyTooLarge = (bytesMax: number): StatusError =>
  new StatusError(413, 'RequestEntityTooLarge', `Request entity too large: limit is ${bytesMax}`);

export const bodyBrokenOff = (): StatusError =>
  new StatusError(400, 'BadRequest', 'the client broke off before its request was complete');
