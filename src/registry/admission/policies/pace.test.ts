import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../../../lib/clock.ts';
import { limits } from '../../../lib/limits.ts';
import { Pace } from './pace.ts';

test('nobody waits until a turn is over; then one rest begins the next', async () => {
  const clock = new VirtualClock();
  const pace = new Pace(clock);
  assert.equal(pace.rest(), undefined);
  await clock.advance(limits.policyTurnMs - 1);
  assert.equal(pace.rest(), undefined);
  await clock.advance(1);
  const rest = pace.rest();
  assert.ok(rest);
  await clock.advance(0);
  await rest;
  assert.equal(pace.rest(), undefined);
});

test('steps are taken in their order, with a rest after each that took long', async () => {
  const clock = new VirtualClock();
  const pace = new Pace(clock);
  const seen: string[] = [];
  function* steps(): Generator<void, string> {
    for (const name of ['a', 'b', 'c']) {
      seen.push(name);
      yield;
    }
    return 'done';
  }
  await clock.advance(limits.policyTurnMs);
  const result = pace.through(steps());
  assert.deepEqual(seen, ['a']);
  await clock.advance(0);
  assert.equal(await result, 'done');
  assert.deepEqual(seen, ['a', 'b', 'c']);
});
