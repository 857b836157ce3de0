/** Steps that stand by themselves: reading variables, the two operators that one side may decide. */
import { absorbed, charge, type Frame, type Step } from './frame.ts';
import { CelFault, CelOptional, type CelValue, fault } from './values.ts';

export function unwrapped(value: CelValue): CelValue | undefined {
  return value instanceof CelOptional ? value.value : fault('no such overload');
}

export function globalVariable(slot: number, name: string, base: 0 | 1): Step {
  return (frame) => {
    charge(frame, base);
    const known = frame.slots[slot];
    return known === undefined ? loaded(frame, slot, name) : known;
  };
}

function loaded(frame: Frame, slot: number, name: string): CelValue {
  const given = frame.variables[name];
  if (given === undefined) fault(`no such attribute(s): ${name}`);
  const value = typeof given === 'function' ? given() : given;
  frame.slots[slot] = value;
  return value;
}

export function boundVariable(slot: number, init: Step, base: 0 | 1): Step {
  return (frame) => {
    charge(frame, base);
    const known = frame.slots[slot];
    if (known !== undefined) return known;
    const value = init(frame);
    frame.slots[slot] = value;
    return value;
  };
}

/** One side may decide, whatever the other one is, a fault included. */
export function logical(left: Step, right: Step, decides: boolean): Step {
  return (frame) => {
    let failure: CelFault | undefined;
    try {
      const value = left(frame);
      if (value === decides) return decides;
      if (value !== !decides) failure = new CelFault('no such overload');
    } catch (error) {
      failure = absorbed(error);
    }
    try {
      const value = right(frame);
      if (value === decides) return decides;
      if (value !== !decides) failure ??= new CelFault('no such overload');
    } catch (error) {
      const right = absorbed(error);
      failure ??= right;
    }
    if (failure !== undefined) throw failure;
    return !decides;
  };
}

/** A step that finds nothing costs nothing. */
export function found(frame: Frame, optional: CelOptional): CelOptional {
  if (optional.value !== undefined) charge(frame, 1);
  return optional;
}

/** `or` and `orValue`, which cost nothing themselves. */
export function firstOf(first: Step, second: Step, isValue: boolean): Step {
  return (frame) => {
    const optional = first(frame);
    if (!(optional instanceof CelOptional)) return fault('no such overload');
    if (optional.value === undefined) return second(frame);
    return isValue ? optional.value : optional;
  };
}
