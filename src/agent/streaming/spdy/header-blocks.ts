/**
 * SPDY's header blocks: names and values, compressed by zlib with one history for the whole connection and direction.
 *
 * Outgoing blocks are stored, not compressed, which needs no compressor's state. Each ends in an empty stored block (a sync flush):
 * without it Go's reader would look for more in the next frame. Incoming blocks end in a sync flush, too, so each can be unpacked by
 * itself, with the last 32 KiB that came before it as the dictionary.
 */
import { constants, inflateRawSync } from 'node:zlib';
import { limits } from '../../../lib/limits.ts';
import { dictionary } from './dictionary.ts';

/** Names in lower case. */
export type SpdyHeaders = Readonly<Record<string, string>>;

/** zlib's header: deflate, with a preset dictionary, and the dictionary's Adler-32. */
const zlibHead = Buffer.from([0x78, 0xbb, 0xe3, 0xc6, 0xa7, 0xc2]);
const hasDictionaryFlag = 0x20;
const syncFlush = Buffer.from([0, 0, 0, 0xff, 0xff]);
const storedBytesMax = 0xffff;
const historyBytes = 32 * 1024;

export class HeaderEncoder {
  #isFirst = true;

  encode(headers: SpdyHeaders): Buffer {
    const raw = plainBlock(headers);
    const parts: Buffer[] = this.#isFirst ? [zlibHead] : [];
    this.#isFirst = false;
    for (let at = 0; at < raw.length; at += storedBytesMax)
      parts.push(...stored(raw.subarray(at, at + storedBytesMax)));
    return Buffer.concat([...parts, syncFlush]);
  }
}

function stored(piece: Buffer): [Buffer, Buffer] {
  const head = Buffer.alloc(5);
  head.writeUInt16LE(piece.length, 1);
  head.writeUInt16LE(~piece.length & 0xffff, 3);
  return [head, piece];
}

function plainBlock(headers: SpdyHeaders): Buffer {
  const entries = Object.entries(headers);
  return Buffer.concat([uint32(entries.length), ...entries.flat().flatMap(counted)]);
}

function counted(text: string): Buffer[] {
  const bytes = Buffer.from(text, 'latin1');
  return [uint32(bytes.length), bytes];
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

export class HeaderDecoder {
  #history: Buffer = dictionary;
  #isFirst = true;

  /** Must see every block of the connection, in order. @throws Error where it is malformed or unpacks to too much */
  decode(block: Buffer): SpdyHeaders {
    const packed = this.#isFirst ? withoutZlibHead(block) : block;
    this.#isFirst = false;
    const raw = inflateRawSync(packed, {
      dictionary: this.#history,
      finishFlush: constants.Z_SYNC_FLUSH,
      maxOutputLength: limits.spdyControlBytesMax,
    });
    this.#history = Buffer.concat([this.#history, raw]).subarray(-historyBytes);
    return parsed(raw);
  }
}

function withoutZlibHead(block: Buffer): Buffer {
  return block.subarray(((block[1] ?? 0) & hasDictionaryFlag) === 0 ? 2 : 6);
}

/** Reads past the end throw, as Buffer's do. */
function parsed(raw: Buffer): SpdyHeaders {
  let at = 0;
  const number = (): number => {
    at += 4;
    return raw.readUInt32BE(at - 4);
  };
  const text = (): string => {
    const bytes = number();
    if (at + bytes > raw.length) throw new Error('a header reaches past its block');
    at += bytes;
    return raw.toString('latin1', at - bytes, at);
  };
  const headers = new Map<string, string>();
  for (let left = number(); left > 0; left--) headers.set(text().toLowerCase(), text());
  return Object.fromEntries(headers);
}
