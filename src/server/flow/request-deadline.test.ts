import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseDuration, requestMsMax } from './request-deadline.ts';

const ofQuery = (text: string): number => requestMsMax(new URLSearchParams(text));

test('the timeout of the query counts, up to a minute', () => {
  assert.equal(ofQuery('timeout=5s'), 5_000);
  assert.equal(ofQuery('timeout=1.5s'), 1_500);
  assert.equal(ofQuery(''), 60_000);
  assert.equal(ofQuery('timeout='), 60_000);
  assert.equal(ofQuery('timeout=0'), 60_000);
  assert.equal(ofQuery('timeout=-3s'), 60_000);
  assert.equal(ofQuery('timeout=10m'), 60_000);
});

test('durations are read as Go reads them', () => {
  assert.equal(parseDuration('1h2m3s4ms'), 3_723_004);
  assert.equal(parseDuration('.5m'), 30_000);
  assert.equal(parseDuration('250us'), 0.25);
  for (const bad of ['', 's', '5', '1d', '5 s', 'abc', '1s2']) assert.equal(parseDuration(bad), undefined, bad);
});

test('a timeout that is none is a bad request, in words that name it', () => {
  const message = (text: string): string => {
    try {
      ofQuery(`timeout=${text}`);
    } catch (error) {
      return (error as Error).message;
    }
    return '';
  };
  const start = 'invalid timeout specified in the request URL - ';
  assert.equal(message('soon'), `${start}time: invalid duration "soon"`);
  assert.equal(message('5'), `${start}time: missing unit in duration "5"`);
  assert.equal(message('5d'), `${start}time: unknown unit "d" in duration "5d"`);
});

test('a timeout of a million digits is refused as quickly as any other', () => {
  const start = performance.now();
  for (const end of ['', 'x1', 's1']) {
    assert.throws(() => requestMsMax(new URLSearchParams({ timeout: `${'1'.repeat(1_000_000)}${end}` })), {
      reason: 'BadRequest',
    });
  }
  assert.ok(performance.now() - start < 1_000);
});
