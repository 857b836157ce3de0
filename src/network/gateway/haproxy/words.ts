/**
 * HAProxy's language, word by word: how any text is written so that it stays in its place. Three levels lie in each other, and each has a function:
 *
 * ```
 *   a word of a line        word('a b')           'a b'
 *   an argument in ( )      argument("it's")      "it's"      and the expression with it is one word
 *   a format                format('50% %[src]')  50%% %%[src]
 * ```
 * Kept true: whatever the text, the line has as many words as its author meant, and names no variable, sample or file. Line breaks cannot be
 * written: they are an error. `*.test.ts` throws everything at it, and HAProxy must take it.
 */

/** The lowest character that can be written; tabs are made of quotes, too. */
const firstWritable = 0x20;

/** @throws Error where the text holds control characters other than tabs: they end lines, or are signs of our own */
export function assertWritable(text: string, what: string): void {
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if ((code < firstWritable && code !== 0x09) || code === 0x7f)
      throw new Error(`${what} holds control characters or a line break`);
  }
}

/** One word of a line. */
export function word(text: string): string {
  if (/^[A-Za-z0-9_.:/@=,*-]+$/.test(text)) return text;
  assertWritable(text, 'a value');
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** An argument of a sample or converter, within its parentheses; the whole expression goes through `word` then. */
export function argument(text: string): string {
  assertWritable(text, 'a value');
  if (/^[A-Za-z0-9_.:/@*-]+$/.test(text)) return text;
  if (!text.includes("'")) return `'${text}'`;
  return `"${text.replace(/[\\"]/g, '\\$&')}"`;
}

/** Text in a format string, as it stands. */
export function format(text: string): string {
  return text.replaceAll('%', '%%');
}

/** A condition in braces: what is looked at, and the text that it must equal. A brace alone would end the condition. */
export function equals(sample: string, text: string): string {
  if (/^[{}]$/.test(text)) return `{ ${word(sample)} -m reg -- '^[${text}]$' }`;
  return `{ ${word(sample)} -m str -- ${text === '' ? "''" : word(text)} }`;
}

/** What matches in more steps does not match: one expression of one object holds up all requests of a thread. A path takes some hundred. */
const stepsMax = 100_000;

/** @param regex as PCRE2 takes it, of which this becomes the beginning */
export const bounded = (regex: string): string => `(*LIMIT_MATCH=${stepsMax})${regex}`;

export function matches(sample: string, regex: string, ignoreCase = false): string {
  if (/^[{}]$/.test(regex)) return equals(sample, regex);
  return `{ ${word(sample)} -m reg ${ignoreCase ? '-i ' : ''}-- ${word(bounded(regex))} }`;
}

/** RFC 9110, section 5.6.2. */
const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}$/;

/** A header's name. @throws Error where it is none */
export function headerName(name: string): string {
  if (!token.test(name)) throw new Error(`${JSON.stringify(name)} is no name of a header`);
  return name;
}

/** A header's value. Control characters are an error: they would end the header. */
export function headerValue(value: string): string {
  assertWritable(value, 'the value of a header');
  if (value.length > 4096) throw new Error('the value of a header is longer than 4096 characters');
  return value;
}

/** A name of HAProxy's for what has another one: readable, unique by the hash that follows. */
export function plainName(text: string): string {
  return text.replace(/[^A-Za-z0-9_.:-]/g, '_').slice(0, 60);
}

/** A path as it stands in a request: what cannot be in one is written with %. Such as hold `%` are taken to be written so already. */
export function requestPath(path: string): string {
  return path.toWellFormed().replace(/[^\u0021-\u007e]+|"/gu, (text) => encodeURIComponent(text));
}
