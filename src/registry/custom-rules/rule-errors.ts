/** What is said of a rule that does not hold, or that could not be asked: upstream's words, at the node's path. Pure. */
import { duplicate, forbiddenField, invalidValue, invalidWhole, required } from '../../api/field-error.ts';
import type { JsonValue } from '../../api/object.ts';
import type { ValidationRule } from '../../api/schema/types/apiextensions-v1.ts';
import type { FieldError } from '../../api/status-error.ts';

/** What errors of one node say. */
export interface Told {
  readonly at: string;
  /** The same, empty at the root. */
  readonly path: string;
  readonly value: JsonValue;
  readonly type: string;
}

export const invalidWith = ({ at, type }: Told, why: string): FieldError => invalidValue(at, type, why);

const shownAs = ({ message, rule }: ValidationRule): string => (message ? message.trim() : rule.trim());
export const messageOf = (rule: ValidationRule): string =>
  rule.message ? rule.message.trim() : `failed rule: ${shownAs(rule)}`;

/** Of an evaluation that failed. */
export function failure(message: string, rule: ValidationRule): string {
  const shown = shownAs(rule);
  if (message.startsWith('no such overload')) {
    return `'${message}': call arguments did not match a supported operator, function or macro signature for rule: ${shown}`;
  }
  if (message.startsWith('operation cancelled: actual cost limit exceeded')) {
    return `'${message}': no further validation rules will be run due to call cost exceeds limit for rule: ${shown}`;
  }
  return `${message} evaluating rule: ${shown}`;
}

/** By the reason that the rule gives; values of objects and lists are not shown. */
export function errorOf({ reason }: ValidationRule, at: string, { value, type }: Told, detail: string): FieldError {
  const isWhole = type === 'object' || type === 'array';
  if (reason === 'FieldValueForbidden') return forbiddenField(at, detail);
  if (reason === 'FieldValueRequired') return required(at, detail);
  if (reason !== 'FieldValueDuplicate') return isWhole ? invalidWhole(at, detail) : invalidValue(at, value, detail);
  return isWhole ? { reason, field: at, message: 'Duplicate value' } : duplicate(at, value);
}
