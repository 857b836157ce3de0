/** What containers ask for and may use: `resources.requests` and `resources.limits`. */
import { invalidValue, keyPath, required } from '../../api/field-error.ts';
import { isQualifiedName } from '../../api/names.ts';
import { compareQuantities, integerValue, milliValue, parseQuantity, type Quantity } from '../../api/quantity.ts';
import type { ResourceRequirements } from '../../api/schema/types/core-v1.ts';
import type { FieldError } from '../../api/status-error.ts';
import { invalidEach, nonNegativeMessage } from './checks.ts';

const zero = parseQuantity('0');

const nativeResources = new Set(['cpu', 'memory', 'ephemeral-storage']);

/** Resources that can be promised to more pods than there is of them: a limit above the request is fine. */
function isOvercommitAllowed(name: string): boolean {
  return isNative(name) && !name.startsWith('hugepages-');
}

function isNative(name: string): boolean {
  return !name.includes('/') || name.startsWith('kubernetes.io/');
}

/** The quantity, or undefined where it is none: decoding has complained already. */
export function quantityOf(value: string | number): Quantity | undefined {
  try {
    return parseQuantity(value);
  } catch {
    return undefined;
  }
}

export function validateResources(path: string, resources: ResourceRequirements | undefined): FieldError[] {
  const { limits = {}, requests = {} } = resources ?? {};
  return [
    ...Object.entries(limits).flatMap(([name, value]) => validateAmount(`${path}.limits`, name, value)),
    ...Object.entries(requests).flatMap(([name, value]) => validateAmount(`${path}.requests`, name, value)),
    ...Object.entries(requests).flatMap(([name, value]) => requestWithinLimit(path, name, value, limits[name])),
    ...claimErrors(path, resources),
  ];
}

function validateAmount(path: string, name: string, value: string | number): FieldError[] {
  const at = keyPath(path, name);
  const errors = invalidEach(at, name, containerResourceNameErrors(name));
  const quantity = quantityOf(value);
  if (quantity === undefined) return errors;
  if (compareQuantities(quantity, zero) < 0) errors.push(invalidValue(at, String(value), nonNegativeMessage));
  else if (!isNative(name) && milliValue(value) % 1000 !== 0) {
    errors.push(invalidValue(at, String(value), 'must be an integer'));
  }
  return errors;
}

function containerResourceNameErrors(name: string): string[] {
  const errors = isQualifiedName(name);
  if (errors.length === 0 && !name.includes('/') && !nativeResources.has(name) && !name.startsWith('hugepages-')) {
    errors.push('must be a standard resource for containers');
  }
  return errors;
}

function requestWithinLimit(
  path: string,
  name: string,
  request: string | number,
  limit: string | number | undefined,
): FieldError[] {
  const at = `${path}.requests`;
  const requested = quantityOf(request);
  if (requested === undefined) return [];
  if (limit === undefined) {
    return isOvercommitAllowed(name)
      ? []
      : [required(`${path}.limits`, 'Limit must be set for non overcommitable resources')];
  }
  const allowed = quantityOf(limit);
  if (allowed === undefined) return [];
  const order = compareQuantities(requested, allowed);
  if (order > 0) {
    return [invalidValue(at, String(request), `must be less than or equal to ${name} limit of ${limit}`)];
  }
  if (order < 0 && !isOvercommitAllowed(name)) {
    return [invalidValue(at, String(request), `must be equal to ${name} limit of ${limit}`)];
  }
  return [];
}

function claimErrors(path: string, resources: ResourceRequirements | undefined): FieldError[] {
  return (resources?.claims ?? []).flatMap((claim, index) =>
    claim.name ? [] : [required(`${path}.claims[${index}].name`)],
  );
}

/** For amounts outside containers: `capacity`, `hard`, storage requests. */
export function validateQuantities(
  path: string,
  amounts: Readonly<Record<string, string | number>> | undefined,
): FieldError[] {
  return Object.entries(amounts ?? {}).flatMap(([name, value]) => {
    const quantity = quantityOf(value);
    const at = keyPath(path, name);
    if (quantity === undefined || compareQuantities(quantity, zero) >= 0) return [];
    return [invalidValue(at, String(value), nonNegativeMessage)];
  });
}

/** Whole units, for messages and comparisons in one unit. */
export function wholeUnits(value: string | number): number {
  return integerValue(value);
}
