/**
 * Makers of `FieldError`: one broken rule at one field, in the form that upstream's `field.Error` prints.
 *
 * Paths are strings in upstream's form (`spec.containers[0].image`); `childPath`, `indexPath` and `keyPath` extend one.
 * The finished list goes to `invalid` in `status-error.ts`, which makes the 422 of it. What the rules are is not said here.
 */
import { limits } from '../lib/limits.ts';
import type { FieldError } from './status-error.ts';

const titles: Readonly<Record<FieldError['reason'], string>> = {
  FieldValueRequired: 'Required value',
  FieldValueInvalid: 'Invalid value',
  FieldValueNotSupported: 'Unsupported value',
  FieldValueDuplicate: 'Duplicate value',
  FieldValueForbidden: 'Forbidden',
  FieldValueTooLong: 'Too long',
  FieldValueTooShort: 'Too short',
  FieldValueTooMany: 'Too many',
  FieldValueNotFound: 'Not found',
  FieldValueTypeInvalid: 'Invalid value',
  InternalError: 'Internal error',
};

/** `path.name`; the name alone at the root. */
export function childPath(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`;
}

export function indexPath(path: string, index: number): string {
  return `${path}[${index}]`;
}

export function keyPath(path: string, key: string): string {
  return `${path}[${shownKey(key)}]`;
}

/** As it stands in a path. A key may be as long as a whole request, and a thousand errors may stand below it. */
export function shownKey(key: string): string {
  return key.length > limits.shownKeyCharactersMax ? `${key.slice(0, limits.shownKeyCharactersMax)}...` : key;
}

export const required = (path: string, detail = ''): FieldError => withoutValue('FieldValueRequired', path, detail);

export const forbiddenField = (path: string, detail: string): FieldError =>
  withoutValue('FieldValueForbidden', path, detail);

export const internalFieldError = (path: string, detail: string): FieldError =>
  withoutValue('InternalError', path, detail);

export const invalidValue = (path: string, value: unknown, detail: string): FieldError =>
  withValue('FieldValueInvalid', path, value, detail);

/** The value is a list or an object, which upstream does not show. */
export const invalidWhole = (path: string, detail: string): FieldError =>
  withoutValue('FieldValueInvalid', path, detail);

/** The value's JSON type is not the field's. */
export const typeInvalid = (path: string, value: unknown, detail: string): FieldError =>
  withValue('FieldValueTypeInvalid', path, value, detail);

export const duplicate = (path: string, value: unknown): FieldError =>
  withValue('FieldValueDuplicate', path, value, '');

/** What the value refers to is not there. */
export const notFoundValue = (path: string, value: unknown, detail = ''): FieldError =>
  withValue('FieldValueNotFound', path, value, detail);

/** `allowed` is listed in the order given; upstream sorts it. */
export function notSupported(path: string, value: unknown, allowed: readonly string[]): FieldError {
  const detail = allowed.length === 0 ? '' : `supported values: ${allowed.map(goQuote).join(', ')}`;
  return withValue('FieldValueNotSupported', path, value, detail);
}

/** The value itself is left out: it is too long to show. */
export const tooLong = (path: string, bytesMax: number): FieldError =>
  withoutValue('FieldValueTooLong', path, `may not be more than ${bytesMax} ${bytesMax === 1 ? 'byte' : 'bytes'}`);

export const tooShort = (path: string, charactersMin: number): FieldError =>
  withoutValue(
    'FieldValueTooShort',
    path,
    `must be at least ${charactersMin} ${charactersMin === 1 ? 'character' : 'characters'}`,
  );

export const tooMany = (path: string, count: number, countMax: number): FieldError =>
  withValue('FieldValueTooMany', path, count, `must have at most ${countMax} ${countMax === 1 ? 'item' : 'items'}`);

function withoutValue(reason: FieldError['reason'], field: string, detail: string): FieldError {
  return { reason, field, message: join(titles[reason], detail) };
}

function withValue(reason: FieldError['reason'], field: string, value: unknown, detail: string): FieldError {
  return { reason, field, message: join(`${titles[reason]}: ${showValue(value)}`, detail) };
}

function join(text: string, detail: string): string {
  return detail === '' ? text : `${text}: ${detail}`;
}

function showValue(value: unknown): string {
  if (typeof value === 'string') return goQuote(value);
  return escapeForHtml(JSON.stringify(value) ?? 'null');
}

/** Go's JSON encoder writes these three as escapes. */
function escapeForHtml(json: string): string {
  return json.replace(/[<>&]/g, (character) => `\\u00${character.charCodeAt(0).toString(16)}`);
}

const shortEscapes: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\x07': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
};

/** A string as Go's `%q` shows it, which is how upstream's messages carry values. */
export function goQuote(text: string): string {
  const escaped = text.replace(/["\\\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu, (character) => {
    const short = shortEscapes[character];
    if (short !== undefined) return short;
    const code = character.codePointAt(0) ?? 0;
    if (code < 0x80) return `\\x${code.toString(16).padStart(2, '0')}`;
    return code > 0xffff ? `\\U${code.toString(16).padStart(8, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`;
  });
  return `"${escaped}"`;
}
