/** How much a device has, and in which portions it is given away where several may share it. */
import { duplicate, forbiddenField, invalidValue, required, tooMany } from '../../api/field-error.ts';
import { addQuantities, compareQuantities, formatQuantity, integerValue, parseQuantity } from '../../api/quantity.ts';
import type {
  CapacityRequestPolicy,
  CapacityRequestPolicyRange,
  DeviceCapacity,
} from '../../api/schema/types/resource-v1.ts';
import type { FieldError } from '../../api/status-error.ts';
import { compareAmounts, sign } from './quantities.ts';

const optionsMax = 10;

type Amount = string;

export function validateCapacity(
  path: string,
  { value, requestPolicy }: DeviceCapacity,
  isShared: boolean,
): FieldError[] {
  if (requestPolicy === undefined) return [];
  const at = `${path}.requestPolicy`;
  return isShared
    ? validatePolicy(at, value, requestPolicy)
    : [forbiddenField(at, 'allowMultipleAllocations must be true')];
}

function validatePolicy(path: string, most: Amount, policy: CapacityRequestPolicy): FieldError[] {
  const { default: usual, validValues, validRange } = policy;
  const listed = (validValues?.length ?? 0) > 0;
  if (listed && validRange) {
    const why = 'exactly one policy can be specified, cannot specify "validValues" and "validRange" at the same time';
    return [forbiddenField(path, why)];
  }
  if (!listed && validRange === undefined) return [];
  const kind = listed ? 'validValues' : 'validRange';
  if (usual === undefined) return [required(`${path}.default`, `required when ${kind} is defined`)];
  if (validRange) return validateRange(`${path}.validRange`, most, usual, validRange);
  return validateOptions(`${path}.validValues`, most, usual, validValues ?? []);
}

function validateOptions(path: string, most: Amount, usual: Amount, options: readonly Amount[]): FieldError[] {
  const errors = options.flatMap((option, index) => {
    const before = options[index - 1];
    if (before === undefined || compareAmounts(before, option) <= 0) return [];
    return [invalidValue(`${path}[${index}]`, option, 'values must be sorted in ascending order')];
  });
  const isLong = options.length > optionsMax;
  if (isLong) errors.push(tooMany(path, options.length, optionsMax));
  else errors.push(...validateEachOption(path, most, options));
  // In too long a list upstream does not look for it.
  if (!isLong && options.some((option) => compareAmounts(option, usual) === 0)) return errors;
  return [...errors, invalidValue(path, usual, 'default value is not valid according to the requestPolicy')];
}

function validateEachOption(path: string, most: Amount, options: readonly Amount[]): FieldError[] {
  const seen = new Set<number>();
  const large = options.flatMap((option, index) =>
    compareAmounts(option, most) > 0
      ? [invalidValue(`${path}[${index}]`, option, `option is larger than capacity value: ${most}`)]
      : [],
  );
  const repeated = options.flatMap((option, index) => {
    const units = integerValue(option);
    const again = seen.has(units) ? [duplicate(`${path}[${index}]`, String(units))] : [];
    seen.add(units);
    return again;
  });
  return [...large, ...repeated];
}

function validateRange(path: string, most: Amount, usual: Amount, range: CapacityRequestPolicyRange): FieldError[] {
  const { min, max } = range;
  if (min === undefined) return [required(`${path}.min`, 'required when validRange is defined')];
  const errors: FieldError[] = [];
  const refuse = (field: string, value: Amount, why: string): number =>
    errors.push(invalidValue(`${path}.${field}`, value, why));
  if (compareAmounts(min, most) > 0) refuse('min', min, `min is larger than capacity value: ${most}`);
  if (compareAmounts(usual, min) < 0) refuse('min', usual, `default is less than min: ${min}`);
  if (max !== undefined) {
    if (compareAmounts(min, max) > 0) refuse('max', min, `min is larger than max: ${max}`);
    if (compareAmounts(max, most) > 0) refuse('max', max, `max is larger than capacity value: ${most}`);
    if (compareAmounts(usual, max) > 0) refuse('max', usual, `default is more than max: ${max}`);
  }
  return [...errors, ...validateStep(path, most, usual, range)];
}

function validateStep(path: string, most: Amount, usual: Amount, range: CapacityRequestPolicyRange): FieldError[] {
  const { min, max, step } = range;
  const at = `${path}.step`;
  if (step === undefined) return [];
  if (sign(step) <= 0) return [invalidValue(at, step, 'must be greater than zero')];
  const first = addQuantities(parseQuantity(min), parseQuantity(step));
  const errors: FieldError[] = [];
  if (compareQuantities(first, parseQuantity(most)) > 0) {
    errors.push(invalidValue(at, step, `one step ${formatQuantity(first)} is larger than capacity value: ${most}`));
  }
  for (const amount of [usual, ...(max === undefined ? [] : [max])]) {
    if ((integerValue(amount) - integerValue(min)) % integerValue(step) === 0) continue;
    const why = `value is not a multiple of a given step (${step}) from (${min})`;
    errors.push(invalidValue(at, amount, why));
  }
  return errors;
}
