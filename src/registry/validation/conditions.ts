/** The rules of `status.conditions` in the kinds that share the API's one type for them. */
import { duplicate, invalidValue, notSupported, required, tooLong } from '../../api/field-error.ts';
import { isQualifiedName, patternMessage } from '../../api/names.ts';
import type { Condition } from '../../api/schema/types/meta-v1.ts';
import type { FieldError } from '../../api/status-error.ts';
import { invalidEach } from './checks.ts';

const reasonBytesMax = 1024;
const messageBytesMax = 32 * 1024;
const reasonPattern = '[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?';

export function validateConditions(path: string, conditions: readonly Condition[] | undefined): FieldError[] {
  const seen = new Set<string>();
  return (conditions ?? []).flatMap((condition, index) => {
    const at = `${path}[${index}]`;
    const errors = seen.has(condition.type) ? [duplicate(`${at}.type`, condition.type)] : [];
    seen.add(condition.type);
    return [...errors, ...validateCondition(at, condition)];
  });
}

function validateCondition(path: string, condition: Condition): FieldError[] {
  const { type, status, observedGeneration = 0, lastTransitionTime, reason, message } = condition;
  const errors = invalidEach(`${path}.type`, type, isQualifiedName(type));
  if (!['False', 'True', 'Unknown'].includes(status)) {
    errors.push(notSupported(`${path}.status`, status, ['False', 'True', 'Unknown']));
  }
  if (observedGeneration < 0) {
    errors.push(
      invalidValue(`${path}.observedGeneration`, observedGeneration, 'must be greater than or equal to zero'),
    );
  }
  if (!lastTransitionTime) errors.push(required(`${path}.lastTransitionTime`));
  errors.push(...reasonErrors(`${path}.reason`, reason));
  return Buffer.byteLength(message) > messageBytesMax
    ? [...errors, tooLong(`${path}.message`, messageBytesMax)]
    : errors;
}

function reasonErrors(path: string, reason: string): FieldError[] {
  if (reason === '') return [required(path)];
  const errors: FieldError[] = [];
  if (!/^[A-Za-z][A-Za-z0-9_,:]*$/.test(reason) || !/[A-Za-z0-9_]$/.test(reason)) {
    const rule =
      "a condition reason must start with alphabetic character, optionally followed by a string of alphanumeric characters or '_,:', and must end with an alphanumeric character or '_'";
    errors.push(
      invalidValue(
        path,
        reason,
        patternMessage(rule, reasonPattern, 'my_name', 'MY_NAME', 'MyName', 'ReasonA,ReasonB', 'ReasonA:ReasonB'),
      ),
    );
  }
  return Buffer.byteLength(reason) > reasonBytesMax ? [...errors, tooLong(path, reasonBytesMax)] : errors;
}
