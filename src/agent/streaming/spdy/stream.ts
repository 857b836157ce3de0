/**
 * One stream of a SPDY connection, as a Duplex.
 *
 * ```
 *  peer's SYN_STREAM ──▶ reply() ─┐
 *  open() ──▶ peer's SYN_REPLY ───┴─▶ writes go out ──▶ end(): FIN ──▶ … ──▶ peer's FIN: our end
 * ```
 * Kept true: nothing is written before the reply (the peers drop it); what was received before a reset can still be read, because
 * runtimes reset a stream right after its last data.
 */
import { Duplex } from 'node:stream';
import type { SpdyHeaders } from './header-blocks.ts';

/** What a stream asks of its connection. */
export interface StreamCarrier {
  sendReply(id: number): void;
  /** Calls back when there is room for more. */
  sendData(id: number, data: Buffer, isLast: boolean, done: (error?: Error) => void): void;
  sendReset(id: number): void;
  /** The stream takes data again, or will never. */
  wantsMore(stream: SpdyStream): void;
  forget(stream: SpdyStream): void;
}

/** Data that nobody has read yet (bytes). Above it the whole connection waits: SPDY's peers know no flow control but TCP's. */
const unreadBytesMax = 256 * 1024;

export class SpdyStream extends Duplex {
  readonly id: number;
  readonly headers: SpdyHeaders;
  readonly #carrier: StreamCarrier;
  readonly #replied: PromiseWithResolvers<void> = Promise.withResolvers();
  #hasReplied = false;
  #isOver = false;
  #received = false;
  #sent = false;

  constructor(carrier: StreamCarrier, id: number, headers: SpdyHeaders) {
    super({ readableHighWaterMark: unreadBytesMax, writableHighWaterMark: 64 * 1024 });
    this.#carrier = carrier;
    this.id = id;
    this.headers = headers;
    this.#replied.promise.catch(ignore);
    // A peer that resets a stream must never crash the process.
    this.on('error', ignore);
  }

  /** Resolves when the peer has accepted the stream; rejects where it never will. */
  get ready(): Promise<void> {
    return this.#replied.promise;
  }

  /** Accepts the peer's stream. */
  reply(): void {
    if (this.#hasReplied || this.#isOver) return;
    this.#carrier.sendReply(this.id);
    this.repliedTo();
  }

  // What the connection tells it.

  repliedTo(): void {
    this.#hasReplied = true;
    this.#replied.resolve();
  }

  /** False: enough for now. */
  received(data: Buffer): boolean {
    return this.destroyed || this.#received || this.push(data);
  }

  receivedEnd(): void {
    if (this.#received) return;
    this.#received = true;
    if (!this.destroyed) this.push(null);
    this.#forgetIfDone();
  }

  /** Reset by the peer, or its connection has ended: `why` for whoever still writes. */
  broken(why: Error): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#replied.reject(why);
    this.receivedEnd();
    this.#carrier.forget(this);
    this.emit('broken');
  }

  get isBroken(): boolean {
    return this.#isOver;
  }

  override _read(): void {
    this.#carrier.wantsMore(this);
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#whenReplied(() => this.#carrier.sendData(this.id, chunk, false, done), done);
  }

  override _final(done: (error?: Error | null) => void): void {
    const send = (): void => {
      this.#sent = true;
      this.#carrier.sendData(this.id, Buffer.alloc(0), true, done);
      this.#forgetIfDone();
    };
    // After a reset there is nobody to tell.
    if (this.#isOver) done();
    else this.#whenReplied(send, () => done());
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    if (!this.#isOver && !(this.#sent && this.#received)) this.#carrier.sendReset(this.id);
    this.#isOver = true;
    this.#replied.reject(error ?? new Error('the stream was destroyed'));
    this.#carrier.forget(this);
    done(error);
  }

  #whenReplied(act: () => void, failed: (error: Error) => void): void {
    if (this.#isOver) failed(new Error('the stream was reset'));
    else if (this.#hasReplied) act();
    else this.#replied.promise.then(act, failed);
  }

  #forgetIfDone(): void {
    if (this.#sent && this.#received) this.#carrier.forget(this);
  }
}

function ignore(): void {}
