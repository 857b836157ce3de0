/** One evaluation: its variables, what it made of them so far, what it has spent. */
import type { CelVariables } from './environment.ts';
import { CelCostFault, CelFault, type CelValue } from './values.ts';

export interface Frame {
  readonly variables: CelVariables;
  /** Of variables, of loops and binds. */
  readonly slots: (CelValue | undefined)[];
  readonly limit: number;
  cost: number;
}

/** @throws CelFault */
export type Step = (frame: Frame) => CelValue;

/** @throws CelCostFault above the limit */
export function charge(frame: Frame, cost: number): void {
  frame.cost += cost;
  if (frame.cost > frame.limit) throw new CelCostFault();
}

/** What the other side of an operator, or another element, may make good. @throws what is no fault of the values, and the end of the budget */
export function absorbed(error: unknown): CelFault {
  if (error instanceof CelFault && !(error instanceof CelCostFault)) return error;
  throw error;
}
