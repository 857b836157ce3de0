/** NodeResourcesBalancedAllocation: prefers nodes whose resources would be used alike. Says nothing about pods that ask for nothing. */
import type { Plugin } from '../framework/plugin.ts';
import { isScored } from './node-resources-fit.ts';
import { balanceOf, type ResourceWeight } from './resource-scores.ts';

export interface NodeResourcesBalancedAllocationArgs {
  readonly resources: readonly ResourceWeight[];
}

export function nodeResourcesBalancedAllocation({ resources }: NodeResourcesBalancedAllocationArgs): Plugin {
  const names = resources.map(({ name }) => name);
  return {
    name: 'NodeResourcesBalancedAllocation',
    looksAtNodeOnly: true,
    score: ({ requests: { amounts } }) => {
      if (names.every((name) => (amounts.get(name) ?? 0) === 0)) return 'skip';
      return {
        score: ({ allocatable, requested }) => {
          const fractions: number[] = [];
          for (const name of names) {
            const capacity = allocatable.get(name) ?? 0;
            if (capacity === 0 || !isScored(name, amounts)) continue;
            fractions.push(Math.min(1, ((requested.get(name) ?? 0) + (amounts.get(name) ?? 0)) / capacity));
          }
          return balanceOf(fractions);
        },
      };
    },
  };
}
