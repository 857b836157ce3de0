/**
 * How Go writes values, where clients see or compare its text: JSON as in the keys of FieldsV1 and in kubectl's
 * last-applied annotation, and the values in the errors of an apply that does not fit.
 */
import { goQuote } from '../field-error.ts';
import type { JsonValue } from '../object.ts';

/** Written as `\u003c` and so on: JSON that is safe inside HTML, Go's default. */
const escaped = /[<>&\u2028\u2029]/g;

/** Keys sorted, `<`, `>` and `&` escaped. */
export function goJson(value: JsonValue): string {
  if (typeof value === 'string') return goMarshal(value);
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(goJson).join(',')}]`;
  return `{${sortedEntries(value)
    .map(([name, each]) => `${goMarshal(name)}:${goJson(each)}`)
    .join(',')}}`;
}

/** Text of which nothing is escaped: most names and keys. */
const plainText = /^[\w ./:=-]*$/;

/** Fields in their own order, as Go prints a struct. Only strings can hold what is escaped. */
export function goMarshal(value: JsonValue): string {
  if (typeof value === 'string' && plainText.test(value)) return `"${value}"`;
  return JSON.stringify(value).replace(escaped, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** `%v` of a float64, as which upstream reads every number of a FieldsV1: `8080`, but `1e+06`. */
export function goFloat(value: number): string {
  const [digits = '0', exponent = '0'] = value.toExponential().split('e');
  const power = Number(exponent);
  if (power >= -4 && power < 6) return String(value);
  return `${digits}e${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`;
}

/** `%#v`: `map[string]interface {}{"a":1}`. */
export function goSyntax(value: JsonValue): string {
  if (value === null) return 'interface {}(nil)';
  if (typeof value === 'string') return goQuote(value);
  if (typeof value !== 'object') return String(value);
  if (Array.isArray(value)) return `[]interface {}{${value.map(goSyntax).join(', ')}}`;
  return `map[string]interface {}{${sortedEntries(value)
    .map(([name, each]) => `${goQuote(name)}:${goSyntax(each)}`)
    .join(', ')}}`;
}

/** `%T`. */
export function goType(value: JsonValue): string {
  if (value === null) return '<nil>';
  if (typeof value === 'number') return Number.isInteger(value) ? 'int64' : 'float64';
  if (typeof value === 'boolean') return 'bool';
  if (typeof value !== 'object') return 'string';
  return Array.isArray(value) ? '[]interface {}' : 'map[string]interface {}';
}

function sortedEntries(value: { readonly [name: string]: JsonValue }): [string, JsonValue][] {
  return Object.entries(value).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
}
