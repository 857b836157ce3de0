/**
 * One requirement on labels: what it means, how it prints, and what makes it valid (upstream's `labels.Requirement`).
 */

import { limits } from '../../lib/limits.ts';
import { indexPath, invalidValue, keyPath } from '../field-error.ts';
import { isLabelValue, isQualifiedName } from '../names.ts';
import { badRequest, type FieldError } from '../status-error.ts';

export type LabelOperator = 'in' | 'notin' | '=' | '==' | '!=' | 'gt' | 'lt' | 'exists' | '!';

export interface LabelRequirement {
  readonly key: string;
  readonly operator: LabelOperator;
  /** Sorted, without duplicates. */
  readonly values: readonly string[];
}

export type Labels = Readonly<Record<string, string>>;

/** Before it is taken apart. @throws StatusError BadRequest */
export function checkSelectorLength({ length }: string): void {
  const most = limits.selectorCharactersMax;
  if (length > most)
    throw badRequest(`unable to parse requirement: the selector has ${length} characters, at most ${most} are allowed`);
}

/** By UTF-16 code unit, for sorting. */
export function compare(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

/** Do `labels` fulfil it? */
export function meets(labels: Labels, { key, operator, values }: LabelRequirement): boolean {
  const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
  switch (operator) {
    case 'in':
    case '=':
    case '==':
      return value !== undefined && values.includes(value);
    case 'notin':
    case '!=':
      return value === undefined || !values.includes(value);
    case 'exists':
      return value !== undefined;
    case '!':
      return value === undefined;
    case 'gt':
    case 'lt':
      return value !== undefined && comparesAs(operator, value, values[0] ?? '');
  }
}

function comparesAs(operator: 'gt' | 'lt', value: string, bound: string): boolean {
  const [left, right] = [parseInt64(value), parseInt64(bound)];
  if (left === undefined || right === undefined) return false;
  return operator === 'gt' ? left > right : left < right;
}

function parseInt64(text: string): bigint | undefined {
  if (!/^[+-]?[0-9]{1,40}$/.test(text)) return undefined;
  const value = BigInt(text.replace(/^\+/, ''));
  return BigInt.asIntN(64, value) === value ? value : undefined;
}

/** As it stands in a selector's text. */
export function requirementText({ key, operator, values }: LabelRequirement): string {
  switch (operator) {
    case 'in':
    case 'notin':
      return `${key} ${operator} (${values.join(',')})`;
    case 'exists':
      return key;
    case '!':
      return `!${key}`;
    case 'gt':
      return `${key}>${values.join(',')}`;
    case 'lt':
      return `${key}<${values.join(',')}`;
    case '=':
    case '==':
    case '!=':
      return `${key}${operator}${values.join(',')}`;
  }
}

/** `prefix` goes before the message of what is wrong. @throws StatusError BadRequest */
export function makeRequirement(
  key: string,
  operator: LabelOperator,
  values: readonly string[],
  prefix = '',
): LabelRequirement {
  const errors = [...keyErrors('key', key), ...operatorErrors(operator, values)];
  for (const [index, value] of values.entries()) {
    const messages = isLabelValue(value);
    const path = keyPath(indexPath('values', index), key);
    if (messages.length > 0) errors.push(invalidValue(path, value, messages.join('; ')));
  }
  if (errors.length > 0) throw badRequest(prefix + aggregate(errors));
  return { key, operator, values: [...new Set(values)].sort(compare) };
}

export function keyErrors(path: string, key: string): FieldError[] {
  const messages = isQualifiedName(key);
  return messages.length === 0 ? [] : [invalidValue(path, key, messages.join('; '))];
}

function operatorErrors(operator: LabelOperator, values: readonly string[]): FieldError[] {
  const wrong = (detail: string): FieldError[] => [invalidValue('values', values, detail)];
  switch (operator) {
    case 'in':
    case 'notin':
      return values.length > 0 ? [] : wrong("for 'in', 'notin' operators, values set can't be empty");
    case '=':
    case '==':
    case '!=':
      return values.length === 1 ? [] : wrong('exact-match compatibility requires one single value');
    case 'exists':
    case '!':
      return values.length === 0 ? [] : wrong('values set must be empty for exists and does not exist');
    case 'gt':
    case 'lt':
      return boundErrors(values);
  }
}

function boundErrors(values: readonly string[]): FieldError[] {
  const errors: FieldError[] = [];
  if (values.length !== 1) {
    errors.push(invalidValue('values', values, "for 'Gt', 'Lt' operators, exactly one value is required"));
  }
  for (const [index, value] of values.entries()) {
    if (parseInt64(value) !== undefined) continue;
    errors.push(
      invalidValue(indexPath('values', index), value, "for 'Gt', 'Lt' operators, the value must be an integer"),
    );
  }
  return errors;
}

/** One text for several errors, each once, as Go's aggregate prints them. */
export function aggregate(errors: readonly FieldError[]): string {
  const texts = [...new Set(errors.map(({ field, message }) => `${field}: ${message}`))];
  return texts.length === 1 ? (texts[0] ?? '') : `[${texts.join(', ')}]`;
}
