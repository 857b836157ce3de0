/**
 * Two ends of one connection within this process: what is written to either is read from the other, in bounded memory.
 *
 * Like Node's `duplexPair`, with what that lacks: what was written under one cork (a frame's head and its body) arrives as one piece,
 * which halves the packets further on; and an end that is destroyed takes the other with it, also while a write waits there that
 * nobody will read.
 */
import { Duplex } from 'node:stream';

const bufferBytes = 128 * 1024;

class ConnectionEnd extends Duplex {
  #other: ConnectionEnd | undefined;
  /** Of the other end's write, which waits until we have been read. */
  #taken: (() => void) | undefined;

  constructor() {
    super({ readableHighWaterMark: bufferBytes, writableHighWaterMark: bufferBytes });
    this.on('error', ignore);
  }

  join(other: ConnectionEnd): void {
    this.#other = other;
    this.once('close', () => {
      // Closed in good order: the other reads to the end, and says its own goodbye.
      if (!this.writableFinished || !this.readableEnded) other.destroy();
    });
  }

  override _read(): void {
    const taken = this.#taken;
    this.#taken = undefined;
    taken?.();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.#other?.deliver(chunk, done);
  }

  override _writev(chunks: readonly { readonly chunk: Buffer }[], done: () => void): void {
    this.#other?.deliver(Buffer.concat(chunks.map(({ chunk }) => chunk)), done);
  }

  override _final(done: () => void): void {
    this.#other?.push(null);
    done();
  }

  deliver(chunk: Buffer, done: () => void): void {
    if (chunk.length === 0 || this.push(chunk)) done();
    else this.#taken = done;
  }
}

export function connectionPair(): [Duplex, Duplex] {
  const [one, other] = [new ConnectionEnd(), new ConnectionEnd()];
  one.join(other);
  other.join(one);
  return [one, other];
}

function ignore(): void {}
