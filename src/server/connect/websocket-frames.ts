/**
 * A WebSocket's frames one by one, out of bytes that come cut anywhere. Upstream's servers give each frame to TLS by itself, and clients
 * have come to rely on it: Python's asks its socket whether more has come, and does not see what TLS has decrypted already. Two frames in
 * one TLS record, and it waits for the second until something else comes.
 *
 * Kept true: no byte is added, left out or held back; frames are not read beyond their length (RFC 6455, 5.2).
 */
import type { Duplex, Writable } from 'node:stream';

const shortHeaderBytes = 2;
const maskBytes = 4;
const maskBit = 0x80;
/** Bytes of the longer length, by what stands in place of the short one. */
const longLengths: Readonly<Record<number, number>> = { 126: 2, 127: 8 };

export class FrameCutter {
  #header: Buffer = Buffer.alloc(0);
  #leftBytes = 0;

  /** The same bytes, in pieces of which none reaches over the end of a frame. */
  cut(chunk: Buffer): Buffer[] {
    const pieces: Buffer[] = [];
    let start = 0;
    for (let at = 0; at < chunk.length; ) {
      at = this.#leftBytes > 0 ? this.#skip(chunk, at) : this.#readHeader(chunk, at);
      if (this.#leftBytes > 0 || this.#header.length > 0) continue;
      pieces.push(chunk.subarray(start, at));
      start = at;
    }
    if (start < chunk.length) pieces.push(chunk.subarray(start));
    return pieces;
  }

  #skip(chunk: Buffer, at: number): number {
    const taken = Math.min(this.#leftBytes, chunk.length - at);
    this.#leftBytes -= taken;
    return at + taken;
  }

  /** As much of a header as there is; when it is whole, the length of what follows is known. */
  #readHeader(chunk: Buffer, at: number): number {
    const had = this.#header.length;
    const seen = Buffer.concat([this.#header, chunk.subarray(at, at + headerBytesMax - had)]);
    const needed = headerBytes(seen);
    this.#header = seen.subarray(0, needed);
    const next = at + this.#header.length - had;
    if (this.#header.length === needed) {
      this.#leftBytes = payloadBytes(this.#header);
      this.#header = Buffer.alloc(0);
    }
    return next;
  }
}

const headerBytesMax = shortHeaderBytes + 8 + maskBytes;

function headerBytes(seen: Buffer): number {
  const second = seen[1];
  if (second === undefined) return shortHeaderBytes;
  return shortHeaderBytes + (longLengths[second & ~maskBit] ?? 0) + (second & maskBit ? maskBytes : 0);
}

function payloadBytes(header: Buffer): number {
  const short = (header[1] as number) & ~maskBit;
  const long = longLengths[short];
  if (long === undefined) return short;
  return long === 2 ? header.readUInt16BE(2) : Number(header.readBigUInt64BE(2));
}

/** Sends what comes from a WebSocket, a frame at a time, and its end. Never rejects. */
export async function sendFrames(from: Duplex, to: Writable): Promise<void> {
  const cutter = new FrameCutter();
  try {
    for await (const chunk of from.iterator({ destroyOnReturn: false })) {
      for (const piece of cutter.cut(chunk as Buffer)) await written(to, piece);
    }
    to.end();
  } catch {
    // It broke: whoever joined the two ends the other.
  }
}

/** Resolves when the kernel has it, or nobody takes it any more. */
function written(to: Writable, piece: Buffer): Promise<void> {
  return new Promise((resolve) => void to.write(piece, () => resolve()));
}
