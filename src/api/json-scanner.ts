/**
 * Reads JSON text for what `JSON.parse` does not tell: which keys stand twice in an object, and what is wrong with broken
 * text in the words of Go's encoding/json. It makes no values.
 */
import { limits } from '../lib/limits.ts';
import { DecodeError } from './decode-error.ts';
import { StrictErrors } from './strict-errors.ts';

/**
 * The duplicates, as texts for strict field validation; between them, in the order in which they stand in the text, those of
 * `unknownFields`, into which nobody looks for duplicates, as Go's decoder.
 * @throws DecodeError for text that is not JSON, or nests too deep
 */
export function scanJson(text: string, unknownFields: readonly string[] = []): readonly string[] {
  const scanner = new Scanner(text, unknownFields);
  scanner.document();
  return scanner.errors.texts;
}

/** A run of characters that a string may hold as they are. */
// oxlint-disable-next-line no-control-regex -- JSON forbids control characters within strings.
const plainRun = /[^"\\\u0000-\u001f]+/y;
const escapes = '"\\/bfnrtu';

class Scanner {
  readonly errors = new StrictErrors();
  readonly #text: string;
  #at = 0;
  #depth = 0;
  readonly #unknown: ReadonlySet<string>;
  /** Within this many unknown fields. */
  #unknownDepth = 0;

  constructor(text: string, unknownFields: readonly string[]) {
    this.#text = text;
    this.#unknown = new Set(unknownFields);
  }

  document(): void {
    this.#value();
    this.#space();
    if (this.#at < this.#text.length) this.#fail('after top-level value');
  }

  #value(): void {
    this.#space();
    const first = this.#text[this.#at];
    if (first === '{') this.#nested(() => this.#object());
    else if (first === '[') this.#nested(() => this.#array());
    else if (first === '"') this.#string();
    else if (first === 't') this.#literal('true');
    else if (first === 'f') this.#literal('false');
    else if (first === 'n') this.#literal('null');
    else if (first !== undefined && (first === '-' || isDigit(first))) this.#number();
    else this.#fail('looking for beginning of value');
  }

  #nested(read: () => void): void {
    if (++this.#depth > limits.nestingDepthMax) {
      throw new DecodeError(`the document nests deeper than ${limits.nestingDepthMax} levels`);
    }
    this.#at++;
    read();
    this.#depth--;
  }

  #object(): void {
    const seen = new Set<string>();
    if (this.#skip('}')) return;
    for (;;) {
      this.#space();
      if (this.#text[this.#at] !== '"') this.#fail('looking for beginning of object key string');
      const key = this.#string();
      const unknown = this.#isUnknown(key);
      if (unknown) this.errors.add('unknown field', key);
      else if (seen.has(key) && this.#unknownDepth === 0) this.errors.add('duplicate field', key);
      seen.add(key);
      if (!this.#skip(':')) this.#fail('after object key');
      this.errors.enterField(key);
      if (unknown) this.#unknownDepth++;
      this.#value();
      if (unknown) this.#unknownDepth--;
      this.errors.leave();
      if (this.#skip('}')) return;
      if (!this.#skip(',')) this.#fail('after object key:value pair');
    }
  }

  #isUnknown(key: string): boolean {
    return this.#unknown.size > 0 && this.#unknown.has(this.errors.textOf('unknown field', key));
  }

  #array(): void {
    if (this.#skip(']')) return;
    for (let index = 0; ; index++) {
      this.errors.enterIndex(index);
      this.#value();
      this.errors.leave();
      if (this.#skip(']')) return;
      if (!this.#skip(',')) this.#fail('after array element');
    }
  }

  /** Past a string, and what it says. */
  #string(): string {
    const start = this.#at++;
    let escaped = false;
    for (;;) {
      plainRun.lastIndex = this.#at;
      if (plainRun.test(this.#text)) this.#at = plainRun.lastIndex;
      const mark = this.#text[this.#at];
      if (mark === '"') break;
      if (mark !== '\\') this.#fail('in string literal');
      escaped = true;
      this.#escape();
    }
    this.#at++;
    const raw = this.#text.slice(start, this.#at);
    return escaped ? (JSON.parse(raw) as string) : raw.slice(1, -1);
  }

  #escape(): void {
    const kind = this.#text[++this.#at];
    if (kind === undefined || !escapes.includes(kind)) this.#fail('in string escape code');
    this.#at++;
    if (kind !== 'u') return;
    for (let digit = 0; digit < 4; digit++, this.#at++) {
      if (!/[0-9a-fA-F]/.test(this.#text[this.#at] ?? '')) this.#fail('in \\u hexadecimal character escape');
    }
  }

  #literal(word: string): void {
    for (let index = 0; index < word.length; index++, this.#at++) {
      const expected = word[index] ?? '';
      if (this.#text[this.#at] !== expected) this.#fail(`in literal ${word} (expecting '${expected}')`);
    }
  }

  #number(): void {
    if (this.#text[this.#at] === '-') this.#at++;
    if (this.#text[this.#at] === '0') this.#at++;
    else this.#digits('in numeric literal');
    if (this.#text[this.#at] === '.') {
      this.#at++;
      this.#digits('after decimal point in numeric literal');
    }
    if (this.#text[this.#at] === 'e' || this.#text[this.#at] === 'E') {
      this.#at++;
      if (this.#text[this.#at] === '+' || this.#text[this.#at] === '-') this.#at++;
      this.#digits('in exponent of numeric literal');
    }
  }

  #digits(where: string): void {
    if (!isDigit(this.#text[this.#at] ?? '')) this.#fail(where);
    while (isDigit(this.#text[this.#at] ?? '')) this.#at++;
  }

  #space(): void {
    for (;;) {
      const code = this.#text.charCodeAt(this.#at);
      if (code !== 32 && code !== 10 && code !== 13 && code !== 9) return;
      this.#at++;
    }
  }

  /** True, and past it, where `mark` comes next. */
  #skip(mark: string): boolean {
    this.#space();
    if (this.#text[this.#at] !== mark) return false;
    this.#at++;
    return true;
  }

  #fail(where: string): never {
    const code = this.#text.codePointAt(this.#at);
    if (code === undefined) throw new DecodeError('unexpected end of JSON input');
    // Go looks at bytes, and shows the first one of a character as a character of its own.
    const [firstByte = 0] = Buffer.from(String.fromCodePoint(code));
    throw new DecodeError(`invalid character ${quoteCharacter(String.fromCharCode(firstByte))} ${where}`);
  }
}

function isDigit(character: string): boolean {
  return character >= '0' && character <= '9';
}

/** As Go quotes a character: `'x'`, `'\''`, `'\n'`. */
function quoteCharacter(character: string): string {
  if (character === "'") return "'\\''";
  if (character === '"') return `'"'`;
  return `'${JSON.stringify(character).slice(1, -1)}'`;
}
