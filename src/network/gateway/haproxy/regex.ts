/**
 * Regular expressions of API objects for HAProxy's engine (PCRE2): what RE2 and PCRE2 have in common, read by a small grammar of ours, so that nothing
 * that only one of them knows (look-around, back references, verbs, possessive repetition) gets through, and nothing that HAProxy would refuse.
 */

/** Longer ones are refused. */
const regexLengthMax = 1000;
const repetitionMax = 1000;
/** A repeated group in a repeated group in a … : each level multiplies the steps of a match. */
const nestingMax = 20;

/** The expression as HAProxy takes it. @throws Error that says what is wrong, in one sentence */
export function checkedRegex(text: string): string {
  if (text.length > regexLengthMax) throw problem(text, `it has more than ${regexLengthMax} characters`);
  if (/[^\u0020-\u007e\u00a0-\uffff]/.test(text)) throw problem(text, 'it holds control characters');
  const rest = new Reader(text).alternatives(0);
  if (rest !== text.length) throw problem(text, `there is no ( for the ) at ${rest + 1}`);
  return text;
}

/** Text that matches itself. */
export function escapedRegex(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/-]/g, '\\$&');
}

/** How many groups it catches. */
export function groupCount(regex: string): number {
  return (
    regex
      .replace(/\\./g, '')
      .replace(/\[[^\]]*\]/g, '')
      .match(/\((?!\?)|\(\?P?</g)?.length ?? 0
  );
}

function problem(text: string, why: string): Error {
  return new Error(`the regular expression ${JSON.stringify(text.slice(0, 100))} is not taken: ${why}`);
}

const classEscapes = 'dDwWsS';
const plainEscapes = 'tnrfva';
const anchorEscapes = 'bBAz';

class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** Reads up to the end or a closing parenthesis, and says where that is. */
  alternatives(depth: number): number {
    if (depth > nestingMax) throw this.#bad(`it nests more than ${nestingMax} groups`);
    while (this.#at < this.#text.length && this.#text[this.#at] !== ')') {
      if (this.#text[this.#at] === '|') this.#at++;
      else if (this.#atom(depth)) this.#repetition();
    }
    return this.#at;
  }

  /** Whether what was read can be repeated. */
  #atom(depth: number): boolean {
    const character = this.#text[this.#at] as string;
    if ('*+?'.includes(character)) throw this.#bad(`there is nothing that ${character} could repeat`);
    this.#at++;
    if (character === '(') return this.#group(depth);
    if (character === '[') return this.#class();
    if (character === '\\') return this.#escape(false);
    if (character === '{') throw this.#bad('there is nothing that { could repeat; \\{ is the character');
    return character !== '^' && character !== '$';
  }

  #group(depth: number): boolean {
    if (this.#text[this.#at] === '*') throw this.#bad('(* is not known');
    if (this.#text[this.#at] === '?') {
      const start = /^\?(?:P?<([A-Za-z_]\w{0,30})>|[ims]{0,3}:)/.exec(this.#text.slice(this.#at));
      const flags = /^\?[ims]{1,3}\)/.exec(this.#text.slice(this.#at));
      if (flags !== null) {
        if (depth > 0 || this.#at !== 1) throw this.#bad('flags stand at the start, or in a group of their own');
        this.#at += flags[0].length;
        return false;
      }
      if (start === null) throw this.#bad('of (? only groups (?:…), (?P<name>…) and flags are known');
      this.#at += start[0].length;
    }
    this.alternatives(depth + 1);
    if (this.#text[this.#at] !== ')') throw this.#bad('a ( is not closed');
    this.#at++;
    return true;
  }

  #class(): boolean {
    if (this.#text[this.#at] === '^') this.#at++;
    let previous: number | undefined;
    for (let first = true; ; first = false) {
      const character = this.#text[this.#at];
      if (character === undefined) throw this.#bad('a [ is not closed');
      if (character === ']' && !first) break;
      if (character === ']') throw this.#bad('an empty class; \\] is the character');
      if (character === '[') throw this.#bad('[ in a class is written \\[');
      previous = this.#member(character, previous);
    }
    this.#at++;
    return true;
  }

  /** One character of a class, or the end of a range: its code, where it can begin one. */
  #member(character: string, previous: number | undefined): number | undefined {
    const isRange = character === '-' && previous !== undefined && this.#text[this.#at + 1] !== ']';
    if (!isRange) return this.#single();
    this.#at++;
    const end = this.#single();
    if (end === undefined || end < previous) throw this.#bad('a range in a class ends before it begins');
    return undefined;
  }

  #single(): number | undefined {
    const character = this.#text[this.#at++];
    if (character !== '\\') return character?.charCodeAt(0);
    const escaped = this.#text[this.#at];
    this.#escape(true);
    return escaped !== undefined && /\W/.test(escaped) ? escaped.charCodeAt(0) : undefined;
  }

  #escape(isInClass: boolean): boolean {
    const character = this.#text[this.#at++];
    if (character === undefined) throw this.#bad('it ends with \\');
    if (character === 'x') {
      const digits = /^[0-9A-Fa-f]{2}/.exec(this.#text.slice(this.#at));
      if (digits === null || digits[0] === '00') throw this.#bad('\\x takes two hexadecimal digits, not 00');
      this.#at += 2;
      return true;
    }
    if (anchorEscapes.includes(character) && !isInClass) return false;
    if (/[0-9A-Za-z]/.test(character) && !`${classEscapes}${plainEscapes}`.includes(character))
      throw this.#bad(`\\${character} is not known`);
    return true;
  }

  #repetition(): void {
    const found = /^(?:[*+?]|\{(\d{1,4})(,(\d{0,4}))?\})/.exec(this.#text.slice(this.#at));
    if (found === null) {
      if (this.#text[this.#at] === '{') throw this.#bad('{ takes one or two numbers; \\{ is the character');
      return;
    }
    const [all, least, , most] = found;
    if (Math.max(Number(least ?? 0), Number(most || 0)) > repetitionMax)
      throw this.#bad(`it repeats more than ${repetitionMax} times`);
    if (most && Number(most) < Number(least)) throw this.#bad('the second number of a { is smaller than the first');
    this.#at += all.length;
    if (this.#text[this.#at] === '?') this.#at++;
    if (this.#text[this.#at] === '+' || this.#text[this.#at] === '*' || this.#text[this.#at] === '?')
      throw this.#bad('what is repeated is repeated again');
    if (/^\{\d/.test(this.#text.slice(this.#at))) throw this.#bad('what is repeated is repeated again');
  }

  #bad(why: string): Error {
    return problem(this.#text, why);
  }
}
