/**
 * What a plain YAML scalar stands for, as kubectl reads it: by the rules of Go's yaml.v2, which follow YAML 1.1 with
 * exceptions. `yes` and `on` are true, `0777` and `0o777` are octal, dates and `1:30` are strings.
 */
import { DecodeError } from './decode-error.ts';

const nulls: ReadonlySet<string> = new Set(['', '~', 'null', 'Null', 'NULL']);
const trues: ReadonlySet<string> = new Set(['y', 'Y', 'yes', 'Yes', 'YES', 'true', 'True', 'TRUE', 'on', 'On', 'ON']);
const falses: ReadonlySet<string> = new Set([
  'n',
  'N',
  'no',
  'No',
  'NO',
  'false',
  'False',
  'FALSE',
  'off',
  'Off',
  'OFF',
]);

const integer = /^[-+]?(?:0b[01]+|0o[0-7]+|0x[0-9a-fA-F]+|[0-9]+)$/;
const float = /^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$/;
const notFinite = /^(?:[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$/;
/** Go reads these as strings here, but quotes them when it writes, for the sake of readers that do not. */
const timestamp = /^\d{4}-\d{1,2}-\d{1,2}(?:[Tt ]\d{1,2}:\d{1,2}:\d{1,2}(?:\.\d+)?(?:Z|[-+]\d{2}:\d{2})?)?$/;
const sexagesimal = /^[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?$/;

/** @throws DecodeError for infinities and NaN, which JSON cannot say. */
export function plainScalar(text: string): string | number | boolean | null {
  if (nulls.has(text)) return null;
  if (trues.has(text)) return true;
  if (falses.has(text)) return false;
  if (!/^[-+.0-9]/.test(text)) return text;
  if (notFinite.test(text)) throw new DecodeError(`json: unsupported value: ${goFloat(text)}`);
  return numberIn(text) ?? text;
}

/** A scalar with an explicit `!!type`. */
export function taggedScalar(tag: string, text: string): string | number | boolean | null {
  switch (tag) {
    case 'tag:yaml.org,2002:str':
      return text;
    case 'tag:yaml.org,2002:binary':
      return Buffer.from(text, 'base64').toString();
    case 'tag:yaml.org,2002:null':
    case 'tag:yaml.org,2002:bool':
    case 'tag:yaml.org,2002:int':
    case 'tag:yaml.org,2002:float':
      return checked(tag.slice(tag.lastIndexOf(':') + 1), text);
    default:
      return text;
  }
}

function checked(wanted: string, text: string): string | number | boolean | null {
  const value = plainScalar(text);
  const found =
    value === null ? 'null' : typeof value === 'boolean' ? 'bool' : typeof value === 'number' ? 'number' : 'str';
  const fits =
    found === wanted || (found === 'number' && (wanted === 'float' || (wanted === 'int' && Number.isInteger(value))));
  if (!fits) throw new DecodeError(`yaml: cannot decode !!${found} ${JSON.stringify(text)} as a !!${wanted}`);
  return value;
}

/** Whether kubectl would put quotes round a string, because without them it might read as something else. */
export function needsQuotes(text: string): boolean {
  if (nulls.has(text) || trues.has(text) || falses.has(text) || text === '<<') return true;
  if (!/^[-+.0-9]/.test(text)) return false;
  return notFinite.test(text) || numberIn(text) !== undefined || timestamp.test(text) || sexagesimal.test(text);
}

function numberIn(text: string): number | undefined {
  const digits = text.replaceAll('_', '');
  if (integer.test(digits)) return readInteger(digits);
  if (!float.test(digits)) return undefined;
  const value = Number(digits);
  return Number.isFinite(value) ? value + 0 : undefined;
}

/** Digits beyond 2^53 are lost, as in JSON: see `decode-json.ts`. */
function readInteger(text: string): number {
  const sign = text.startsWith('-') ? -1 : 1;
  const digits = text.replace(/^[-+]/, '');
  const isOctal = /^0[0-7]+$/.test(digits);
  return sign * Number(isOctal ? `0o${digits.slice(1)}` : digits) + 0;
}

function goFloat(text: string): string {
  if (/nan/i.test(text)) return 'NaN';
  return text.startsWith('-') ? '-Inf' : '+Inf';
}
