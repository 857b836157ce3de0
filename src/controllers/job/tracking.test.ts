/** What a status says before and after the finalizers of ended pods are taken away, row by row. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Job, JobSpec, JobStatus } from '../../api/schema/types/batch-v1.ts';
import type { Pod } from '../../api/schema/types/core-v1.ts';
import { noFailures } from './backoff.ts';
import { type ConditionNews, ends } from './conditions.ts';
import { makeJob, makeJobPod } from './testing.ts';
import { finish, track, trackedUids, withoutReleased } from './tracking.ts';
import { viewOf } from './view.ts';

const nowMs = Date.parse('2026-01-01T00:10:00Z');

interface Row {
  readonly name: string;
  readonly spec?: Partial<JobSpec>;
  readonly deleting?: boolean;
  readonly status?: Partial<JobStatus>;
  readonly pods: readonly Pod[];
  /** Uids whose finalizers are gone, which the cache does not show. */
  readonly gone?: readonly string[];
  readonly end?: ConditionNews;
  /** Uids in the first status; nothing where it names none. */
  readonly named?: { readonly succeeded?: readonly string[]; readonly failed?: readonly string[] };
  readonly released: number;
  /** `succeeded/failed` in the first status and the last. */
  readonly counts: readonly [first: string, last: string];
  readonly indexes?: string;
  readonly failedIndexes?: string;
  /** Whether the last status says that the Job finished. */
  readonly finished?: boolean;
}

const [succeeded, failed, running, pending] = (['Succeeded', 'Failed', 'Running', 'Pending'] as const).map(
  (phase) =>
    (uid: string, facts: Parameters<typeof makeJobPod>[1] = {}) =>
      makeJobPod(phase, { uid, ...facts }),
) as [Make, Make, Make, Make];
type Make = (uid: string, facts?: Parameters<typeof makeJobPod>[1]) => Pod;

const untracked = { tracked: false };
const deleting = { deleting: true };
const indexed = (completions: number, more: Partial<JobSpec> = {}): Partial<JobSpec> => ({
  completionMode: 'Indexed',
  completions,
  parallelism: completions,
  ...more,
});

const rows: readonly Row[] = [
  { name: 'no pods', pods: [], released: 0, counts: ['0/0', '0/0'] },
  {
    name: 'ends, and pods that are deleted while they run',
    pods: [succeeded('a'), failed('b'), succeeded('c', deleting), failed('d', deleting), pending('e', deleting)].concat(
      pending('f'),
      running('g'),
    ),
    named: { succeeded: ['a', 'c'], failed: ['b', 'd', 'e'] },
    released: 5,
    counts: ['0/0', '2/3'],
  },
  {
    name: 'ends of before and new ones: what is named and released, or gone, is counted first',
    status: { succeeded: 2, failed: 3, uncountedTerminatedPods: { succeeded: ['a', 'e'], failed: ['b', 'f'] } },
    pods: [
      succeeded('e', untracked),
      failed('x', untracked),
      pending('y', untracked),
      succeeded('a'),
      failed('b'),
      succeeded('c'),
      failed('d'),
    ],
    named: { succeeded: ['a', 'c'], failed: ['b', 'd'] },
    released: 4,
    counts: ['3/4', '5/6'],
  },
  {
    name: 'finalizers that are gone and that the cache still shows',
    status: { succeeded: 2, failed: 3, uncountedTerminatedPods: { succeeded: ['a', 'g'], failed: ['b', 'h'] } },
    gone: ['c', 'd', 'g', 'h'],
    pods: [...['a', 'c', 'e', 'g'].map((uid) => succeeded(uid)), ...['b', 'd', 'f', 'h'].map((uid) => failed(uid))],
    named: { succeeded: ['a', 'e'], failed: ['b', 'f'] },
    released: 4,
    counts: ['3/4', '5/6'],
  },
  {
    name: 'one that was counted as failed when it was told to go, and succeeded all the same: named still, and when the cache lags',
    spec: indexed(4),
    status: { succeeded: 1, failed: 1, completedIndexes: '0', uncountedTerminatedPods: { failed: ['a'] } },
    gone: ['b'],
    pods: [succeeded('a', { ...deleting, index: 2 }), succeeded('b', { ...deleting, index: 3 })],
    named: { failed: ['a'] },
    released: 1,
    counts: ['1/1', '1/2'],
    indexes: '0',
  },
  {
    name: 'a policy of success that is met: what still ran counts for nothing',
    pods: [succeeded('a'), failed('b'), pending('c')],
    end: ends.successPolicy('Matched rules at index 0'),
    named: { succeeded: ['a'], failed: ['b'] },
    released: 3,
    counts: ['0/0', '1/1'],
    finished: true,
  },
  {
    name: 'completions that are reached',
    pods: [succeeded('a'), failed('b')],
    end: ends.completions,
    named: { succeeded: ['a'], failed: ['b'] },
    released: 2,
    counts: ['0/0', '1/1'],
    finished: true,
  },
  {
    name: 'a failure: what still ran counts as failed',
    pods: [succeeded('a'), failed('b'), running('c')],
    end: ends.backoffLimit,
    named: { succeeded: ['a'], failed: ['b', 'c'] },
    released: 3,
    counts: ['0/0', '1/2'],
    finished: true,
  },
  {
    name: 'a Job that is deleted: nothing holds its pods, and what runs is not counted',
    deleting: true,
    pods: [succeeded('a'), failed('b'), running('c')],
    named: { succeeded: ['a'], failed: ['b'] },
    released: 3,
    counts: ['0/0', '1/1'],
  },
  {
    name: 'indexes: the same one twice counts once, and one without index for nothing',
    spec: indexed(6),
    pods: [
      succeeded('a', { index: 1 }),
      succeeded('b', { index: 3 }),
      succeeded('c', { index: 3 }),
      running('d', { index: 5 }),
      succeeded('e'),
    ],
    released: 4,
    counts: ['2/0', '2/0'],
    indexes: '1,3',
  },
  {
    name: 'an index that ended and is no longer wanted',
    spec: indexed(2),
    status: { succeeded: 1, completedIndexes: '3' },
    pods: [running('a', { index: 0 }), running('b', { index: 1 })],
    released: 0,
    counts: ['0/0', '0/0'],
  },
  {
    name: 'an index that is no longer wanted, and a new one that is',
    spec: indexed(2),
    status: { succeeded: 1, completedIndexes: '3' },
    pods: [running('a', { index: 0 }), succeeded('b', { index: 1 })],
    released: 1,
    counts: ['1/0', '1/0'],
    indexes: '1',
  },
  {
    name: 'failures of indexes, of which one has none',
    spec: indexed(6),
    pods: [
      failed('a', { index: 1 }),
      failed('b', { index: 3 }),
      failed('c', { index: 3 }),
      running('d', { index: 5 }),
      failed('e'),
    ],
    named: { failed: ['a', 'b', 'c'] },
    released: 4,
    counts: ['0/0', '0/3'],
  },
  {
    name: 'indexes of before, one beyond the completions, and new ends',
    spec: indexed(7),
    status: { failed: 2, succeeded: 5, completedIndexes: '0-2,4,6,7' },
    pods: [
      succeeded('p', { index: 0, tracked: false }),
      failed('q', { index: 1, tracked: false }),
      succeeded('r', { index: 1 }),
      succeeded('s', { index: 3 }),
      failed('a', { index: 2 }),
      failed('b', { index: 5 }),
    ],
    named: { failed: ['a', 'b'] },
    released: 4,
    counts: ['6/2', '6/4'],
    indexes: '0-4,6',
  },
  {
    name: 'a pod that was named as failed and says that it succeeded',
    status: { uncountedTerminatedPods: { failed: ['a', 'b'] } },
    pods: [failed('a'), succeeded('b')],
    end: ends.backoffLimit,
    named: { failed: ['a', 'b'] },
    released: 2,
    counts: ['0/0', '0/2'],
    finished: true,
  },
  {
    name: 'a failure whose pod still ends: it is counted, and the Job waits',
    status: { uncountedTerminatedPods: { failed: ['a'] }, terminating: 1 },
    pods: [running('a', { deleting: true, tracked: false })],
    end: ends.backoffLimit,
    released: 0,
    counts: ['0/1', '0/1'],
  },
  {
    name: 'a success while another pod still ends: the Job waits, too',
    status: { uncountedTerminatedPods: { failed: ['a'], succeeded: ['b'] }, terminating: 1 },
    pods: [running('a', { deleting: true, tracked: false })],
    end: ends.completions,
    released: 0,
    counts: ['1/1', '1/1'],
  },
  {
    name: 'a failed pod that waits for the next of its index stays, and is not counted',
    spec: indexed(6, { backoffLimitPerIndex: 1 }),
    pods: [failed('a', { index: 1, failures: 0 })],
    released: 0,
    counts: ['0/0', '0/0'],
    failedIndexes: '',
  },
  {
    name: 'a failed pod whose index runs again goes, and is counted',
    spec: indexed(6, { backoffLimitPerIndex: 1 }),
    pods: [failed('a', { index: 1, failures: 0 }), running('b', { index: 1, failures: 1 })],
    named: { failed: ['a'] },
    released: 1,
    counts: ['0/0', '0/1'],
    failedIndexes: '',
  },
  {
    name: 'a failed pod whose index has failed goes, and is counted',
    spec: indexed(6, { backoffLimitPerIndex: 1 }),
    pods: [failed('a', { index: 1, failures: 1 })],
    named: { failed: ['a'] },
    released: 1,
    counts: ['0/0', '0/1'],
    failedIndexes: '1',
  },
];

const countsOf = (status: JobStatus): string => `${status.succeeded ?? 0}/${status.failed ?? 0}`;

function observe({ spec, deleting: isDeleting, status, pods, gone = [] }: Row) {
  const plain = makeJob({ completionMode: 'NonIndexed', parallelism: 2, ...spec });
  const metadata = { ...plain.metadata, ...(isDeleting && { deletionTimestamp: '2026-01-01T00:00:00Z' }) };
  const job: Job = { ...plain, metadata, ...(status && { status }) };
  return viewOf({ job, pods, released: new Set(gone), failures: noFailures, nowMs });
}

describe('of', () => {
  for (const row of rows) {
    test(row.name, () => {
      const view = observe(row);
      const { status: first, release, more } = track(view, row.end, { ...view.job.status });
      const { completedIndexes = '', failedIndexes, uncountedTerminatedPods } = first;
      assert.deepEqual(uncountedTerminatedPods, row.named ?? {});
      assert.deepEqual([release.length, more, countsOf(first)], [row.released, false, row.counts[0]]);
      assert.deepEqual([completedIndexes, failedIndexes], [row.indexes ?? '', row.failedIndexes]);
      const released = new Set(release.map(({ metadata }) => metadata?.uid));
      const left = new Set([...trackedUids(view)].filter((uid) => !released.has(uid)));
      const last = withoutReleased(first, left);
      assert.deepEqual([countsOf(last), last.uncountedTerminatedPods], [row.counts[1], {}]);
      assert.equal(finish(view.job, last, row.end, nowMs) !== undefined, row.finished ?? false);
    });
  }

  test('ends of which some finalizers could not be taken away: the others are counted', () => {
    const view = observe({ ...(rows[1] as Row), pods: [succeeded('a'), succeeded('b'), failed('c')] });
    const { status: first } = track(view, ends.completions, {});
    const partly = withoutReleased(first, new Set(['b']));
    assert.deepEqual([countsOf(partly), partly.uncountedTerminatedPods], ['1/1', { succeeded: ['b'] }]);
    assert.equal(finish(view.job, partly, ends.completions, nowMs), undefined, 'it is not finished yet');
  });

  test('more ends than fit in: the rest waits for the next look, and so does the end of the Job', () => {
    const many = Array.from({ length: 600 }, (_, at) => succeeded(`many-${at}`));
    const uncountedTerminatedPods = { failed: ['a', 'b'] };
    const view = observe({ ...(rows[0] as Row), status: { uncountedTerminatedPods }, pods: [...many, failed('b')] });
    const { status: first, release, more } = track(view, undefined, { ...view.job.status });
    assert.deepEqual([release.length, more, countsOf(first)], [500, true, '0/1']);
    assert.equal(first.uncountedTerminatedPods?.succeeded?.length, 499);
    assert.deepEqual(first.uncountedTerminatedPods?.failed, ['b']);
  });

  test('more indexes than fit in', () => {
    const many = Array.from({ length: 501 }, (_, index) => succeeded(`index-${index}`, { index }));
    const view = observe({ ...(rows[0] as Row), spec: indexed(501), pods: many });
    const { release, more } = track(view, undefined, {});
    assert.deepEqual([release.length, more], [500, true]);
  });

  test('a Job that sleeps: what finishes has begun, unless there was nothing to do', () => {
    const end = ends.backoffLimit;
    const asleep = makeJob({ suspend: true, completions: 2 });
    assert.equal(finish(asleep, {}, end, nowMs)?.startTime, '2026-01-01T00:10:00Z');
    const begun = { startTime: '2026-01-01T00:00:00Z' };
    assert.equal(finish(asleep, begun, end, nowMs)?.startTime, begun.startTime);
    const idle = makeJob({ suspend: true, completions: 0 });
    assert.equal(finish(idle, {}, ends.completions, nowMs)?.startTime, undefined);
  });
});
