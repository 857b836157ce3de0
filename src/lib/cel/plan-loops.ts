/**
 * Loops, that is, what macros were written out as. `all` and `exists` take faults of single elements as long as another element decides;
 * what gathers a list or a map fills one, instead of making a longer one for each element.
 */
import type { Call, Comprehension, Expr } from './ast.ts';
import { createCost } from './costs.ts';
import { EntryMap } from './entry-map.ts';
import { absorbed, charge, type Frame, type Step } from './frame.ts';
import { unusedVariable } from './macros.ts';
import type { Planner } from './plan.ts';
import { CelFault, CelMap, type CelValue, fault } from './values.ts';

export function planComprehension(planner: Planner, expr: Comprehension): Step {
  if (expr.variable === unusedVariable) return planBind(planner, expr);
  const slots: LoopSlots = {
    accumulator: planner.newSlot(),
    first: planner.newSlot(),
    second: expr.variable2 === undefined ? undefined : planner.newSlot(),
  };
  const { range, init } = planner.loopParts(expr);
  const { condition } = expr;
  const body: Body = { slots, range, init };
  const locals = [
    { name: expr.accumulator, slot: slots.accumulator },
    { name: expr.variable, slot: slots.first },
    ...(expr.variable2 === undefined ? [] : [{ name: expr.variable2, slot: slots.second as number }]),
  ];
  return planner.withLocals(locals, () => {
    if (condition.kind === 'call' && condition.name === '@not_strictly_false')
      return quantifier(body, planner.plan((expr.step as Call).args[1] as Expr), (expr.step as Call).name === '_&&_');
    const step = planStep(planner, expr.step, slots.accumulator);
    return gathering(body, step, planner.plan(expr.result));
  });
}

interface LoopSlots {
  readonly accumulator: number;
  readonly first: number;
  readonly second: number | undefined;
}

interface Body {
  readonly slots: LoopSlots;
  readonly range: Step;
  readonly init: Step;
}

/** A bind is a loop over nothing, which has no cost: the empty list is a constant. */
function planBind(planner: Planner, expr: Comprehension): Step {
  const slot = planner.newSlot();
  const init = planner.plan(expr.init);
  const result = planner.withLocals([{ name: expr.accumulator, slot, init }], () => planner.plan(expr.result));
  return (frame) => {
    frame.slots[slot] = undefined;
    return result(frame);
  };
}

function* elements(value: CelValue, isPair: boolean): Generator<readonly [CelValue, CelValue]> {
  if (Array.isArray(value)) {
    for (const [index, each] of (value as readonly CelValue[]).entries()) yield [isPair ? BigInt(index) : each, each];
  } else if (value instanceof CelMap) {
    for (const key of value.keys()) yield [key, isPair ? (value.get(key) ?? null) : key];
  } else fault('no such overload');
}

function setVariables(frame: Frame, { first, second }: LoopSlots, [key, value]: readonly [CelValue, CelValue]): void {
  frame.slots[first] = key;
  if (second !== undefined) frame.slots[second] = value;
}

/** The condition: reading the accumulator and asking whether it decided; `exists` negates it before. */
const conditionCost = { all: 2, exists: 3 } as const;

function quantifier({ slots, range }: Body, predicate: Step, isAll: boolean): Step {
  const ask = isAll ? conditionCost.all : conditionCost.exists;
  return (frame) => {
    let isDecided = false;
    let failure: CelFault | undefined;
    for (const pair of elements(range(frame), slots.second !== undefined)) {
      setVariables(frame, slots, pair);
      charge(frame, ask);
      if (isDecided) break;
      charge(frame, 1);
      try {
        const value = predicate(frame);
        if (value === !isAll) isDecided = true;
        else if (value !== isAll) failure ??= new CelFault('no such overload');
      } catch (error) {
        failure ??= absorbed(error);
      }
    }
    charge(frame, 1);
    if (!isDecided && failure !== undefined) throw failure;
    return isAll !== isDecided;
  };
}

function gathering({ slots, range, init }: Body, step: Step, result: Step): Step {
  return (frame) => {
    const source = range(frame);
    frame.slots[slots.accumulator] = fresh(init(frame));
    for (const pair of elements(source, slots.second !== undefined)) {
      setVariables(frame, slots, pair);
      frame.slots[slots.accumulator] = step(frame);
    }
    return result(frame);
  };
}

/** What the loop may fill: the constant it begins with is everybody's. */
function fresh(value: CelValue): CelValue {
  if (Array.isArray(value)) return [];
  return value instanceof CelMap ? new EntryMap() : value;
}

function planStep(planner: Planner, expr: Expr, accumulator: number): Step {
  if (expr.kind !== 'call') return planner.plan(expr);
  const [first, second, third] = expr.args as readonly [Expr, Expr, Expr];
  if (expr.name === '_?_:_') return filtered(planner.plan(first), planStep(planner, second, accumulator), accumulator);
  if (expr.name === '_+_' && second.kind === 'list')
    return appending(planner.plan((second.elements[0] as { readonly value: Expr }).value), accumulator);
  if (expr.name !== 'cel.@mapInsert') return planner.plan(expr);
  return third === undefined
    ? insertingAll(planner.plan(second), accumulator)
    : inserting(planner.plan(second), planner.plan(third), accumulator);
}

/** The branch that changes nothing costs nothing. */
function filtered(test: Step, step: Step, accumulator: number): Step {
  return (frame) => {
    const holds = test(frame);
    if (typeof holds !== 'boolean') fault('no such overload');
    return holds ? step(frame) : (frame.slots[accumulator] as CelValue);
  };
}

/** Of the addition, the accumulator, and the list of one that cel-go makes. */
const appendCost = 1 + 1 + createCost.list;

function appending(value: Step, accumulator: number): Step {
  return (frame) => {
    charge(frame, appendCost);
    const list = frame.slots[accumulator] as CelValue[];
    const added = value(frame);
    list.push(added);
    return list;
  };
}

const insertCost = 1 + 1;
const repeated = (key: string): string => `insert failed: key ${key} already exists`;

function inserting(key: Step, value: Step, accumulator: number): Step {
  return (frame) => {
    charge(frame, insertCost);
    const map = frame.slots[accumulator] as EntryMap;
    map.insert(key(frame), value(frame), repeated);
    return map;
  };
}

function insertingAll(entries: Step, accumulator: number): Step {
  return (frame) => {
    charge(frame, insertCost);
    const map = frame.slots[accumulator] as EntryMap;
    const added = entries(frame);
    if (!(added instanceof CelMap)) fault('no such overload');
    for (const key of added.keys()) map.insert(key, added.get(key) as CelValue, repeated);
    return map;
  };
}
