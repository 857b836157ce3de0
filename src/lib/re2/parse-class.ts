/** Reads what stands for one character: escapes, classes in brackets, Unicode's classes. */
import {
  type CharSet,
  complement,
  foldCase,
  perlClasses,
  posixClasses,
  single,
  unicodeClass,
  union,
} from './char-set.ts';
import { syntaxError } from './syntax.ts';

export interface ReadCharacter {
  readonly code: number;
  /** Where it ends. */
  readonly end: number;
}

const controls: Readonly<Record<string, number | undefined>> = { a: 7, f: 12, n: 10, r: 13, t: 9, v: 11 };

/** A backslash stands at `at`. @throws RegexError */
export function readEscape(text: string, at: number): ReadCharacter {
  const code = text.codePointAt(at + 1);
  if (code === undefined) throw syntaxError('trailingBackslash', '');
  const letter = String.fromCodePoint(code);
  const end = at + 1 + letter.length;
  const control = controls[letter];
  if (control !== undefined) return { code: control, end };
  if (code < 0x80 && !/[A-Za-z0-9]/.test(letter)) return { code, end };
  const octal = /^(?:0[0-7]{0,2}|[1-7][0-7]{1,2})/.exec(text.slice(at + 1, at + 4))?.[0];
  if (octal !== undefined) return { code: Number.parseInt(octal, 8), end: at + 1 + octal.length };
  if (letter === 'x') return readHex(text, at);
  throw syntaxError('escape', text.slice(at, end));
}

function readHex(text: string, at: number): ReadCharacter {
  const [all, braced, plain] = /^\\x(?:\{([0-9A-Fa-f]+)\}|([0-9A-Fa-f]{2}))/.exec(text.slice(at, at + 64)) ?? [];
  const code = Number.parseInt(braced ?? plain ?? '', 16);
  if (all === undefined || !(code <= 0x10ffff)) {
    // As much as was looked at.
    const shown = /^\\x(?:\{[0-9A-Fa-f]*.?|[0-9A-Fa-f]?.?)/su.exec(text.slice(at))?.[0] ?? '\\x';
    throw syntaxError('escape', shown);
  }
  return { code, end: at + all.length };
}

/** `\pL`, `\p{Greek}`, `\P{^Lu}`. @throws RegexError */
export function readUnicodeClass(
  text: string,
  at: number,
  foldsCase: boolean,
): { readonly set: CharSet; readonly end: number } {
  const [all, braced, plain] = /^\\[pP](?:\{([^}]*)\}|([^{]))/su.exec(text.slice(at, at + 128)) ?? [];
  if (all === undefined) throw syntaxError('charRange', text.slice(at));
  const name = braced ?? plain ?? '';
  const isNegated = (text[at + 1] === 'P') !== name.startsWith('^');
  const known = unicodeClass(name.replace(/^\^/, ''));
  if (known === undefined) throw syntaxError('charRange', all);
  const set = foldsCase ? foldCase(known) : known;
  return { set: isNegated ? complement(set) : set, end: at + all.length };
}

/** `[…]`, from its bracket on. */
export class ClassReader {
  readonly #text: string;
  readonly #start: number;
  readonly #foldsCase: boolean;
  /** After `read`: behind the class. */
  at: number;

  constructor(text: string, at: number, foldsCase: boolean) {
    this.#text = text;
    this.#start = at;
    this.#foldsCase = foldsCase;
    this.at = at + 1;
  }

  /** @throws RegexError */
  read(): CharSet {
    const isNegated = this.#text[this.at] === '^';
    if (isNegated) this.at++;
    const members: CharSet[] = [];
    for (let isFirst = true; isFirst || this.#text[this.at] !== ']'; isFirst = false) {
      if (this.at >= this.#text.length) throw syntaxError('missingBracket', this.#text.slice(this.#start));
      members.push(this.#named() ?? this.#range());
    }
    this.at++;
    const set = union(...members);
    return isNegated ? complement(set) : set;
  }

  /** Undefined, and nothing read, where no class with a name stands here. */
  #named(): CharSet | undefined {
    const text = this.#text;
    const posix = text.startsWith('[:', this.at) ? text.indexOf(':]', this.at + 2) : -1;
    if (posix >= 0) return this.#posix(text.slice(this.at, posix + 2));
    if (text[this.at] !== '\\') return undefined;
    const letter = text[this.at + 1] ?? '';
    if (letter === 'p' || letter === 'P') {
      const { set, end } = readUnicodeClass(text, this.at, this.#foldsCase);
      this.at = end;
      return set;
    }
    const perl = perlClasses.get(letter.toLowerCase());
    if (perl === undefined) return undefined;
    this.at += 2;
    return letter === letter.toLowerCase() ? perl : complement(perl);
  }

  #posix(text: string): CharSet {
    const [, caret, name = ''] = /^\[:(\^?)(.*):\]$/s.exec(text) ?? [];
    const known = posixClasses.get(name);
    if (known === undefined) throw syntaxError('charRange', text);
    this.at += text.length;
    const set = this.#foldsCase ? foldCase(known) : known;
    return caret === '^' ? complement(set) : set;
  }

  #range(): CharSet {
    const start = this.at;
    const from = this.#character();
    if (this.#text[this.at] !== '-' || this.#text[this.at + 1] === undefined || this.#text[this.at + 1] === ']') {
      return this.#folded(single(from));
    }
    this.at++;
    const to = this.#character();
    if (to < from) throw syntaxError('charRange', this.#text.slice(start, this.at));
    return this.#folded([from, to]);
  }

  #folded(set: CharSet): CharSet {
    return this.#foldsCase ? foldCase(set) : set;
  }

  #character(): number {
    if (this.at >= this.#text.length) throw syntaxError('missingBracket', this.#text.slice(this.#start));
    if (this.#text[this.at] === '\\') {
      const { code, end } = readEscape(this.#text, this.at);
      this.at = end;
      return code;
    }
    const code = this.#text.codePointAt(this.at) as number;
    this.at += code > 0xffff ? 2 : 1;
    return code;
  }
}
