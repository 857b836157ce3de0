/**
 * An answer of another name server: checked, freed of what was between it and us alone (its OPT record), and kept as the bytes that it came in, with
 * the places of what changes from client to client: id, flags, the question's capitals, and the seconds that are left. Pure.
 */
import { type DnsRecord, type Encoded, type RecordData, writeOpt } from './message.ts';
import {
  flags,
  headerBytes,
  optBytes,
  type Query,
  type ReadRecord,
  readName,
  readQuestion,
  readRecords,
  recordTypes,
  responseCodes,
} from './wire.ts';

export interface ForwardedMessage {
  /** As it came, without an OPT record. */
  readonly bytes: Buffer;
  readonly questionEnd: number;
  readonly code: number;
  readonly answers: readonly ReadRecord[];
  /** Of all its records. */
  readonly ttlOffsets: readonly number[];
  /** How long it may be kept: the least of its answers, or what the SOA of a negative answer says (RFC 2308). 0: not at all. */
  readonly seconds: number;
  readonly isTruncated: boolean;
}

/** @param request what was asked: another question, or another id, is no answer to it. Undefined then, and where it is malformed. */
export function readForwarded(bytes: Buffer, request: Buffer): ForwardedMessage | undefined {
  if (bytes.length < headerBytes || bytes.readUInt16BE(0) !== request.readUInt16BE(0)) return undefined;
  const flagBits = bytes.readUInt16BE(2);
  if ((flagBits & flags.response) === 0 || ((flagBits >> 11) & 0xf) !== 0) return undefined;
  const asked = readQuestion(request);
  const question = readQuestion(bytes);
  if (asked === undefined || question === undefined) return undefined;
  if (question.name !== asked.name || question.type !== asked.type || question.class !== asked.class) return undefined;
  return withoutOpt(bytes, question.end);
}

function withoutOpt(bytes: Buffer, questionEnd: number): ForwardedMessage | undefined {
  const [answers = 0, authority = 0, additional = 0] = [6, 8, 10].map((offset) => bytes.readUInt16BE(offset));
  const records = readRecords(bytes, questionEnd, answers + authority + additional);
  if (records === undefined) return undefined;
  // What stands behind the OPT record goes with it: it is additional, and others may point into it.
  const opt = records.findIndex(({ type }, index) => type === recordTypes.OPT && index >= answers + authority);
  const kept = opt === -1 ? records : records.slice(0, opt);
  const copy = Buffer.from(bytes.subarray(0, kept.at(-1)?.end ?? questionEnd));
  copy.writeUInt16BE(kept.length - answers - authority, 10);
  const flagBits = copy.readUInt16BE(2);
  const code = (flagBits & 0xf) | (opt === -1 ? 0 : (bytes[(records[opt] as ReadRecord).ttlOffset] as number) << 4);
  const message = { bytes: copy, questionEnd, code, answers: kept.slice(0, answers) };
  return {
    ...message,
    ttlOffsets: kept.map(({ ttlOffset }) => ttlOffset),
    seconds: secondsOf(message, kept.slice(answers, answers + authority)),
    isTruncated: (flagBits & flags.truncated) !== 0,
  };
}

function secondsOf(
  { bytes, code, answers }: Pick<ForwardedMessage, 'bytes' | 'code' | 'answers'>,
  authority: readonly ReadRecord[],
): number {
  if (code !== responseCodes.NOERROR && code !== responseCodes.NXDOMAIN) return 0;
  const isPositive = code === responseCodes.NOERROR && answers.length > 0;
  if (isPositive) return Math.min(...answers.map(({ ttlOffset }) => ttlAt(bytes, ttlOffset)));
  const soa = authority.find(({ type, end, dataStart }) => type === recordTypes.SOA && end - dataStart >= 22);
  if (soa === undefined) return 0;
  const least = answers.map(({ ttlOffset }) => ttlAt(bytes, ttlOffset));
  return Math.min(ttlAt(bytes, soa.ttlOffset), bytes.readUInt32BE(soa.end - 4), ...least);
}

/** One with the highest bit set counts as 0 (RFC 2181). */
function ttlAt(bytes: Buffer, offset: number): number {
  const ttl = bytes.readUInt32BE(offset);
  return ttl >= 2 ** 31 ? 0 : ttl;
}

export interface Aged {
  readonly message: ForwardedMessage;
  /** Since it came. */
  readonly ageSeconds: number;
  /** No record lives longer: what the cache may keep, or what is left of something stale. */
  readonly ttlMax: number;
  /** It is past its time, and nobody has a newer one. */
  readonly isStale: boolean;
}

/** For a client: as much as it takes, by `limit` bytes. */
export function forwardedReply(query: Query, aged: Aged, limit: number): Encoded {
  const { message } = aged;
  const room = limit - (query.edns === undefined ? 0 : optBytes);
  const fits = message.bytes.length <= room;
  const answers = fits ? message.answers.length : message.answers.filter(({ end }) => end <= room).length;
  const end = fits ? message.bytes.length : (message.answers[answers - 1]?.end ?? message.questionEnd);
  const bytes = Buffer.alloc(end + (query.edns === undefined ? 0 : optBytes));
  message.bytes.copy(bytes, 0, 0, end);
  // The client's own capitals: some check that they come back.
  query.bytes.copy(bytes, headerBytes, headerBytes, query.end);
  for (const offset of message.ttlOffsets) if (offset + 4 <= end) writeTtl(bytes, offset, aged);
  if (query.edns !== undefined) writeOpt(bytes, end, query.edns.dnssecOk, message.code);
  const isTruncated = message.isTruncated || answers < message.answers.length;
  writeCounts(bytes, answers, fits, query.edns !== undefined);
  bytes.writeUInt16BE(query.bytes.readUInt16BE(0), 0);
  bytes.writeUInt16BE(flagsFor(query, message, isTruncated), 2);
  return { bytes, starts: [], isTruncated };
}

function writeTtl(bytes: Buffer, offset: number, { ageSeconds, ttlMax, isStale }: Aged): void {
  const left = isStale ? ttlMax : Math.min(ttlMax, Math.max(0, ttlAt(bytes, offset) - ageSeconds));
  bytes.writeUInt32BE(left, offset);
}

function writeCounts(bytes: Buffer, answers: number, isWhole: boolean, hasOpt: boolean): void {
  bytes.writeUInt16BE(answers, 6);
  if (!isWhole) bytes.writeUInt16BE(0, 8);
  bytes.writeUInt16BE((isWhole ? bytes.readUInt16BE(10) : 0) + (hasOpt ? 1 : 0), 10);
}

function flagsFor(query: Query, { bytes, code }: ForwardedMessage, isTruncated: boolean): number {
  return (
    flags.response |
    flags.recursionAvailable |
    (query.flags & (flags.recursionDesired | flags.checkingDisabled)) |
    (bytes.readUInt16BE(2) & flags.authenticData) |
    (isTruncated ? flags.truncated : 0) |
    (code & 0xf)
  );
}

/** Types whose data names nobody in compressed form: their bytes stand for themselves, also in another message. */
const plainTypes: ReadonlySet<number> = new Set(
  (['A', 'AAAA', 'TXT', 'HINFO', 'SVCB', 'HTTPS', 'CAA'] as const).map((name) => recordTypes[name]),
);

/** The answers as values, for a message of our own. What cannot be carried over is left out. */
export function recordsOf({ message, ageSeconds, ttlMax, isStale }: Aged): readonly DnsRecord[] {
  return message.answers.flatMap((record): readonly DnsRecord[] => {
    const owner = readName(message.bytes, record.start);
    const data = dataOf(message.bytes, record);
    if (owner === undefined || data === undefined) return [];
    const left = Math.max(0, ttlAt(message.bytes, record.ttlOffset) - ageSeconds);
    return [{ name: owner.name, type: record.type, ttl: isStale ? ttlMax : Math.min(ttlMax, left), data }];
  });
}

function dataOf(bytes: Buffer, { type, dataStart, end }: ReadRecord): RecordData | undefined {
  if (plainTypes.has(type)) return { kind: 'bytes', bytes: bytes.subarray(dataStart, end) };
  if (type === recordTypes.CNAME) {
    const target = readName(bytes, dataStart);
    return target && { kind: 'name', name: target.name };
  }
  if (type !== recordTypes.SRV || end - dataStart < 7) return undefined;
  const target = readName(bytes, dataStart + 6);
  const weight = bytes.readUInt16BE(dataStart + 2);
  return target && { kind: 'srv', weight, port: bytes.readUInt16BE(dataStart + 4), target: target.name };
}
