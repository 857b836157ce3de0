/** Calls of functions: by the one overload that the types leave, or by what the values are. */
import type { CallCost } from './costs.ts';
import { typeNameOf } from './equality.ts';
import { charge, type Frame, type Step } from './frame.ts';
import type { Overload } from './functions-table.ts';
import type { CelType } from './types.ts';
import {
  CelDuration,
  CelMap,
  CelOpaque,
  CelOptional,
  CelRecord,
  CelTimestamp,
  CelTypeValue,
  CelUint,
  type CelValue,
  fault,
} from './values.ts';

type Fits = (value: CelValue) => boolean;

const fits: Readonly<Record<CelType['kind'], Fits>> = {
  dyn: () => true,
  parameter: () => true,
  bool: (value) => typeof value === 'boolean',
  int: (value) => typeof value === 'bigint',
  uint: (value) => value instanceof CelUint,
  double: (value) => typeof value === 'number',
  string: (value) => typeof value === 'string',
  bytes: (value) => value instanceof Uint8Array,
  null: (value) => value === null,
  timestamp: (value) => value instanceof CelTimestamp,
  duration: (value) => value instanceof CelDuration,
  type: (value) => value instanceof CelTypeValue,
  list: (value) => Array.isArray(value),
  map: (value) => value instanceof CelMap,
  object: (value) => value instanceof CelRecord,
  optional: (value) => value instanceof CelOptional,
  opaque: (value) => value instanceof CelOpaque,
};

function fitsOf(type: CelType): Fits {
  if (type.kind === 'opaque') return (value) => value instanceof CelOpaque && value.typeName === type.name;
  if (type.kind !== 'list' || type.element.kind === 'parameter' || type.element.kind === 'dyn') return fits[type.kind];
  // Flat lists are told from nested ones by the function that flattens.
  if (type.element.kind === 'list') return fits.list;
  const fitsElement = fitsOf(type.element);
  // Of overloads that differ in elements (`sort`), the first element tells.
  return (value) => Array.isArray(value) && (value.length === 0 || fitsElement(value[0] as CelValue));
}

interface Target {
  readonly overload: Overload;
  readonly parameters: readonly Fits[];
}

export function planCall(overloads: readonly Overload[], args: readonly Step[]): Step {
  const targets = overloads.map((overload) => ({ overload, parameters: overload.parameters.map(fitsOf) }));
  const [first] = targets;
  if (targets.length === 1 && first?.overload.cost === undefined && first !== undefined) {
    if (args.length === 1) return unary(first, args[0] as Step);
    if (args.length === 2) return binary(first, args[0] as Step, args[1] as Step);
  }
  return (frame) =>
    called(
      frame,
      targets,
      args.map((arg) => arg(frame)),
    );
}

function unary(target: Target, arg: Step): Step {
  const { run, name } = target.overload;
  const fitsFirst = target.parameters[0] as Fits;
  return (frame) => {
    const value = arg(frame);
    charge(frame, 1);
    return fitsFirst(value) ? run(value) : unfit(name, [value]);
  };
}

function binary(target: Target, left: Step, right: Step): Step {
  const { run, name } = target.overload;
  const [fitsLeft, fitsRight] = target.parameters as readonly [Fits, Fits];
  return (frame) => {
    const a = left(frame);
    const b = right(frame);
    charge(frame, 1);
    return fitsLeft(a) && fitsRight(b) ? run(a, b) : unfit(name, [a, b]);
  };
}

function called(frame: Frame, targets: readonly Target[], values: readonly CelValue[]): CelValue {
  const target = targets.find(({ parameters }) => parameters.every((each, index) => each(values[index] as CelValue)));
  if (target === undefined) return unfit(targets[0]?.overload.name ?? '', values);
  const { run, cost } = target.overload;
  if (cost === undefined) {
    charge(frame, 1);
    return run(...values);
  }
  if (!asksForResult(cost)) {
    charge(frame, cost.actual(values, null));
    return run(...values);
  }
  const result = run(...values);
  charge(frame, cost.actual(values, result));
  return result;
}

const asksForResult = ({ actual }: CallCost): boolean => actual.length > 1;

/** Operators are not named, as in cel-go. @throws CelFault always */
function unfit(name: string, values: readonly CelValue[]): never {
  if (/[_@]/.test(name)) fault('no such overload');
  return fault(`no such overload: ${name}(${values.map(typeNameOf).join(', ')})`);
}
