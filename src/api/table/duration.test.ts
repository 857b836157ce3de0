import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ageSince, humanDuration } from './duration.ts';

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

const cases: readonly (readonly [number, string])[] = [
  [-2 * second, '<invalid>'],
  [-1 * second, '0s'],
  [0, '0s'],
  [119 * second, '119s'],
  [2 * minute, '2m'],
  [3 * minute + 5 * second, '3m5s'],
  [10 * minute + 5 * second, '10m'],
  [179 * minute, '179m'],
  [3 * hour, '3h'],
  [7 * hour + 30 * minute, '7h30m'],
  [47 * hour, '47h'],
  [2 * day, '2d'],
  [2 * day + 3 * hour, '2d3h'],
  [8 * day, '8d'],
  [729 * day, '729d'],
  [730 * day, '2y'],
  [800 * day, '2y70d'],
  [3650 * day, '10y'],
];

for (const [durationMs, expected] of cases) {
  test(`${durationMs} ms is ${expected}`, () => assert.equal(humanDuration(durationMs), expected));
}

test('an age without a timestamp is unknown', () => {
  assert.equal(ageSince(undefined, 0), '<unknown>');
  assert.equal(ageSince('1970-01-01T00:00:00Z', 90 * second), '90s');
});
