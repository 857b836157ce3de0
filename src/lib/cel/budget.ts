/**
 * A bound on what one evaluation may cost: Kubernetes demands it, and the library has none (three nested `all` over a large list run for
 * seconds).
 *
 * Every node of an expression is evaluated through one method of the library's node class. Here that method counts: one for each node, and
 * for texts and lists that a node makes a tenth of their length, as upstream's cost does. What exceeds the budget throws, whatever macro
 * is under way. Kept true: no budget, no cost — expressions are evaluated by `withBudget` alone, and never two at a time, since
 * evaluation is synchronous.
 */
import { Environment } from '@marcbachmann/cel-js';
import { assert } from '../assert.ts';

export class CostError extends Error {
  override name = 'CostError';
}

/** In upstream's words. */
const exceeded = 'operation cancelled: actual cost limit exceeded';

type Evaluate = (this: CountedNode, evaluator: unknown, node: unknown, context: unknown) => unknown;

interface CountedNode {
  /** What the library put in place of its own first method, once it knew the node's kind. */
  [own]?: Evaluate;
}

const own = Symbol('evaluate');

let left = Number.POSITIVE_INFINITY;

function spend(cost: number): void {
  left -= cost;
  if (left < 0) throw new CostError(exceeded);
}

/** `spent` learns the cost in any case. @throws CostError, and whatever `evaluate` throws */
export function withBudget<T>(costMax: number, evaluate: () => T, spent?: (cost: number) => void): T {
  const before = left;
  left = costMax;
  try {
    const result = evaluate();
    // A macro that collects errors (`all`, `exists`) may have swallowed ours.
    spend(0);
    return result;
  } finally {
    spent?.(costMax - left);
    left = before;
  }
}

function install(): void {
  const prototype = Object.getPrototypeOf(new Environment().parse('1').ast) as { evaluate: Evaluate };
  const first = prototype.evaluate;
  assert(typeof first === 'function', 'the CEL library evaluates nodes by their method `evaluate`');
  const counted: Evaluate = function (evaluator, node, context) {
    spend(1);
    const result = (this[own] ?? first).call(this, evaluator, node, context);
    if (typeof result === 'string' || Array.isArray(result)) spend(result.length / 10);
    return result;
  };
  Object.defineProperty(prototype, 'evaluate', {
    get: () => counted,
    set(this: CountedNode, evaluate: Evaluate) {
      Object.defineProperty(this, own, { value: evaluate, writable: true });
    },
  });
}

install();
