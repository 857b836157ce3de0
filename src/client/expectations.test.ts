import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../lib/clock.ts';
import { Expectations } from './expectations.ts';

test('what was asked for is awaited until it is seen', () => {
  const expectations = new Expectations(new VirtualClock());
  assert.equal(expectations.satisfied('a'), true);
  expectations.expect('a', 2, ['uid']);
  expectations.creationSeen('a');
  expectations.deletionSeen('a', 'another');
  expectations.creationSeen('a');
  assert.equal(expectations.satisfied('a'), false);
  expectations.deletionSeen('a', 'uid');
  assert.equal(expectations.satisfied('a'), true);
});

test('what is never seen is given up after five minutes', async () => {
  const clock = new VirtualClock();
  const expectations = new Expectations(clock);
  expectations.expect('a', 1);
  await clock.advance(5 * 60 * 1000);
  assert.equal(expectations.satisfied('a'), false);
  await clock.advance(1);
  assert.equal(expectations.satisfied('a'), true);
});

test('how long something is still awaited is told, for who must look again by himself', async () => {
  const clock = new VirtualClock();
  const expectations = new Expectations(clock);
  assert.equal(expectations.remainingMs('a'), undefined);
  expectations.expect('a', 1);
  await clock.advance(1000);
  const remainingMs = expectations.remainingMs('a');
  assert.equal(remainingMs, 5 * 60 * 1000 - 1000 + 1);
  await clock.advance(remainingMs);
  assert.deepEqual([expectations.remainingMs('a'), expectations.satisfied('a')], [undefined, true]);
});

test('what is forgotten is awaited no more', () => {
  const expectations = new Expectations(new VirtualClock());
  expectations.expect('a', 1);
  expectations.forget('a');
  assert.equal(expectations.satisfied('a'), true);
});
