/**
 * Reading what a person wrote about a simulation: every unknown or misformed field is an error of one sentence that names its place, and says
 * what would be right. Nothing is guessed.
 */
import { parseDuration } from '../api/protobuf/duration.ts';
import type { Delay } from './stages.ts';

/** One mapping, with the place where it stands: `nodes[0]`. */
export interface Entry {
  readonly path: string;
  readonly fields: ReadonlyMap<string, unknown>;
}

export function wrong(path: string, what: string): Error {
  return new Error(`${path}: ${what}`);
}

const shown = (value: unknown): string => JSON.stringify(value) ?? String(value);

export function readEntry(value: unknown, path: string, known: readonly string[]): Entry {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw wrong(path, `must be a mapping with some of the fields ${known.join(', ')}`);
  }
  const fields = new Map(Object.entries(value));
  for (const name of fields.keys()) {
    if (!known.includes(name)) throw wrong(`${path}.${name}`, `unknown field; there are ${known.join(', ')}`);
  }
  return { path, fields };
}

export function readEntries<T>(
  value: unknown,
  path: string,
  most: number,
  read: (item: unknown, path: string) => T,
): readonly T[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw wrong(path, 'must be a list');
  if (value.length > most) throw wrong(path, `must have at most ${most} items`);
  return value.map((item, index) => read(item, `${path}[${index}]`));
}

export function readText({ path, fields }: Entry, name: string): string | undefined {
  const value = fields.get(name);
  if (value === undefined) return undefined;
  if (typeof value !== 'string' || value === '') throw wrong(`${path}.${name}`, 'must be a text, not empty');
  return value;
}

export function readOneOf<T extends string>({ path, fields }: Entry, name: string, words: readonly T[]): T {
  const value = fields.get(name);
  const found = words.find((word) => word === value);
  if (found === undefined) throw wrong(`${path}.${name}`, `must be one of ${words.join(', ')}`);
  return found;
}

export function readNumber(
  { path, fields }: Entry,
  name: string,
  { least, most, whole = false }: { readonly least: number; readonly most: number; readonly whole?: boolean },
): number | undefined {
  const value = fields.get(name);
  if (value === undefined) return undefined;
  if (typeof value !== 'number' || value < least || value > most || (whole && !Number.isInteger(value))) {
    throw wrong(`${path}.${name}`, `must be a ${whole ? 'whole ' : ''}number from ${least} to ${most}`);
  }
  return value;
}

const delayMsMax = 365 * 24 * 3_600_000;

/** `500ms`, or a span to draw from: `1s..5s`. */
export function readDelay({ path, fields }: Entry, name: string): Delay | undefined {
  const value = fields.get(name);
  if (value === undefined) return undefined;
  const [min, max = min, ...rest] = typeof value === 'string' ? value.split('..').map(milliseconds) : [];
  if (min === undefined || max === undefined || rest.length > 0 || max < min) {
    throw wrong(`${path}.${name}`, `must be a time such as 500ms, or a span such as 1s..5s, not ${shown(value)}`);
  }
  return { minMs: min, maxMs: max };
}

function milliseconds(text: string): number | undefined {
  try {
    const ms = Math.round(Number(parseDuration(text)) / 1e6);
    return ms >= 0 && ms <= delayMsMax ? ms : undefined;
  } catch {
    return undefined;
  }
}

/** Texts by name; numbers and truth values are not taken for texts, as in Kubernetes' objects. */
export function readTexts({ path, fields }: Entry, name: string): Readonly<Record<string, string>> {
  const value = fields.get(name);
  if (value === undefined || value === null) return {};
  if (typeof value !== 'object' || Array.isArray(value)) throw wrong(`${path}.${name}`, 'must be a mapping of texts');
  for (const [key, text] of Object.entries(value)) {
    if (typeof text !== 'string') throw wrong(`${path}.${name}.${key}`, `must be a text: write ${shown(String(text))}`);
  }
  return value as Readonly<Record<string, string>>;
}
