import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Backoff, delayAfter } from './backoff.ts';

test('waits double up to the bound, by key, and success forgets them', () => {
  const backoff = new Backoff({ baseMs: 10, maxMs: 50 });
  assert.deepEqual([backoff.next('a'), backoff.next('a'), backoff.next('a'), backoff.next('a')], [10, 20, 40, 50]);
  assert.equal(backoff.next('b'), 10);
  assert.equal(backoff.failures('a'), 4);
  backoff.forget('a');
  assert.equal(backoff.next('a'), 10);
});

test('a thousand failures still give the bound', () => {
  assert.equal(delayAfter(1000, 5, 1_000_000), 1_000_000);
});
