/**
 * When values are equal, and which comes first. Values of different types are not equal, except numbers, which are compared as numbers;
 * a NaN equals nothing.
 */
import { limits } from '../limits.ts';
import { JsonRecord, listSemantics } from './json-values.ts';
import {
  CelCostFault,
  CelDuration,
  CelMap,
  CelOpaque,
  CelOptional,
  CelRecord,
  CelTimestamp,
  CelTypeValue,
  CelUint,
  type CelValue,
} from './values.ts';

/** Elements compared so far in the evaluation that is under way: lists that hold one list twice could keep it busy for ever. */
let comparisons = 0;

/** At the beginning of an evaluation, which is one at a time. */
export function forgetComparisons(): void {
  comparisons = 0;
}

function countComparison(): void {
  comparisons++;
  if (comparisons > limits.celComparisonsMax) throw new CelCostFault();
}

/** @throws CelCostFault */
export function areEqual(a: CelValue, b: CelValue): boolean {
  if (typeof a === 'string' || typeof a === 'boolean' || a === null) return a === b;
  if (typeof a === 'bigint' && typeof b === 'bigint') return a === b;
  // An int and a double that are the same number are not the same to `===`.
  if (isNumber(a)) return isNumber(b) && order(numberOf(a), numberOf(b)) === 0;
  if (typeof b !== 'object' || b === null || isNumber(b)) return false;
  return objectsAreEqual(a, b);
}

type Numeric = bigint | number | CelUint;

export function isNumber(value: CelValue): value is Numeric {
  return typeof value === 'bigint' || typeof value === 'number' || value instanceof CelUint;
}

export const numberOf = (value: Numeric): bigint | number => (value instanceof CelUint ? value.value : value);

function objectsAreEqual(a: CelValue & object, b: CelValue & object): boolean {
  countComparison();
  if (Array.isArray(a)) return Array.isArray(b) && listsAreEqual(a as readonly CelValue[], b as readonly CelValue[]);
  if (a instanceof CelRecord) return b instanceof CelRecord && recordsAreEqual(a, b);
  if (a instanceof CelMap) return b instanceof CelMap && mapsAreEqual(a, b);
  if (a instanceof Uint8Array) return b instanceof Uint8Array && Buffer.compare(a, b) === 0;
  if (a instanceof CelTimestamp) return b instanceof CelTimestamp && a.nanoseconds === b.nanoseconds;
  if (a instanceof CelDuration) return b instanceof CelDuration && a.nanoseconds === b.nanoseconds;
  if (a instanceof CelTypeValue) return b instanceof CelTypeValue && a.typeName === b.typeName;
  if (a instanceof CelOptional) return b instanceof CelOptional && optionalsAreEqual(a, b);
  return a instanceof CelOpaque && b instanceof CelOpaque && a.constructor === b.constructor && a.equals(b);
}

function listsAreEqual(a: readonly CelValue[], b: readonly CelValue[]): boolean {
  if (a.length !== b.length) return false;
  const semantics = listSemantics(a) ?? listSemantics(b);
  if (semantics === undefined) return a.every((value, index) => areEqual(value, b[index] as CelValue));
  return a.every((value) => b.some((other) => areEqual(value, other)));
}

function mapsAreEqual(a: CelMap, b: CelMap): boolean {
  if (a.size !== b.size) return false;
  for (const key of a.keys()) {
    const other = b.get(key);
    if (other === undefined || !areEqual(a.get(key) as CelValue, other)) return false;
  }
  return true;
}

function recordsAreEqual(a: CelRecord, b: CelRecord): boolean {
  if (a === b) return true;
  if (a.typeName !== b.typeName) return false;
  const fields = [...a.fieldNames()];
  if (fields.length !== [...b.fieldNames()].length) return false;
  const areSame = fields.every((field) => {
    const [left, right] = [a.get(field), b.get(field)];
    return left === undefined || right === undefined ? left === right : areEqual(left, right);
  });
  return areSame && !(a instanceof JsonRecord && b instanceof JsonRecord && !a.sameUndeclared(b));
}

function optionalsAreEqual({ value: a }: CelOptional, { value: b }: CelOptional): boolean {
  return a === undefined || b === undefined ? a === b : areEqual(a, b);
}

/** Below zero: `a` comes first. Undefined: one cannot say so of them. */
export function compared(a: CelValue, b: CelValue): number | undefined {
  if (typeof a === 'string') return typeof b === 'string' ? compareTexts(a, b) : undefined;
  if (isNumber(a)) return isNumber(b) ? order(numberOf(a), numberOf(b)) : undefined;
  if (typeof a === 'boolean') return typeof b === 'boolean' ? Number(a) - Number(b) : undefined;
  if (a instanceof Uint8Array) return b instanceof Uint8Array ? Buffer.compare(a, b) : undefined;
  if (a instanceof CelTimestamp) return b instanceof CelTimestamp ? order(a.nanoseconds, b.nanoseconds) : undefined;
  if (a instanceof CelDuration) return b instanceof CelDuration ? order(a.nanoseconds, b.nanoseconds) : undefined;
  return undefined;
}

/** NaN with anything is NaN, which is neither below nor above zero. */
function order(a: bigint | number, b: bigint | number): number {
  if (a < b) return -1;
  if (a > b) return 1;
  return a <= b ? 0 : Number.NaN;
}

/** By characters, not by UTF-16 units: a surrogate is above what is not one. */
function compareTexts(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let index = 0; index < length; index++) {
    const [left, right] = [a.charCodeAt(index), b.charCodeAt(index)];
    if (left === right) continue;
    const isLeftHigh = left >= 0xd800 && left < 0xe000;
    const isRightHigh = right >= 0xd800 && right < 0xe000;
    if (isLeftHigh !== isRightHigh) return isLeftHigh ? 1 : -1;
    return left - right;
  }
  return a.length - b.length;
}

/** What `type(value)` is called. */
export function typeNameOf(value: CelValue): string {
  if (value === null) return 'null_type';
  return typeof value === 'object' ? objectTypeName(value) : (plainTypeNames[typeof value] ?? '');
}

const plainTypeNames: Readonly<Record<string, string>> = {
  string: 'string',
  boolean: 'bool',
  bigint: 'int',
  number: 'double',
};

function objectTypeName(value: CelValue & object): string {
  if (Array.isArray(value)) return 'list';
  if (value instanceof CelMap) return 'map';
  if (value instanceof CelUint) return 'uint';
  if (value instanceof CelRecord || value instanceof CelOpaque) return value.typeName;
  if (value instanceof Uint8Array) return 'bytes';
  if (value instanceof CelTimestamp) return 'google.protobuf.Timestamp';
  if (value instanceof CelDuration) return 'google.protobuf.Duration';
  return value instanceof CelTypeValue ? 'type' : 'optional_type';
}
