/**
 * What stands in an envelope: the kind's name and the object's own message, not yet read. Apart from `envelope.ts`, because an
 * object may hold another one in its envelope, and reading the one needs reading the other.
 */
import { DecodeError } from '../decode-error.ts';
import { builtinSchema } from '../schema/load.ts';
import type { MessageType } from '../schema/schema.ts';
import { lengthWire, WireReader } from './wire.ts';

export const magic = Buffer.from('k8s\0');

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

/** Do these bytes begin as an envelope does? */
export function isEnveloped(bytes: Buffer): boolean {
  return bytes.subarray(0, magic.length).equals(magic);
}

/** Of a kind that has no form in protobuf, or that nobody knows. */
export function notRegistered({ apiVersion, kind }: ObjectKind): DecodeError {
  return new DecodeError(`no kind ${JSON.stringify(kind)} is registered for version ${JSON.stringify(apiVersion)}`);
}

export interface Unknown extends ObjectKind {
  readonly raw: Uint8Array;
}

/** @throws DecodeError */
export function openEnvelope(bytes: Buffer): Unknown {
  if (bytes.length === 0) throw new DecodeError('empty data');
  if (!isEnveloped(bytes)) {
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
