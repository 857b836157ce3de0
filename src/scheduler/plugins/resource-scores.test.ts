/** The figures of upstream's tables: nodes of 4000 and 6000 cpu, 10000 memory; a pod that asks for 3000 and 5000. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { balanceOf, meanScore, type ScoringStrategy, scoreOf } from './resource-scores.ts';

const resources = [
  { name: 'cpu', weight: 1 },
  { name: 'memory', weight: 1 },
];

function scoreFor(strategy: ScoringStrategy, requested: readonly number[], allocatable: readonly number[]): number {
  const score = scoreOf(strategy);
  const scores = requested.map((amount, index) => score(amount, allocatable[index] ?? 0));
  return meanScore(strategy.type, scores, [1, 1]);
}

const falling = {
  shape: [
    { utilization: 0, score: 10 },
    { utilization: 100, score: 0 },
  ],
};
const rising = {
  shape: [
    { utilization: 0, score: 0 },
    { utilization: 100, score: 10 },
  ],
};

describe('strategies', () => {
  const cases: readonly (readonly [string, ScoringStrategy, readonly number[], readonly number[], number])[] = [
    ['least, small node', { type: 'LeastAllocated', resources }, [3000, 5000], [4000, 10_000], 37],
    ['least, large node', { type: 'LeastAllocated', resources }, [3000, 5000], [6000, 10_000], 50],
    ['least, more than there is', { type: 'LeastAllocated', resources }, [6000, 5000], [4000, 10_000], 25],
    ['most, small node', { type: 'MostAllocated', resources }, [3000, 5000], [4000, 10_000], 62],
    ['most, large node', { type: 'MostAllocated', resources }, [3000, 5000], [6000, 10_000], 50],
    ['most, more than there is counts as all', { type: 'MostAllocated', resources }, [6000, 5000], [4000, 10_000], 75],
    [
      'a falling shape',
      { type: 'RequestedToCapacityRatio', resources, requestedToCapacityRatio: falling },
      [3000, 5000],
      [4000, 10_000],
      38,
    ],
    [
      'a rising shape',
      { type: 'RequestedToCapacityRatio', resources, requestedToCapacityRatio: rising },
      [3000, 5000],
      [4000, 10_000],
      63,
    ],
  ];
  for (const [name, strategy, requested, allocatable, expected] of cases) {
    test(name, () => assert.equal(scoreFor(strategy, requested, allocatable), expected));
  }
});

test('balance is one minus the standard deviation of the used parts', () => {
  assert.deepEqual(
    [balanceOf([0.75, 0.5]), balanceOf([0.5, 0.5]), balanceOf([0.25]), balanceOf([0, 0.5, 1])],
    [87, 100, 100, 59],
  );
});
