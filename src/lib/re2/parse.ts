/**
 * Reads a regular expression in RE2's syntax, as Go's `regexp` takes it: no back references, no looking around; `(?i)`, `(?s)`, `(?m)`, `(?U)`,
 * named groups, `\pL`, `[[:alpha:]]`, `\Q…\E`. Groups only group: nobody here asks what they matched.
 *
 * Bounds are Go's: a thousand repetitions, also of what is repeated itself, and a thousand levels.
 */
import { anyChar, type CharSet, complement, foldCase, lineBreak, perlClasses, single } from './char-set.ts';
import { ClassReader, readEscape, readUnicodeClass } from './parse-class.ts';
import { type Assertion, type Node, syntaxError } from './syntax.ts';

/** A pattern (characters), and the ends of all ranges of characters in it: what Unicode's classes take. Beyond them: "expression too large". */
const charactersMax = 16 * 1024;
const rangeEndsMax = 200_000;
const repeatMax = 1_000;
const depthMax = 1_000;

interface Flags {
  readonly foldsCase: boolean;
  readonly dotTakesBreaks: boolean;
  readonly manyLines: boolean;
  readonly lazy: boolean;
}

const noFlags: Flags = { foldsCase: false, dotTakesBreaks: false, manyLines: false, lazy: false };

/** @throws RegexError */
export function parse(pattern: string): Node {
  return new Parser(pattern).whole();
}

class Parser {
  readonly #text: string;
  #at = 0;
  #depth = 0;
  #rangeEnds = 0;
  #flags = noFlags;

  constructor(text: string) {
    this.#text = text;
  }

  whole(): Node {
    if (this.#text.length > charactersMax) throw syntaxError('large', this.#text);
    const node = this.#alternatives();
    if (this.#at < this.#text.length) throw syntaxError('unexpectedParen', this.#text);
    return node;
  }

  #alternatives(): Node {
    const parts = [this.#sequence()];
    while (this.#text[this.#at] === '|') {
      this.#at++;
      parts.push(this.#sequence());
    }
    return parts.length === 1 ? (parts[0] as Node) : { kind: 'alternatives', parts };
  }

  #sequence(): Node {
    const parts: Node[] = [];
    let lastRepeat = -1;
    while (this.#at < this.#text.length) {
      const next = this.#text[this.#at] as string;
      if (next === '|' || next === ')') break;
      const start = this.#at;
      const count = this.#repetition(next);
      if (count === undefined) {
        parts.push(...this.#element(next));
        lastRepeat = -1;
        continue;
      }
      const operator = this.#text.slice(start, this.#at);
      const isLazy = this.#text[this.#at] === '?';
      if (isLazy) this.#at++;
      if (lastRepeat >= 0) throw syntaxError('repeatOperator', this.#text.slice(lastRepeat, this.#at));
      lastRepeat = start;
      const part = parts.pop();
      if (part === undefined) throw syntaxError('missingArgument', this.#text.slice(start, this.#at));
      const repeat: Node = { kind: 'repeat', part, ...count, greedy: isLazy === this.#flags.lazy };
      if ((count.min >= 2 || count.max >= 2) && !repeatsWithin(repeat, repeatMax))
        throw syntaxError('repeatSize', operator);
      parts.push(repeat);
    }
    return parts.length === 1 ? (parts[0] as Node) : { kind: 'sequence', parts };
  }

  /** Undefined, and nothing read: no operator stands here. A brace that is none is a character. */
  #repetition(next: string): { min: number; max: number } | undefined {
    const simple = simpleCounts[next];
    if (simple !== undefined) {
      this.#at++;
      return simple;
    }
    if (next !== '{') return undefined;
    const [all, low = '', comma, high = ''] =
      /^\{(0|[1-9][0-9]*)(,)?(0|[1-9][0-9]*)?\}/.exec(this.#text.slice(this.#at, this.#at + 64)) ?? [];
    if (all === undefined || (comma === undefined && high !== '')) return undefined;
    const min = Number(low);
    const max = comma === undefined ? min : high === '' ? -1 : Number(high);
    if (min > repeatMax || max > repeatMax || (max >= 0 && min > max)) throw syntaxError('repeatSize', all);
    this.#at += all.length;
    return { min, max };
  }

  /** Of flags and quotes, none or many. */
  #element(next: string): Node[] {
    switch (next) {
      case '(':
        return this.#group();
      case '[': {
        const reader = new ClassReader(this.#text, this.#at, this.#flags.foldsCase);
        const set = reader.read();
        this.#at = reader.at;
        return [this.#known(set)];
      }
      case '.':
        this.#at++;
        return [{ kind: 'set', set: this.#flags.dotTakesBreaks ? anyChar : complement(lineBreak) }];
      case '^':
        this.#at++;
        return [assertion(this.#flags.manyLines ? 'begin line' : 'begin text')];
      case '$':
        this.#at++;
        return [assertion(this.#flags.manyLines ? 'end line' : 'end text')];
      case '\\':
        return this.#escape();
      default:
        return [this.#character(this.#take())];
    }
  }

  #take(): number {
    const code = this.#text.codePointAt(this.#at) as number;
    this.#at += code > 0xffff ? 2 : 1;
    return code;
  }

  #character(code: number): Node {
    return this.#set(single(code));
  }

  #set(set: CharSet): Node {
    return this.#known(this.#flags.foldsCase ? foldCase(set) : set);
  }

  #known(set: CharSet): Node {
    this.#rangeEnds += set.length;
    if (this.#rangeEnds > rangeEndsMax) throw syntaxError('large', this.#text);
    return { kind: 'set', set };
  }

  #escape(): Node[] {
    const letter = this.#text[this.#at + 1];
    if (letter === undefined) throw syntaxError('trailingBackslash', '');
    const edge = edges[letter];
    if (edge !== undefined) {
      this.#at += 2;
      return [assertion(edge)];
    }
    if (letter === 'Q') return this.#quoted();
    const perl = perlClasses.get(letter.toLowerCase());
    if (perl !== undefined) {
      this.#at += 2;
      return [this.#known(letter === letter.toLowerCase() ? perl : complement(perl))];
    }
    if (letter === 'p' || letter === 'P') {
      const { set, end } = readUnicodeClass(this.#text, this.#at, this.#flags.foldsCase);
      this.#at = end;
      return [this.#known(set)];
    }
    const { code, end } = readEscape(this.#text, this.#at);
    this.#at = end;
    return [this.#character(code)];
  }

  /** As it stands, to `\E` or to the end. */
  #quoted(): Node[] {
    const close = this.#text.indexOf('\\E', this.#at + 2);
    const quoted = this.#text.slice(this.#at + 2, close < 0 ? undefined : close);
    this.#at = close < 0 ? this.#text.length : close + 2;
    return Array.from(quoted, (character) => this.#character(character.codePointAt(0) as number));
  }

  #group(): Node[] {
    const start = this.#at;
    const outside = this.#flags;
    if (this.#text.startsWith('(?', start)) {
      if (/^\(\?P?</.test(this.#text.slice(start, start + 4))) this.#groupName(start);
      else if (this.#groupFlags(start) === ')') return [];
    } else this.#at++;
    if (++this.#depth > depthMax) throw syntaxError('depth', this.#text);
    const inside = this.#alternatives();
    if (this.#text[this.#at] !== ')') throw syntaxError('missingParen', this.#text);
    this.#at++;
    this.#depth--;
    this.#flags = outside;
    return [inside];
  }

  #groupName(start: number): void {
    const end = this.#text.indexOf('>', start);
    if (end < 0) throw syntaxError('namedCapture', this.#text.slice(start));
    const name = this.#text.slice(this.#text.indexOf('<', start) + 1, end);
    if (!/^\w+$/.test(name)) throw syntaxError('namedCapture', this.#text.slice(start, end + 1));
    this.#at = end + 1;
  }

  /** `(?i)` holds to the end of the group around it, `(?i:` within its own. Which of both it was. */
  #groupFlags(start: number): ')' | ':' {
    let flags = this.#flags;
    let sign = true;
    let sawFlag = false;
    for (let at = start + 2; at < this.#text.length; at++) {
      const letter = this.#text[at] as string;
      const flag = flagNames[letter];
      if (flag !== undefined) {
        flags = { ...flags, [flag]: sign };
        sawFlag = true;
      } else if (letter === '-' && sign) {
        sign = false;
        sawFlag = false;
      } else if ((letter === ':' || letter === ')') && (sign || sawFlag)) {
        this.#at = at + 1;
        this.#flags = flags;
        return letter;
      } else throw syntaxError('perlOperator', this.#text.slice(start, at + 1));
    }
    throw syntaxError('missingParen', this.#text.slice(start));
  }
}

const assertion = (name: Assertion): Node => ({ kind: 'assertion', assertion: name });

const simpleCounts: Readonly<Record<string, { readonly min: number; readonly max: number } | undefined>> = {
  '*': { min: 0, max: -1 },
  '+': { min: 1, max: -1 },
  '?': { min: 0, max: 1 },
};

const edges: Readonly<Record<string, Assertion | undefined>> = {
  A: 'begin text',
  z: 'end text',
  b: 'word boundary',
  B: 'no word boundary',
};

const flagNames: Readonly<Record<string, keyof Flags | undefined>> = {
  i: 'foldsCase',
  s: 'dotTakesBreaks',
  m: 'manyLines',
  U: 'lazy',
};

/** Repetitions of repetitions count as one. */
function repeatsWithin(node: Node, max: number): boolean {
  switch (node.kind) {
    case 'set':
    case 'assertion':
      return true;
    case 'repeat': {
      const count = node.max < 0 ? node.min : node.max;
      if (node.max === 0) return true;
      if (count > max) return false;
      return repeatsWithin(node.part, count > 0 ? Math.floor(max / count) : max);
    }
    case 'sequence':
    case 'alternatives':
      return node.parts.every((part) => repeatsWithin(part, max));
  }
}
