/** Kubernetes' functions of quantities (`quantity('1Gi').compareTo(…)`), as a library for expressions. */
import type { CelLibrary } from '../../lib/cel/library.ts';
import { addQuantities, compareQuantities, parseQuantity, type Quantity, subtractQuantities } from '../quantity.ts';

export class QuantityValue {
  readonly quantity: Quantity;

  constructor(quantity: Quantity) {
    this.quantity = quantity;
  }
}

const nanoPerUnit = 10n ** 9n;
const int64Max = 2n ** 63n - 1n;

const sign = ({ quantity }: QuantityValue): bigint => BigInt(Math.sign(Number(quantity.nano)));
const compare = (a: QuantityValue, b: QuantityValue): number => compareQuantities(a.quantity, b.quantity);
const ofInteger = (units: bigint): Quantity => ({ nano: units * nanoPerUnit, format: 'DecimalSI' });

function isQuantity(text: string): boolean {
  try {
    parseQuantity(text);
    return true;
  } catch {
    return false;
  }
}

/** Undefined where it is no whole number, or too large for one. */
function integer({ quantity }: QuantityValue): bigint | undefined {
  const units = quantity.nano / nanoPerUnit;
  const isWhole = quantity.nano % nanoPerUnit === 0n;
  return isWhole && units <= int64Max && units >= -int64Max - 1n ? units : undefined;
}

function asInteger(value: QuantityValue): bigint {
  const units = integer(value);
  if (units === undefined) throw new RangeError('cannot convert value to integer');
  return units;
}

export const quantityLibrary: CelLibrary = {
  name: 'quantities',
  types: [{ name: 'Quantity', constructor: QuantityValue, fields: {} }],
  functions: {
    'quantity(string): Quantity': (text: string) => new QuantityValue(parseQuantity(text)),
    'isQuantity(string): bool': isQuantity,
    'Quantity.sign(): int': sign,
    'sign(Quantity): int': sign,
    'Quantity.isInteger(): bool': (value: QuantityValue) => integer(value) !== undefined,
    'Quantity.asInteger(): int': asInteger,
    'Quantity.asApproximateFloat(): double': ({ quantity }: QuantityValue) => Number(quantity.nano) / 1e9,
    'Quantity.add(Quantity): Quantity': (a: QuantityValue, b: QuantityValue) =>
      new QuantityValue(addQuantities(a.quantity, b.quantity)),
    'Quantity.add(int): Quantity': (a: QuantityValue, units: bigint) =>
      new QuantityValue(addQuantities(a.quantity, ofInteger(units))),
    'Quantity.sub(Quantity): Quantity': (a: QuantityValue, b: QuantityValue) =>
      new QuantityValue(subtractQuantities(a.quantity, b.quantity)),
    'Quantity.sub(int): Quantity': (a: QuantityValue, units: bigint) =>
      new QuantityValue(subtractQuantities(a.quantity, ofInteger(units))),
    'Quantity.isGreaterThan(Quantity): bool': (a: QuantityValue, b: QuantityValue) => compare(a, b) > 0,
    'Quantity.isLessThan(Quantity): bool': (a: QuantityValue, b: QuantityValue) => compare(a, b) < 0,
    'Quantity.compareTo(Quantity): int': (a: QuantityValue, b: QuantityValue) => BigInt(compare(a, b)),
  },
  operators: { 'Quantity == Quantity': (a: QuantityValue, b: QuantityValue) => compare(a, b) === 0 },
};
