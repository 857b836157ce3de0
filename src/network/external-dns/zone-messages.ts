/**
 * Messages to a name server of a zone, as they stand on the wire: questions (RFC 1035, RFC 5936) and updates (RFC 2136); and its answers. Pure.
 *
 * Nothing is compressed in what is written. What is read may be; what is malformed gives undefined.
 */
import { canonicalIp } from '../../controllers/shared/ip.ts';
import { addressBytes } from '../dns/addresses.ts';
import { flags, headerBytes, labelsOf, readName, readRecords, recordTypes } from '../dns/wire.ts';
import type { Change, Operation, Prerequisite } from './plan.ts';
import type { RecordSet } from './records.ts';

export const classes = { IN: 1, NONE: 254, ANY: 255 } as const;
const opcodes = { QUERY: 0, UPDATE: 5 } as const;
const textBytesMax = 255;

/** In lower case, uncompressed: also what signatures are made over. */
export function nameBytes(name: string): Buffer {
  const labels = labelsOf(name).map((label) => Buffer.from(label, 'latin1'));
  return Buffer.concat([...labels.flatMap((label) => [Buffer.from([label.length]), label]), Buffer.from([0])]);
}

export function numberBytes(value: number, bytes: 2 | 4 | 6): Buffer {
  const result = Buffer.alloc(bytes);
  result.writeUIntBE(value, 0, bytes);
  return result;
}

function header(id: number, opcode: number, counts: readonly [number, number, number, number]): Buffer {
  return Buffer.concat([id, opcode << 11, ...counts].map((value) => numberBytes(value, 2)));
}

const question = (name: string, type: number): Buffer =>
  Buffer.concat([nameBytes(name), numberBytes(type, 2), numberBytes(classes.IN, 2)]);

export function encodeQuestion(id: number, name: string, type: number): Buffer {
  return Buffer.concat([header(id, opcodes.QUERY, [1, 0, 0, 0]), question(name, type)]);
}

export function encodeUpdate(
  id: number,
  zone: string,
  { prerequisites, operations }: Pick<Change, 'prerequisites' | 'operations'>,
): Buffer {
  const first = prerequisites.flatMap(prerequisiteRecords);
  const second = operations.flatMap(operationRecords);
  const head = header(id, opcodes.UPDATE, [1, first.length, second.length, 0]);
  return Buffer.concat([head, question(zone, recordTypes.SOA), ...first, ...second]);
}

export function recordBytes(name: string, type: number, recordClass: number, ttl: number, data: Uint8Array): Buffer {
  const fixed = [numberBytes(type, 2), numberBytes(recordClass, 2), numberBytes(ttl, 4), numberBytes(data.length, 2)];
  return Buffer.concat([nameBytes(name), ...fixed, data]);
}

const nothing = Buffer.alloc(0);

function prerequisiteRecords(prerequisite: Prerequisite): readonly Buffer[] {
  if (prerequisite.kind === 'equals') return setRecords(prerequisite.set, 0);
  const { name, type = recordTypes.ANY } = prerequisite;
  return [recordBytes(name, type, classes.NONE, 0, nothing)];
}

function operationRecords(operation: Operation): readonly Buffer[] {
  if (operation.kind === 'add') return setRecords(operation.set, operation.set.ttl);
  return [recordBytes(operation.name, operation.type, classes.ANY, 0, nothing)];
}

const setRecords = ({ name, type, values }: RecordSet, ttl: number): readonly Buffer[] =>
  values.map((value) => recordBytes(name, type, classes.IN, ttl, dataOf(type, value)));

function dataOf(type: number, value: string): Uint8Array {
  if (type === recordTypes.CNAME) return nameBytes(value);
  if (type === recordTypes.TXT) return textBytes(value);
  const bytes = addressBytes(value);
  if (bytes === undefined) throw new Error(`${value} is no address`);
  return bytes;
}

/** As many texts of 255 bytes as it takes. */
function textBytes(text: string): Buffer {
  const bytes = Buffer.from(text, 'latin1');
  const parts: Buffer[] = [];
  for (let start = 0; start === 0 || start < bytes.length; start += textBytesMax) {
    const part = bytes.subarray(start, start + textBytesMax);
    parts.push(Buffer.from([part.length]), part);
  }
  return Buffer.concat(parts);
}

export interface AnswerRecord {
  readonly name: string;
  readonly type: number;
  readonly ttl: number;
  /** As `RecordSet.values` has it. */
  readonly value: string;
}

export interface ZoneAnswer {
  readonly id: number;
  /** Its four bits: an answer about a signature has its own words in TSIG. */
  readonly code: number;
  readonly isAuthoritative: boolean;
  readonly answers: readonly AnswerRecord[];
}

/** A response. Undefined where it is none, or malformed. */
export function decodeAnswer(bytes: Buffer): ZoneAnswer | undefined {
  if (bytes.length < headerBytes) return undefined;
  const bits = bytes.readUInt16BE(2);
  const start = afterQuestions(bytes);
  if ((bits & flags.response) === 0 || start === undefined) return undefined;
  const records = readRecords(bytes, start, bytes.readUInt16BE(6));
  if (records === undefined) return undefined;
  const answers: AnswerRecord[] = [];
  for (const { start: at, type, ttlOffset, dataStart, end } of records) {
    const read = readName(bytes, at);
    const value = valueOf(bytes, type, dataStart, end);
    if (read === undefined || value === undefined) return undefined;
    answers.push({ name: read.name, type, ttl: bytes.readUInt32BE(ttlOffset), value });
  }
  return { id: bytes.readUInt16BE(0), code: bits & 0xf, isAuthoritative: (bits & flags.authoritative) !== 0, answers };
}

/** Answers repeat the question, or not. */
export function afterQuestions(bytes: Buffer): number | undefined {
  let offset = headerBytes;
  for (let left = bytes.readUInt16BE(4); left > 0; left--) {
    const read = readName(bytes, offset);
    if (read === undefined || read.end + 4 > bytes.length) return undefined;
    offset = read.end + 4;
  }
  return offset;
}

function valueOf(bytes: Buffer, type: number, start: number, end: number): string | undefined {
  switch (type) {
    case recordTypes.A:
      return end - start === 4 ? bytes.subarray(start, end).join('.') : undefined;
    case recordTypes.AAAA:
      return end - start === 16 ? sixText(bytes, start) : undefined;
    case recordTypes.CNAME: {
      const read = readName(bytes, start);
      return read?.end === end ? read.name : undefined;
    }
    case recordTypes.TXT:
      return joinedText(bytes, start, end);
    default:
      return '';
  }
}

function sixText(bytes: Buffer, start: number): string | undefined {
  const groups = Array.from({ length: 8 }, (_, index) => bytes.readUInt16BE(start + 2 * index).toString(16));
  return canonicalIp(groups.join(':'))?.text;
}

function joinedText(bytes: Buffer, start: number, end: number): string | undefined {
  let text = '';
  let offset = start;
  while (offset < end) {
    const next = offset + 1 + (bytes[offset] as number);
    if (next > end) return undefined;
    text += bytes.toString('latin1', offset + 1, next);
    offset = next;
  }
  return text;
}
