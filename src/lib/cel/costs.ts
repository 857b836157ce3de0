/**
 * What calls cost, said once for the estimate and for the evaluation: cel-go's units (one for a step, a tenth for a character). Ranges
 * are of numbers from `min` to `max`; `Infinity` stands for what has no bound.
 */

import { limits } from '../limits.ts';
import type { CelType, CostEstimate } from './types.ts';
import { CelCostFault, CelMap, CelOpaque, CelRecord, type CelValue } from './values.ts';

export type Range = CostEstimate;

export interface CallCost {
  /** One that takes the result is asked after the call; all others before it, so that nothing costly begins that cannot be paid. */
  actual(args: readonly CelValue[], result: CelValue): number;
  /** Arguments include the receiver, first. */
  estimate(args: readonly EstimatedValue[]): CallEstimate;
}

export interface EstimatedValue {
  readonly type: CelType;
  /** Unknown: from 0 to infinity. */
  readonly size: Range;
  /** Of a list: what is in it. */
  readonly element: EstimatedValue | undefined;
  /** What a constant says. */
  readonly literal: CelValue | undefined;
}

export interface CallEstimate {
  readonly cost: Range;
  /** Of the result: texts, lists, maps. */
  readonly resultSize?: Range;
}

export const perCharacter = 0.1;
export const perRegexCharacter = 0.25;
export const createCost = { list: 10, map: 30, object: 40 } as const;

export const one: Range = { min: 1, max: 1 };
export const none: Range = { min: 0, max: 0 };
export const unknownSize: Range = { min: 0, max: Number.POSITIVE_INFINITY };

export const range = (min: number, max = min): Range => ({ min, max });

export function sum(...ranges: readonly Range[]): Range {
  let [min, max] = [0, 0];
  for (const each of ranges) {
    min += each.min;
    max += each.max;
  }
  return { min, max };
}

/** Nothing times no bound is nothing. */
const times = (a: number, b: number): number => (a === 0 || b === 0 ? 0 : a * b);

export const product = (a: Range, b: Range): Range => ({ min: times(a.min, b.min), max: times(a.max, b.max) });

/** Rounded up, as each such cost is. */
export const scaled = ({ min, max }: Range, factor: number): Range => ({
  min: Math.ceil(min * factor),
  max: Math.ceil(max * factor),
});

export const union = (a: Range, b: Range): Range => ({ min: Math.min(a.min, b.min), max: Math.max(a.max, b.max) });

/** In characters, bytes, elements; 1 of what has no size. */
export function sizeOf(value: CelValue | undefined): number {
  if (typeof value === 'string') return characterCount(value);
  if (Array.isArray(value) || value instanceof Uint8Array) return value.length;
  if (value instanceof CelMap) return value.size;
  return value instanceof CelOpaque || value instanceof CelRecord ? value.celSize : 1;
}

export function characterCount(text: string): number {
  let count = text.length;
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    if (unit >= 0xd800 && unit < 0xdc00 && (text.charCodeAt(index + 1) & 0xfc00) === 0xdc00) {
      count--;
      index++;
    }
  }
  return count;
}

/** Of a list that is about to be made. @throws CelCostFault */
export function checkElements(count: number): void {
  if (count > limits.celListElementsMax) throw new CelCostFault();
}

/** Of a text that is about to be made. @throws CelCostFault */
export function checkCharacters(count: number): void {
  if (count > limits.celTextCharactersMax) throw new CelCostFault();
}

export function fixedCost(cost: number): CallCost {
  const estimate: CallEstimate = { cost: range(cost) };
  return { actual: () => cost, estimate: () => estimate };
}

/** Reading one argument through: `factor` for each character or element. `keepsSize`: the result is no longer than it. */
export function traversal(argument: number, factor = perCharacter, keepsSize = false): CallCost {
  return {
    actual: (args) => Math.ceil(sizeOf(args[argument]) * factor),
    estimate(args) {
      const size = args[argument]?.size ?? unknownSize;
      const cost = scaled(size, factor);
      return keepsSize ? { cost, resultSize: size } : { cost };
    },
  };
}

/** A text (`args[0]`) against a regular expression (`args[1]`). `finds`: the result is a text or a list, at most as long. */
export function regexCost(finds = false): CallCost {
  return {
    actual: ([text, pattern]) =>
      Math.ceil((1 + sizeOf(text)) * perCharacter) * Math.ceil(sizeOf(pattern) * perRegexCharacter),
    estimate([text, pattern]) {
      const size = text?.size ?? unknownSize;
      const cost = product(
        scaled(sum(size, one), perCharacter),
        scaled(pattern?.size ?? unknownSize, perRegexCharacter),
      );
      return finds ? { cost, resultSize: range(0, size.max) } : { cost };
    },
  };
}
