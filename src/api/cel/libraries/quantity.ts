/** Kubernetes' functions of quantities: `quantity('1Gi').compareTo(…)`. */
import { fixedCost, traversal } from '../../../lib/cel/costs.ts';
import type { CelImplementation, CelLibrary, CelOverload } from '../../../lib/cel/declarations.ts';
import { CelOpaque, fault } from '../../../lib/cel/values.ts';
import {
  addQuantities,
  compareQuantities,
  parseQuantity,
  type Quantity,
  QuantityError,
  subtractQuantities,
} from '../../quantity.ts';

const typeName = 'kubernetes.Quantity';

export class QuantityValue extends CelOpaque {
  readonly typeName = typeName;
  readonly quantity: Quantity;

  constructor(quantity: Quantity) {
    super();
    this.quantity = quantity;
  }

  equals(other: this): boolean {
    return this.quantity.nano === other.quantity.nano;
  }
}

const nanoPerUnit = 10n ** 9n;
const int64Max = 2n ** 63n - 1n;

function read(text: string): Quantity | string {
  try {
    return parseQuantity(text);
  } catch (error) {
    if (error instanceof QuantityError) return error.message;
    throw error;
  }
}

function quantity(text: string): QuantityValue {
  const made = read(text);
  return typeof made === 'string' ? fault(made) : new QuantityValue(made);
}

/** Undefined where it is no whole number, or too large for one. */
function integer({ quantity: { nano } }: QuantityValue): bigint | undefined {
  const units = nano / nanoPerUnit;
  const isWhole = nano % nanoPerUnit === 0n;
  return isWhole && units <= int64Max && units >= -int64Max - 1n ? units : undefined;
}

const sign = ({ quantity: { nano } }: QuantityValue): bigint => (nano > 0n ? 1n : nano < 0n ? -1n : 0n);
const compare = (a: QuantityValue, b: QuantityValue): number => compareQuantities(a.quantity, b.quantity);
const ofInteger = (units: bigint): Quantity => ({ nano: units * nanoPerUnit, format: 'DecimalExponent' });

const nominal = fixedCost(1);
const cheap = (run: CelImplementation): CelOverload => ({ run, cost: nominal });
const parsing = (run: CelImplementation): CelOverload => ({ run, cost: traversal(0) });

export const quantityLibrary: CelLibrary = {
  name: 'kubernetes.quantity',
  types: [typeName],
  functions: {
    'quantity(string): kubernetes.Quantity': parsing(quantity),
    'isQuantity(string): bool': parsing((text: string) => typeof read(text) !== 'string'),
    'sign(kubernetes.Quantity): int': cheap(sign),
    // Upstream documents the method and has the function alone.
    'kubernetes.Quantity.sign(): int': cheap(sign),
    'kubernetes.Quantity.isInteger(): bool': cheap((value: QuantityValue) => integer(value) !== undefined),
    'kubernetes.Quantity.asInteger(): int': cheap(
      (value: QuantityValue) => integer(value) ?? fault('cannot convert value to integer'),
    ),
    'kubernetes.Quantity.asApproximateFloat(): double': cheap(
      (value: QuantityValue) => Number(value.quantity.nano) / 1e9,
    ),
    'kubernetes.Quantity.add(kubernetes.Quantity): kubernetes.Quantity': cheap(
      (a: QuantityValue, b: QuantityValue) => new QuantityValue(addQuantities(a.quantity, b.quantity)),
    ),
    'kubernetes.Quantity.add(int): kubernetes.Quantity': cheap(
      (a: QuantityValue, units: bigint) => new QuantityValue(addQuantities(a.quantity, ofInteger(units))),
    ),
    'kubernetes.Quantity.sub(kubernetes.Quantity): kubernetes.Quantity': cheap(
      (a: QuantityValue, b: QuantityValue) => new QuantityValue(subtractQuantities(a.quantity, b.quantity)),
    ),
    'kubernetes.Quantity.sub(int): kubernetes.Quantity': cheap(
      (a: QuantityValue, units: bigint) => new QuantityValue(subtractQuantities(a.quantity, ofInteger(units))),
    ),
    'kubernetes.Quantity.isGreaterThan(kubernetes.Quantity): bool': cheap(
      (a: QuantityValue, b: QuantityValue) => compare(a, b) > 0,
    ),
    'kubernetes.Quantity.isLessThan(kubernetes.Quantity): bool': cheap(
      (a: QuantityValue, b: QuantityValue) => compare(a, b) < 0,
    ),
    'kubernetes.Quantity.compareTo(kubernetes.Quantity): int': cheap((a: QuantityValue, b: QuantityValue) =>
      BigInt(compare(a, b)),
    ),
  },
};
