import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Heap } from './heap.ts';
import { nextInt, SeededPrng } from './prng.ts';

test('what is pushed in any order is popped in order', () => {
  const prng = new SeededPrng(7);
  for (let round = 0; round < 50; round++) {
    const numbers = Array.from({ length: nextInt(prng, 40) }, () => nextInt(prng, 20));
    const heap = new Heap<number>((a, b) => a < b);
    for (const number of numbers) heap.push(number);
    const popped: number[] = [];
    while (heap.size > 0) popped.push(heap.pop() as number);
    assert.deepEqual(
      popped,
      numbers.toSorted((a, b) => a - b),
    );
  }
});

test('an empty heap has nothing to give', () => {
  const heap = new Heap<number>((a, b) => a < b);
  assert.equal(heap.pop(), undefined);
  assert.equal(heap.peek(), undefined);
});
