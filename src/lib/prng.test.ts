import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nameSuffix, nextInt, SeededPrng, uuid } from './prng.ts';

test('one seed gives one sequence, two seeds give two', () => {
  const draw = (seed: number): number[] => {
    const prng = new SeededPrng(seed);
    return Array.from({ length: 10 }, () => prng.next());
  };
  assert.deepEqual(draw(7), draw(7));
  assert.notDeepEqual(draw(7), draw(8));
});

test('draws spread over the whole range', () => {
  const prng = new SeededPrng(1);
  const counts = Array.from({ length: 10 }, () => 0);
  for (let i = 0; i < 10_000; i++) counts[nextInt(prng, 10)]! += 1;
  for (const count of counts) assert.ok(count > 850 && count < 1150, `bucket of ${count}`);
});

test('a uuid is a version 4 uuid, and a thousand differ', () => {
  const prng = new SeededPrng(1);
  const made = new Set(Array.from({ length: 1000 }, () => uuid(prng)));
  assert.equal(made.size, 1000);
  for (const one of made) assert.match(one, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
});

test('a generated name suffix has five letters of the safe alphabet', () => {
  assert.match(nameSuffix(new SeededPrng(3)), /^[bcdfghjklmnpqrstvwxz2456789]{5}$/);
});
