import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isTimeZone } from './time-zones.ts';

describe('names of time zones', () => {
  it('knows zones by their own names and by all older ones', () => {
    const names =
      'UTC Europe/Rome America/Argentina/ComodRivadavia Asia/Calcutta Asia/Kolkata EST5EDT Etc/GMT-14 Factory GB-Eire US/Samoa W-SU';
    assert.deepEqual(
      names.split(' ').filter((name) => !isTimeZone(name)),
      [],
    );
  });

  it('goes by the letters as they are', () => {
    assert.deepEqual(['utc', 'europe/rome', 'EST5edt', 'factory'].filter(isTimeZone), []);
  });

  it('takes no offset, no area and nothing that is not there', () => {
    assert.deepEqual(['+01:00', '-05:00', 'Europe', 'Europe/InvalidRome', ' UTC', ''].filter(isTimeZone), []);
  });
});
