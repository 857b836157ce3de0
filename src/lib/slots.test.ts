import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Slots } from './slots.ts';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('so many run, the others in the order in which they came', async () => {
  const slots = new Slots(2);
  const ends: (() => void)[] = [];
  const begun: number[] = [];
  const { signal } = new AbortController();
  const all = [0, 1, 2, 3].map((index) =>
    slots.run(signal, () => {
      begun.push(index);
      return new Promise<number>((resolve) => ends.push(() => resolve(index)));
    }),
  );
  await turn();
  assert.deepEqual(begun, [0, 1]);
  ends[1]?.();
  await turn();
  assert.deepEqual(begun, [0, 1, 2]);
  for (let index = 0; index < 4; index++) {
    ends[index]?.();
    await turn();
  }
  assert.deepEqual(await Promise.all(all), [0, 1, 2, 3]);
});

test('whoever stops waiting leaves the line, and a failure gives its slot back', async () => {
  const slots = new Slots(1);
  const impatient = new AbortController();
  const { signal } = new AbortController();
  const fail = Promise.withResolvers<never>();
  const first = slots.run(signal, () => fail.promise);
  const second = slots.run(impatient.signal, async () => 'second');
  const third = slots.run(signal, async () => 'third');
  impatient.abort(new Error('no longer'));
  await assert.rejects(second, /no longer/);
  fail.reject(new Error('broken'));
  await assert.rejects(first, /broken/);
  assert.equal(await third, 'third');
  assert.equal(await slots.run(signal, async () => 'fourth'), 'fourth');
  await assert.rejects(
    slots.run(AbortSignal.abort(new Error('over')), async () => 1),
    /over/,
  );
});
