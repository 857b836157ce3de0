/**
 * YAML as kubectl reads and writes it.
 *
 * Plain documents are read at a glance (`yaml-plain.ts`); for all others the `yaml` package finds the structure. What a scalar
 * means is decided by Go's rules (`yaml-scalars.ts`), because manifests are written for kubectl. Keys become strings, merge keys (`<<`) are merged, the last of equal keys wins and is
 * told. Bounded against hostile documents: nesting, and how much aliases may multiply.
 */
import {
  type Alias,
  Composer,
  type CST,
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  Lexer,
  LineCounter,
  type Node,
  type Pair,
  Parser,
  type Scalar,
  type YAMLMap,
} from 'yaml';
import { limits } from '../lib/limits.ts';
import { DecodeError } from './decode-error.ts';
import { checkDepth, type ParsedDocument, parseJson } from './decode-json.ts';
import { isInexact, markDocument, recordLiteral } from './number-literals.ts';
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
  const text = yamlText(source);
  return documentAtAGlance(text) ?? firstDocument(text);
}

/** What takes no library; undefined: `firstDocument` it is, which takes ten times as long and more. @throws DecodeError */
export function documentAtAGlance(text: string): ParsedDocument | undefined {
  return jsonOrUndefined(text) ?? plainOrUndefined(text);
}

/** By the library. @throws DecodeError */
export function firstDocument(text: string): ParsedDocument {
  return documentsIn(text)[0] ?? { value: null, duplicates: [] };
}

/** All documents that hold something. @throws DecodeError */
export function parseYamlDocuments(source: Buffer | string): ParsedDocument[] {
  const text = yamlText(source);
  const one = documentAtAGlance(text);
  return (one === undefined ? documentsIn(text) : [one]).filter(({ value }) => value !== null);
}

export function yamlText(source: Buffer | string): string {
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
  return parseJson(text, true);
}

/** A number that may have more digits than JavaScript keeps: how it was written, only `Converter` tells. */
const largeNumber = /(?:^|[\s[,])[-+]?[\d_]{16,}(?:[\s\],}]|$)/;

function plainOrUndefined(text: string): ParsedDocument | undefined {
  return largeNumber.test(text) ? undefined : parsePlainYaml(text);
}

/** By the library, which knows all of YAML. @throws DecodeError */
export function documentsIn(text: string): ParsedDocument[] {
  if (text.length > limits.yamlCharactersMax) {
    throw new DecodeError(`yaml: beyond ${limits.yamlCharactersMax} characters only plain block style is read`);
  }
  try {
    const lines = new LineCounter();
    return [...composed(text, lines)].map((document) => new Converter(document as Document.Parsed, lines).document());
  } catch (error) {
    // The parser recurses: a document may nest so deep that the stack ends before our own count does.
    if (error instanceof RangeError) checkDepth(Number.POSITIVE_INFINITY);
    throw error;
  }
}

type ErrorSource = number | readonly [number, ...number[]] | { readonly offset: number };

/**
 * The library collects errors, each with its stack, a million of them in a megabyte of brackets; the first one is enough. It has no
 * option for that: what it would collect some other way is still found in its documents.
 */
function* composed(text: string, lines: LineCounter): Generator<Document> {
  const options = { schema: 'failsafe', uniqueKeys: false, logLevel: 'silent', prettyErrors: false } as const;
  const composer = new Composer(options);
  let first: DecodeError | undefined;
  // Whatever is thrown out of a collection the library tells of once more, as exhaustion, for each that it stands in.
  const onError = (source: ErrorSource, code: string, message: string, isWarning = false): void => {
    if (isWarning) return;
    if (first === undefined && code === 'RESOURCE_EXHAUSTION') checkDepth(Number.POSITIVE_INFINITY);
    first ??= broken(lines, source, message);
    throw first;
  };
  Object.assign(composer, { onError });
  for (const token of tokensOf(text, lines)) {
    if (token.type === 'error') throw broken(lines, token.offset, token.message);
    yield* composer.next(token);
  }
  yield* composer.end();
}

/** Beside collections, the parser has a document, a scalar and the like on its stack. */
const stackMax = limits.nestingDepthMax + 8;

/** As `Parser.parse`, but that a deep document ends where it gets too deep. */
function* tokensOf(text: string, lines: LineCounter): Generator<CST.Token> {
  const parser = new Parser(lines.addNewLine);
  lines.addNewLine(0);
  for (const lexeme of new Lexer().lex(text)) {
    if (parser.stack.length > stackMax) checkDepth(Number.POSITIVE_INFINITY);
    yield* parser.next(lexeme);
  }
  yield* parser.end();
}

function broken(lines: LineCounter, source: ErrorSource, message: string): DecodeError {
  const [at] = typeof source === 'number' ? [source] : 'offset' in source ? [source.offset] : source;
  return new DecodeError(`yaml: ${at < 0 ? '' : `line ${lines.linePos(at).line}: `}${message}`);
}

class Converter {
  readonly #document: Document.Parsed;
  readonly #lines: LineCounter;
  readonly #duplicates: string[] = [];
  #inexact = false;
  #depth = 0;
  /** Nodes made through aliases, and the characters in them: a small document could make billions. */
  #aliased = 0;
  #aliasedCharacters = 0;
  #aliasDepth = 0;
  /** The library's own way to find an anchor searches the whole document for each alias. */
  readonly #anchors = new Map<string, Node>();

  constructor(document: Document.Parsed, lines: LineCounter) {
    this.#document = document;
    this.#lines = lines;
  }

  document(): ParsedDocument {
    const [error] = this.#document.errors;
    if (error !== undefined) throw broken(this.#lines, error.pos, error.message);
    const value = this.#value(this.#document.contents);
    if (this.#inexact) markDocument(value);
    const lines = this.#duplicates.map((text) => `\n  ${text}`);
    return { value, duplicates: lines.length === 0 ? [] : [`${yamlErrors}${lines.join('')}`] };
  }

  #value(node: Node | null): JsonValue {
    if (node === null) return null;
    if (this.#aliasDepth > 0) this.#countAliased(node);
    if (isAlias(node)) return this.#alias(node);
    const anchor = this.#aliasDepth === 0 && 'anchor' in node ? node.anchor : undefined;
    if (typeof anchor === 'string') this.#anchors.set(anchor, node);
    if (isScalar(node)) return scalarValue(node);
    checkDepth(++this.#depth);
    const value = isMap(node) ? this.#map(node) : isSeq(node) ? this.#list(node.items as Node[]) : null;
    this.#depth--;
    return value;
  }

  #countAliased(node: Node): void {
    this.#aliased++;
    if (isScalar(node)) this.#aliasedCharacters += node.source?.length ?? 0;
    if (this.#aliased <= limits.yamlAliasedNodesMax && this.#aliasedCharacters <= limits.yamlAliasedCharactersMax)
      return;
    throw new DecodeError('yaml: document contains excessive aliasing');
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
    const list = items.map((item) => this.#value(item));
    items.forEach((item, index) => this.#keepLiteral(list, index, item));
    return list;
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
      this.#keepLiteral(object, name, pair.value);
    }
    for (const source of merged) {
      for (const [name, value] of Object.entries(source)) if (!Object.hasOwn(object, name)) setKey(object, name, value);
    }
    return object;
  }

  #keepLiteral(holder: JsonObject | JsonValue[], key: string | number, node: Node | null): void {
    const source = isScalar(node) && node.type === 'PLAIN' ? (node.source ?? '').replaceAll('_', '') : '';
    if (!isInexact(source)) return;
    recordLiteral(holder, key, source);
    this.#inexact = true;
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
