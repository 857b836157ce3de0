/** A Job whose controller's clock is set while it runs. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JobStatus } from '../../api/schema/types/batch-v1.ts';
import { ends } from './conditions.ts';
import { makeJob } from './testing.ts';
import { finish } from './tracking.ts';

const startTime = '2026-01-01T00:10:00Z';

/** What a Job that began at `startTime` says when it is complete at `now`. */
function completedAt(now: string): JobStatus | undefined {
  const status: JobStatus = { startTime, succeeded: 1 };
  return finish(makeJob({ completions: 1 }), status, ends.completions, Date.parse(now));
}

test('a Job is not complete before it began, although the clock was set back', () => {
  assert.equal(completedAt('2026-01-01T00:09:30Z')?.completionTime, startTime);
  assert.equal(completedAt('2026-01-01T00:10:05Z')?.completionTime, '2026-01-01T00:10:05Z');
});
