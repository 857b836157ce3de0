/** What an update of a CronJob may leave as it was, though nobody could write it anew: zones, and zones in schedules. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { CronJob } from '../../api/schema/types/batch-v1.ts';
import { validateCronJob } from './cron-jobs.ts';

const zoned = 'TZ=UTC 0 * * * *';
const hourly = '0 * * * *';

function cronJob(fields: { readonly name?: string; readonly schedule?: string; readonly timeZone?: string }): CronJob {
  const { name = 'mine', schedule = hourly, ...rest } = fields;
  const template = { spec: { containers: [{ name: 'c', image: 'i' }], restartPolicy: 'Never' } };
  const jobTemplate = { spec: { template } };
  const spec = { schedule, ...rest, concurrencyPolicy: 'Allow', jobTemplate };
  return { metadata: { name }, spec } as unknown as CronJob;
}

type Fields = Parameters<typeof cronJob>[0];

/** Of the schedule, the zone and the name; the template lacks defaults here. */
function faults(old: Fields, now: Fields): string[] {
  const errors = validateCronJob(cronJob(now), cronJob(old)).filter(
    ({ field }) => !field.startsWith('spec.jobTemplate'),
  );
  return errors.map(({ field, message }) => `${field}: ${message}`);
}

const unknown = (zone: string): string => `spec.timeZone: Invalid value: "${zone}": unknown time zone ${zone}`;
const inSchedule = `spec.schedule: Invalid value: "${zoned}": cannot use`;

const cases: readonly (readonly [name: string, old: Fields, now: Fields, errors: string[]])[] = [
  ['a zone taken out of the schedule', { schedule: zoned }, {}, []],
  ['a zone left in the schedule', { schedule: zoned }, { schedule: zoned }, []],
  [
    'a zone beside the one in the schedule',
    { schedule: zoned },
    { schedule: zoned, timeZone: 'UTC' },
    [`${inSchedule} both timeZone field and TZ or CRON_TZ in schedule`],
  ],
  [
    'a zone put into the schedule',
    {},
    { schedule: zoned },
    [`${inSchedule} TZ or CRON_TZ in schedule, use timeZone field instead`],
  ],
  ['a first zone', {}, { timeZone: 'America/New_York' }, []],
  ['a first zone that is none', {}, { timeZone: 'broken' }, [unknown('broken')]],
  ['another zone', { timeZone: 'America/New_York' }, { timeZone: 'America/Chicago' }, []],
  ['another zone that is none', { timeZone: 'America/New_York' }, { timeZone: 'broken' }, [unknown('broken')]],
  ['a zone that is none, as before', { timeZone: 'broken' }, { timeZone: 'broken' }, []],
  ['another one that is none', { timeZone: 'broken' }, { timeZone: 'still broken' }, [unknown('still broken')]],
  ['a zone in place of one that is none', { timeZone: 'broken' }, { timeZone: 'America/New_York' }, []],
  ['a name that is too long, as before', { name: 'n'.repeat(53) }, { name: 'n'.repeat(53) }, []],
  [
    'the zone of the server, in capitals, which is no zone either',
    {},
    { timeZone: 'LOCAL' },
    [
      'spec.timeZone: Invalid value: "LOCAL": timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones',
      unknown('LOCAL'),
    ],
  ],
];

void describe('an update of a CronJob', () => {
  for (const [name, old, now, errors] of cases) {
    void test(`${errors.length > 0 ? 'refuses' : 'accepts'} ${name}`, () => assert.deepEqual(faults(old, now), errors));
  }
});
