/**
 * The forms that are small messages in protobuf and something else in JSON: the inverse of `decode-special.ts`. Written
 * backwards, like all the rest; undefined stands for Go's zero value.
 */
import type { JsonValue } from '../object.ts';
import type { SpecialForm } from '../schema/schema.ts';
import { parseDuration } from './duration.ts';
import { lengthWire, varintWire } from './wire.ts';
import type { WireWriter } from './writer.ts';

/** The message's fields; its length and tag are the caller's. */
export function encodeSpecial(writer: WireWriter, form: SpecialForm, value: JsonValue | undefined): void {
  switch (form) {
    case 'quantity':
      return encodeQuantity(writer, value);
    case 'int-or-string':
      return encodeIntOrString(writer, value);
    case 'time':
    case 'micro-time':
      return encodeTimestamp(writer, value);
    case 'duration':
      return encodeDuration(writer, value);
    case 'raw-extension':
    case 'fields-v1':
    case 'json':
      return encodeRawJson(writer, value);
  }
}

function encodeQuantity(writer: WireWriter, value: JsonValue | undefined): void {
  writer.string(typeof value === 'string' || typeof value === 'number' ? String(value) : '0');
  writer.tag(1, lengthWire);
}

function encodeIntOrString(writer: WireWriter, value: JsonValue | undefined): void {
  const isString = typeof value === 'string';
  writer.string(isString ? value : '');
  writer.tag(3, lengthWire);
  writer.integer(typeof value === 'number' ? value : 0);
  writer.tag(2, varintWire);
  writer.integer(isString ? 1 : 0);
  writer.tag(1, varintWire);
}

/** `2026-01-02T15:04:05Z`, or with six digits after the point. The zero time is an empty message. */
function encodeTimestamp(writer: WireWriter, value: JsonValue | undefined): void {
  if (typeof value !== 'string') return;
  const [, micros = '0'] = /\.(\d{6})Z$/.exec(value) ?? [];
  writer.integer(Number(micros) * 1000);
  writer.tag(2, varintWire);
  writer.integer(Math.floor(Date.parse(value) / 1000));
  writer.tag(1, varintWire);
}

function encodeDuration(writer: WireWriter, value: JsonValue | undefined): void {
  writer.bigInteger(typeof value === 'string' ? parseDuration(value) : 0n);
  writer.tag(1, varintWire);
}

export function encodeRawJson(writer: WireWriter, value: JsonValue | undefined): void {
  if (value === undefined || value === null) return;
  writer.string(JSON.stringify(value));
  writer.tag(1, lengthWire);
}
