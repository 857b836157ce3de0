/**
 * What a schema says of numbers, in upstream's words. A bound that does not fit its own type is itself told, each time; and bounds of integers
 * are cut to integers.
 */
import { goFloat } from '../../apply/go-text.ts';
import { invalidValue } from '../../field-error.ts';
import type { JSONSchemaProps } from '../../schema/types/apiextensions-v1.ts';
import { type Problem, wholeProblem } from './outcome.ts';

export type NumberRules = Pick<
  JSONSchemaProps,
  'minimum' | 'maximum' | 'exclusiveMinimum' | 'exclusiveMaximum' | 'multipleOf'
>;

/** `type` is empty where the schema has several, or none of numbers; then `format` is, too. */
export interface NumberForm {
  readonly type: '' | 'integer' | 'number';
  readonly format: string;
}

export function numberProblems(path: string, value: number, rules: NumberRules, form: NumberForm): Problem[] {
  const range = rangeProblem(path, value, form, 'Checked');
  return [
    ...(range ? [range] : []),
    ...bounded(path, rules.multipleOf, form, 'MultipleOf', (factor, fits) =>
      multipleProblem(path, value, factor, fits),
    ),
    ...bounded(path, rules.maximum, form, 'Maximum boundary', (max, fits) =>
      maximumProblem(path, value, native(value, max, fits), rules.exclusiveMaximum === true),
    ),
    ...bounded(path, rules.minimum, form, 'Minimum boundary', (min, fits) =>
      minimumProblem(path, value, native(value, min, fits), rules.exclusiveMinimum === true),
    ),
  ];
}

function bounded(
  path: string,
  bound: number | undefined,
  form: NumberForm,
  name: string,
  check: (bound: number, fits: boolean) => Problem | undefined,
): Problem[] {
  if (bound === undefined) return [];
  const range = rangeProblem(path, bound, form, name);
  const problem = check(bound, range === undefined);
  return [...(range ? [range] : []), ...(problem ? [problem] : [])];
}

/** Integers are compared with integers. */
function native(value: number, bound: number, fits: boolean): number {
  return fits && Number.isInteger(value) ? Math.trunc(bound) : bound;
}

const int64Max = 2 ** 63;
const int32Max = 2 ** 31;
const float32Max = 3.4028234663852886e38;

function rangeProblem(path: string, value: number, { type, format }: NumberForm, what: string): Problem | undefined {
  if (isInRange(value, type, format)) return undefined;
  const form = format === '' ? '(default format)' : `with format ${format}`;
  return wholeProblem(`${what} value must be of type ${type} ${form} in ${path}`);
}

function isInRange(value: number, type: string, format: string): boolean {
  if (type !== 'integer') return format !== 'float' || Math.abs(value) <= float32Max;
  return format === 'int32' ? Number.isInteger(value) && value >= -int32Max && value < int32Max : isInt64(value);
}

export function isInt64(value: number): boolean {
  return Number.isInteger(value) && value >= -int64Max && value < int64Max;
}

function maximumProblem(path: string, value: number, max: number, exclusive: boolean): Problem | undefined {
  if (exclusive ? value < max : value <= max) return undefined;
  return said(path, value, `should be less than ${exclusive ? '' : 'or equal to '}${shown(value, max)}`);
}

function minimumProblem(path: string, value: number, min: number, exclusive: boolean): Problem | undefined {
  if (exclusive ? value > min : value >= min) return undefined;
  return said(path, value, `should be greater than ${exclusive ? '' : 'or equal to '}${shown(value, min)}`);
}

function multipleProblem(path: string, value: number, declared: number, fits: boolean): Problem | undefined {
  const isNative = fits && Number.isInteger(value);
  const factor = isNative ? Math.trunc(declared) : declared;
  if (factor <= 0) {
    const text = `factor MultipleOf declared for ${path} must be positive: ${shown(value, factor)}`;
    return { text, at: path, error: (at) => invalidValue(at, factor, text) };
  }
  const times = factor < 1 ? (1 / factor) * value : value / factor;
  if (isNative ? value % factor === 0 : isNearInteger(times)) return undefined;
  return said(path, value, `should be a multiple of ${shown(value, factor)}`);
}

const nearness = 1e-9;

function isNearInteger(value: number): boolean {
  if (!Number.isFinite(value)) return false;
  const whole = Math.trunc(value);
  if (whole === value) return true;
  return whole !== 0 && Math.abs(value - whole) / Math.abs(value + whole) < nearness;
}

/** As Go prints a number of the value's kind. */
function shown(value: number, bound: number): string {
  return Number.isInteger(value) && Number.isInteger(bound) ? String(bound) : goFloat(bound);
}

function said(path: string, value: number, what: string): Problem {
  const text = `${path} in body ${what}`;
  return { text, at: path, error: (at) => invalidValue(at, value, text) };
}
