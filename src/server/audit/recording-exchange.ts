/** An exchange that remembers the body it was sent and says when its answer begins. Everything else passes through. */
import type { IncomingHttpHeaders } from 'node:http';
import type { Readable, Writable } from 'node:stream';
import type { Connection } from '../http/connection.ts';
import type { AnswerHeaders, Exchange, Upgrade } from '../http/exchange.ts';

export class RecordingExchange implements Exchange {
  readonly #inner: Exchange;
  readonly #started: (status: number) => void;
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly connection: Connection;
  readonly upgrade?: Upgrade;
  received: readonly Uint8Array[] = [];

  /** `started`: the head of an answer goes out, with this status, whose body comes as it likes. */
  constructor(inner: Exchange, started: (status: number) => void) {
    this.#inner = inner;
    this.#started = started;
    this.method = inner.method;
    this.url = inner.url;
    this.headers = inner.headers;
    this.connection = inner.connection;
    if (inner.upgrade !== undefined) this.upgrade = recorded(inner.upgrade, started);
  }

  get answered(): boolean {
    return this.#inner.answered;
  }

  get status(): number {
    return this.#inner.status;
  }

  onClose(callback: () => void): void {
    this.#inner.onClose(callback);
  }

  async body(bytesMax: number): Promise<Buffer> {
    const bytes = await this.#inner.body(bytesMax);
    this.received = [bytes];
    return bytes;
  }

  /** Passed on to somebody else: it is not recorded. */
  get requestBody(): Readable | undefined {
    return this.#inner.requestBody;
  }

  respond(status: number, headers: AnswerHeaders, body: Uint8Array | string): void {
    this.#inner.respond(status, headers, body);
  }

  stream(status: number, headers: AnswerHeaders): Writable {
    this.#started(status);
    return this.#inner.stream(status, headers);
  }

  abort(): void {
    this.#inner.abort();
  }
}

function recorded(upgrade: Upgrade, started: (status: number) => void): Upgrade {
  return {
    ...upgrade,
    take: () => {
      started(101);
      return upgrade.take();
    },
  };
}
