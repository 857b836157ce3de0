/** Names and amounts of resources outside containers: what nodes have, quotas grant, limits bound, volumes hold. */
import { invalidValue } from '../../api/field-error.ts';
import { isQualifiedName } from '../../api/names.ts';
import { compareQuantities, milliValue, parseQuantity, type Quantity } from '../../api/quantity.ts';
import { isExtendedResource, isNativeResource } from '../../api/resource-names.ts';
import type { FieldError } from '../../api/status-error.ts';
import { invalidEach, nonNegativeMessage } from './checks.ts';

export type Amounts = Readonly<Record<string, string | number>>;

const zero = parseQuantity('0');

const compute = ['cpu', 'memory', 'ephemeral-storage'];
const counted = [
  'pods',
  'resourcequotas',
  'services',
  'replicationcontrollers',
  'secrets',
  'configmaps',
  'persistentvolumeclaims',
  'services.nodeports',
  'services.loadbalancers',
];
const integers = new Set(counted);
const containerResources = new Set(compute);
const quotaResources = new Set([
  ...compute,
  ...compute.map((name) => `requests.${name}`),
  ...compute.map((name) => `limits.${name}`),
  'requests.storage',
  ...counted,
]);
const standardResources = new Set([...quotaResources, 'storage']);

const isHugePages = (name: string): boolean => name.startsWith('hugepages-');
const isQuotaHugePages = (name: string): boolean => isHugePages(name) || name.startsWith('requests.hugepages-');

export { isExtendedResource, isNativeResource };

/** Pods may together be promised more of it than there is. */
export function mayBeOvercommitted(name: string): boolean {
  return isNativeResource(name) && !isHugePages(name);
}

export const isStandardQuotaResource = (name: string): boolean => quotaResources.has(name) || isQuotaHugePages(name);

export function validateResourceName(path: string, name: string): FieldError[] {
  const errors = invalidEach(path, name, isQualifiedName(name));
  if (errors.length > 0 || name.includes('/') || standardResources.has(name) || isQuotaHugePages(name)) return errors;
  return [invalidValue(path, name, 'must be a standard resource type or fully qualified')];
}

export function validateContainerResourceName(path: string, name: string): FieldError[] {
  const errors = validateResourceName(path, name);
  if (!name.includes('/')) {
    if (containerResources.has(name) || isHugePages(name)) return errors;
    return [...errors, invalidValue(path, name, 'must be a standard resource for containers')];
  }
  if (isNativeResource(name) || isExtendedResource(name)) return errors;
  return [...errors, invalidValue(path, name, "doesn't follow extended resource name standard")];
}

export function validateQuotaResourceName(path: string, name: string): FieldError[] {
  const errors = validateResourceName(path, name);
  if (name.includes('/') || isStandardQuotaResource(name)) return errors;
  return [...errors, invalidValue(path, name, 'must be a standard resource for quota')];
}

/** No less than nothing, and whole where it counts things. */
export function validateAmount(path: string, name: string, value: string | number): FieldError[] {
  const errors = validateNonNegative(path, value);
  if ((integers.has(name) || isExtendedResource(name)) && isFractional(value)) {
    errors.push(invalidValue(path, String(value), 'must be an integer'));
  }
  return errors;
}

export function isFractional(value: string | number): boolean {
  return quantityOf(value) !== undefined && milliValue(value) % 1000 !== 0;
}

export function validateNonNegative(path: string, value: string | number): FieldError[] {
  return sign(value) < 0 ? [invalidValue(path, String(value), nonNegativeMessage)] : [];
}

export function validatePositive(path: string, value: string | number): FieldError[] {
  return sign(value) <= 0 ? [invalidValue(path, String(value), 'must be greater than zero')] : [];
}

/** The quantity, or undefined where it is none: decoding has complained already. */
export function quantityOf(value: string | number): Quantity | undefined {
  try {
    return parseQuantity(value);
  } catch {
    return undefined;
  }
}

/** Below, at or above zero. */
export function sign(value: string | number): number {
  const quantity = quantityOf(value);
  return quantity === undefined ? 0 : compareQuantities(quantity, zero);
}

/** What does not parse was refused when it was decoded: it counts as zero. */
export function compareAmounts(left: string | number, right: string | number): number {
  return compareQuantities(quantityOf(left) ?? zero, quantityOf(right) ?? zero);
}

export function sameAmount(left: string | number | undefined, right: string | number | undefined): boolean {
  if (left === undefined || right === undefined) return left === right;
  return compareAmounts(left, right) === 0;
}
