/** Sessions and clients for tests: a session that a test plays by hand, and the client's end of a WebSocket, frame by frame. */
import { once } from 'node:events';
import { type Duplex, PassThrough } from 'node:stream';
import type { Session, SessionEnd, StreamOptions, TerminalSize } from './session.ts';

export const everyStream: StreamOptions = { stdin: true, stdout: true, stderr: true, tty: false };

/** A program that does what the test says. */
export class FakeSession implements Session {
  readonly stdin = new PassThrough();
  readonly stdout = new PassThrough();
  readonly stderr = new PassThrough();
  readonly sizes: TerminalSize[] = [];
  readonly calls: string[] = [];
  readonly #end = Promise.withResolvers<SessionEnd>();
  readonly ended = this.#end.promise;

  resize(size: TerminalSize): void {
    this.sizes.push(size);
  }

  hangUp(): void {
    this.calls.push('hangUp');
  }

  async kill(): Promise<void> {
    this.calls.push('kill');
    this.exit({ kind: 'exited', exitCode: 137 });
  }

  exit(end: SessionEnd): void {
    this.stdout.end();
    this.stderr.end();
    this.#end.resolve(end);
  }
}

export interface WebSocketFrame {
  readonly opcode: number;
  readonly payload: Buffer;
}

/** A client's end. It answers a close with a close, as clients do, where `closesBack`. */
export class TestWebSocket {
  readonly frames: WebSocketFrame[] = [];
  readonly #connection: Duplex;
  #bytes: Buffer = Buffer.alloc(0);

  constructor(connection: Duplex, closesBack = true) {
    this.#connection = connection;
    connection.on('error', () => {});
    connection.on('data', (chunk: Buffer) => {
      this.#read(chunk);
      if (closesBack && this.frames.at(-1)?.opcode === 8) connection.end(this.frame(8, this.frames.at(-1)?.payload));
    });
  }

  /** Masked, as a client's must be. */
  frame(opcode: number, payload: Buffer = Buffer.alloc(0), flags = 0x80): Buffer {
    const mask = Buffer.from([1, 2, 3, 4]);
    const masked = payload.map((byte, index) => byte ^ (mask[index % 4] ?? 0));
    const length = Buffer.alloc(payload.length < 126 ? 1 : 9);
    if (payload.length >= 126) length.writeBigUInt64BE(BigInt(payload.length), 1);
    length[0] = 0x80 | (payload.length < 126 ? payload.length : 127);
    return Buffer.concat([Buffer.of(flags | opcode), length, mask, masked]);
  }

  send(channel: number, data: string | Buffer = ''): void {
    this.#connection.write(this.frame(2, Buffer.concat([Buffer.of(channel), Buffer.from(data)])));
  }

  text(message: string): void {
    this.#connection.write(this.frame(1, Buffer.from(message)));
  }

  write(bytes: Buffer): void {
    if (!this.#connection.destroyed) this.#connection.write(bytes);
  }

  /** All that came on a channel so far. */
  received(channel: number): string {
    return Buffer.concat(
      this.frames
        .filter(({ opcode, payload }) => opcode <= 2 && payload[0] === channel)
        .map(({ payload }) => payload.subarray(1)),
    ).toString();
  }

  /** The code that the other side said goodbye with. */
  get closeCode(): number | undefined {
    return this.frames.find(({ opcode }) => opcode === 8)?.payload.readUInt16BE(0);
  }

  async closed(): Promise<void> {
    if (!this.#connection.closed) await once(this.#connection, 'close');
  }

  destroy(): void {
    this.#connection.destroy();
  }

  #read(chunk: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, chunk]);
    for (;;) {
      const short = (this.#bytes[1] ?? 0) & 0x7f;
      const head = short < 126 ? 2 : short === 126 ? 4 : 10;
      if (this.#bytes.length < head) return;
      const long = short === 126 ? () => this.#bytes.readUInt16BE(2) : () => Number(this.#bytes.readBigUInt64BE(2));
      const length = short < 126 ? short : long();
      if (this.#bytes.length < head + length) return;
      const opcode = (this.#bytes[0] ?? 0) & 0x0f;
      this.frames.push({ opcode, payload: Buffer.from(this.#bytes.subarray(head, head + length)) });
      this.#bytes = this.#bytes.subarray(head + length);
    }
  }
}

export const handshake = {
  'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
  'sec-websocket-version': '13',
} as const;
