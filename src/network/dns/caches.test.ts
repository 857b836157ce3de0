/** The two caches: what is kept, what goes, and that neither grows beyond its bound. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AnswerCache } from './answer-cache.ts';
import { BoundedCache } from './bounded-cache.ts';
import type { Encoded } from './message.ts';

const encoded = (bytes: number): Encoded => ({ bytes: Buffer.alloc(bytes), starts: [], isTruncated: false });

test('a bounded cache lets go of what was not asked for longest', () => {
  const cache = new BoundedCache<number>(10);
  for (let index = 0; index < 5; index++) cache.set(`k${index}`, index, 2);
  assert.equal(cache.get('k0'), 0);
  cache.set('k5', 5, 4);
  assert.deepEqual(
    ['k0', 'k1', 'k2', 'k3', 'k4', 'k5'].map((key) => cache.get(key)),
    [0, undefined, undefined, 3, 4, 5],
  );
  assert.equal(cache.weight, 10);
  cache.set('k0', 7, 1);
  assert.deepEqual([cache.get('k0'), cache.weight], [7, 9]);
  cache.set('large', 1, 11);
  assert.deepEqual([cache.get('large'), cache.weight], [undefined, 9]);
  cache.clear();
  assert.equal(cache.weight, 0);
});

test('answers go with what they were made of, and nothing else goes', () => {
  const cache = new AnswerCache();
  cache.set('a', 'shop/web', encoded(10));
  cache.set('b', 'shop/web', encoded(10));
  cache.set('c', 'shop/db', encoded(10));
  cache.set('b', 'shop/db', encoded(10));
  cache.forget('shop/web');
  assert.deepEqual(
    ['a', 'b', 'c'].map((key) => cache.get(key) !== undefined),
    [false, true, true],
  );
  cache.forget('shop/db');
  assert.equal(cache.size, 0);
});

test('names that nobody asks twice do not fill the memory', () => {
  const cache = new AnswerCache();
  for (let index = 0; index < 20_000; index++) cache.set(`name ${index}`, `owner ${index}`, encoded(100));
  assert.ok(cache.size < 8000 && cache.size > 4000, String(cache.size));
  assert.equal(cache.get('name 0'), undefined);
  assert.ok(cache.get('name 19999') !== undefined);
});
