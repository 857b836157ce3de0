import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cpu, memory, seconds, wholeSeconds } from './quantities.ts';

for (const [text, expected] of [
  ['10s', 10],
  ['1m30s', 90],
  ['1h5m30s20ms', 3930.02],
  ['500ms', 0.5],
  ['1us', 1e-6],
  ['2d', 172_800],
  ['0', 0],
] as const) {
  test(`${text} is ${expected} s`, () => assert.equal(seconds(text, 'x'), expected));
}

for (const [amount, expected] of [
  ['512m', '512Mi'],
  ['1gb', '1Gi'],
  ['1.5g', '1536Mi'],
  ['2048kb', '2Mi'],
  ['1000', '1000'],
  ['100b', '100'],
  [1024, '1Ki'],
  ['2GiB', '2Gi'],
  ['-1', undefined],
  [0, undefined],
] as const) {
  test(`${amount} of memory is ${expected}`, () => assert.equal(memory(amount, 'x'), expected));
}

for (const [amount, expected] of [
  ['0.5', '500m'],
  [2, '2'],
  ['1.25', '1250m'],
  [0.0001, '1m'],
  [0, undefined],
] as const) {
  test(`${amount} CPUs are ${expected}`, () => assert.equal(cpu(amount, 'x'), expected));
}

test('what is no duration, size or number is refused with its place', () => {
  assert.throws(() => seconds('10', 'web.interval'), {
    message: 'web.interval: "10" must be a duration such as 10s or 1m30s',
  });
  assert.throws(() => seconds('10s fast', 'x'), /must be a duration/);
  assert.throws(() => memory('much', 'x'), /must be a size/);
  assert.throws(() => cpu('half', 'x'), /must be a number/);
});

test('probes count in whole seconds, from one on', () => {
  assert.deepEqual(
    ['200ms', '1s', '1500ms'].map((text) => wholeSeconds(text, 'x')),
    [1, 1, 2],
  );
});
