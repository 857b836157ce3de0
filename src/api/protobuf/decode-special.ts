/**
 * The forms that are small messages in protobuf and something else in JSON: quantities, times, raw JSON.
 *
 * Each function reads to the end of its message, which the caller has entered; undefined stands for Go's null.
 */
import { DecodeError } from '../decode-error.ts';
import { parseJson } from '../decode-json.ts';
import { refuseInexact } from '../number-literals.ts';
import type { JsonValue } from '../object.ts';
import type { SpecialForm } from '../schema/schema.ts';
import { formatDuration } from './duration.ts';
import { lengthWire, varintWire, type WireReader } from './wire.ts';

/** @throws DecodeError */
export function decodeSpecial(form: SpecialForm, reader: WireReader): JsonValue | undefined {
  switch (form) {
    case 'quantity':
      return decodeQuantity(reader);
    case 'int-or-string':
      return decodeIntOrString(reader);
    case 'time':
      return decodeTimestamp(reader, false);
    case 'micro-time':
      return decodeTimestamp(reader, true);
    case 'duration':
      return decodeDuration(reader);
    case 'raw-extension':
    case 'fields-v1':
    case 'json':
      return decodeRawJson(reader);
  }
}

function decodeQuantity(reader: WireReader): string {
  let text = '';
  while (reader.nextField()) {
    if (reader.number === 1) text = stringOf(reader, 'String_');
    else reader.skip();
  }
  return text === '' ? '0' : text;
}

function decodeIntOrString(reader: WireReader): string | number {
  let isString = false;
  let number = 0;
  let text = '';
  while (reader.nextField()) {
    if (reader.number === 1) isString = int32Of(reader, 'Type') === 1;
    else if (reader.number === 2) number = int32Of(reader, 'IntVal');
    else if (reader.number === 3) text = stringOf(reader, 'StrVal');
    else reader.skip();
  }
  return isString ? text : number;
}

/** Go's zero time, which JSON shows as null. */
const zeroTimeSeconds = -62_135_596_800;

/** `metav1.Time` shows whole seconds and reads no others. */
function decodeTimestamp(reader: WireReader, micro: boolean): string | undefined {
  if (reader.atEnd()) return undefined;
  let seconds = 0;
  let nanos = 0;
  while (reader.nextField()) {
    if (reader.number === 1) seconds = int64Of(reader, 'Seconds');
    else if (reader.number === 2) nanos = int32Of(reader, 'Nanos');
    else reader.skip();
  }
  if (!micro) return seconds === zeroTimeSeconds ? undefined : `${instantOf(seconds)}Z`;
  const fraction = ((nanos % 1e9) + 1e9) % 1e9;
  const whole = seconds + (nanos - fraction) / 1e9;
  if (whole === zeroTimeSeconds && fraction === 0) return undefined;
  return `${instantOf(whole)}.${String(Math.floor(fraction / 1000)).padStart(6, '0')}Z`;
}

/** `2026-01-02T15:04:05` */
function instantOf(seconds: number): string {
  const date = new Date(seconds * 1000);
  const text = Number.isNaN(date.getTime()) ? '' : date.toISOString();
  // Years that RFC 3339 cannot write take more room, or none.
  if (text.length !== 24) throw new DecodeError('Time.MarshalJSON: year outside of range [0,9999]');
  return text.slice(0, 19);
}

function decodeDuration(reader: WireReader): string {
  let nanos = 0n;
  while (reader.nextField()) {
    if (reader.number === 1) {
      reader.expect(varintWire, 'Duration');
      nanos = reader.bigInt64();
    } else reader.skip();
  }
  return formatDuration(nanos);
}

/** A message whose field 1 holds JSON as text. @throws DecodeError */
export function decodeRawJson(reader: WireReader): JsonValue | undefined {
  return parseRaw(readRaw(reader));
}

/** @throws DecodeError */
export function parseRaw(text: Buffer): JsonValue | undefined {
  if (text.length === 0) return undefined;
  const { value } = parseJson(text);
  refuseInexact(value);
  return value ?? undefined;
}

/** The bytes in field 1; none where it is absent. */
export function readRaw(reader: WireReader): Buffer {
  let text: Buffer = Buffer.alloc(0);
  while (reader.nextField()) {
    if (reader.number === 1) {
      reader.expect(lengthWire, 'Raw');
      text = reader.bytes();
    } else reader.skip();
  }
  return text;
}

function stringOf(reader: WireReader, goName: string): string {
  reader.expect(lengthWire, goName);
  return reader.string();
}

function int32Of(reader: WireReader, goName: string): number {
  reader.expect(varintWire, goName);
  return reader.int32();
}

function int64Of(reader: WireReader, goName: string): number {
  reader.expect(varintWire, goName);
  return reader.int64();
}
