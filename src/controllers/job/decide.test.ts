/** What a Job does next, row by row: the cases of upstream's own controller. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Job, JobSpec, JobStatus } from '../../api/schema/types/batch-v1.ts';
import type { Pod, PodStatus } from '../../api/schema/types/core-v1.ts';
import { noFailures } from './backoff.ts';
import { decideEnd, decidePods, isComplete } from './decide.ts';
import { makeJob, makeJobPod, type PodFacts } from './testing.ts';
import { viewOf } from './view.ts';

const nowMs = Date.parse('2026-01-01T01:00:00Z');

type Phase = NonNullable<PodStatus['phase']>;
const many = (count: number, phase: Phase, facts: PodFacts = {}): Pod[] =>
  Array.from({ length: count }, () => makeJobPod(phase, facts));
const at = (phase: Phase, ...indexes: (number | string)[]): Pod[] =>
  indexes.map((index) => makeJobPod(phase, { index }));

interface Row {
  readonly name: string;
  readonly spec?: Partial<JobSpec>;
  readonly status?: Partial<JobStatus>;
  readonly pods?: readonly Pod[];
  /** `reason: message` of the end, where there is one. */
  readonly end?: string;
  /** How many are removed. */
  readonly remove?: number;
  /** How many are made; the indexes, in an indexed job. */
  readonly create?: number | readonly number[];
  readonly waitMs?: number;
  readonly complete?: boolean;
}

const backoffLimit = 'BackoffLimitExceeded: Job has reached the specified backoff limit';
const five = { parallelism: 2, completions: 5 } as const;
const indexed = (parallelism: number, completions: number, more: Partial<JobSpec> = {}): Partial<JobSpec> => ({
  completionMode: 'Indexed',
  parallelism,
  completions,
  ...more,
});
const ended = (seconds: number): PodFacts => ({
  status: {
    containerStatuses: [
      {
        name: 'main',
        image: '',
        imageID: '',
        ready: false,
        restartCount: 0,
        state: { terminated: { exitCode: 1, finishedAt: new Date(nowMs - seconds * 1000).toISOString() } },
      },
    ],
  },
});
const restarting = (restartCount: number): PodFacts => ({
  status: {
    containerStatuses: [{ name: 'main', image: '', imageID: '', ready: true, restartCount }],
    initContainerStatuses: [{ name: 'init', image: '', imageID: '', ready: true, restartCount }],
  },
});
const restarted = (limit: number): Partial<JobSpec> => ({
  ...five,
  backoffLimit: limit,
  template: { spec: { restartPolicy: 'OnFailure', containers: [{ name: 'main', image: 'image' }] } },
});
const onExit = (action: 'FailJob' | 'Ignore' | 'FailIndex') => ({
  podFailurePolicy: { rules: [{ action, onExitCodes: { operator: 'In' as const, values: [1] } }] },
});

const rows: readonly Row[] = [
  { name: 'begins with as many as run at once', spec: five, create: 2 },
  { name: 'begins, without a number of completions', spec: { parallelism: 2 }, create: 2 },
  { name: 'has all it wants', spec: five, pods: many(2, 'Pending') },
  { name: 'has too few', spec: five, pods: [...many(1, 'Running'), ...many(1, 'Succeeded')], create: 1 },
  { name: 'has too many', spec: five, pods: many(10, 'Running'), remove: 8 },
  {
    name: 'has more than are left to do',
    spec: { parallelism: 3, completions: 4 },
    pods: [...many(3, 'Running'), ...many(2, 'Succeeded')],
    remove: 1,
  },
  { name: 'wants none at a time', spec: { parallelism: 0, completions: 5 }, pods: many(2, 'Running'), remove: 2 },
  {
    name: 'without completions lets what runs run on after the first success',
    spec: { parallelism: 2 },
    pods: [...many(1, 'Running'), ...many(1, 'Succeeded')],
  },
  { name: 'without completions is done', spec: { parallelism: 2 }, pods: many(2, 'Succeeded'), complete: true },
  {
    name: 'without completions is done in spite of a failure',
    spec: { parallelism: 2 },
    pods: [...many(1, 'Succeeded'), ...many(1, 'Failed')],
    complete: true,
  },
  { name: 'is done', spec: five, pods: many(5, 'Succeeded'), complete: true },
  {
    name: 'replaces a failed pod at once where it failed long ago',
    spec: five,
    pods: [...many(1, 'Running'), ...many(1, 'Failed', ended(60))],
    create: 1,
  },
  {
    name: 'waits ten seconds after a failure',
    spec: five,
    pods: [...many(1, 'Running'), ...many(1, 'Failed', ended(4))],
    waitMs: 6000,
  },
  {
    name: 'waits twice as long after two failures, from the last',
    spec: five,
    pods: [...many(1, 'Failed', ended(9)), ...many(1, 'Failed', ended(5))],
    waitMs: 15_000,
  },
  {
    name: 'fails past its limit',
    spec: { ...five, backoffLimit: 1 },
    pods: [...many(1, 'Running'), ...many(2, 'Failed')],
    end: backoffLimit,
  },
  {
    name: 'that may not fail fails once',
    spec: { ...five, backoffLimit: 0 },
    pods: many(1, 'Failed'),
    end: backoffLimit,
  },
  { name: 'counts restarts below its limit', spec: restarted(5), pods: many(2, 'Running', restarting(1)) },
  {
    name: 'counts restarts of all pods',
    spec: restarted(4),
    pods: many(2, 'Running', restarting(1)),
    end: backoffLimit,
  },
  {
    name: 'that may not fail bears no restart',
    spec: restarted(0),
    pods: many(2, 'Pending', restarting(1)),
    end: backoffLimit,
  },
  { name: 'that may not fail bears pods without one', spec: restarted(0), pods: many(2, 'Running', restarting(0)) },
  {
    name: 'runs out of time',
    spec: { ...five, activeDeadlineSeconds: 10 },
    status: { startTime: '2026-01-01T00:59:50Z' },
    pods: many(1, 'Running'),
    end: 'DeadlineExceeded: Job was active longer than specified deadline',
  },
  {
    name: 'has a second left',
    spec: { ...five, activeDeadlineSeconds: 11 },
    status: { startTime: '2026-01-01T00:59:50Z' },
    pods: many(2, 'Running'),
  },
  {
    name: 'has no time at all',
    spec: { ...five, activeDeadlineSeconds: 0 },
    end: 'DeadlineExceeded: Job was active longer than specified deadline',
  },
  {
    name: 'has all the time while it sleeps',
    spec: { ...five, activeDeadlineSeconds: 10, suspend: true },
    status: { startTime: '2026-01-01T00:00:00Z' },
    pods: many(2, 'Running'),
    remove: 2,
  },
  { name: 'asleep makes none', spec: { ...five, suspend: true } },
  {
    name: 'replaces what is being deleted at once',
    spec: indexed(2, 5),
    pods: many(1, 'Running', { deleting: true, index: 0 }),
    // Its end counts as a failure, long ago.
    create: [0, 1],
  },
  {
    name: 'replaces what is being deleted when it has ended',
    spec: indexed(2, 5, { podReplacementPolicy: 'Failed' }),
    pods: many(1, 'Running', { deleting: true, index: 0 }),
    create: [1],
  },
  { name: 'begins with the first indexes', spec: indexed(2, 5), create: [0, 1] },
  {
    name: 'does each index once',
    spec: indexed(2, 3),
    pods: [...at('Succeeded', 0, 1, 1)],
    create: [2],
  },
  {
    name: 'has done all indexes',
    spec: indexed(2, 3),
    pods: [...at('Succeeded', 0, 1, 2), ...at('Failed', 1)],
    complete: true,
  },
  {
    name: 'fills the gaps between indexes',
    spec: indexed(8, 20),
    pods: [...at('Running', 0, 3), ...at('Succeeded', 2, 4, 5, 7, 8, 9)],
    create: [1, 6, 10, 11, 12, 13],
  },
  {
    name: 'replaces failed indexes',
    spec: indexed(3, 4),
    pods: [...at('Failed', 0, 2), ...at('Pending', 1)],
    create: [0, 2],
  },
  {
    name: 'removes what has no index before it makes anything',
    spec: indexed(2, 5),
    pods: [...many(1, 'Running'), ...at('Running', 'bad', 1, 2), ...at('Pending', 'bad'), ...at('Succeeded', 'bad', 0)],
    remove: 3,
  },
  {
    name: 'removes what has an index that another has, the younger in its life first',
    spec: indexed(5, 5),
    pods: [...at('Running', 'bad', 1, 2), ...at('Succeeded', 0), ...at('Pending', 2)],
    remove: 2,
  },
  {
    name: 'removes indexes beyond its completions',
    spec: indexed(2, 5),
    pods: [...at('Succeeded', 0, 6), ...at('Running', 5), ...at('Pending', 7), ...at('Failed', 8)],
    remove: 2,
  },
  {
    name: 'goes on where one index has failed and others have not ended',
    spec: indexed(2, 2, { backoffLimitPerIndex: 0, backoffLimit: 100 }),
    pods: [...many(1, 'Failed', { index: 0 }), ...at('Running', 1)],
  },
  {
    name: 'fails when every index has ended and one of them badly',
    spec: indexed(2, 2, { backoffLimitPerIndex: 0, backoffLimit: 100 }),
    pods: [...many(1, 'Failed', { index: 0 }), ...at('Succeeded', 1)],
    end: 'FailedIndexes: Job has failed indexes',
  },
  {
    name: 'fails when too many indexes have failed',
    spec: indexed(4, 4, { backoffLimitPerIndex: 0, backoffLimit: 100, maxFailedIndexes: 1 }),
    pods: [...at('Failed', 0, 2), ...at('Running', 1)],
    end: 'MaxFailedIndexesExceeded: Job has exceeded the specified maximal number of failed indexes',
  },
  {
    name: 'that bears no failed index fails with the first',
    spec: indexed(4, 4, { backoffLimitPerIndex: 0, backoffLimit: 100, maxFailedIndexes: 0 }),
    pods: at('Failed', 2),
    end: 'MaxFailedIndexesExceeded: Job has exceeded the specified maximal number of failed indexes',
  },
  {
    name: 'heeds its own limit beside that of each index',
    spec: indexed(4, 4, { backoffLimitPerIndex: 3, backoffLimit: 1 }),
    pods: at('Failed', 0, 1),
    end: backoffLimit,
  },
  {
    name: 'makes one index now while another waits for its time',
    spec: indexed(2, 2, { backoffLimitPerIndex: 3, backoffLimit: 100 }),
    pods: [makeJobPod('Failed', { index: 0, ...ended(4) }), makeJobPod('Failed', { index: 1, ...ended(60) })],
    create: [1],
    waitMs: 6000,
  },
  {
    name: 'lets an index wait longer the more often it failed or was ignored',
    spec: indexed(1, 1, { backoffLimitPerIndex: 9, backoffLimit: 100 }),
    pods: [makeJobPod('Failed', { index: 0, failures: 1, ignoredFailures: 1, ...ended(10) })],
    waitMs: 30_000,
  },
  {
    name: 'fails by its policy before it is past its limit',
    spec: { ...five, backoffLimit: 0, ...onExit('FailJob') },
    pods: [makeJobPod('Failed', { uid: 'bad', ...ended(1) })],
    end: 'PodFailurePolicy: Container main for pod default/bad failed with exit code 1 matching FailJob rule at index 0',
  },
  {
    name: 'does not count what it ignores, and waits all the same',
    spec: { ...five, backoffLimit: 0, ...onExit('Ignore') },
    pods: many(1, 'Failed', ended(4)),
    waitMs: 6000,
  },
  {
    name: 'does not judge a pod that still ends',
    spec: { ...five, ...onExit('FailJob') },
    pods: many(1, 'Running', { ...ended(1), deleting: true }),
    create: 1,
  },
  {
    name: 'gives up an index by its policy',
    spec: indexed(2, 2, { backoffLimitPerIndex: 5, backoffLimit: 100, maxFailedIndexes: 0, ...onExit('FailIndex') }),
    pods: [makeJobPod('Failed', { index: 0, ...ended(1) })],
    end: 'MaxFailedIndexesExceeded: Job has exceeded the specified maximal number of failed indexes',
  },
  {
    name: 'fails rather than succeeds where both hold',
    spec: indexed(2, 2, { backoffLimit: 0, successPolicy: { rules: [{ succeededIndexes: '0' }] } }),
    pods: [...at('Succeeded', 0), ...at('Failed', 1)],
    end: backoffLimit,
  },
  {
    name: 'stands by the failure that it told',
    spec: { ...five, backoffLimit: 9 },
    status: { conditions: [{ type: 'FailureTarget', status: 'True', reason: 'Told', message: 'before' }] },
    pods: many(1, 'Running'),
    end: 'Told: before',
  },
  {
    name: 'stands by the success that it told, whatever fails after it',
    spec: { ...five, backoffLimit: 0, ...onExit('FailJob') },
    status: { conditions: [{ type: 'SuccessCriteriaMet', status: 'True', reason: 'Told', message: 'before' }] },
    pods: many(1, 'Failed', ended(1)),
    end: 'Told: before',
  },
];

function observe({ spec, status, pods = [] }: Row) {
  const plain = makeJob({ completionMode: 'NonIndexed', backoffLimit: 6, ...spec });
  const job: Job = { ...plain, ...(status && { status }) };
  return viewOf({ job, pods, released: new Set(), failures: noFailures, nowMs });
}

describe('a job', () => {
  for (const row of rows) {
    test(row.name, () => {
      const view = observe(row);
      const end = decideEnd(view);
      assert.equal(end && `${end.reason}: ${end.message}`, row.end);
      if (end !== undefined) return;
      const plan = decidePods(view);
      const made = view.indexes === undefined ? plan.create.length : plan.create;
      const none = view.indexes === undefined ? 0 : [];
      assert.deepEqual([plan.remove.length, made, plan.waitMs], [row.remove ?? 0, row.create ?? none, row.waitMs]);
      assert.equal(
        isComplete(view, view.active.length - plan.remove.length + plan.create.length),
        row.complete ?? false,
      );
    });
  }
});

describe('of ends', () => {
  const counted = (status: Partial<JobStatus>, pods: readonly Pod[], released: readonly string[] = []) => {
    const job: Job = { ...makeJob({ completions: 9 }), status };
    const view = viewOf({ job, pods, released: new Set(released), failures: noFailures, nowMs });
    return [view.succeeded, view.failed];
  };
  const pod = (phase: Phase, uid: string, facts: PodFacts = {}): Pod => makeJobPod(phase, { uid, ...facts });
  const untracked = { tracked: false };
  const deleting = { deleting: true };

  test('those without the finalizer are counted already', () => {
    const pods = [
      pod('Succeeded', 'a', untracked),
      pod('Succeeded', 'b'),
      pod('Succeeded', 'c'),
      pod('Failed', 'd', untracked),
      pod('Failed', 'e'),
      pod('Running', 'f', untracked),
    ];
    assert.deepEqual(counted({ succeeded: 2, failed: 1 }, pods), [4, 2]);
  });

  test('those that are named count once', () => {
    const pods = [
      pod('Succeeded', 'a', untracked),
      pod('Succeeded', 'b', untracked),
      pod('Succeeded', 'c'),
      pod('Succeeded', 'd'),
      pod('Failed', 'e', untracked),
      pod('Failed', 'f'),
      pod('Failed', 'g'),
    ];
    const uncountedTerminatedPods = { succeeded: ['a', 'c'], failed: ['e', 'f'] };
    assert.deepEqual(counted({ succeeded: 1, failed: 1, uncountedTerminatedPods }, pods), [4, 4]);
  });

  test('those whose finalizer is known to be gone are no news', () => {
    const pods = [
      pod('Succeeded', 'a', untracked),
      pod('Succeeded', 'b'),
      pod('Succeeded', 'c'),
      pod('Failed', 'd', untracked),
      ...['e', 'f', 'g'].map((uid) => pod('Failed', uid)),
    ];
    const uncountedTerminatedPods = { succeeded: ['a'], failed: ['d'] };
    assert.deepEqual(counted({ succeeded: 2, failed: 2, uncountedTerminatedPods }, pods, ['b', 'f']), [4, 5]);
  });

  test('pods that are deleted have failed, unless they succeeded', () => {
    const pods = [
      pod('Succeeded', 'a', deleting),
      pod('Failed', 'b', deleting),
      pod('Running', 'c', deleting),
      pod('Pending', 'd', deleting),
      pod('Running', 'e', { ...untracked, ...deleting }),
    ];
    assert.deepEqual(counted({ succeeded: 1, failed: 1 }, pods), [2, 4]);
  });
});
