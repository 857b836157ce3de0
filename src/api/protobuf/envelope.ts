/**
 * The envelope around every Kubernetes object in protobuf: four bytes of magic, then a message `runtime.Unknown` that names
 * the kind and holds the object's own message as bytes.
 *
 * ```
 *  'k' '8' 's' 00 │ 1: { 1: apiVersion, 2: kind } │ 2: the object │ 3: contentEncoding │ 4: contentType
 * ```
 * Only kinds that upstream declares have a protobuf form: custom resources travel as JSON, always.
 */
import type { JsonObject } from '../object.ts';
import { decodeProtobuf } from './decode.ts';
import { encodeProtobuf } from './encode.ts';
import { magic, notRegistered, type ObjectKind, openEnvelope, protobufType } from './unknown.ts';
import { lengthWire } from './wire.ts';
import { WireWriter } from './writer.ts';

export { type ObjectKind, protobufType } from './unknown.ts';

export const protobufMediaType = 'application/vnd.kubernetes.protobuf';

/** `fallback`: what an object is that does not say it. @throws DecodeError */
export function decodeEnveloped(bytes: Buffer, fallback: ObjectKind): JsonObject {
  const unknown = openEnvelope(bytes);
  const apiVersion = unknown.apiVersion || fallback.apiVersion;
  const kind = unknown.kind || fallback.kind;
  const type = protobufType({ apiVersion, kind });
  if (type === undefined) throw notRegistered({ apiVersion, kind });
  return { kind, apiVersion, ...decodeProtobuf(type, unknown.raw) };
}

/** An object with its envelope; undefined where its kind has no protobuf form. */
export function encodeEnveloped(object: Partial<ObjectKind> & object): Buffer | undefined {
  // Go's oldest discovery document says no version.
  const kind = { apiVersion: object.apiVersion ?? 'v1', kind: object.kind ?? '' };
  const type = protobufType(kind);
  if (type === undefined) return undefined;
  const message = encodeProtobuf(type, object);
  const { head, tail } = envelop(kind, message.length);
  return Buffer.concat([head, message, tail]);
}

/** What stands before and after an object's own message: messages are kept and shared, and never copied for this. */
export interface Envelope {
  readonly head: Uint8Array;
  readonly tail: Uint8Array;
}

export function envelop({ apiVersion, kind }: ObjectKind, messageBytes: number): Envelope {
  const writer = new WireWriter(envelopeTail.length + messageBytes);
  writer.close(2, envelopeTail.length);
  const end = writer.written;
  writer.string(kind);
  writer.tag(2, lengthWire);
  writer.string(apiVersion);
  writer.tag(1, lengthWire);
  writer.close(1, end);
  writer.raw(magic);
  return { head: writer.finish(), tail: envelopeTail };
}

/** Neither encoded nor of another content type: two empty strings, which upstream writes. */
const envelopeTail: Uint8Array = Buffer.from([0x1a, 0, 0x22, 0]);
