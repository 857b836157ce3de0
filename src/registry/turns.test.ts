import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Turns } from './turns.ts';

const key = { collection: 'pods', namespace: 'n', name: 'a' };
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('turns', () => {
  test('come in the order in which they were asked for, one at a time', async () => {
    const turns = new Turns();
    const order: string[] = [];
    await turns.take(key);
    for (const name of ['b', 'c', 'd']) void turns.take(key).then(() => order.push(name));
    await settle();
    assert.deepEqual(order, []);
    for (const expected of [['b'], ['b', 'c'], ['b', 'c', 'd']]) {
      turns.pass(key);
      await settle();
      assert.deepEqual(order, expected);
    }
  });

  test('are free again when the last has passed, and apart for other objects', async () => {
    const turns = new Turns();
    assert.equal(turns.isTaken(key), false);
    await turns.take(key);
    assert.equal(turns.isTaken(key), true);
    assert.equal(turns.isTaken({ ...key, name: 'b' }), false);
    turns.pass(key);
    assert.equal(turns.isTaken(key), false);
    await turns.take(key);
  });
});
