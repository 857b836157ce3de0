import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { formatDuration, parseDuration } from './duration.ts';

test('durations are printed as Go prints them', () => {
  const printed: readonly (readonly [bigint, string])[] = [
    [0n, '0s'],
    [1n, '1ns'],
    [1_100n, '1.1µs'],
    [2_200_000n, '2.2ms'],
    [3_300_000_000n, '3.3s'],
    [245_000_000_000n, '4m5s'],
    [3_600_000_000_000n, '1h0m0s'],
    [18_367_001_000_000n, '5h6m7.001s'],
    [-1_500_000_000n, '-1.5s'],
    [-(2n ** 63n), '-2562047h47m16.854775808s'],
  ];
  for (const [nanos, text] of printed) assert.equal(formatDuration(nanos), text);
});

test('what was printed reads as what it was', () => {
  fc.assert(
    fc.property(fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n), (nanos) => parseDuration(formatDuration(nanos)) === nanos),
  );
});

test('other ways to write them are read too', () => {
  assert.equal(parseDuration('1.5h'), 5_400_000_000_000n);
  assert.equal(parseDuration('-.5s'), -500_000_000n);
  assert.equal(parseDuration('0'), 0n);
  assert.throws(() => parseDuration('9999999h'), /invalid duration/);
  assert.throws(() => parseDuration('1 day'), /unknown unit/);
});
