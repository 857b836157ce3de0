/**
 * Protobuf's wire format, read: varints, fixed-width numbers, lengths, and what to skip. It knows no types.
 *
 * Every read is checked against the end of the message that it stands in, so that no length from a client leads out of its
 * message. What fails, fails with a `DecodeError` in the words of Go's generated decoders. Writing is `writer.ts`.
 */
import { DecodeError } from '../decode-error.ts';
import type { Scalar } from '../schema/schema.ts';

export const varintWire = 0;
export const fixed64Wire = 1;
export const lengthWire = 2;
const groupStartWire = 3;
const groupEndWire = 4;
export const fixed32Wire = 5;

const wires: Readonly<Record<Scalar, number>> = {
  string: lengthWire,
  bytes: lengthWire,
  boolean: varintWire,
  int32: varintWire,
  int64: varintWire,
  uint32: varintWire,
  uint64: varintWire,
  float: fixed32Wire,
  double: fixed64Wire,
};

export function wireOf(scalar: Scalar): number {
  return wires[scalar];
}

export class WireReader {
  readonly #bytes: Buffer;
  #position = 0;
  #end: number;
  /** The two halves of the varint read last. */
  #low = 0;
  #high = 0;
  /** Of the tag read last. */
  number = 0;
  wire = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#end = bytes.length;
  }

  /** Reads a tag into `number` and `wire`; false at the end of the message. */
  nextField(): boolean {
    if (this.#position >= this.#end) return false;
    this.#varint();
    this.number = this.#low >>> 3;
    this.wire = this.#low & 7;
    if (this.#high !== 0 || this.number === 0)
      throw new DecodeError(`proto: illegal tag ${this.number} (wire type ${this.wire})`);
    return true;
  }

  /** The field whose tag was read last has to have this wire type. */
  expect(wire: number, fieldName: string): void {
    if (this.wire !== wire) throw new DecodeError(`proto: wrong wireType = ${this.wire} for field ${fieldName}`);
  }

  /** Enters the message or packed list that comes next; give what is returned to `leave`. */
  enter(fieldName: string): number {
    this.expect(lengthWire, fieldName);
    const length = this.#length();
    const outer = this.#end;
    this.#end = this.#position + length;
    return outer;
  }

  leave(outer: number): void {
    this.#position = this.#end;
    this.#end = outer;
  }

  atEnd(): boolean {
    return this.#position >= this.#end;
  }

  boolean(): boolean {
    this.#varint();
    return this.#low !== 0 || this.#high !== 0;
  }

  /** Go keeps the low half of what is too long, and so do we. */
  int32(): number {
    this.#varint();
    return this.#low | 0;
  }

  uint32(): number {
    this.#varint();
    return this.#low;
  }

  /** @throws DecodeError also where a JavaScript number could not hold the value */
  int64(): number {
    this.#varint();
    return this.#safe((this.#high | 0) * 2 ** 32 + this.#low, 'int64');
  }

  /** @throws DecodeError also where a JavaScript number could not hold the value */
  uint64(): number {
    this.#varint();
    return this.#safe(this.#high * 2 ** 32 + this.#low, 'uint64');
  }

  /** The whole of an int64, for those who can work with it. */
  bigInt64(): bigint {
    this.#varint();
    return BigInt.asIntN(64, (BigInt(this.#high) << 32n) | BigInt(this.#low));
  }

  float(): number {
    return this.#bytes.readFloatLE(this.#advance(4));
  }

  double(): number {
    return this.#bytes.readDoubleLE(this.#advance(8));
  }

  /** What is no UTF-8 becomes U+FFFD, as when Go writes such a string as JSON. */
  string(): string {
    const length = this.#length();
    const start = this.#advance(length);
    // Most strings are a few ASCII characters: cheaper built here than fetched from native code.
    return (
      (length < 16 ? this.#shortAscii(start, length) : undefined) ?? this.#bytes.toString('utf8', start, start + length)
    );
  }

  /** A view, not a copy. */
  bytes(): Buffer {
    const length = this.#length();
    const start = this.#advance(length);
    return this.#bytes.subarray(start, start + length);
  }

  /** Passes over the value of the field whose tag was read last. */
  skip(): void {
    let openGroups = 0;
    do {
      openGroups += this.#skipOne(openGroups);
    } while (openGroups > 0 && this.#nextInGroup());
  }

  /** How many groups it opened: 1, 0 or -1. */
  #skipOne(openGroups: number): number {
    switch (this.wire) {
      case varintWire:
        this.#varint();
        return 0;
      case fixed64Wire:
        this.#advance(8);
        return 0;
      case lengthWire:
        this.#advance(this.#length());
        return 0;
      case fixed32Wire:
        this.#advance(4);
        return 0;
      case groupStartWire:
        return 1;
      case groupEndWire:
        if (openGroups === 0) throw new DecodeError('proto: unexpected end of group');
        return -1;
      default:
        throw new DecodeError(`proto: illegal wireType ${this.wire}`);
    }
  }

  #nextInGroup(): boolean {
    if (!this.nextField()) throw unexpectedEnd();
    return true;
  }

  #length(): number {
    this.#varint();
    if (this.#high !== 0) throw new DecodeError('proto: negative length found during unmarshaling');
    if (this.#low > this.#end - this.#position) throw unexpectedEnd();
    return this.#low;
  }

  /** Where the next `length` bytes begin. */
  #advance(length: number): number {
    const start = this.#position;
    if (length > this.#end - start) throw unexpectedEnd();
    this.#position = start + length;
    return start;
  }

  #shortAscii(start: number, length: number): string | undefined {
    let text = '';
    for (let index = start; index < start + length; index++) {
      const byte = this.#bytes[index] as number;
      if (byte >= 0x80) return undefined;
      text += String.fromCharCode(byte);
    }
    return text;
  }

  #varint(): void {
    const first = this.#byte();
    this.#low = first;
    this.#high = 0;
    if (first >= 0x80) this.#longVarint(first & 0x7f);
  }

  /** Ten bytes at most, seven bits each, the lowest first: the fifth belongs to both halves. */
  #longVarint(first: number): void {
    let low = first;
    let high = 0;
    for (let shift = 7; shift < 70; shift += 7) {
      const byte = this.#byte();
      const bits = byte & 0x7f;
      if (shift < 32) low |= bits << shift;
      if (shift === 28) high = bits >>> 4;
      if (shift > 28) high |= bits << (shift - 32);
      if (byte >= 0x80) continue;
      this.#low = low >>> 0;
      this.#high = high >>> 0;
      return;
    }
    throw new DecodeError('proto: integer overflow');
  }

  #byte(): number {
    if (this.#position >= this.#end) throw unexpectedEnd();
    return this.#bytes[this.#position++] as number;
  }

  #safe(value: number, type: string): number {
    if (Number.isSafeInteger(value)) return value;
    throw new DecodeError(`proto: a value of type ${type} is beyond ±${Number.MAX_SAFE_INTEGER}`);
  }
}

function unexpectedEnd(): DecodeError {
  return new DecodeError('unexpected EOF');
}
