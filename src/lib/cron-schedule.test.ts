import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { cronScheduleError, isGoDuration } from './cron-schedule.ts';

const good = [
  '* * * * *',
  '*/5 0-6 1,15 * mon-fri',
  '0 0 1 JAN sun',
  '  0   0 ? * ?  ',
  '5/15 * * * *',
  '@daily',
  '@every 1h30m',
  'TZ=Europe/Zurich 0 4 * * *',
  'CRON_TZ=UTC @daily',
];

const bad: readonly (readonly [schedule: string, error: string])[] = [
  ['', 'empty spec string'],
  ['* * * *', 'expected exactly 5 fields, found 4: [* * * *]'],
  ['60 * * * *', 'end of range (60) above maximum (59): 60'],
  ['* * 0 * *', 'beginning of range (0) below minimum (1): 0'],
  ['5-1 * * * *', 'beginning of range (5) beyond end of range (1): 5-1'],
  ['*/0 * * * *', 'step of range should be a positive number: */0'],
  ['1-2-3 * * * *', 'too many hyphens: 1-2-3'],
  ['1/2/3 * * * *', 'too many slashes: 1/2/3'],
  ['TZ=UTC 60 * * * *', 'end of range (60) above maximum (59): 60'],
  ['TZ=Invalid/Timezone 0 4 * * *', 'provided bad location Invalid/Timezone: unknown time zone Invalid/Timezone'],
  ['CRON_TZ=europe/rome 0 4 * * *', 'provided bad location europe/rome: unknown time zone europe/rome'],
  ...['TZ=0', 'TZ=', 'CRON_TZ=UTC', 'TZ=Invalid/Timezone'].map(
    (text) => [text, 'invalid schedule format: runtime error: slice bounds out of range [:-1]'] as const,
  ),
  ['@never', 'unrecognized descriptor: @never'],
  ['@every soon', 'failed to parse duration @every soon: time: invalid duration "soon"'],
];

describe('cron schedules', () => {
  for (const schedule of good) {
    it(`reads ${JSON.stringify(schedule)}`, () => assert.equal(cronScheduleError(schedule), undefined));
  }

  for (const [schedule, error] of bad) {
    it(`refuses ${JSON.stringify(schedule)}`, () => assert.equal(cronScheduleError(schedule), error));
  }

  it('takes no longer than the text is long', () => {
    const started = performance.now();
    cronScheduleError(`${'1,'.repeat(100_000)}x * * * *`);
    isGoDuration(`${'1h'.repeat(100_000)}x`);
    assert.ok(performance.now() - started < 1000);
  });
});
