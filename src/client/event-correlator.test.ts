import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EventCorrelator, EventNames, type Happening } from './event-correlator.ts';

const minuteMs = 60_000;

/** Each step: minutes since the start, what is told, and what is to be written (`count message name`), or '' where it is held back. */
function follow(steps: readonly (readonly [minute: number, Partial<Happening>, expected: string])[]): void {
  const correlator = new EventCorrelator();
  for (const [index, [minute, told, expected]] of steps.entries()) {
    const happening: Happening = {
      involved: { kind: 'Pod', namespace: 'default', name: 'web', uid: 'u', apiVersion: 'v1' },
      type: 'Normal',
      reason: 'Killing',
      message: 'one',
      ...told,
    };
    const seen = correlator.observe(happening, { time: `t${index}`, atMs: minute * minuteMs, name: `n${index}` });
    assert.equal(seen === undefined ? '' : `${seen.count} ${seen.message} ${seen.name}`, expected, `step ${index}`);
  }
}

const texts = (from: number, count: number): (readonly [number, Partial<Happening>, string])[] =>
  Array.from({ length: count }, (_, index) => [0, { message: `m${from + index}` }, `1 m${from + index} n${index}`]);

test('the same is counted under the name of the first; another reason, text, type, field or object is another event', () => {
  const other = { kind: 'Pod', namespace: 'default', name: 'other', uid: 'o', apiVersion: 'v1' };
  follow([
    [0, {}, '1 one n0'],
    [1, {}, '2 one n0'],
    [2, { message: 'two' }, '1 two n2'],
    [2, { reason: 'Killed' }, '1 one n3'],
    [2, { type: 'Warning' }, '1 one n4'],
    [2, { involved: other }, '1 one n5'],
    [2, { involved: { ...other, fieldPath: 'spec.containers{c}' } }, '1 one n6'],
    [3, {}, '3 one n0'],
  ]);
});

test('the tenth text of one reason and those after it are one event; the nine are still counted by themselves', () => {
  follow([
    ...texts(0, 9),
    [0, { message: 'm9' }, '1 (combined from similar events): m9 n9'],
    [0, { message: 'm10' }, '2 (combined from similar events): m10 n9'],
    [0, { message: 'm3' }, '2 m3 n3'],
    [0, { reason: 'Other', message: 'm11' }, '1 m11 n12'],
    [0, { message: 'm9' }, '3 (combined from similar events): m9 n9'],
  ]);
});

test('ten minutes without any of them, and texts are told one by one again; the combined event goes on where there are many again', () => {
  follow([
    ...texts(0, 9),
    [0, { message: 'm9' }, '1 (combined from similar events): m9 n9'],
    [10, { message: 'm10' }, '2 (combined from similar events): m10 n9'],
    [20.1, { message: 'm11' }, '1 m11 n11'],
  ]);
});

test('25 at once for an object and a type, then one each five minutes; what was held back is counted', () => {
  const same = (from: number, count: number) =>
    Array.from({ length: count }, (_, index) => [0, {}, `${from + index} one n0`] as const);
  follow([
    ...same(1, 25),
    [0, {}, ''],
    [1, {}, ''],
    [1, { type: 'Warning' }, '1 one n27'],
    [5, {}, '28 one n0'],
    [9, {}, ''],
    [10, {}, '30 one n0'],
  ]);
});

test('what is forgotten begins anew', () => {
  const correlator = new EventCorrelator(4);
  const observe = (name: string) =>
    correlator.observe(
      { involved: { kind: 'Pod', name }, type: 'Normal', reason: 'R', message: 'm' },
      { time: 't', atMs: 0, name },
    )?.count;
  assert.deepEqual([observe('a'), observe('a')], [1, 2]);
  for (let index = 0; index < 8; index++) observe(`other-${index}`);
  assert.equal(observe('a'), 1);
});

test('names are new each time, and those that no event may have give way to the uid', () => {
  const names = new EventNames();
  const all = ['web', 'web', 'system:node'].map((name) => names.next({ name, uid: 'u-1' }, 1000));
  assert.deepEqual(all, ['web.3b9aca00', 'web.3b9acde8', 'u-1.3b9ad1d0']);
});
