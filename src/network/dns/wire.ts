/**
 * DNS messages as they stand on the wire (RFC 1035, RFC 6891): reading names and questions. Pure, and safe with any bytes: whatever is malformed gives
 * undefined, a pointer leads only backwards, nothing is longer than the standard lets it be.
 *
 * Names are texts in lower case without the last dot; a dot or backslash within a label is escaped by a backslash, so that no two names are the
 * same text. It does not use a general codec in the hot path: answers are compressed, turned round and cut by offsets, and millions are made.
 */

export const recordTypes = {
  A: 1,
  NS: 2,
  CNAME: 5,
  SOA: 6,
  PTR: 12,
  HINFO: 13,
  TXT: 16,
  AAAA: 28,
  SRV: 33,
  OPT: 41,
  SVCB: 64,
  HTTPS: 65,
  IXFR: 251,
  AXFR: 252,
  ANY: 255,
  CAA: 257,
} as const;

export const responseCodes = {
  NOERROR: 0,
  FORMERR: 1,
  SERVFAIL: 2,
  NXDOMAIN: 3,
  NOTIMP: 4,
  REFUSED: 5,
  /** Its upper bits stand in the OPT record. */
  BADVERS: 16,
} as const;

export const flags = {
  response: 0x8000,
  authoritative: 0x0400,
  truncated: 0x0200,
  recursionDesired: 0x0100,
  recursionAvailable: 0x0080,
  authenticData: 0x0020,
  checkingDisabled: 0x0010,
} as const;

export const headerBytes = 12;
/** An OPT record without options. */
export const optBytes = 11;
/** What a client that says nothing can take by UDP, and the most that is sent to any: larger packets may be broken up on the way, and get lost. */
export const udpBytesMin = 512;
export const udpBytesMax = 1232;
/** Records of one message that are looked at; no honest one has more. */
const recordsMax = 4096;
const nameBytesMax = 255;

export interface ReadName {
  readonly name: string;
  /** Behind the name in the message. */
  readonly end: number;
}

/** Undefined where it is malformed. */
export function readName(bytes: Buffer, start: number): ReadName | undefined {
  let name = '';
  let end = 0;
  let length = 1;
  let offset = start;
  let lowest = start;
  for (;;) {
    const size = bytes[offset];
    if (size === undefined) return undefined;
    if (size === 0) return { name, end: end === 0 ? offset + 1 : end };
    if (size >= 0xc0) {
      const next = bytes[offset + 1];
      if (next === undefined) return undefined;
      if (end === 0) end = offset + 2;
      offset = ((size & 0x3f) << 8) | next;
      if (offset >= lowest) return undefined;
      lowest = offset;
      continue;
    }
    length += size + 1;
    if (size > 63 || length > nameBytesMax || offset + 1 + size > bytes.length) return undefined;
    const label = labelText(bytes, offset + 1, offset + 1 + size);
    name = name === '' ? label : `${name}.${label}`;
    offset += 1 + size;
  }
}

/** Only ASCII has cases in the DNS (RFC 4343). */
function labelText(bytes: Buffer, start: number, end: number): string {
  const text = bytes.toString('latin1', start, end);
  const plain = /[.\\]/.test(text) ? text.replace(/[.\\]/g, '\\$&') : text;
  return /[A-Z]/.test(plain) ? plain.replace(/[A-Z]+/g, (upper) => upper.toLowerCase()) : plain;
}

/** The labels of a name, as bytes would hold them. */
export function labelsOf(name: string): readonly string[] {
  if (name === '') return [];
  if (!name.includes('\\')) return name.split('.');
  return name.split(/(?<=(?<!\\)(?:\\\\)*)\./).map((label) => label.replace(/\\(.)/gs, '$1'));
}

/** Behind the name, which is not read. */
function skipName(bytes: Buffer, start: number): number | undefined {
  let offset = start;
  for (;;) {
    const size = bytes[offset];
    if (size === undefined) return undefined;
    if (size === 0) return offset + 1;
    if (size >= 0xc0) return offset + 2;
    if (size > 63 || offset - start > nameBytesMax) return undefined;
    offset += 1 + size;
  }
}

export interface ReadRecord {
  readonly start: number;
  readonly type: number;
  /** Its time to live stands there, two bytes behind its class. */
  readonly ttlOffset: number;
  readonly dataStart: number;
  readonly end: number;
}

/** Where the `count` records from `start` stand. Undefined where one of them is malformed. */
export function readRecords(bytes: Buffer, start: number, count: number): readonly ReadRecord[] | undefined {
  if (count > recordsMax) return undefined;
  const records: ReadRecord[] = [];
  let offset = start;
  for (let index = 0; index < count; index++) {
    const nameEnd = skipName(bytes, offset);
    if (nameEnd === undefined || nameEnd + 10 > bytes.length) return undefined;
    const end = nameEnd + 10 + bytes.readUInt16BE(nameEnd + 8);
    if (end > bytes.length) return undefined;
    const type = bytes.readUInt16BE(nameEnd);
    records.push({ start: offset, type, ttlOffset: nameEnd + 4, dataStart: nameEnd + 10, end });
    offset = end;
  }
  return records;
}

export interface Question {
  readonly name: string;
  readonly type: number;
  readonly class: number;
  /** Behind the question in the message. */
  readonly end: number;
}

/** A message's only question. Undefined where there is not exactly one that can be read. Names in questions are not compressed. */
export function readQuestion(bytes: Buffer): Question | undefined {
  if (bytes.readUInt16BE(4) !== 1) return undefined;
  const read = readName(bytes, headerBytes);
  if (read === undefined || read.end + 4 > bytes.length) return undefined;
  const { name, end } = read;
  return { name, type: bytes.readUInt16BE(end), class: bytes.readUInt16BE(end + 2), end: end + 4 };
}

/** What a client's OPT record says (RFC 6891). Its options are not looked at. */
export interface Edns {
  readonly version: number;
  readonly size: number;
  readonly dnssecOk: boolean;
}

export interface Query extends Question {
  /** The whole message. */
  readonly bytes: Buffer;
  readonly flags: number;
  readonly opcode: number;
  readonly edns: Edns | undefined;
}

export type QueryFault =
  /** No query: nothing is said to it. */
  'silence' | 'malformed' | 'unknown opcode';

export function readQuery(bytes: Buffer): Query | QueryFault {
  if (bytes.length < headerBytes) return 'silence';
  const flagBits = bytes.readUInt16BE(2);
  if ((flagBits & flags.response) !== 0) return 'silence';
  const opcode = (flagBits >> 11) & 0xf;
  if (opcode !== 0) return 'unknown opcode';
  const question = readQuestion(bytes);
  if (question === undefined) return 'malformed';
  const others = bytes.readUInt16BE(6) + bytes.readUInt16BE(8);
  const records = readRecords(bytes, question.end, others + bytes.readUInt16BE(10));
  if (records === undefined) return 'malformed';
  const opts = records.filter(({ type }) => type === recordTypes.OPT);
  const [opt] = opts;
  if (opts.length > 1 || (opt !== undefined && (records.indexOf(opt) < others || bytes[opt.start] !== 0)))
    return 'malformed';
  return { ...question, bytes, flags: flagBits, opcode, edns: opt && ednsOf(bytes, opt) };
}

function ednsOf(bytes: Buffer, { ttlOffset }: ReadRecord): Edns {
  return {
    version: bytes[ttlOffset + 1] as number,
    size: bytes.readUInt16BE(ttlOffset - 2),
    dnssecOk: ((bytes[ttlOffset + 2] as number) & 0x80) !== 0,
  };
}

/** How much an answer by UDP may have. */
export function udpLimit({ edns }: Pick<Query, 'edns'>): number {
  return edns === undefined ? udpBytesMin : Math.min(udpBytesMax, Math.max(udpBytesMin, edns.size));
}
