/**
 * What the rules of a definition may cost, as estimated when it is written: each at most `limits.ruleCostEstimateMax`, all together
 * `limits.definitionCostEstimateMax`. In upstream's words.
 */
import { forbiddenField } from '../../api/field-error.ts';
import type { FieldError } from '../../api/status-error.ts';
import { limits } from '../../lib/limits.ts';

/** Go counts no further. */
const costMax = 2 ** 64 - 1;
/** Rules that are told where all together cost too much. */
const toldMax = 4;

const tooMuch = 'contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema';

/** `times` the rule is evaluated for one object. */
export function multiplied(cost: number, times: number): number {
  return cost === 0 || times === 0 ? 0 : Math.min(cost * times, costMax);
}

export function costMessage(what: string, cost: number, costLimit: number): string {
  const factor = cost / costLimit;
  const shown = factor > 100 ? 'more than 100x' : factor < 1.5 ? `${factor.toFixed(6)}x` : `${factor.toFixed(1)}x`;
  return `${what} exceeds budget by factor of ${shown} (try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared)`;
}

export class CostTotal {
  #total = 0;
  #mostExpensive: readonly { readonly path: string; readonly cost: number }[] = [];

  add(path: string, cost: number): void {
    this.#total = Math.min(this.#total + cost, costMax);
    if (cost < limits.definitionCostEstimateMax / 100) return;
    const all = [...this.#mostExpensive, { path, cost }];
    this.#mostExpensive = all.sort((a, b) => b.cost - a.cost).slice(0, toldMax);
  }

  /** `path` is the whole schema's. */
  errors(path: string): FieldError[] {
    const allowed = limits.definitionCostEstimateMax;
    if (this.#total <= allowed) return [];
    const what = 'x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema';
    return [
      ...this.#mostExpensive.map((rule) => forbiddenField(rule.path, tooMuch)),
      forbiddenField(path, costMessage(what, this.#total, allowed)),
    ];
  }
}
