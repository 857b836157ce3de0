import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SmallMap } from './small-map.ts';

test('a small map reads as a map does, empty and filled', () => {
  const small = new SmallMap<string, number>();
  const map = new Map<string, number>();
  const same = (): void => {
    assert.deepEqual([...small], [...map]);
    assert.deepEqual([...small.keys()], [...map.keys()]);
    assert.deepEqual([...small.values()], [...map.values()]);
    assert.equal(small.size, map.size);
    const seen: unknown[] = [];
    for (const [key, value] of small.entries()) seen.push([key, value]);
    const told: unknown[] = [];
    small.forEach((value, key) => told.push([key, value]));
    assert.deepEqual(told, seen);
    for (const key of ['a', 'b', 'c']) {
      assert.equal(small.get(key), map.get(key));
      assert.equal(small.has(key), map.has(key));
    }
  };
  same();
  for (const [key, value] of [
    ['b', 1],
    ['a', 2],
    ['b', 3],
  ] as const) {
    small.set(key, value);
    map.set(key, value);
    same();
  }
  for (const key of ['c', 'b', 'a', 'a']) {
    assert.equal(small.delete(key), map.delete(key));
    same();
  }
  small.set('c', 4);
  assert.deepEqual([...small], [['c', 4]]);
});

test('what is deleted and set while it is walked is met as in a map', () => {
  const small = new SmallMap<string, number>().set('a', 1).set('b', 2);
  for (const key of small.keys()) small.delete(key);
  assert.equal(small.size, 0);
});
