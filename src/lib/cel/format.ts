/** `'%s is %d'.format([…])` and `strings.quote`: CEL's extended strings, version 2. Pure. */
import { EvaluationError } from '@marcbachmann/cel-js';

/** Digits behind the point that may be asked for. Beyond it: an error. */
const precisionMax = 100;

/** @throws EvaluationError */
export function formatted(text: string, values: readonly unknown[]): string {
  let next = 0;
  const result = text.replace(/%(%|(?:\.([0-9]+))?(.|$))/gs, (_clause, whole: string, digits: string, verb: string) => {
    if (whole === '%') return '%';
    if (next >= values.length) throw new EvaluationError(`index ${next} out of range`);
    return oneValue(verb, precision(digits), values[next++]);
  });
  return result;
}

function precision(digits: string | undefined): number {
  const count = digits === undefined ? 6 : Number(digits);
  if (count > precisionMax) throw new EvaluationError(`precision ${digits} is too large`);
  return count;
}

function oneValue(verb: string, digits: number, value: unknown): string {
  switch (verb) {
    case 's':
      return shown(value);
    case 'd':
      if (typeof value === 'bigint' || isUnsigned(value)) return String(value);
      break;
    case 'f':
      if (typeof value === 'number' || typeof value === 'bigint') return Number(value).toFixed(digits);
      break;
    case 'e':
      if (typeof value === 'number' || typeof value === 'bigint') return exponential(Number(value), digits);
      break;
    case 'b':
      if (typeof value === 'boolean') return value ? '1' : '0';
      if (typeof value === 'bigint') return value.toString(2);
      break;
    case 'o':
      if (typeof value === 'bigint') return value.toString(8);
      break;
    case 'x':
    case 'X': {
      const text = hexadecimal(value);
      if (text !== undefined) return verb === 'x' ? text : text.toUpperCase();
      break;
    }
    default:
      throw new EvaluationError(`could not parse formatting clause: unrecognized formatting clause "${verb}"`);
  }
  throw new EvaluationError(`error during formatting: %${verb} does not take ${nameOf(value)}`);
}

const isUnsigned = (value: unknown): boolean => typeof value === 'object' && value?.constructor.name === 'UnsignedInt';

/** Go writes two digits of the exponent at least. */
const exponential = (value: number, digits: number): string =>
  value.toExponential(digits).replace(/e([+-])(\d)$/, 'e$10$2');

function hexadecimal(value: unknown): string | undefined {
  if (typeof value === 'bigint') return value.toString(16);
  if (typeof value === 'string') return Buffer.from(value).toString('hex');
  return value instanceof Uint8Array ? Buffer.from(value).toString('hex') : undefined;
}

function nameOf(value: unknown): string {
  if (typeof value === 'bigint') return 'int';
  return typeof value === 'number' ? 'double' : typeof value;
}

function shown(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return `[${value.map(shown).join(', ')}]`;
  if (value instanceof Date) return value.toISOString().replace('.000Z', 'Z');
  if (value instanceof Uint8Array) return Buffer.from(value).toString('utf8');
  if (typeof value === 'object' && value.constructor === Object) {
    const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
    return `{${entries.map(([key, each]) => `${key}: ${shown(each)}`).join(', ')}}`;
  }
  // Numbers, booleans, texts; an object of the library (a duration) knows its own form.
  return (value as { toString(): string }).toString();
}

const escapes: Readonly<Record<string, string>> = {
  '\x07': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
  '\\': '\\\\',
  '"': '\\"',
};

export function quoted(text: string): string {
  return `"${Array.from(text.toWellFormed(), (character) => escapes[character] ?? character).join('')}"`;
}
