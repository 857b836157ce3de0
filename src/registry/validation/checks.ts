/**
 * The small rules that most kinds share, each returning the broken ones with their paths. Validators are lists of these: they
 * are pure, read frozen objects, and never stop at the first error.
 */
import { duplicate, invalidValue, keyPath, notSupported, required, tooLong } from '../../api/field-error.ts';
import { isDns1123Subdomain, isLabelValue, isPercent, isQualifiedName, patternMessage } from '../../api/names.ts';
import type { LabelSelector } from '../../api/schema/types/meta-v1.ts';
import { validateLabelSelector as selectorErrors } from '../../api/selector.ts';
import type { FieldError } from '../../api/status-error.ts';
import { sameJson } from '../draft.ts';

export const nonNegativeMessage = 'must be greater than or equal to 0';
export const immutableMessage = 'field is immutable';

/** One error for each message that a rule of `api/names.ts` returned. */
export function invalidEach(path: string, value: unknown, messages: readonly string[]): FieldError[] {
  return messages.map((message) => invalidValue(path, value, message));
}

export function nonNegative(path: string, value: number | undefined): FieldError[] {
  return value !== undefined && value < 0 ? [invalidValue(path, value, nonNegativeMessage)] : [];
}

/** A text that must be there, and then follow `rule`. */
export function requiredName(path: string, value: string | undefined, rule: (text: string) => string[]): FieldError[] {
  return value ? invalidEach(path, value, rule(value)) : [required(path)];
}

export function requiredText(path: string, value: string | undefined, detail?: string): FieldError[] {
  return value ? [] : [required(path, detail)];
}

/** Absent and empty are left to the caller, who knows whether there is a default. */
export function oneOf(path: string, value: string | undefined, allowed: readonly string[]): FieldError[] {
  return !value || allowed.includes(value) ? [] : [notSupported(path, value, allowed)];
}

/** Absent is well; empty is a value like any other, and mostly none of those allowed. */
export function oneOfIfGiven(path: string, value: string | undefined, allowed: readonly string[]): FieldError[] {
  return value === undefined || allowed.includes(value) ? [] : [notSupported(path, value, allowed)];
}

export function noDuplicates(values: readonly (string | undefined)[], pathOf: (index: number) => string): FieldError[] {
  const seen = new Set<string>();
  return values.flatMap((value, index) => {
    if (!value) return [];
    if (seen.has(value)) return [duplicate(pathOf(index), value)];
    seen.add(value);
    return [];
  });
}

export function immutable(path: string, value: unknown, same: boolean): FieldError[] {
  return same ? [] : [invalidValue(path, value ?? null, immutableMessage)];
}

export function validateLabels(path: string, labels: Readonly<Record<string, string>> | undefined): FieldError[] {
  return Object.entries(labels ?? {}).flatMap(([key, value]) => [
    ...invalidEach(path, key, isQualifiedName(key)),
    ...invalidEach(path, value, isLabelValue(value)),
  ]);
}

/** An absent selector breaks no rule. */
export function validateLabelSelector(path: string, selector: LabelSelector | undefined): FieldError[] {
  return selector === undefined ? [] : selectorErrors(selector, path);
}

/** Where the old selector had values in its expressions that are no labels' values, the new one may have such, too. */
export function validateChangedSelector(
  path: string,
  selector: LabelSelector | undefined,
  old: LabelSelector | undefined,
): FieldError[] {
  const errors = validateLabelSelector(path, selector);
  if (errors.length === 0 || !validateLabelSelector(path, old).some(isOfValue)) return errors;
  return errors.filter((error) => !isOfValue(error));
}

const isOfValue = ({ field }: FieldError): boolean => /\.values\[\d+\]$/.test(field);

export function isEmptySelector(selector: LabelSelector | undefined): boolean {
  return Object.keys(selector?.matchLabels ?? {}).length === 0 && (selector?.matchExpressions ?? []).length === 0;
}

/** A count of pods or a share of them. */
export function countOrPercent(path: string, value: number | string | undefined): FieldError[] {
  if (value === undefined) return [];
  if (typeof value === 'number') return nonNegative(path, value);
  return invalidEach(path, value, isPercent(value));
}

/** The number in `50%`; undefined for anything else. */
export function percentOf(value: number | string | undefined): number | undefined {
  const match = typeof value === 'string' ? /^([0-9]+)%$/.exec(value) : null;
  return match ? Number(match[1]) : undefined;
}

/** A percentage above 100 means nothing where it counts pods that exist. */
export function notAbove100Percent(path: string, value: number | string | undefined): FieldError[] {
  return (percentOf(value) ?? 0) > 100 ? [invalidValue(path, value, 'must not be greater than 100%')] : [];
}

export function validateQualifiedKeys(path: string, map: Readonly<Record<string, unknown>> | undefined): FieldError[] {
  return Object.keys(map ?? {}).flatMap((key) => invalidEach(keyPath(path, key), key, isQualifiedName(key)));
}

/** Names of drivers, of volumes as of devices: a DNS subdomain, in capitals if need be. */
export function validateDriverName(path: string, name: string | undefined): FieldError[] {
  if (!name) return [required(path)];
  const long = Buffer.byteLength(name) > driverNameBytesMax ? [tooLong(path, driverNameBytesMax)] : [];
  return [...long, ...invalidEach(path, name, isDns1123Subdomain(name.toLowerCase()))];
}

const driverNameBytesMax = 63;

export function immutableField(path: string, value: unknown, old: unknown): FieldError[] {
  return immutable(path, value, sameJson(value, old));
}

/** `values` in the order of the enum, as upstream lists them. */
export function requiredOneOf(path: string, value: string | undefined, values: readonly string[]): FieldError[] {
  if (!value) return [required(path)];
  return values.includes(value) ? [] : [notSupported(path, value, values)];
}

/** Where upstream leaves the value out: it is the whole object, or none. */
export function invalidAsAWhole(path: string, detail: string): FieldError {
  return { reason: 'FieldValueInvalid', field: path, message: `Invalid value: ${detail}` };
}

/** Each that is there: statuses and specs are full of counts. */
export function nonNegativeFields<T extends object>(
  path: string,
  object: T | undefined,
  names: readonly (keyof T & string)[],
): FieldError[] {
  if (object === undefined) return [];
  const negative = names.filter((name) => ((object[name] as number | undefined) ?? 0) < 0);
  return negative.map((name) => invalidValue(`${path}.${name}`, object[name], nonNegativeMessage));
}

const httpPathPattern = "[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+";

/** `example.com/some/path`: names of controllers. */
export function domainPrefixedPath(path: string, value: string | undefined): FieldError[] {
  if (!value) return [required(path)];
  const slash = value.indexOf('/');
  const [host, rest] = [value.slice(0, Math.max(slash, 0)), value.slice(slash + 1)];
  if (host === '' || rest === '') {
    return [invalidValue(path, value, 'must be a domain-prefixed path (such as "acme.io/foo")')];
  }
  const errors = invalidEach(path, host, isDns1123Subdomain(host));
  if (!/^[A-Za-z0-9/\-._~%!$&'()*+,;=:]+$/.test(rest)) {
    errors.push(invalidValue(path, rest, patternMessage('Invalid path', httpPathPattern)));
  }
  return errors;
}
