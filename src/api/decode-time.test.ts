import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DecodeError } from './decode-error.ts';
import { checkDuration, decodeMicroTime, decodeTime } from './decode-time.ts';

test('times are stored in UTC and whole seconds', () => {
  const cases: [string, string][] = [
    ['2026-01-02T03:04:05Z', '2026-01-02T03:04:05Z'],
    ['2026-01-02T03:04:05.999Z', '2026-01-02T03:04:05Z'],
    ['2026-01-01T00:30:00+01:00', '2025-12-31T23:30:00Z'],
    ['2024-02-29T23:30:00-01:00', '2024-03-01T00:30:00Z'],
    ['2026-12-31T23:59:59-00:01', '2027-01-01T00:00:59Z'],
    ['0001-01-01T00:00:00Z', '0001-01-01T00:00:00Z'],
    ['2026-01-02T3:04:05Z', '2026-01-02T03:04:05Z'],
  ];
  for (const [text, expected] of cases) assert.equal(decodeTime(text), expected, text);
});

test('micro times have six digits', () => {
  assert.equal(decodeMicroTime('2026-01-02T03:04:05.000001Z'), '2026-01-02T03:04:05.000001Z');
  assert.equal(decodeMicroTime('2026-01-02T03:04:05.120000+02:00'), '2026-01-02T01:04:05.120000Z');
  assert.throws(() => decodeMicroTime('2026-01-02T03:04:05Z'), /cannot parse "Z" as "\.000000"/);
  assert.throws(() => decodeMicroTime('2026-01-02T03:04:05.1234567Z'), DecodeError);
});

test('what is no time is described as Go describes it', () => {
  const layout = '"2006-01-02T15:04:05Z07:00"';
  const cases: [string, string][] = [
    ['', `parsing time "" as ${layout}: cannot parse "" as "2006"`],
    ['yesterday', `parsing time "yesterday" as ${layout}: cannot parse "yesterday" as "2006"`],
    ['2026-01-02', `parsing time "2026-01-02" as ${layout}: cannot parse "" as "T"`],
    ['2026-01-02 03:04:05Z', `parsing time "2026-01-02 03:04:05Z" as ${layout}: cannot parse " 03:04:05Z" as "T"`],
    ['2026-01-02T03:04:05', `parsing time "2026-01-02T03:04:05" as ${layout}: cannot parse "" as "Z07:00"`],
    ['2026-13-02T03:04:05Z', 'parsing time "2026-13-02T03:04:05Z": month out of range'],
    ['2026-02-29T03:04:05Z', 'parsing time "2026-02-29T03:04:05Z": day out of range'],
    ['2026-01-02T24:04:05Z', 'parsing time "2026-01-02T24:04:05Z": hour out of range'],
    ['2026-01-02T03:04:05Zx', 'parsing time "2026-01-02T03:04:05Zx": extra text: "x"'],
  ];
  for (const [text, message] of cases) assert.throws(() => decodeTime(text), new DecodeError(message), text);
});

test('durations are those of Go', () => {
  for (const text of ['0', '1h30m', '1.5s', '-2us', '.5h', '3ms']) checkDuration(text);
  assert.throws(() => checkDuration('5'), new DecodeError('time: missing unit in duration "5"'));
  assert.throws(() => checkDuration('5 days'), new DecodeError('time: unknown unit " days" in duration "5 days"'));
  assert.throws(() => checkDuration('soon'), new DecodeError('time: invalid duration "soon"'));
});
