/**
 * SPDY/3.1 on the wire, as much of it as Kubernetes' clients and runtimes speak. Bytes → frames, and frames → bytes; what they mean is the
 * connection's affair. Data frames are handed on as they come, in pieces; control frames whole.
 */
import { limits } from '../../../lib/limits.ts';

export const controlType = { synStream: 1, synReply: 2, reset: 3, ping: 6, goAway: 7, headers: 8 } as const;

export const finFlag = 1;
const controlBit = 0x8000_0000;
const headBytes = 8;
const version = 3;

export interface FrameSink {
  /** A piece of a data frame; `isLast` with the piece that ends a frame with FIN. */
  data(streamId: number, piece: Buffer, isLast: boolean): void;
  control(type: number, flags: number, body: Buffer): void;
}

export function dataHead(streamId: number, bytes: number, flags: number): Buffer {
  const head = Buffer.allocUnsafe(headBytes);
  head.writeUInt32BE(streamId, 0);
  head.writeUInt32BE(bytes, 4);
  head[4] = flags;
  return head;
}

/** `words` stand first in its body. */
export function controlFrame(
  type: number,
  flags: number,
  words: readonly number[],
  rest: Buffer = Buffer.alloc(0),
): Buffer {
  const bytes = words.length * 4 + rest.length;
  const frame = Buffer.alloc(headBytes + bytes);
  frame.writeUInt32BE((controlBit + version * 0x1_0000 + type) >>> 0, 0);
  frame.writeUInt32BE(bytes, 4);
  frame[4] = flags;
  words.forEach((word, index) => void frame.writeUInt32BE(word >>> 0, headBytes + index * 4));
  rest.copy(frame, headBytes + words.length * 4);
  return frame;
}

export class FrameReader {
  readonly #sink: FrameSink;
  /** The beginning of a frame whose rest has not come yet: less than a head and the largest control frame. */
  #kept: Buffer = Buffer.alloc(0);
  #dataLeft = 0;
  #dataStream = 0;
  #dataFin = false;

  constructor(sink: FrameSink) {
    this.#sink = sink;
  }

  /** @throws Error where the bytes are no SPDY */
  read(chunk: Buffer): void {
    const bytes = this.#kept.length === 0 ? chunk : Buffer.concat([this.#kept, chunk]);
    let at = 0;
    for (;;) {
      const used = this.#dataLeft > 0 ? this.#data(bytes.subarray(at)) : this.#frame(bytes.subarray(at));
      if (used === 0) break;
      at += used;
    }
    // A copy: what is kept must not hold a large chunk in memory.
    this.#kept = Buffer.from(bytes.subarray(at));
  }

  #data(bytes: Buffer): number {
    const piece = bytes.subarray(0, this.#dataLeft);
    if (piece.length === 0) return 0;
    this.#dataLeft -= piece.length;
    this.#sink.data(this.#dataStream, piece, this.#dataFin && this.#dataLeft === 0);
    return piece.length;
  }

  /** How much of `bytes` it took; 0 where there is not enough of it yet. */
  #frame(bytes: Buffer): number {
    if (bytes.length < headBytes) return 0;
    const first = bytes.readUInt32BE(0);
    const flags = bytes.readUInt8(4);
    const length = bytes.readUIntBE(5, 3);
    if (first < controlBit) return this.#dataFrame(first, flags, length);
    if (((first >>> 16) & 0x7fff) !== version) throw new Error('the peer does not speak SPDY/3');
    if (length > limits.spdyControlBytesMax) throw new Error('a control frame is too large');
    if (bytes.length < headBytes + length) return 0;
    this.#sink.control(first & 0xffff, flags, bytes.subarray(headBytes, headBytes + length));
    return headBytes + length;
  }

  #dataFrame(streamId: number, flags: number, length: number): number {
    this.#dataStream = streamId;
    this.#dataFin = (flags & finFlag) !== 0;
    this.#dataLeft = length;
    if (length === 0 && this.#dataFin) this.#sink.data(streamId, Buffer.alloc(0), true);
    return headBytes;
  }
}
