import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SeededPrng } from '../lib/prng.ts';
import { behaviourAnnotation, containerBehaviour, emptyCatalogue, steadyBehaviour } from './container-behaviour.ts';

const prng = new SeededPrng(1);
const app = { name: 'app', image: 'app' };
const init = { name: 'setup', image: 'setup', isInit: true };

test('of what nothing is said runs on, but an init container ends well at once', () => {
  assert.deepEqual(containerBehaviour(emptyCatalogue, {}, app, prng), steadyBehaviour);
  assert.deepEqual(containerBehaviour(emptyCatalogue, {}, init, prng), { ...steadyBehaviour, exitAfterMs: 0 });
});

test('the most specific word wins, and a malformed one counts as none', () => {
  const catalogue = { ...emptyCatalogue, containers: new Map([['setup', { exitAfterMs: 10, exitCode: 1 }]]) };
  const annotations = {
    [behaviourAnnotation]: '{"exitCode": 2}',
    [`${behaviourAnnotation}.setup`]: '{"exitAfterMs": 30}',
  };
  const { exitAfterMs, exitCode } = containerBehaviour(catalogue, annotations, init, prng);
  assert.deepEqual([exitAfterMs, exitCode], [30, 2]);
  assert.equal(containerBehaviour(catalogue, { [behaviourAnnotation]: 'no json' }, init, prng).exitCode, 1);
});
