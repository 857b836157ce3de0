/**
 * One SPDY/3.1 connection over any Duplex, either end of it. The peers are Kubernetes' clients (we are the server) and the streaming
 * server of a container runtime (we are the client); both are moby/spdystream, which decides what of SPDY matters:
 *
 *   - no flow control: it never sends WINDOW_UPDATE and ignores ours. TCP is the back-pressure, for all streams together;
 *   - data before SYN_REPLY is dropped: the server replies first, the client waits;
 *   - an odd id is the client's, an even one the server's, and they only grow.
 *
 * Kept true, whatever the peer sends: bounded memory (`limits.spdy…`), no exception leaves this file, and the end of the connection ends
 * every stream. Writers take turns: at most the connection's own buffer and one piece of data wait for the socket.
 */
import type { Duplex } from 'node:stream';
import { limits } from '../../../lib/limits.ts';
import { controlFrame, controlType, dataHead, FrameReader, finFlag } from './frames.ts';
import { HeaderDecoder, HeaderEncoder, type SpdyHeaders } from './header-blocks.ts';
import { SpdyStream, type StreamCarrier } from './stream.ts';

export interface SpdyOptions {
  readonly role: 'server' | 'client';
  /** A stream that the peer opened: to be replied to, or destroyed. */
  readonly opened?: (stream: SpdyStream) => void;
  /** The connection has ended; once. */
  readonly closed?: () => void;
  /** Something came that is not a ping. */
  readonly active?: () => void;
}

const resetStatus = { protocolError: 1, cancel: 5 } as const;

export class SpdyConnection {
  readonly #socket: Duplex;
  readonly #options: SpdyOptions;
  readonly #streams = new Map<number, SpdyStream>();
  readonly #full = new Set<SpdyStream>();
  readonly #encoder = new HeaderEncoder();
  readonly #decoder = new HeaderDecoder();
  readonly #reader: FrameReader;
  readonly #carrier: StreamCarrier;
  /** Writers who wait for the socket to drain. */
  #waiting: (() => void)[] = [];
  #nextId: number;
  #nextPing: number;
  #lastPeerId = 0;
  #hasEnded = false;
  #isClosing = false;

  constructor(socket: Duplex, options: SpdyOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#nextId = options.role === 'server' ? 2 : 1;
    this.#nextPing = this.#nextId;
    this.#reader = new FrameReader({
      data: (id, piece, isLast) => this.#data(id, piece, isLast),
      control: (type, flags, body) => this.#control(type, flags, body),
    });
    this.#carrier = {
      sendReply: (id) => this.#send(controlFrame(controlType.synReply, 0, [id], this.#encoder.encode({}))),
      sendData: (id, data, isLast, done) => this.#sendData(id, data, isLast, done),
      sendReset: (id) => this.#send(controlFrame(controlType.reset, 0, [id, resetStatus.cancel])),
      wantsMore: (stream) => this.#resume(stream),
      forget: (stream) => this.#forget(stream),
    };
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
    socket.on('drain', () => this.#drained());
    socket.on('error', ignore);
    for (const event of ['end', 'close']) socket.once(event, () => this.#end(new Error('the connection has ended')));
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  get streamCount(): number {
    return this.#streams.size;
  }

  /** A stream of ours; `ready` when the peer has accepted it. */
  open(headers: SpdyHeaders): SpdyStream {
    const id = this.#nextId;
    this.#nextId += 2;
    const stream = new SpdyStream(this.#carrier, id, headers);
    this.#streams.set(id, stream);
    // Associated stream, priority and slot: 0.
    const block = Buffer.concat([Buffer.alloc(2), this.#encoder.encode(headers)]);
    this.#send(controlFrame(controlType.synStream, 0, [id, 0], block));
    return stream;
  }

  /** A sign of life: a peer that has gone is noticed when it does not take it. */
  ping(): void {
    this.#send(controlFrame(controlType.ping, 0, [this.#nextPing]));
    this.#nextPing += 2;
  }

  /** What was written goes out, what still comes is dropped; whoever carries the connection ends it in bounded time. */
  close(): void {
    if (this.#isClosing || this.#hasEnded) return;
    this.#send(controlFrame(controlType.goAway, 0, [this.#lastPeerId, 0]));
    this.#isClosing = true;
    this.#full.clear();
    this.#socket.end();
    this.#socket.resume();
  }

  destroy(): void {
    this.#socket.destroy();
    this.#end(new Error('the connection was cut'));
  }

  #read(chunk: Buffer): void {
    if (this.#hasEnded || this.#isClosing) return;
    try {
      this.#reader.read(chunk);
    } catch (error) {
      this.#socket.destroy();
      this.#end(error instanceof Error ? error : new Error(String(error)));
    }
  }

  #data(id: number, piece: Buffer, isLast: boolean): void {
    this.#options.active?.();
    const stream = this.#streams.get(id);
    if (stream === undefined) return;
    if (piece.length > 0 && !stream.received(piece)) {
      this.#full.add(stream);
      this.#socket.pause();
    }
    if (isLast) stream.receivedEnd();
  }

  #control(type: number, flags: number, body: Buffer): void {
    switch (type) {
      case controlType.synStream:
        return this.#synStream(flags, body);
      case controlType.synReply:
        return this.#headers(flags, body, (stream) => stream.repliedTo());
      case controlType.headers:
        return this.#headers(flags, body, ignore);
      case controlType.reset:
        return this.#streams.get(body.readUInt32BE(0))?.broken(new Error('the stream was reset'));
      case controlType.ping:
        return this.#ping(body);
      default:
        // Settings, windows and what else there is do not matter between these peers; after GOAWAY the peer ends the connection.
        return;
    }
  }

  #synStream(flags: number, body: Buffer): void {
    this.#options.active?.();
    const id = body.readUInt32BE(0) & 0x7fff_ffff;
    // Decoded in any case: the blocks share one history.
    const headers = this.#decoder.decode(body.subarray(10));
    const isPeers = id % 2 === (this.#options.role === 'server' ? 1 : 0);
    if (!isPeers || id <= this.#lastPeerId || this.#options.opened === undefined) {
      return this.#send(controlFrame(controlType.reset, 0, [id, resetStatus.protocolError]));
    }
    if (this.#streams.size >= limits.spdyStreamsMax) throw new Error('too many streams');
    this.#lastPeerId = id;
    const stream = new SpdyStream(this.#carrier, id, headers);
    this.#streams.set(id, stream);
    if ((flags & finFlag) !== 0) stream.receivedEnd();
    this.#options.opened(stream);
  }

  #headers(flags: number, body: Buffer, then: (stream: SpdyStream) => void): void {
    const stream = this.#streams.get(body.readUInt32BE(0) & 0x7fff_ffff);
    this.#decoder.decode(body.subarray(4));
    if (stream === undefined) return;
    then(stream);
    if ((flags & finFlag) !== 0) stream.receivedEnd();
  }

  /** The peer's is sent back; what comes back of ours has done its duty. */
  #ping(body: Buffer): void {
    const id = body.readUInt32BE(0);
    const isPeers = id % 2 === (this.#options.role === 'server' ? 1 : 0);
    if (isPeers) this.#send(controlFrame(controlType.ping, 0, [id]));
  }

  /** Control frames do not wait for their turn; a peer that makes us send them and never reads is cut off. */
  #send(frame: Buffer): void {
    if (this.#hasEnded || this.#isClosing || !this.#socket.writable) return;
    this.#socket.write(frame);
    if (this.#socket.writableLength > limits.spdyUnreadBytesMax) this.destroy();
  }

  #sendData(id: number, data: Buffer, isLast: boolean, done: (error?: Error) => void): void {
    if (this.#hasEnded || this.#isClosing || !this.#socket.writable) return done(new Error('the connection has ended'));
    if (this.#socket.writableNeedDrain) {
      this.#waiting.push(() => this.#sendData(id, data, isLast, done));
      return;
    }
    this.#socket.cork();
    this.#socket.write(dataHead(id, data.length, isLast ? finFlag : 0));
    if (data.length > 0) this.#socket.write(data);
    this.#socket.uncork();
    this.#options.active?.();
    // Not before there is room: the stream's own buffer is what holds its writer back.
    if (this.#socket.writableNeedDrain && !isLast) this.#waiting.push(() => done());
    else done();
  }

  #drained(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const next of waiting) next();
  }

  #resume(stream: SpdyStream): void {
    if (this.#full.delete(stream) && this.#full.size === 0) this.#socket.resume();
  }

  #forget(stream: SpdyStream): void {
    this.#streams.delete(stream.id);
    this.#resume(stream);
  }

  #end(why: Error): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    for (const stream of this.#streams.values()) stream.broken(why);
    this.#drained();
    this.#options.closed?.();
    if (!this.#isClosing) this.#socket.destroy();
  }
}

function ignore(): void {}
