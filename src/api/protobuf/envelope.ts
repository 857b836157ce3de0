/**
 * The envelope around every Kubernetes object in protobuf: four bytes of magic, then a message `runtime.Unknown` that names
 * the kind and holds the object's own message as bytes.
 *
 * ```
 *  'k' '8' 's' 00 │ 1: { 1: apiVersion, 2: kind } │ 2: the object │ 3: contentEncoding │ 4: contentType
 * ```
 * Only kinds that upstream declares have a protobuf form: custom resources travel as JSON, always.
 */
import { DecodeError } from '../decode-error.ts';
import type { JsonObject } from '../object.ts';
import { builtinSchema } from '../schema/load.ts';
import type { MessageType } from '../schema/schema.ts';
import { decodeProtobuf } from './decode.ts';
import { encodeProtobuf } from './encode.ts';
import { lengthWire, WireReader } from './wire.ts';
import { WireWriter } from './writer.ts';

export const protobufMediaType = 'application/vnd.kubernetes.protobuf';

const magic = Buffer.from('k8s\0');

export interface ObjectKind {
  readonly apiVersion: string;
  readonly kind: string;
}

/** The type of a kind that has a protobuf form. */
export function protobufType({ apiVersion, kind }: ObjectKind): MessageType | undefined {
  const slash = apiVersion.indexOf('/');
  const group = slash < 0 ? '' : apiVersion.slice(0, slash);
  const type = builtinSchema().kind({ group, version: apiVersion.slice(slash + 1), kind });
  return type === undefined || type.fieldsByNumber.size === 0 ? undefined : type;
}

/** `fallback`: what an object is that does not say it. @throws DecodeError */
export function decodeEnveloped(bytes: Buffer, fallback: ObjectKind): JsonObject {
  const unknown = openEnvelope(bytes);
  const apiVersion = unknown.apiVersion || fallback.apiVersion;
  const kind = unknown.kind || fallback.kind;
  const type = protobufType({ apiVersion, kind });
  if (type === undefined)
    throw new DecodeError(`no kind ${JSON.stringify(kind)} is registered for version ${JSON.stringify(apiVersion)}`);
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

interface Unknown extends ObjectKind {
  readonly raw: Uint8Array;
}

function openEnvelope(bytes: Buffer): Unknown {
  if (bytes.length === 0) throw new DecodeError('empty data');
  if (!bytes.subarray(0, magic.length).equals(magic)) {
    const expected = [...magic].join(' ');
    throw new DecodeError(`provided data does not appear to be a protobuf message, expected prefix [${expected}]`);
  }
  if (bytes.length === magic.length) throw new DecodeError('empty body');
  return readUnknown(new WireReader(bytes.subarray(magic.length)));
}

function readUnknown(reader: WireReader): Unknown {
  let kind: ObjectKind = { apiVersion: '', kind: '' };
  let raw: Uint8Array = Buffer.alloc(0);
  while (reader.nextField()) {
    if (reader.number === 1) {
      const outer = reader.enter('TypeMeta');
      kind = readTypeMeta(reader);
      reader.leave(outer);
    } else if (reader.number === 2) {
      reader.expect(lengthWire, 'Raw');
      raw = reader.bytes();
    } else reader.skip();
  }
  return { ...kind, raw };
}

function readTypeMeta(reader: WireReader): ObjectKind {
  let apiVersion = '';
  let kind = '';
  while (reader.nextField()) {
    if (reader.number > 2) {
      reader.skip();
      continue;
    }
    reader.expect(lengthWire, reader.number === 1 ? 'APIVersion' : 'Kind');
    if (reader.number === 1) apiVersion = reader.string();
    else kind = reader.string();
  }
  return { apiVersion, kind };
}
