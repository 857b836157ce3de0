/** Whole runs: that they repeat, that they hold, and that each way of breaking a part is caught. Minutes of virtual time each. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SeededPrng } from '../../lib/prng.ts';
import { storeAuthorization } from '../../server/authorization/store-authorization.ts';
import { canaries } from './canaries.ts';
import { calm, climates } from './faults.ts';
import {
  type Scenario,
  type SimulationOptions,
  type SimulationReport,
  scenarioOf,
  simulateSeed,
} from './simulation.ts';
import { everyAction } from './workload.ts';

const minutes = (count: number): number => count / 60;

const run = (options: Partial<SimulationOptions> = {}): Promise<SimulationReport> =>
  simulateSeed({ seed: 1, hours: minutes(4), authorization: storeAuthorization, ...options });

test('the same seed gives the same history, and another seed another one', async () => {
  const mixed = climates[0] ?? calm;
  const scenario: Scenario = { climate: mixed, actions: everyAction, nodeCount: 3 };
  const [first, again] = [await run({ scenario }), await run({ scenario })];
  const other = await run({ scenario, seed: 2, hours: minutes(1) });
  assert.deepEqual(first, again);
  assert.notEqual(first.hash, other.hash);
  assert.equal(first.violation, undefined);
  assert.equal(other.violation, undefined);
  assert.ok(first.calls.lostAnswers > 0 && Object.keys(first.disturbances).length > 0, 'faults did strike');
});

test('seeds choose among all climates', () => {
  const chosen = Array.from({ length: 40 }, (_, seed) => scenarioOf(seed, new SeededPrng(seed)).climate.name);
  assert.deepEqual([...new Set(chosen)].sort(), ['bad API', 'bad loops', 'bad nodes', 'calm', 'mixed']);
});

test('rolling updates keep their promise although loops crash, caches lag and answers get lost', async () => {
  const report = await run({ seed: 27, hours: minutes(5) });
  assert.deepEqual([report.climate, report.violation], ['rollouts', undefined]);
  assert.ok(Object.keys(report.disturbances).length > 0 && report.calls.brokenWatches > 0);
});

describe('a fault that is built in is caught', () => {
  for (const { name, invariant, options } of canaries) {
    test(name, async () => {
      const { violation } = await run(options);
      assert.equal(violation?.invariant, invariant);
    });
  }
});
