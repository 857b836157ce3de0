/**
 * The YAML that nearly all manifests are written in, read at a glance: block maps and lists, one line for each plain or quoted
 * scalar, literal blocks, comments. Twenty times as fast as the library, which keeps every token for those who edit documents.
 *
 * Whatever is not of this kind (anchors, tags, most flow collections, folded text, several documents, keys that stand
 * twice, tabs, anything that looks wrong) is left to the library: the answer is then undefined, and never a guess. A test holds both against each
 * other with random documents.
 */
import { checkDepth, type ParsedDocument } from './decode-json.ts';
import type { JsonObject, JsonValue } from './object.ts';
import { setKey } from './patch/json-tree.ts';
import { plainScalar } from './yaml-scalars.ts';

/** Undefined: ask the library. @throws DecodeError where a value is none that JSON can say, or nests too deep */
export function parsePlainYaml(text: string): ParsedDocument | undefined {
  if (unusual.test(text)) return undefined;
  try {
    return new PlainReader(text).document();
  } catch (error) {
    if (error === notPlain) return undefined;
    throw error;
  }
}

// oxlint-disable-next-line no-control-regex -- Control characters are what is looked for.
const unusual = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028\u2029\ufeff]/;

/** Thrown where the library has to take over: one object, because making a stack for each costs more than reading a document. */
const notPlain = new Error('not plain YAML');

function leave(): never {
  throw notPlain;
}

/** A key at the current place, with its colon; what it may hold is less than YAML allows. */
const keyPattern = /(?:([A-Za-z0-9_./][A-Za-z0-9_./-]*)|"([^"\\\n]*)"|'([^'\n]*)'):(?= |\n|$)/y;
const doubleQuoted = /^"([^"\\]*)"(?: +#.*)?$/;
const singleQuoted = /^'((?:[^']|'')*)'(?: +#.*)?$/;
/** `[a, "b", 'c']` */
const wordList = /^\[ *(?:"[^"\\,]*"|'[^',]*'|[A-Za-z0-9_./]+)(?: *, *(?:"[^"\\,]*"|'[^',]*'|[A-Za-z0-9_./]+))* *\]$/;
const emptyFlow = /^(?:\{\}|\[\])(?: +#.*)?$/;
const literalHeader = /^\|([-+]?)(?: +#.*)?$/;
/** Characters that a plain scalar cannot begin with, or only sometimes. */
const indicators: ReadonlySet<string> = new Set('&*!|>%@`,?:[]{}#"\''.split(''));
const keyCharactersMax = 1000;

class PlainReader {
  readonly #text: string;
  /** Where the current line's content begins and ends; at the end of the text there is none. */
  #start = 0;
  #end = 0;
  /** Columns before the content; -1 at the end of the text. */
  #indent = 0;
  /** Where the next line begins. */
  #next = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
  }

  document(): ParsedDocument {
    this.#advance();
    if (this.#indent === 0 && this.#content() === '---') this.#advance();
    if (this.#indent < 0) leave();
    const value = this.#block();
    if (this.#indent >= 0) leave();
    return { value, duplicates: [] };
  }

  /** To the next line that is neither empty nor a comment. */
  #advance(): void {
    const text = this.#text;
    while (this.#next < text.length) {
      const lineStart = this.#next;
      this.#step();
      if (this.#start === this.#end || text[this.#start] === '#') continue;
      this.#indent = this.#start - lineStart;
      if (text[this.#start] === '\t' || (this.#indent === 0 && this.#isMarker(lineStart))) leave();
      return;
    }
    this.#indent = -1;
  }

  /** Over one line, whatever it holds. */
  #step(): void {
    const text = this.#text;
    let start = this.#next;
    const lineEnd = text.indexOf('\n', start);
    let end = lineEnd < 0 ? text.length : lineEnd;
    this.#next = lineEnd < 0 ? end : end + 1;
    while (start < end && text.charCodeAt(start) === 32) start++;
    while (end > start && text.charCodeAt(end - 1) === 32) end--;
    this.#start = start;
    this.#end = end;
  }

  /** A document's end, or the beginning of one that is not the first thing in the text. */
  #isMarker(lineStart: number): boolean {
    if (this.#text.startsWith('...', lineStart) || this.#text[lineStart] === '%') return true;
    return this.#text.startsWith('---', lineStart) && (this.#content() !== '---' || this.#seenMarker());
  }

  #markers = 0;

  #seenMarker(): boolean {
    return this.#depth > 0 || this.#markers++ > 0;
  }

  #content(): string {
    return this.#text.slice(this.#start, this.#end);
  }

  /** The map or list that begins on the current line. */
  #block(): JsonValue {
    checkDepth(++this.#depth);
    const value = this.#isItem() ? this.#list(this.#indent) : this.#map(this.#indent);
    this.#depth--;
    return value;
  }

  #isItem(): boolean {
    if (this.#text[this.#start] !== '-') return false;
    return this.#start + 1 === this.#end || this.#text[this.#start + 1] === ' ';
  }

  #map(indent: number): JsonObject {
    const object: JsonObject = {};
    while (this.#indent === indent && !this.#isItem()) {
      const name = this.#key();
      if (Object.hasOwn(object, name)) leave();
      setKey(object, name, this.#value(indent));
    }
    if (this.#indent > indent || (this.#indent === indent && this.#depth === 1)) leave();
    return object;
  }

  /** Past the key, its colon, and the spaces behind it. */
  #key(): string {
    keyPattern.lastIndex = this.#start;
    const match = keyPattern.exec(this.#text);
    if (match === null || match[0].length > keyCharactersMax) leave();
    this.#skip(match[0].length);
    const [, plain, double, single] = match;
    if (plain === undefined) return double ?? single ?? '';
    const key = plainScalar(plain);
    return key === null ? leave() : String(key);
  }

  #skip(characters: number): void {
    this.#start += characters;
    while (this.#start < this.#end && this.#text.charCodeAt(this.#start) === 32) this.#start++;
  }

  #list(indent: number): JsonValue[] {
    const list: JsonValue[] = [];
    while (this.#indent === indent && this.#isItem()) {
      const lineStart = this.#start - indent;
      this.#skip(1);
      list.push(this.#item(indent, this.#start - lineStart));
    }
    if (this.#indent > indent) leave();
    return list;
  }

  /** `column`: where the item's content stands, which is the indent of a map that begins there. */
  #item(indent: number, column: number): JsonValue {
    keyPattern.lastIndex = this.#start;
    if (this.#start < this.#end && keyPattern.test(this.#text)) {
      this.#indent = column;
      return this.#block();
    }
    return this.#value(indent, true);
  }

  /** The rest of the current line, or what the lines below hold. The line is left behind. */
  #value(indent: number, inList = false): JsonValue {
    const first = this.#text[this.#start];
    if (this.#start === this.#end || first === '#') return this.#below(indent, inList);
    if (first === '|') return this.#literal(indent);
    const source = this.#content();
    const lineEnd = this.#next;
    this.#advance();
    return this.#indent > indent ? plainScalar(this.#continued(source, lineEnd, indent)) : scalar(source);
  }

  /** Plain text over several lines, which spaces join. `next`: where the line after the one that was read last begins. */
  #continued(source: string, next: number, indent: number): string {
    let [text, following] = [source, next];
    if (indicators.has(source[0] ?? '') || !isPlainPart(source)) leave();
    while (this.#indent > indent) {
      const part = this.#content();
      // Between the two there may be a comment, which ends the text, or an empty line, which is a line break.
      if (this.#start - this.#indent !== following || indicators.has(part[0] ?? '') || !isPlainPart(part)) leave();
      text += ` ${part}`;
      following = this.#next;
      this.#advance();
    }
    return text;
  }

  /** A list may stand as deep as the key that it belongs to. */
  #below(indent: number, inList: boolean): JsonValue {
    this.#advance();
    if (this.#indent > indent) return this.#block();
    return !inList && this.#indent === indent && this.#isItem() ? this.#block() : null;
  }

  #literal(indent: number): string {
    const chomping = literalHeader.exec(this.#content())?.[1] ?? leave();
    const lines: string[] = [];
    let blockIndent = -1;
    for (;;) {
      const lineStart = this.#next;
      this.#step();
      const isBlank = this.#start === this.#end;
      const found = this.#start - lineStart;
      if (!isBlank && blockIndent < 0 && found > indent) blockIndent = found;
      if (lineStart >= this.#text.length || (!isBlank && found <= indent)) {
        this.#next = lineStart;
        break;
      }
      // Blank lines deeper than the text, text between the two indents, a last line without an end: rare, and not so plain.
      if ((isBlank && found > Math.max(blockIndent, indent)) || (!isBlank && found < blockIndent)) leave();
      if (this.#text[this.#next - 1] !== '\n' || this.#text[this.#start] === '\t') leave();
      lines.push(isBlank ? '' : this.#text.slice(lineStart + blockIndent, this.#next - 1));
    }
    if (blockIndent < 0) leave();
    this.#advance();
    return chomped(lines, chomping);
  }
}

function chomped(lines: readonly string[], chomping: string): string {
  if (chomping === '+') return `${lines.join('\n')}\n`;
  let count = lines.length;
  while (count > 0 && lines[count - 1] === '') count--;
  return `${lines.slice(0, count).join('\n')}${chomping === '-' ? '' : '\n'}`;
}

/** No comment, no key, no list: what may stand in plain text on a line of its own. */
function isPlainPart(part: string): boolean {
  return !part.startsWith('-') && !/: | #|:$|\t/.test(part);
}

function flow(source: string): JsonValue {
  if (emptyFlow.test(source)) return source.startsWith('{') ? {} : [];
  return wordList.test(source) ? source.slice(1, -1).split(',').map(word) : leave();
}

/** One of a list on one line. */
function word(source: string): JsonValue {
  const text = source.trim();
  return /^["']/.test(text) ? text.slice(1, -1) : plainScalar(text);
}

/** A value on one line. */
function scalar(source: string): JsonValue {
  const first = source[0] ?? '';
  if (first === '"') return doubleQuoted.exec(source)?.[1] ?? leave();
  if (first === "'") return (singleQuoted.exec(source)?.[1] ?? leave()).replaceAll("''", "'");
  if (first === '{' || first === '[') return flow(source);
  if (indicators.has(first) || source.includes('\t')) leave();
  if (first === '-' && (source.length === 1 || source[1] === ' ' || source.startsWith('---'))) leave();
  const comment = source.indexOf(' #');
  const text = comment < 0 ? source : source.slice(0, comment).replace(/ +$/, '');
  if (text.includes(': ') || text.endsWith(':')) leave();
  return plainScalar(text);
}
