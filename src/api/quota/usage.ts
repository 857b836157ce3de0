/** What all objects of a kind use together of what one quota bounds. Pure. */
import type { KubeObject } from '../object.ts';
import { addQuantities } from '../quantity.ts';
import type { ResourceQuotaSpec } from '../schema/types/core-v1.ts';
import { type Amounts, zero } from './amounts.ts';
import { type Evaluator, inAllScopes, scopesOf } from './evaluator.ts';

/** Each name in `hard` that `evaluator` measures, also where nothing is used. */
export function usageOf(
  evaluator: Evaluator,
  spec: ResourceQuotaSpec,
  objects: readonly KubeObject[],
  nowMs: number,
): Amounts {
  const names = Object.keys(spec.hard ?? {}).filter((name) => evaluator.measures(name));
  const scopes = scopesOf(spec);
  // One map for all: a namespace may hold thousands of pods.
  const total = new Map(names.map((name) => [name, zero]));
  for (const object of objects) {
    if (!inAllScopes(evaluator, object, scopes)) continue;
    const used = evaluator.usage(object, nowMs);
    for (const [name, sum] of total) total.set(name, addQuantities(sum, used.get(name) ?? zero));
  }
  return total;
}
