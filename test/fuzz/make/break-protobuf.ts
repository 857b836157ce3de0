/** A good object → protobuf that is broken: bits, lengths, wire types, nesting, the envelope around it. */
import { normalizeObject } from '../../../src/api/normalize.ts';
import type { JsonObject } from '../../../src/api/object.ts';
import { encodeProtobuf } from '../../../src/api/protobuf/encode.ts';
import { envelop, type ObjectKind, protobufType } from '../../../src/api/protobuf/envelope.ts';
import { flipped, spliced } from './break-json.ts';
import type { Chance, Weighted } from './chance.ts';

const varint = (value: bigint): Buffer => {
  const bytes: number[] = [];
  for (let rest = BigInt.asUintN(64, value); ; rest >>= 7n) {
    if (rest < 0x80n) return Buffer.from([...bytes, Number(rest)]);
    bytes.push(Number(rest & 0x7fn) | 0x80);
  }
};

const field = (number: number, wire: number): Buffer => varint(BigInt(number * 8 + wire));

const lengths: readonly bigint[] = [0n, 1n, 127n, 1n << 31n, (1n << 31n) - 1n, 1n << 32n, (1n << 63n) - 1n, -1n];

/** A field of any number with a length that may lie. */
function liar(chance: Chance): Buffer {
  const number = chance.pick([0, 1, 2, 3, 5, 7, 15, 16, 536_870_911]);
  const wire = chance.int(8);
  return Buffer.concat([field(number, wire), varint(chance.pick(lengths)), chance.bytes(chance.int(12))]);
}

/** Messages within messages, each true to its length: `number` all the way down. */
function deep(number: number, depth: number): Buffer {
  const heads: Buffer[] = [];
  let length = 0;
  for (let i = 0; i < depth; i++) {
    const head = Buffer.concat([field(number, 2), varint(BigInt(length))]);
    heads.push(head);
    length += head.length;
  }
  return Buffer.concat(heads.reverse());
}

/** Groups that are opened, and perhaps closed again. */
function groups(chance: Chance): Buffer {
  const depth = chance.pick([1, 3, 1_000, 100_000]);
  const open = Array.from({ length: depth }, () => 0x3b);
  return Buffer.from(chance.percent(50) ? [...open, ...open.map(() => 0x3c)] : open);
}

/** What happens to the message in the envelope. */
const messages: Weighted<(chance: Chance, bytes: Buffer) => Buffer> = [
  [12, (_chance, bytes) => bytes],
  [30, (chance, bytes) => flipped(chance, Buffer.from(bytes))],
  [10, (chance, bytes) => bytes.subarray(0, chance.int(bytes.length + 1))],
  [12, (chance, bytes) => spliced(chance, bytes)],
  [10, (chance, bytes) => inserted(bytes, chance.int(bytes.length + 1), liar(chance))],
  [4, (chance, bytes) => inserted(bytes, chance.int(bytes.length + 1), Buffer.alloc(1 + chance.int(20), 0xff))],
  [2, (chance, bytes) => Buffer.concat([bytes, groups(chance)])],
  [2, (chance) => deep(chance.pick([1, 2, 3, 4]), chance.pick([100, 1_000, 10_000]))],
  [2, (_chance, bytes) => Buffer.concat([bytes, bytes])],
  [2, (chance) => chance.bytes(chance.int(300))],
];

function inserted(bytes: Buffer, at: number, piece: Buffer): Buffer {
  return Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(at)]);
}

/** What happens to the whole. */
const wholes: Weighted<(chance: Chance, bytes: Buffer) => Buffer> = [
  [80, (_chance, bytes) => bytes],
  [6, (chance, bytes) => flipped(chance, bytes)],
  [3, (chance, bytes) => bytes.subarray(0, chance.int(bytes.length + 1))],
  [2, (_chance, bytes) => bytes.subarray(4)],
  [2, (chance, bytes) => Buffer.concat([bytes.subarray(0, 4), liar(chance), bytes.subarray(4)])],
  [1, (_chance, bytes) => bytes.subarray(0, 4)],
  [1, (chance, bytes) => inserted(bytes, chance.int(bytes.length + 1), chance.bytes(8))],
];

const otherKinds: readonly ObjectKind[] = [
  { apiVersion: 'v1', kind: 'Pod' },
  { apiVersion: 'v1', kind: 'Status' },
  { apiVersion: 'v1', kind: 'List' },
  { apiVersion: 'v1', kind: 'WatchEvent' },
  { apiVersion: 'apps/v1', kind: 'Deployment' },
  { apiVersion: '', kind: '' },
  { apiVersion: '__proto__/v1', kind: 'constructor' },
  { apiVersion: 'v1/v1/v1', kind: 'Pod' },
  { apiVersion: 'v1', kind: '\ud800\u0000' },
  { apiVersion: 'v1', kind: 'x'.repeat(10_000) },
];

/** Undefined where the kind has no protobuf form. */
export function brokenProtobuf(chance: Chance, kind: ObjectKind, object: JsonObject): Buffer | undefined {
  const type = protobufType(kind);
  if (type === undefined) return undefined;
  const message = chance.weighted(messages)(chance, Buffer.from(encodeProtobuf(type, normalizeObject(type, object))));
  const told = chance.percent(6) ? chance.pick(otherKinds) : kind;
  const { head, tail } = envelop(told, message.length);
  return chance.weighted(wholes)(chance, Buffer.concat([head, message, tail]));
}
