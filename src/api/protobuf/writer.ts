/**
 * Protobuf's wire format, written from the end to the beginning.
 *
 * The naive way must know a message's length before it writes the message, and measures every tree once for each level above
 * it. Backwards, a message stands there before its length has to be written: one pass. So callers write a message's fields
 * in descending order, and of each field the value before the tag.
 *
 * ```
 *  ┌─────────── room ───────────┬── written ──┐
 *  0                        position        size
 * ```
 */
import type { Buffer as NodeBuffer } from 'node:buffer';

const firstBytes = 16 * 1024;
/** What one writer leaves to the next. More than that is let go. */
const keptBytesMax = 1024 * 1024;

let spare: NodeBuffer | undefined;

export class WireWriter {
  #buffer: NodeBuffer;
  #position: number;
  readonly #bytesAfter: number;

  /** `bytesAfter`: what follows, from elsewhere, within the messages that are written here. */
  constructor(bytesAfter = 0) {
    this.#bytesAfter = bytesAfter;
    this.#buffer = spare ?? Buffer.allocUnsafeSlow(firstBytes);
    spare = undefined;
    this.#position = this.#buffer.length;
  }

  /** Bytes from here to the end: what `close` needs to know where a message ends. */
  get written(): number {
    return this.#bytesAfter + this.#inBuffer;
  }

  get #inBuffer(): number {
    return this.#buffer.length - this.#position;
  }

  /** All that was written, as a copy of its own. The writer ends here. */
  finish(): NodeBuffer {
    const bytes = Buffer.allocUnsafeSlow(this.#inBuffer);
    this.#buffer.copy(bytes, 0, this.#position);
    if (this.#buffer.length <= keptBytesMax) spare = this.#buffer;
    return bytes;
  }

  tag(number: number, wire: number): void {
    this.#varint(number * 8 + wire);
  }

  /** The length of what was written since `written` was `end`, and before it a tag: closes a message. */
  close(number: number, end: number): void {
    this.#varint(this.written - end);
    this.#varint(number * 8 + 2);
  }

  /** A safe integer; what is negative takes ten bytes, in int32 too. */
  integer(value: number): void {
    if (value >= 0) return this.#varint(value);
    this.bigInteger(BigInt(value));
  }

  bigInteger(value: bigint): void {
    const start = this.#room(10);
    let rest = BigInt.asUintN(64, value);
    let at = 0;
    for (; rest >= 0x80n; rest >>= 7n) this.#buffer[start + at++] = Number(rest & 0x7fn) | 0x80;
    this.#buffer[start + at++] = Number(rest);
    this.#buffer.copyWithin(start + 10 - at, start, start + at);
    this.#position = start + 10 - at;
  }

  float(value: number): void {
    this.#position = this.#room(4);
    this.#buffer.writeFloatLE(value, this.#position);
  }

  double(value: number): void {
    this.#position = this.#room(8);
    this.#buffer.writeDoubleLE(value, this.#position);
  }

  /** With its length. */
  string(text: string): void {
    if (text.length >= 64 || !this.#shortAscii(text)) this.#longText(text);
  }

  /** With their length. */
  bytes(bytes: Uint8Array): void {
    this.raw(bytes);
    this.#varint(bytes.length);
  }

  /** Just these bytes. */
  raw(bytes: Uint8Array): void {
    this.#position = this.#room(bytes.length);
    this.#buffer.set(bytes, this.#position);
  }

  /** Most strings: cheaper written here than handed to native code. False, and nothing written, where it is not ASCII. */
  #shortAscii(text: string): boolean {
    const start = this.#room(text.length);
    for (let index = 0; index < text.length; index++) {
      const unit = text.charCodeAt(index);
      if (unit >= 0x80) return false;
      this.#buffer[start + index] = unit;
    }
    this.#position = start;
    this.#varint(text.length);
    return true;
  }

  #longText(text: string): void {
    const length = Buffer.byteLength(text);
    this.#position = this.#room(length);
    this.#buffer.write(text, this.#position);
    this.#varint(length);
  }

  #varint(value: number): void {
    if (value < 0x80) {
      const at = this.#room(1);
      this.#buffer[at] = value;
      this.#position = at;
      return;
    }
    let at = this.#room(varintBytes(value));
    this.#position = at;
    let rest = value;
    for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) this.#buffer[at++] = (rest % 0x80) | 0x80;
    this.#buffer[at] = rest;
  }

  /** Where the next `bytes` bytes will begin. */
  #room(bytes: number): number {
    if (this.#position < bytes) this.#grow(bytes);
    return this.#position - bytes;
  }

  #grow(bytes: number): void {
    const grown = Buffer.allocUnsafeSlow(Math.max(2 * this.#buffer.length, this.#inBuffer + bytes));
    const position = grown.length - this.#inBuffer;
    this.#buffer.copy(grown, position, this.#position);
    this.#buffer = grown;
    this.#position = position;
  }
}

function varintBytes(value: number): number {
  let bytes = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes++;
  return bytes;
}
