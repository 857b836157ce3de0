/**
 * JSON text to values that are safe to work with: nesting is bounded, every number is finite. A key called `__proto__` is a key
 * like any other, the object's own: who copies keys one by one does it with `setKey`.
 *
 * The engine's parser does the work; a scanner of our own (`json-scanner.ts`) runs only when somebody asks for duplicate
 * keys, which the engine's parser drops in silence, or to say in Go's words where a broken document breaks.
 * How a number was written is kept where that matters (`number-literals.ts`): integers beyond 2^53 lose digits here, and
 * `decodeObject` refuses them rather than store a number that nobody wrote.
 */
import { limits } from '../lib/limits.ts';
import { DecodeError } from './decode-error.ts';
import { scanJson } from './json-scanner.ts';
import { parseWithLiterals } from './number-literals.ts';
import type { JsonValue } from './object.ts';

export interface ParsedDocument {
  readonly value: JsonValue;
  /** Texts for strict field validation: `duplicate field "spec.foo"`. The last of equal keys wins. */
  readonly duplicates: readonly string[];
  /** The duplicates and `unknownFields`, in the order in which they stand in the document; absent where it has none. */
  inOrder?(unknownFields: readonly string[]): readonly string[];
}

/** `fromYaml`: JSON under the name of YAML, where `1.0` is the integer 1. @throws DecodeError */
export function parseJson(bytes: Buffer | string, fromYaml = false): ParsedDocument {
  const text = typeof bytes === 'string' ? bytes : bytes.toString('utf8');
  const value = parseText(text, fromYaml);
  checkJson(value);
  return new ParsedJson(text, value);
}

function parseText(text: string, fromYaml: boolean): JsonValue {
  try {
    return parseWithLiterals(text, fromYaml);
  } catch (cause) {
    scanJson(text);
    throw new DecodeError('invalid JSON', { cause });
  }
}

/** Finds duplicates when first asked: most requests ask never. */
class ParsedJson implements ParsedDocument {
  readonly value: JsonValue;
  readonly #text: string;
  #duplicates: readonly string[] | undefined;

  constructor(text: string, value: JsonValue) {
    this.#text = text;
    this.value = value;
  }

  get duplicates(): readonly string[] {
    return (this.#duplicates ??= mayRepeatKeys(this.#text, this.value) ? scanJson(this.#text) : []);
  }

  inOrder(unknownFields: readonly string[]): readonly string[] {
    return scanJson(this.#text, unknownFields);
  }
}

/**
 * False is sure: no key stands twice in an object of the text. Scanning it costs as much as the rest of the decoding, and hardly any body
 * repeats a key; counting is enough to see that. Every key ends with a quote before a colon, and so may some text in a string: where
 * there are no more such places than keys in the value, none was dropped.
 */
export function mayRepeatKeys(text: string, value: JsonValue): boolean {
  let places = 0;
  for (let at = text.indexOf(':'); at >= 0; at = text.indexOf(':', at + 1)) if (followsQuote(text, at)) places++;
  return places > countKeys(value);
}

function followsQuote(text: string, at: number): boolean {
  let before = at - 1;
  while (isSpace(text.charCodeAt(before))) before--;
  return text.charCodeAt(before) === 0x22;
}

const isSpace = (code: number): boolean => code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;

function countKeys(value: JsonValue): number {
  if (typeof value !== 'object' || value === null) return 0;
  let keys = 0;
  if (Array.isArray(value)) {
    for (const element of value) keys += countKeys(element);
    return keys;
  }
  for (const name in value) keys += 1 + countKeys(value[name] as JsonValue);
  return keys;
}

/** Throws where a value nests too deep, or holds a number too large for JSON. */
export function checkJson(value: JsonValue, depth = 0): void {
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new DecodeError('json: a number is out of the range of float64');
    return;
  }
  if (typeof value !== 'object' || value === null) return;
  checkDepth(depth + 1);
  if (Array.isArray(value)) {
    for (const element of value) checkJson(element, depth + 1);
    return;
  }
  for (const name in value) checkJson(value[name] as JsonValue, depth + 1);
}

export function checkDepth(depth: number): void {
  if (depth <= limits.nestingDepthMax) return;
  throw new DecodeError(`the document nests deeper than ${limits.nestingDepthMax} levels`);
}
