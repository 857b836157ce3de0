import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import {
  addQuantities,
  canonicalQuantity,
  compareQuantities,
  formatQuantity,
  integerValue,
  milliValue,
  parseQuantity,
  QuantityError,
  quantityFromMilli,
  subtractQuantities,
} from './quantity.ts';

const canonical: readonly (readonly [string | number, string])[] = [
  ['0', '0'],
  ['00', '0'],
  [0.5, '500m'],
  [2, '2'],
  ['1000m', '1'],
  ['100m', '100m'],
  ['1.5', '1500m'],
  ['1000', '1k'],
  ['1500', '1500'],
  ['1000000', '1M'],
  ['1.5Gi', '1536Mi'],
  ['1024Mi', '1Gi'],
  ['307200Ki', '300Mi'],
  ['1025024Mi', '1001Gi'],
  ['1Ki', '1Ki'],
  ['1000M', '1G'],
  ['0.001T', '1G'],
  ['1.08', '1080m'],
  ['1080000000n', '1080m'],
  ['1000u', '1m'],
  ['.001Ki', '1024m'],
  ['.000001Ki', '1024u'],
  ['.000000000001Ki', '2n'],
  ['12e6', '12e6'],
  ['.001e12', '1e9'],
  ['0.001e0', '1e-3'],
  ['1000e-12', '1e-9'],
  ['100e3', '100e3'],
  ['1e0', '1e0'],
  ['10e0', '10e0'],
  ['1000e0', '1e3'],
  ['0.1n', '1n'],
  ['-0.1n', '-1n'],
  ['-1.5Gi', '-1536Mi'],
  ['5', '5'],
  ['9Ei', '9223372036854775807'],
  ['1000E', '1000E'],
  ['1.500', '1.500'],
  ['+5', '+5'],
];

for (const [text, expected] of canonical) {
  test(`${text} is ${expected}`, () => assert.equal(canonicalQuantity(text), expected));
}

for (const text of [
  '',
  'abc',
  '1.2.3',
  '1 Gi',
  '1e',
  '1Kim',
  '1i',
  '1Gi5',
  '--1',
  '1e999999999',
  `1${'0'.repeat(200)}`,
]) {
  test(`"${text.slice(0, 20)}" is no quantity`, () => assert.throws(() => parseQuantity(text), QuantityError));
}

test('thousandths and whole units are rounded up', () => {
  assert.equal(milliValue('1'), 1000);
  assert.equal(milliValue('250m'), 250);
  assert.equal(milliValue('0.5'), 500);
  assert.equal(milliValue('1u'), 1);
  assert.equal(integerValue('100m'), 1);
  assert.equal(integerValue('1.5Gi'), 1536 * 2 ** 20);
  assert.equal(integerValue('2Ki'), 2048);
  assert.equal(integerValue('1k'), 1000);
});

test('sums are exact and keep the first notation that is not zero', () => {
  assert.equal(formatQuantity(addQuantities(parseQuantity('100m'), parseQuantity('0.2'))), '300m');
  assert.equal(formatQuantity(addQuantities(parseQuantity('0'), parseQuantity('512Mi'))), '512Mi');
  assert.equal(formatQuantity(addQuantities(parseQuantity('512Mi'), parseQuantity('0.5Gi'))), '1Gi');
  assert.equal(formatQuantity(subtractQuantities(parseQuantity('1'), parseQuantity('1'))), '0');
  assert.equal(formatQuantity(quantityFromMilli(1500)), '1500m');
});

test('comparison ignores the notation', () => {
  assert.equal(compareQuantities(parseQuantity('1Gi'), parseQuantity('1024Mi')), 0);
  assert.ok(compareQuantities(parseQuantity('1Gi'), parseQuantity('1G')) > 0);
  assert.ok(compareQuantities(parseQuantity('-1'), parseQuantity('0')) < 0);
});

test('the canonical text means the same amount, and the short cuts agree with the exact way', () => {
  const suffix = fc.constantFrom('', 'm', 'u', 'n', 'k', 'M', 'G', 'T', 'Ki', 'Mi', 'Gi', 'Ti', 'e3', 'E-3', 'e2');
  const number = fc.stringMatching(/^[0-9]{1,12}(\.[0-9]{0,6})?$/);
  fc.assert(
    fc.property(number, suffix, (digits, unit) => {
      const quantity = parseQuantity(digits + unit);
      const { nano, format } = quantity;
      assert.equal(parseQuantity(formatQuantity({ nano, format })).nano, nano);
      const up = (per: bigint): number => Number((nano + per - 1n) / per);
      assert.equal(milliValue(digits + unit), up(1_000_000n));
      assert.equal(integerValue(digits + unit), up(1_000_000_000n));
    }),
    { numRuns: 1000 },
  );
});
