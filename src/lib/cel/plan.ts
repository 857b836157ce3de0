/**
 * A checked expression as closures: what can be decided beforehand (which function, which variable, which constant) is. Costs are counted
 * as cel-go counts them: one for a variable, one for each step into it, for calls what their overloads say.
 *
 * Kept true: each step that may be repeated charges before it works, so that no loop runs on behind the limit.
 */
import {
  type Call,
  type Comprehension,
  type Expr,
  type ListLiteral,
  literalText,
  type MapLiteral,
  type Select,
  type StructLiteral,
} from './ast.ts';
import type { Checked } from './checker.ts';
import { Constants, membership } from './constants.ts';
import { createCost } from './costs.ts';
import { EntryMap } from './entry-map.ts';
import { unescaped } from './escaping.ts';
import { charge, type Step } from './frame.ts';
import { planCall } from './plan-calls.ts';
import { planComprehension } from './plan-loops.ts';
import { boundVariable, firstOf, found, globalVariable, logical, unwrapped } from './plan-steps.ts';
import { elementAt, fieldOf, hasField, optionalElement, optionalField } from './selection.ts';
import { CelMessage, type CelValue, fault } from './values.ts';

export interface PlanOptions {
  readonly escapedNames: boolean;
}

interface Local {
  readonly name: string;
  readonly slot: number;
  /** Of `cel.bind`: evaluated when first read. */
  readonly init?: Step;
}

export class Planner {
  readonly checked: Checked;
  readonly #options: PlanOptions;
  readonly #constants: Constants;
  readonly #locals: Local[] = [];
  readonly #steps = new Map<Expr, Step>();
  readonly #globals = new Map<string, number>();
  #slots = 0;

  constructor(checked: Checked, options: PlanOptions) {
    this.checked = checked;
    this.#options = options;
    this.#constants = new Constants(checked);
  }

  /** How many places a frame needs. */
  get slotCount(): number {
    return this.#slots;
  }

  newSlot(): number {
    return this.#slots++;
  }

  withLocals<T>(locals: readonly Local[], plan: () => T): T {
    const depth = this.#locals.length;
    this.#locals.push(...locals);
    try {
      return plan();
    } finally {
      this.#locals.length = depth;
    }
  }

  plan(expr: Expr): Step {
    const known = this.#steps.get(expr);
    if (known !== undefined) return known;
    const step = this.#planned(expr);
    this.#steps.set(expr, step);
    return step;
  }

  #planned(expr: Expr): Step {
    const constant = this.#constants.of(expr);
    if (constant !== undefined) return () => constant;
    switch (expr.kind) {
      case 'literal':
        return () => expr.value;
      case 'call':
        return isAttributeCall(expr) ? this.attribute(expr, 1) : this.#call(expr);
      case 'ident':
        return this.attribute(expr, 1);
      case 'select':
        return expr.isTest ? this.#test(expr) : this.attribute(expr, 1);
      case 'list':
        return this.#list(expr);
      case 'map':
        return this.#map(expr);
      case 'struct':
        return this.#struct(expr);
      case 'comprehension':
        return planComprehension(this, expr);
    }
  }

  /** `base`: what reading the variable costs, which is nothing in the branches of `?:` and in brackets. */
  attribute(expr: Expr, base: 0 | 1): Step {
    const name = expr.kind === 'ident' ? expr.name : this.checked.qualified.get(expr);
    const constant = this.checked.constants.get(expr);
    if (constant !== undefined) return () => constant;
    if (name !== undefined) return this.#variable(name, base);
    if (expr.kind === 'select' && !expr.isTest) return this.#select(expr, base);
    if (expr.kind === 'call' && isAttributeCall(expr)) return this.#attributeCall(expr, base);
    const step = this.plan(expr);
    if (base === 0) return step;
    return (frame) => {
      charge(frame, 1);
      return step(frame);
    };
  }

  #variable(name: string, base: 0 | 1): Step {
    const local = name.startsWith('.') ? undefined : this.#locals.findLast((each) => each.name === name);
    if (local?.init !== undefined) return boundVariable(local.slot, local.init, base);
    if (local !== undefined) {
      const { slot } = local;
      return (frame) => {
        charge(frame, base);
        return frame.slots[slot] as CelValue;
      };
    }
    return globalVariable(this.#globalSlot(name.replace(/^\./, '')), name.replace(/^\./, ''), base);
  }

  #globalSlot(name: string): number {
    const known = this.#globals.get(name);
    if (known !== undefined) return known;
    const slot = this.newSlot();
    this.#globals.set(name, slot);
    return slot;
  }

  #mapKey(field: string): string {
    return this.#options.escapedNames ? unescaped(field) : field;
  }

  #select({ operand, field }: Select, base: 0 | 1): Step {
    const of = this.attribute(operand, base);
    const key = this.#mapKey(field);
    return (frame) => {
      const value = of(frame);
      charge(frame, 1);
      return fieldOf(value, field, key);
    };
  }

  /** Presence costs nothing, beside what leads to it. */
  #test({ operand, field }: Select): Step {
    const of = this.attribute(operand, 1);
    const key = this.#mapKey(field);
    return (frame) => hasField(of(frame), field, key);
  }

  #attributeCall({ name, args }: Call, base: 0 | 1): Step {
    if (name === '_?_:_') return this.#conditional(args);
    const of = this.attribute(args[0] as Expr, base);
    const second = args[1] as Expr;
    if (name === '_?._') {
      const field = literalText(second);
      const key = this.#mapKey(field);
      return (frame) => found(frame, optionalField(of(frame), field, key));
    }
    const index = this.attribute(second, 0);
    if (name === '_[?_]') return (frame) => found(frame, optionalElement(of(frame), index(frame)));
    return (frame) => {
      const value = of(frame);
      const at = index(frame);
      charge(frame, 1);
      return elementAt(value, at);
    };
  }

  #conditional([condition, then, otherwise]: readonly Expr[]): Step {
    const test = this.plan(condition as Expr);
    const [yes, no] = [this.attribute(then as Expr, 0), this.attribute(otherwise as Expr, 0)];
    return (frame) => {
      const holds = test(frame);
      if (typeof holds !== 'boolean') fault('no such overload');
      return holds ? yes(frame) : no(frame);
    };
  }

  #call(expr: Call): Step {
    if (expr.name === '_&&_' || expr.name === '_||_') {
      const [left, right] = expr.args.map((each) => this.plan(each));
      return logical(left as Step, right as Step, expr.name === '_||_');
    }
    if (expr.name === '@in') {
      const step = this.#membership(expr);
      if (step !== undefined) return step;
    }
    const overloads = this.checked.overloads.get(expr) ?? [];
    const isMember = overloads[0]?.isMember ?? false;
    if (isMember && expr.target !== undefined && overloads.every(({ id }) => optionalChoices.has(id)))
      return firstOf(this.plan(expr.target), this.plan(expr.args[0] as Expr), expr.name === 'orValue');
    const args = isMember && expr.target !== undefined ? [expr.target, ...expr.args] : expr.args;
    return planCall(
      overloads,
      args.map((each) => this.plan(each)),
    );
  }

  /** In a list that never changes. */
  #membership({ args: [member, list] }: Call): Step | undefined {
    const constant = list === undefined ? undefined : this.#constants.of(list);
    const isMember = Array.isArray(constant) ? membership(constant as readonly CelValue[]) : undefined;
    if (isMember === undefined || member === undefined) return undefined;
    const step = this.plan(member);
    return (frame) => isMember(step(frame));
  }

  #list({ elements }: ListLiteral): Step {
    const steps = elements.map(({ value, isOptional }) => ({ step: this.plan(value), isOptional }));
    return (frame) => {
      charge(frame, createCost.list);
      const list: CelValue[] = [];
      for (const { step, isOptional } of steps) {
        const value = step(frame);
        const entry = isOptional ? unwrapped(value) : value;
        if (entry !== undefined) list.push(entry);
      }
      return list;
    };
  }

  #map({ entries }: MapLiteral): Step {
    const steps = entries.map((entry) => ({ ...entry, key: this.plan(entry.key), value: this.plan(entry.value) }));
    return (frame) => {
      charge(frame, createCost.map);
      const map = new EntryMap();
      for (const { key, value, isOptional } of steps) {
        const at = key(frame);
        const entry = isOptional ? unwrapped(value(frame)) : value(frame);
        if (entry !== undefined) map.insert(at, entry, (name) => `Failed with repeated key: ${name}`);
      }
      return map;
    };
  }

  #struct(expr: StructLiteral): Step {
    const type = this.checked.structs.get(expr);
    if (type === undefined) return () => fault(`undeclared reference to '${expr.name}'`);
    const steps = expr.fields.map((field) => ({ ...field, step: this.plan(field.value) }));
    return (frame) => {
      charge(frame, createCost.object);
      const fields = new Map<string, CelValue>();
      for (const { name, step, isOptional } of steps) {
        const value = step(frame);
        const entry = isOptional ? unwrapped(value) : value;
        if (entry !== undefined) fields.set(name, entry);
      }
      return new CelMessage(type, fields);
    };
  }

  loopParts(expr: Comprehension): { readonly range: Step; readonly init: Step } {
    return { range: this.plan(expr.range), init: this.plan(expr.init) };
  }
}

/** What is behind `or` is looked at only where there is nothing before it. */
const optionalChoices = new Set(['optional<A>.or(optional<A>): optional<A>', 'optional<A>.orValue(A): A']);
const attributeCalls = new Set(['_[_]', '_[?_]', '_?._', '_?_:_']);
const isAttributeCall = ({ name }: Call): boolean => attributeCalls.has(name);
