import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KeptBytes } from './kept-bytes.ts';

test('what was used longest ago goes first, and what is too large is never kept', () => {
  const kept = new KeptBytes(100);
  const made: string[] = [];
  const make = (key: string, length: number): Buffer => {
    made.push(key);
    return Buffer.alloc(length);
  };
  const get = (key: string, length: number): number => (kept.get(key) ?? kept.keep(key, make(key, length))).length;
  assert.deepEqual([get('a', 40), get('b', 40), get('a', 40)], [40, 40, 40]);
  assert.deepEqual(made, ['a', 'b']);
  get('c', 40);
  assert.equal(kept.bytes, 80);
  get('a', 40);
  get('b', 40);
  assert.deepEqual(made, ['a', 'b', 'c', 'b']);
  get('large', 51);
  get('large', 51);
  assert.deepEqual(made.slice(4), ['large', 'large']);
  assert.equal(kept.bytes, 80);
});
