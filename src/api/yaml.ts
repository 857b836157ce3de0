/**
 * YAML as kubectl reads and writes it.
 *
 * Plain documents are read at a glance (`yaml-plain.ts`); for all others the `yaml` package finds the structure. What a scalar
 * means is decided by Go's rules (`yaml-scalars.ts`), because manifests are written for kubectl. Keys become strings, merge keys (`<<`) are merged, the last of equal keys wins and is
 * told. Bounded against hostile documents: nesting, and how much aliases may multiply.
 */
import {
  type Alias,
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseAllDocuments,
  type Scalar,
  type YAMLMap,
} from 'yaml';
import { limits } from '../lib/limits.ts';
import { DecodeError } from './decode-error.ts';
import { checkDepth, type ParsedDocument, parseJson } from './decode-json.ts';
import type { JsonObject, JsonValue } from './object.ts';
import { setKey } from './patch/json-tree.ts';
import { parsePlainYaml } from './yaml-plain.ts';
import { plainScalar, taggedScalar } from './yaml-scalars.ts';

export { stringifyYaml } from './yaml-write.ts';

/** How Go's YAML library begins what it says of repeated keys; a line for each follows. */
export const yamlErrors = 'yaml: unmarshal errors:';
const duplicatesMax = 100;

/** The first document; null where there is none. What looks like JSON is read as JSON where it is. @throws DecodeError */
export function parseYaml(source: Buffer | string): ParsedDocument {
  const text = textOf(source);
  return jsonOrUndefined(text) ?? parsePlainYaml(text) ?? documentsIn(text)[0] ?? { value: null, duplicates: [] };
}

/** All documents that hold something. @throws DecodeError */
export function parseYamlDocuments(source: Buffer | string): ParsedDocument[] {
  const text = textOf(source);
  const one = jsonOrUndefined(text) ?? parsePlainYaml(text);
  return (one === undefined ? documentsIn(text) : [one]).filter(({ value }) => value !== null);
}

function textOf(source: Buffer | string): string {
  const text = typeof source === 'string' ? source : source.toString('utf8');
  return text.startsWith('\ufeff') ? text.slice(1) : text;
}

/** `kubectl apply --server-side` sends JSON under the name of YAML, and JSON is read ten times as fast. */
function jsonOrUndefined(text: string): ParsedDocument | undefined {
  if (!/^\s*\{/.test(text)) return undefined;
  try {
    JSON.parse(text);
  } catch {
    return undefined;
  }
  return parseJson(text);
}

/** By the library, which knows all of YAML. @throws DecodeError */
export function documentsIn(text: string): ParsedDocument[] {
  if (text.length > limits.yamlCharactersMax) {
    throw new DecodeError(`yaml: beyond ${limits.yamlCharactersMax} characters only plain block style is read`);
  }
  try {
    const lineCounter = new LineCounter();
    const parsed = parseAllDocuments(text, { schema: 'failsafe', uniqueKeys: false, logLevel: 'silent', lineCounter });
    if (!Array.isArray(parsed)) return [];
    return parsed.map((document) => new Converter(document as Document.Parsed, lineCounter).document());
  } catch (error) {
    // The parser recurses: a document may nest so deep that the stack ends before our own count does.
    if (error instanceof RangeError) checkDepth(Number.POSITIVE_INFINITY);
    throw error;
  }
}

class Converter {
  readonly #document: Document.Parsed;
  readonly #lines: LineCounter;
  readonly #duplicates: string[] = [];
  #depth = 0;
  /** Nodes made through aliases: a small document could make billions. */
  #aliased = 0;
  #aliasDepth = 0;
  /** The library's own way to find an anchor searches the whole document for each alias. */
  readonly #anchors = new Map<string, Node>();

  constructor(document: Document.Parsed, lines: LineCounter) {
    this.#document = document;
    this.#lines = lines;
  }

  document(): ParsedDocument {
    const [error] = this.#document.errors;
    if (error !== undefined) {
      const line = error.linePos?.[0].line;
      const what = error.message.split('\n')[0]?.replace(/ at line \d+, column \d+:?$/, '') ?? '';
      throw new DecodeError(`yaml: ${line === undefined ? '' : `line ${line}: `}${what}`);
    }
    const value = this.#value(this.#document.contents);
    const lines = this.#duplicates.map((text) => `\n  ${text}`);
    return { value, duplicates: lines.length === 0 ? [] : [`${yamlErrors}${lines.join('')}`] };
  }

  #value(node: Node | null): JsonValue {
    if (node === null) return null;
    if (this.#aliasDepth > 0 && ++this.#aliased > limits.yamlAliasedNodesMax) {
      throw new DecodeError('yaml: document contains excessive aliasing');
    }
    if (isAlias(node)) return this.#alias(node);
    const anchor = this.#aliasDepth === 0 && 'anchor' in node ? node.anchor : undefined;
    if (typeof anchor === 'string') this.#anchors.set(anchor, node);
    if (isScalar(node)) return scalarValue(node);
    checkDepth(++this.#depth);
    const value = isMap(node) ? this.#map(node) : isSeq(node) ? this.#list(node.items as Node[]) : null;
    this.#depth--;
    return value;
  }

  #alias(alias: Alias): JsonValue {
    const target = this.#anchors.get(alias.source);
    if (target === undefined) throw new DecodeError(`yaml: unknown anchor '${alias.source}' referenced`);
    this.#aliasDepth++;
    // An anchor that contains its own alias has no end: the depth stops it.
    checkDepth(++this.#depth);
    const value = this.#value(target);
    this.#depth--;
    this.#aliasDepth--;
    return value;
  }

  #list(items: readonly Node[]): JsonValue[] {
    return items.map((item) => this.#value(item));
  }

  #map(map: YAMLMap): JsonObject {
    const object: JsonObject = {};
    const merged: JsonObject[] = [];
    for (const pair of map.items as Pair<Node | null, Node | null>[]) {
      if (isMergeKey(pair.key)) {
        merged.push(...this.#mergeSources(pair.value));
        continue;
      }
      const name = keyText(this.#value(pair.key));
      if (Object.hasOwn(object, name)) this.#repeated(pair.key, name);
      setKey(object, name, this.#value(pair.value));
    }
    for (const source of merged) {
      for (const [name, value] of Object.entries(source)) if (!Object.hasOwn(object, name)) setKey(object, name, value);
    }
    return object;
  }

  #repeated(key: Node | null, name: string): void {
    if (this.#duplicates.length >= duplicatesMax) return;
    const { line } = this.#lines.linePos(key?.range?.[0] ?? 0);
    this.#duplicates.push(`line ${line}: key ${JSON.stringify(name)} already set in map`);
  }

  /** A map, or a list of maps of which the first wins. */
  #mergeSources(node: Node | null): JsonObject[] {
    const value = this.#value(node);
    const sources = Array.isArray(value) ? value : [value];
    return sources.map((source) => {
      if (typeof source === 'object' && source !== null && !Array.isArray(source)) return source;
      throw new DecodeError('yaml: map merge requires map or sequence of maps as the value');
    });
  }
}

function scalarValue(node: Scalar): JsonValue {
  const text = node.source ?? '';
  if (node.tag !== undefined && node.tag !== '!') return taggedScalar(node.tag, text);
  return node.type === 'PLAIN' && node.tag === undefined ? plainScalar(text) : text;
}

function isMergeKey(key: Node | null): boolean {
  return isScalar(key) && key.type === 'PLAIN' && key.value === '<<' && key.tag === undefined;
}

/** JSON has only strings for keys: `1: a` and `on: b` become `"1"` and `"true"`, as kubectl makes them. */
function keyText(key: JsonValue): string {
  if (typeof key === 'string') return key;
  if (typeof key === 'number' || typeof key === 'boolean') return String(key);
  throw new DecodeError('yaml: a map key must be a string, a number or a boolean');
}
