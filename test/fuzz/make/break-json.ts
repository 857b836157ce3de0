/**
 * A good object → JSON text that is good but for a few places, chosen anywhere in it: another value, a key twice, a key that
 * every object seems to have, nothing at all. What stands elsewhere stays good, so that the broken place is reached.
 */
import type { Chance, Weighted } from './chance.ts';
import { nastyJson, nastyKey, nested } from './nasty.ts';

type Tree = unknown;

/** How many values there are in it, itself included. */
function sizeOf(value: Tree): number {
  if (typeof value !== 'object' || value === null) return 1;
  let size = 1;
  for (const each of Object.values(value)) size += sizeOf(each);
  return size;
}

/** Writes JSON, and at the places that were chosen something else. */
class Writer {
  readonly #chance: Chance;
  readonly #places: ReadonlySet<number>;
  #place = 0;

  constructor(chance: Chance, places: ReadonlySet<number>) {
    this.#chance = chance;
    this.#places = places;
  }

  write(value: Tree, key: string): string {
    const isChosen = this.#places.has(this.#place++);
    if (typeof value !== 'object' || value === null) {
      return isChosen ? nastyJson(this.#chance, key) : (JSON.stringify(value) ?? 'null');
    }
    if (isChosen && this.#chance.percent(45)) return nastyJson(this.#chance, key);
    return Array.isArray(value) ? this.#list(value, key, isChosen) : this.#object(value, isChosen);
  }

  #list(values: readonly Tree[], key: string, isChosen: boolean): string {
    const texts = values.map((value) => this.write(value, key));
    if (isChosen) {
      const extra = texts[0] !== undefined && this.#chance.percent(50) ? texts[0] : nastyJson(this.#chance);
      texts.splice(this.#chance.int(texts.length + 1), 0, extra);
    }
    return `[${texts.join(',')}]`;
  }

  #object(value: object, isChosen: boolean): string {
    const texts = Object.entries(value).map(([key, each]) => `${JSON.stringify(key)}:${this.write(each, key)}`);
    if (isChosen) {
      const known = Object.keys(value);
      const key = known.length > 0 && this.#chance.percent(35) ? this.#chance.pick(known) : nastyKey(this.#chance);
      const place = this.#chance.int(texts.length + 1);
      texts.splice(place, 0, `${JSON.stringify(key)}:${nastyJson(this.#chance, key)}`);
    }
    return `{${texts.join(',')}}`;
  }
}

/** `value` with `count` of its places broken. */
export function brokenJson(chance: Chance, value: Tree, count: number): string {
  const size = sizeOf(value);
  const places = new Set(Array.from({ length: count }, () => chance.int(size)));
  return new Writer(chance, places).write(value, '');
}

const encodings: readonly BufferEncoding[] = ['utf16le', 'latin1'];

/** What happens to the text as a whole. */
const wholes: Weighted<(chance: Chance, text: string) => Buffer> = [
  [78, (_chance, text) => Buffer.from(text)],
  [6, (chance, text) => Buffer.from(text.slice(0, chance.int(text.length + 1)))],
  [2, (_chance, text) => Buffer.from(`\ufeff${text}`)],
  [2, (chance, text) => Buffer.from(`${text}${chance.pick(['}', ',', '{}', ' x', '\u0000', text])}`)],
  [2, (chance, text) => Buffer.from(text, chance.pick(encodings))],
  [2, (chance, text) => flipped(chance, Buffer.from(text))],
  [2, (chance, text) => spliced(chance, Buffer.from(text))],
  [1, () => Buffer.alloc(0)],
  [1, (chance) => Buffer.from(nested(chance, chance.pick([255, 256, 257, 10_000, 100_000])))],
  [1, (chance, text) => Buffer.from(`${' \n\t'.repeat(chance.int(2_000))}${text}`)],
  [1, (chance) => Buffer.from(nastyJson(chance))],
  [1, (chance) => chance.bytes(chance.int(200))],
];

export function wholeJson(chance: Chance, text: string): Buffer {
  return chance.weighted(wholes)(chance, text);
}

/** A few bits turned round. */
export function flipped(chance: Chance, bytes: Buffer): Buffer {
  if (bytes.length === 0) return bytes;
  for (let i = 1 + chance.int(4); i > 0; i--) {
    const at = chance.int(bytes.length);
    bytes[at] = (bytes[at] as number) ^ (1 << chance.int(8));
  }
  return bytes;
}

/** A piece of it moved, doubled or cut out. */
export function spliced(chance: Chance, bytes: Buffer): Buffer {
  const [a, b] = [chance.int(bytes.length + 1), chance.int(bytes.length + 1)].sort((x, y) => x - y) as [number, number];
  const at = chance.int(bytes.length + 1);
  const piece = bytes.subarray(a, b);
  return chance.percent(50)
    ? Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(at)])
    : Buffer.concat([bytes.subarray(0, a), bytes.subarray(b)]);
}
