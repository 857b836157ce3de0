import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseGatewayDuration } from './gateway-duration.ts';

test('durations are whole numbers of up to four units', () => {
  const cases: readonly (readonly [string, number | undefined])[] = [
    ['0s', 0],
    ['1h30m', 5_400_000],
    ['10s', 10_000],
    ['500ms', 500],
    ['1h1m1s1ms', 3_661_001],
    ['10s30m1h', 5_410_000],
    ['', undefined],
    ['1', undefined],
    ['1.5s', undefined],
    ['-1s', undefined],
    ['100000s', undefined],
    ['1h1m1s1ms1s', undefined],
    ['1us', undefined],
  ];
  for (const [text, wantedMs] of cases) assert.equal(parseGatewayDuration(text), wantedMs, text);
});
