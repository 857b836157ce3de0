import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { FlushRounds } from './flush-rounds.ts';

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Writes down its name each time. */
const flushable = (name: string, flushed: string[], then = (): void => {}) => ({
  flush: () => {
    flushed.push(name);
    then();
  },
});

describe('flush rounds', () => {
  test('flush on the next turn of the event loop, in the order in which they were added', async () => {
    const rounds = new FlushRounds();
    const flushed: string[] = [];
    for (const name of ['a', 'b', 'c']) rounds.add(flushable(name, flushed));
    assert.deepEqual(flushed, []);
    await nextTurn();
    assert.deepEqual(flushed, ['a', 'b', 'c']);
  });

  test('flush many in several turns, so that others run in between', async () => {
    const rounds = new FlushRounds();
    const flushed: string[] = [];
    for (let index = 0; index < 1_000; index++) rounds.add(flushable(String(index), flushed));
    await nextTurn();
    const first = flushed.length;
    assert.ok(first > 0 && first < 200, String(first));
    while (flushed.length < 1_000) await nextTurn();
    assert.deepEqual(
      flushed,
      Array.from({ length: 1_000 }, (_, index) => String(index)),
    );
  });

  test('flush whoever was added meanwhile behind all others, once', async () => {
    const rounds = new FlushRounds();
    const flushed: string[] = [];
    const again = flushable('again', flushed);
    let adds = 3;
    rounds.add(flushable('first', flushed, () => adds-- > 0 && rounds.add(again)));
    for (const name of ['b', 'c']) rounds.add(flushable(name, flushed));
    for (let turn = 0; turn < 5; turn++) await nextTurn();
    assert.deepEqual(flushed, ['first', 'b', 'c', 'again']);
  });
});
