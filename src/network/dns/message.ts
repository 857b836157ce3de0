/**
 * Messages that are made here: records as values, written in compressed form into one buffer that all of them share, and copied out of it. What does
 * not fit is left out whole, record by record; the answer then says that it was cut (TC).
 *
 * ```
 *   header │ question, as it was asked │ answers … │ authority │ additional … │ OPT
 *                                      ▲    ▲    ▲
 *                                      starts: names in answers point into the question alone, so that answers can change places
 * ```
 */
import { addressBytes } from './addresses.ts';
import { flags, headerBytes, labelsOf, optBytes, type Query, recordTypes } from './wire.ts';

export type RecordData =
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  /** Of CNAME, NS and PTR. */
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'srv'; readonly weight: number; readonly port: number; readonly target: string }
  | { readonly kind: 'soa'; readonly server: string; readonly mailbox: string; readonly numbers: readonly number[] };

export interface DnsRecord {
  readonly name: string;
  readonly type: number;
  readonly ttl: number;
  readonly data: RecordData;
}

export interface Answer {
  readonly code: number;
  readonly answers: readonly DnsRecord[];
  readonly authority: readonly DnsRecord[];
  /** Left out where there is no room. */
  readonly additional: readonly DnsRecord[];
  readonly isAuthoritative: boolean;
}

/** Of an IPv4 or IPv6 address. @param address one that `addressBytes` reads */
export function addressRecord(name: string, ttl: number, address: string): DnsRecord {
  const bytes = addressBytes(address) ?? new Uint8Array(4);
  const type = bytes.length === 4 ? recordTypes.A : recordTypes.AAAA;
  return { name, type, ttl, data: { kind: 'bytes', bytes } };
}

export function nameRecord(name: string, type: number, ttl: number, target: string): DnsRecord {
  return { name, type, ttl, data: { kind: 'name', name: target } };
}

/** TXT and HINFO: each text up to 255 bytes. */
export function textRecord(name: string, type: number, ttl: number, texts: readonly string[]): DnsRecord {
  const bytes = Buffer.concat(texts.map((text) => Buffer.concat([Buffer.from([text.length]), Buffer.from(text)])));
  return { name, type, ttl, data: { kind: 'bytes', bytes } };
}

export interface Encoded {
  readonly bytes: Buffer;
  /** Where each answer begins, and behind the last where the answers end. Empty where they must stay in order. */
  readonly starts: readonly number[];
  readonly isTruncated: boolean;
}

const scratch = Buffer.allocUnsafeSlow(65_535);

/**
 * Writes one message after another; synchronous, so one buffer serves all.
 */
class MessageWriter {
  #offset = 0;
  #limit = 0;
  #names = new Map<string, number>();
  #learns = true;

  begin(query: Query, limit: number): void {
    this.#names = new Map();
    this.#learns = true;
    query.bytes.copy(scratch, 0, 0, query.end);
    this.#offset = query.end;
    this.#limit = Math.min(limit, scratch.length) - (query.edns === undefined ? 0 : optBytes);
    let offset = headerBytes;
    const labels = labelsOf(query.name);
    for (const [index, label] of labels.entries()) {
      this.#names.set(suffixOf(labels, index), offset);
      offset += 1 + label.length;
    }
  }

  get offset(): number {
    return this.#offset;
  }

  /** Names of what follows are pointed to by others, or are not. */
  set learns(learns: boolean) {
    this.#learns = learns;
  }

  /** False, and nothing is written, where it does not fit or cannot be written. */
  add(record: DnsRecord): boolean {
    const start = this.#offset;
    if (this.#name(record.name, true) && this.#fixed(record) && this.#data(record.data)) {
      const dataStart = this.#dataStart;
      scratch.writeUInt16BE(this.#offset - dataStart, dataStart - 2);
      return true;
    }
    this.#offset = start;
    for (const [name, offset] of this.#names) if (offset >= start) this.#names.delete(name);
    return false;
  }

  #dataStart = 0;

  #fixed({ type, ttl }: DnsRecord): boolean {
    if (!this.#hasRoom(10)) return false;
    scratch.writeUInt16BE(type, this.#offset);
    scratch.writeUInt16BE(1, this.#offset + 2);
    scratch.writeUInt32BE(ttl, this.#offset + 4);
    this.#offset += 10;
    this.#dataStart = this.#offset;
    return true;
  }

  #data(data: RecordData): boolean {
    switch (data.kind) {
      case 'bytes':
        return this.#bytes(data.bytes);
      case 'name':
        return this.#name(data.name, true);
      case 'srv':
        // Its target is never compressed (RFC 2782).
        return this.#numbers([0, data.weight, data.port], 2) && this.#name(data.target, false);
      case 'soa':
        return this.#name(data.server, true) && this.#name(data.mailbox, true) && this.#numbers(data.numbers, 4);
    }
  }

  #bytes(bytes: Uint8Array): boolean {
    if (!this.#hasRoom(bytes.length)) return false;
    scratch.set(bytes, this.#offset);
    this.#offset += bytes.length;
    return true;
  }

  #numbers(numbers: readonly number[], size: 2 | 4): boolean {
    if (!this.#hasRoom(numbers.length * size)) return false;
    for (const number of numbers) this.#offset = scratch.writeUIntBE(number, this.#offset, size);
    return true;
  }

  #name(name: string, isCompressed: boolean): boolean {
    const known = isCompressed ? this.#names.get(name) : undefined;
    if (known !== undefined) return this.#pointer(known);
    const labels = labelsOf(name);
    let length = 1;
    for (const [index, label] of labels.entries()) {
      length += label.length + 1;
      const suffix = suffixOf(labels, index);
      const there = isCompressed ? this.#names.get(suffix) : undefined;
      if (there !== undefined) return this.#pointer(there);
      if (label.length === 0 || label.length > 63 || length > 255 || !this.#hasRoom(label.length + 1)) return false;
      if (this.#learns && this.#offset < 0x4000 && !this.#names.has(suffix)) this.#names.set(suffix, this.#offset);
      scratch[this.#offset] = label.length;
      scratch.write(label, this.#offset + 1, 'latin1');
      this.#offset += 1 + label.length;
    }
    if (!this.#hasRoom(1)) return false;
    scratch[this.#offset++] = 0;
    return true;
  }

  #pointer(target: number): boolean {
    if (!this.#hasRoom(2)) return false;
    scratch.writeUInt16BE(0xc000 | target, this.#offset);
    this.#offset += 2;
    return true;
  }

  #hasRoom(bytes: number): boolean {
    return this.#offset + bytes <= this.#limit;
  }
}

/** As `readName` would write it, so that names with odd labels are found, too. */
function suffixOf(labels: readonly string[], from: number): string {
  return labels
    .slice(from)
    .map((label) => (/[.\\]/.test(label) ? label.replace(/[.\\]/g, '\\$&') : label))
    .join('.');
}

const writer = new MessageWriter();

/** @param limit bytes that the client takes */
export function encodeAnswer(query: Query, answer: Answer, limit: number): Encoded {
  writer.begin(query, limit);
  const mayTurn = answer.answers.length > 1 && answer.answers.every(({ name }) => name === query.name);
  writer.learns = !mayTurn;
  const starts: number[] = [];
  let written = 0;
  for (const record of answer.answers) {
    starts.push(writer.offset);
    if (!writer.add(record)) break;
    written++;
  }
  const isTruncated = written < answer.answers.length;
  if (!isTruncated) starts.push(writer.offset);
  writer.learns = true;
  const authority = isTruncated ? 0 : addAll(answer.authority);
  const additional = isTruncated ? 0 : addAll(answer.additional);
  const end = endWithOpt(query, answer.code);
  writeHeader(query, answer, isTruncated, [written, authority, additional + (query.edns === undefined ? 0 : 1)]);
  return { bytes: Buffer.from(scratch.subarray(0, end)), starts: mayTurn && written > 1 ? starts : [], isTruncated };
}

/** How many fitted. */
function addAll(records: readonly DnsRecord[]): number {
  let added = 0;
  for (const record of records) {
    if (!writer.add(record)) break;
    added++;
  }
  return added;
}

function writeHeader(query: Query, answer: Answer, isTruncated: boolean, counts: readonly number[]): void {
  const bits =
    flags.response |
    flags.recursionAvailable |
    (query.flags & (flags.recursionDesired | flags.checkingDisabled)) |
    (answer.isAuthoritative ? flags.authoritative : 0) |
    (isTruncated ? flags.truncated : 0) |
    (answer.code & 0xf);
  scratch.writeUInt16BE(bits, 2);
  scratch.writeUInt16BE(1, 4);
  for (const [index, count] of counts.entries()) scratch.writeUInt16BE(count, 6 + 2 * index);
}

/** The OPT record's room is kept free. Gives the end of the message. */
function endWithOpt({ edns }: Query, code: number): number {
  const { offset } = writer;
  if (edns === undefined) return offset;
  writeOpt(scratch, offset, edns.dnssecOk, code);
  return offset + optBytes;
}

/** As RFC 6891 6.1.2 lays it out; `optBytes` long. */
export function writeOpt(bytes: Buffer, offset: number, dnssecOk: boolean, code = 0): void {
  bytes[offset] = 0;
  bytes.writeUInt16BE(recordTypes.OPT, offset + 1);
  bytes.writeUInt16BE(1232, offset + 3);
  bytes[offset + 5] = code >> 4;
  bytes[offset + 6] = 0;
  bytes.writeUInt16BE(dnssecOk ? 0x8000 : 0, offset + 7);
  bytes.writeUInt16BE(0, offset + 9);
}

/** The same answer for another client, who asked with other numbers: its id, and the answers from one of them on, round the circle. */
export function turned({ bytes, starts }: Encoded, id: number, first: number): Buffer {
  const copy = Buffer.allocUnsafe(bytes.length);
  if (starts.length === 0 || first === 0) copy.set(bytes);
  else {
    const begin = starts[0] as number;
    const middle = starts[first] as number;
    const end = starts.at(-1) as number;
    bytes.copy(copy, 0, 0, begin);
    bytes.copy(copy, begin, middle, end);
    bytes.copy(copy, begin + end - middle, begin, middle);
    bytes.copy(copy, end, end);
  }
  copy[0] = id >> 8;
  copy[1] = id & 0xff;
  return copy;
}

/** A header alone, for what cannot be read, or only a part of it. */
export function faultReply(request: Buffer, code: number): Buffer {
  const reply = Buffer.alloc(headerBytes);
  request.copy(reply, 0, 0, 4);
  const kept = reply.readUInt16BE(2) & (0x7800 | flags.recursionDesired);
  reply.writeUInt16BE(kept | flags.response | flags.recursionAvailable | code, 2);
  return reply;
}
