/** A connection to a name server: messages over TCP, each behind its length (RFC 1035, 4.2.2; RFC 7766). One question at a time. */
import { connect, type Socket } from 'node:net';
import type { Clock } from '../../lib/clock.ts';
import type { ServerAddress } from './settings.ts';

export interface DnsConnectionOptions extends ServerAddress {
  readonly clock: Clock;
  /** Ends it. */
  readonly signal: AbortSignal;
  /** How long a server may take for each message. */
  readonly timeoutMs?: number;
}

const timeoutMsDefault = 10_000;

export class DnsConnection {
  readonly #socket: Socket;
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  readonly #opened: Promise<void>;
  readonly #closed: Promise<void>;
  readonly #messages: Buffer[] = [];
  #parts: Buffer[] = [];
  #bytes = 0;
  #error: Error | undefined;
  #wake: () => void = () => {};

  constructor({ host, port, clock, signal, timeoutMs = timeoutMsDefault }: DnsConnectionOptions) {
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
    this.#socket = connect({ host, port, noDelay: true, signal });
    this.#opened = new Promise((resolve) => this.#socket.once('connect', () => resolve()));
    this.#closed = new Promise((resolve) => this.#socket.once('close', () => resolve()));
    this.#socket.on('data', (part: Buffer) => this.#take(part));
    this.#socket.on('error', (error) => this.#end(error));
    this.#socket.on('close', () => this.#end(new Error('the server closed the connection')));
  }

  get isOpen(): boolean {
    return this.#error === undefined;
  }

  async send(message: Buffer): Promise<void> {
    await this.#within(this.#opened, 'no connection');
    const length = Buffer.alloc(2);
    length.writeUInt16BE(message.length);
    this.#socket.write(Buffer.concat([length, message]));
  }

  /** The next message. */
  async receive(): Promise<Buffer> {
    while (this.#messages.length === 0) {
      const woken = new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      await this.#within(woken, 'no answer');
    }
    return this.#messages.shift() as Buffer;
  }

  close(): void {
    this.#socket.destroy();
  }

  async #within(happened: Promise<void>, what: string): Promise<void> {
    if (this.#error !== undefined) throw this.#error;
    const late = new Error(`${what} within ${this.#timeoutMs / 1000} s`);
    const timer = this.#clock.after(this.#timeoutMs, () => this.#socket.destroy(late));
    try {
      await Promise.race([happened, this.#closed]);
    } finally {
      timer.cancel();
    }
    if (this.#error !== undefined && this.#messages.length === 0) throw this.#error;
  }

  #end(error: Error): void {
    this.#error ??= error;
    this.#wake();
  }

  #take(part: Buffer): void {
    this.#parts.push(part);
    this.#bytes += part.length;
    let whole: Buffer | undefined;
    for (;;) {
      if (this.#bytes < 2) break;
      whole ??= Buffer.concat(this.#parts, this.#bytes);
      const end = 2 + whole.readUInt16BE(0);
      if (whole.length < end) break;
      this.#messages.push(whole.subarray(2, end));
      whole = whole.subarray(end);
      this.#bytes = whole.length;
      this.#parts = [whole];
    }
    if (this.#messages.length > 0) this.#wake();
  }
}
