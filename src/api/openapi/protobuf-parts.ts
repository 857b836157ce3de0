/**
 * The building blocks of gnostic's messages: how one JSON value becomes one protobuf field. `protobuf.ts` (version 2) and
 * `protobuf-v3.ts` put them together.
 *
 * Nothing is passed over: a member that a message has no place for, or a value of another type than its place, ends the
 * whole with an `UnencodableError` that says where. What is written is written also where it is zero or empty. Protobuf
 * itself cannot tell an empty list, or outside of a `oneof` a zero, from an absent one.
 */
import { lengthWire, varintWire, wireOf } from '../protobuf/wire.ts';
import { WireWriter } from '../protobuf/writer.ts';
import { stringifyYaml } from '../yaml.ts';
import type { Json } from './schemas.ts';

/** A construct that the version of OpenAPI does not have, or that our documents did not have so far. */
export class UnencodableError extends Error {
  override name = 'UnencodableError';
}

/** One encoding under way. */
export interface Encoding {
  readonly writer: WireWriter;
  /** Texts made so far, by JSON: a document says the same few things thousands of times. */
  readonly yamlTexts: Map<string, string>;
}

/** Writes `value`, found at `where`, as the field `number`. The writer runs backwards: so does every part. */
export type Part = (to: Encoding, number: number, value: unknown, where: string) => void;

/** A message of its own: the whole, without a tag. */
export function encodeWhole(part: Part, value: unknown, where: string): Buffer {
  const to = { writer: new WireWriter(), yamlTexts: new Map<string, string>() };
  part(to, topLevel, value, where);
  return to.writer.finish();
}

/** In place of a field's number: no field, but the message that holds all. */
const topLevel = 0;

export const text: Part = ({ writer }, number, value, where) => {
  if (typeof value !== 'string') throw misfit(value, where, 'a string');
  writer.string(value);
  writer.tag(number, lengthWire);
};

export const boolean: Part = ({ writer }, number, value, where) => {
  if (typeof value !== 'boolean') throw misfit(value, where, 'a boolean');
  writer.integer(value ? 1 : 0);
  writer.tag(number, varintWire);
};

export const integer: Part = ({ writer }, number, value, where) => {
  if (!Number.isInteger(value)) throw misfit(value, where, 'an integer');
  // Authors of custom resources write the greatest int64 for "no bound".
  if (Number.isSafeInteger(value)) writer.integer(value as number);
  else writer.bigInteger(inInt64(BigInt(value as number)));
  writer.tag(number, varintWire);
};

const int64Max = 2n ** 63n - 1n;

function inInt64(value: bigint): bigint {
  return value > int64Max ? int64Max : value < -int64Max ? -int64Max : value;
}

export const double: Part = ({ writer }, number, value, where) => {
  if (typeof value !== 'number') throw misfit(value, where, 'a number');
  writer.double(value);
  writer.tag(number, wireOf('double'));
};

/** `Any`: the value as YAML. gnostic leaves the other field, a `google.protobuf.Any`, to plugins. */
export const any: Part = (to, number, value) => {
  inMessage(to, number, () => {
    to.writer.string(yamlText(to, value));
    to.writer.tag(2, lengthWire);
  });
};

function yamlText({ yamlTexts }: Encoding, value: unknown): string {
  const key = JSON.stringify(value);
  const known = yamlTexts.get(key);
  if (known !== undefined) return known;
  const made = stringifyYaml(value);
  yamlTexts.set(key, made);
  return made;
}

export function list(item: Part): Part {
  return (to, number, value, where) => {
    if (!Array.isArray(value)) throw misfit(value, where, 'a list');
    for (let index = value.length - 1; index >= 0; index--) item(to, number, value[index], `${where}[${index}]`);
  };
}

/** JSON's `x` or `[x, y]` (a schema's `type` and `items`) as a message with one repeated field. */
export function oneOrMore(item: Part): Part {
  const items = list(item);
  return (to, number, value, where) =>
    inMessage(to, number, () => items(to, 1, Array.isArray(value) ? value : [value], where));
}

/** How gnostic tells forms apart: the value stands in field `numbers[0]` of a message, that in `numbers[1]` of another, … */
export function wrapped(part: Part, ...numbers: readonly number[]): Part {
  return numbers.reduce<Part>(
    (inner, innerNumber) => (to, number, value, where) =>
      inMessage(to, number, () => inner(to, innerNumber, value, where)),
    part,
  );
}

/** For what has several forms: picks by looking at the value. */
export function choice(choose: (value: unknown) => Part | undefined): Part {
  return (to, number, value, where) => {
    const part = choose(value);
    if (part === undefined) throw misfit(value, where, 'one of the known forms');
    part(to, number, value, where);
  };
}

/** For parts that contain themselves. */
export function later(part: () => Part): Part {
  return (to, number, value, where) => part()(to, number, value, where);
}

export type Fields = Readonly<Record<string, readonly [number: number, part: Part]>>;

/** Members whose names are data: each becomes a `{ name = 1, value = 2 }` in the repeated field `number`. */
export interface NamedMembers {
  readonly number: number;
  readonly holds: (name: string) => boolean;
  readonly part: Part;
}

/** A message made of fields with names of their own, and of named members. */
export function message(fields: Fields, ...named: readonly NamedMembers[]): Part {
  const slots = slotsOf(fields, named);
  const isKnown = (name: string): boolean => Object.hasOwn(fields, name) || named.some(({ holds }) => holds(name));
  return (to, number, value, where) => {
    const object = membersOf(value, where);
    for (const name of object.keys()) {
      if (!isKnown(name)) throw new UnencodableError(`${where}.${name} has no place in OpenAPI as protobuf`);
    }
    inMessage(to, number, () => {
      for (const write of slots) write(to, object, where);
    });
  };
}

/** A message that holds named members only. */
export function map(part: Part): Part {
  return message({}, { number: 1, holds: () => true, part });
}

/** Vendor extensions; most messages have them. */
export function extensions(number: number): NamedMembers {
  return { number, holds: isExtension, part: any };
}

export function isExtension(name: string): boolean {
  return name.startsWith('x-');
}

type Members = ReadonlyMap<string, unknown>;
type Slot = (to: Encoding, object: Members, where: string) => void;

/** In descending order of their numbers, as the writer needs them. */
function slotsOf(fields: Fields, named: readonly NamedMembers[]): Slot[] {
  const slots: [number, Slot][] = [
    ...Object.entries(fields).map(([name, [number, part]]): [number, Slot] => [number, fieldSlot(name, number, part)]),
    ...named.map((members): [number, Slot] => [members.number, namedSlot(members)]),
  ];
  return slots.sort(([left], [right]) => right - left).map(([, slot]) => slot);
}

function fieldSlot(name: string, number: number, part: Part): Slot {
  return (to, object, where) => {
    if (object.has(name)) part(to, number, object.get(name), `${where}.${name}`);
  };
}

function namedSlot({ number, holds, part }: NamedMembers): Slot {
  return (to, object, where) => {
    for (const name of [...object.keys()].filter(holds).reverse()) {
      inMessage(to, number, () => {
        part(to, 2, object.get(name), `${where}.${name}`);
        text(to, 1, name, where);
      });
    }
  };
}

function inMessage({ writer }: Encoding, number: number, write: () => void): void {
  const end = writer.written;
  write();
  if (number !== topLevel) writer.close(number, end);
}

/** Without those that JSON would leave out. */
function membersOf(value: unknown, where: string): Members {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw misfit(value, where, 'an object');
  return new Map(Object.entries(value as Json).filter(([, member]) => member !== undefined));
}

function misfit(value: unknown, where: string, expected: string): UnencodableError {
  return new UnencodableError(`${where} is ${JSON.stringify(value)}, where OpenAPI as protobuf has ${expected}`);
}
