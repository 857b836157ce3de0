/**
 * Writes YAML in the form that kubectl prints: two spaces, lists at their key's indentation, several lines as a literal
 * block, and quotes only where Go's writer puts them. Other than kubectl it folds no long lines, so that a search finds
 * what stands in them, leaves emoji as they are, puts quotes round a text that begins with a line break, and round `<<`,
 * which kubectl writes but does not read back.
 */
import { Document, type Node, Pair, Scalar, YAMLMap, YAMLSeq } from 'yaml';
import type { JsonValue } from './object.ts';
import { needsQuotes } from './yaml-scalars.ts';

export interface YamlFormat {
  /** kubectl prints keys in alphabetical order; where false or absent they stay in the object's order. */
  readonly sortKeys?: boolean;
}

/** One document, with a line break at its end. Undefined members are left out, as in JSON. */
export function stringifyYaml(value: unknown, format: YamlFormat = {}): string {
  const document = new Document(null, { schema: 'failsafe' });
  document.contents = nodeOf(value as JsonValue, format) as never;
  const text = document.toString({ indentSeq: false, lineWidth: 0, singleQuote: true, doubleQuotedAsJSON: true });
  // The library escapes what JSON escapes. The rest stands between double quotes too: `styleOf` saw to that.
  return text.replaceAll(unescaped, (character) => escapeOf(character.charCodeAt(0)));
}

const unescaped = /[\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]/g;

function escapeOf(code: number): string {
  return code < 256
    ? `\\x${code.toString(16).toUpperCase().padStart(2, '0')}`
    : `\\u${code.toString(16).toUpperCase()}`;
}

function nodeOf(value: JsonValue, format: YamlFormat): Node {
  if (typeof value === 'string') return textNode(value);
  if (typeof value !== 'object' || value === null) return plainNode(value);
  if (Array.isArray(value)) {
    const list = new YAMLSeq();
    list.items = value.map((element) => nodeOf(element ?? null, format));
    list.flow = value.length === 0;
    return list;
  }
  const names = Object.keys(value).filter((name) => value[name] !== undefined);
  if (format.sortKeys) names.sort();
  const map = new YAMLMap();
  map.items = names.map((name) => new Pair(textNode(name, true), nodeOf(value[name] as JsonValue, format)));
  map.flow = names.length === 0;
  return map;
}

function plainNode(value: number | boolean | null): Scalar {
  const node = new Scalar(typeof value === 'number' ? numberText(value) : String(value));
  node.type = 'PLAIN';
  return node;
}

/** Go's shortest form, which turns to an exponent at a million. */
function numberText(value: number): string {
  const size = Math.abs(value);
  if (Number.isSafeInteger(value) || (size >= 1e-4 && size < 1e6)) return String(value);
  return value.toExponential().replace(/e([-+])(\d)$/, 'e$10$2');
}

function textNode(text: string, isKey = false): Scalar {
  const node = new Scalar(text);
  node.type = styleOf(text, isKey);
  return node;
}

// oxlint-disable-next-line no-control-regex -- What has to be escaped are control characters, among others.
const unprintable = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]/;

/** A first or last character, or two together, that plain text may not have. */
const notPlain = /^[ ,[\]{}#&*!|>'"%@`]|^[?:-](?: |$)|^---|^\.\.\.|: | #|[ :]$/;

function styleOf(text: string, isKey: boolean): Scalar.Type {
  const escaped = unprintable.test(text.replaceAll(/[\ud800-\udbff][\udc00-\udfff]/g, ''));
  if (text === '' || text.includes('\t') || needsQuotes(text) || escaped) return 'QUOTE_DOUBLE';
  if (text.includes('\n')) return isKey || /^\n| (?:\n|$)/.test(text) ? 'QUOTE_DOUBLE' : 'BLOCK_LITERAL';
  return notPlain.test(text) ? 'QUOTE_SINGLE' : 'PLAIN';
}
