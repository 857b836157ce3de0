/** How long a Job waits after failures, row by row. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Pod } from '../../api/schema/types/core-v1.ts';
import { finishedMs, indexWaitMs, noFailures, recordEnds, waitMs } from './backoff.ts';
import { makeJobPod } from './testing.ts';

const atMs = Date.parse('2026-01-01T12:00:00Z');
const time = (secondsLater = 0): string => new Date(atMs + secondsLater * 1000).toISOString();
const container = (secondsLater: number | 'running' | 'unknown', name = 'main') => ({
  name,
  image: '',
  imageID: '',
  ready: false,
  restartCount: 0,
  state:
    secondsLater === 'running'
      ? { running: {} }
      : { terminated: { exitCode: 1, ...(secondsLater !== 'unknown' && { finishedAt: time(secondsLater) }) } },
});
const endedAt = (secondsLater: number, index?: number, failures?: number): Pod => {
  const status = { containerStatuses: [container(secondsLater)] };
  return makeJobPod('Failed', { status, ...(index !== undefined && { index }), ...(failures && { failures }) });
};

describe('the record of failures', () => {
  const rows: readonly {
    readonly name: string;
    readonly before?: number;
    readonly succeeded?: readonly number[];
    readonly failed?: readonly number[];
    readonly failures: number;
    readonly last?: number;
  }[] = [
    { name: 'no ends', failures: 0 },
    { name: 'a failure', failed: [0], failures: 1, last: 0 },
    { name: 'two failures, of which the later counts', failed: [0, -1], failures: 2, last: 0 },
    { name: 'failures before a success', succeeded: [0], failed: [-2, -1], failures: 0 },
    { name: 'failures before and after a success', succeeded: [-2], failed: [0, -4, -3, -1], failures: 2, last: 0 },
    { name: 'a failure after others', before: 2, failed: [0], failures: 3, last: 0 },
    { name: 'a failure and a success at once', succeeded: [0], failed: [0], failures: 0 },
    { name: 'a success after failures', before: 2, succeeded: [0], failures: 0 },
    { name: 'no ends after failures', before: 2, failures: 2, last: -60 },
  ];
  for (const { name, before, succeeded = [], failed = [], failures, last } of rows) {
    test(name, () => {
      const record = before === undefined ? noFailures : { failures: before, lastMs: atMs - 60_000 };
      const ended = (seconds: readonly number[]): Pod[] => seconds.map((each) => endedAt(each));
      const after = recordEnds(record, ended(succeeded), ended(failed));
      assert.equal(after.failures, failures);
      if (last !== undefined) assert.equal(after.lastMs, atMs + last * 1000);
    });
  }
});

describe('the wait', () => {
  const rows = [
    ['without failures', 0, 0, 0],
    ['right after a failure', 1, 0, 10],
    ['a second after it', 1, 1, 9],
    ['when it is over', 1, 10, 0],
    ['when it is long over', 1, 11, 0],
    ['doubles', 3, 0, 40],
    ['doubles up to its greatest', 7, 0, 600],
    ['grows no more', 40, 0, 600],
  ] as const;
  for (const [name, failures, secondsSince, seconds] of rows) {
    test(name, () => assert.equal(waitMs({ failures, lastMs: atMs }, atMs + secondsSince * 1000), seconds * 1000));
  }

  test('of an index is told by its last pod', () => {
    assert.equal(indexWaitMs(undefined, atMs), 0);
    assert.equal(indexWaitMs(endedAt(0, 1), atMs), 10_000);
    assert.equal(indexWaitMs(endedAt(0, 1, 2), atMs), 40_000);
    assert.equal(indexWaitMs(endedAt(-41, 1, 2), atMs), 0);
  });
});

describe('a pod ended', () => {
  const ready = (status: 'True' | 'False', secondsLater: number) => ({
    conditions: [{ type: 'Ready', status, lastTransitionTime: time(secondsLater) }],
  });
  const pod = (status: NonNullable<Pod['status']>, metadata: Pod['metadata'] = {}, spec?: Pod['spec']): Pod => ({
    metadata: { creationTimestamp: time(-100), ...metadata },
    status,
    ...(spec && { spec }),
  });
  const sidecar = {
    containers: [],
    initContainers: [
      { name: 'before', image: '' },
      { name: 'beside', image: '', restartPolicy: 'Always' },
    ],
  };
  const rows: readonly (readonly [name: string, pod: Pod, secondsLater: number])[] = [
    ['with its last container', pod({ containerStatuses: [-1, 0, -2].map((at) => container(at)) }), 0],
    [
      'when it was deleted, where a container still runs',
      pod({ containerStatuses: [container(-1), container('running')] }, { deletionTimestamp: time() }),
      0,
    ],
    [
      'when it was told to, not when its grace is over',
      pod({ containerStatuses: [container('running')] }, { deletionTimestamp: time(), deletionGracePeriodSeconds: 30 }),
      -30,
    ],
    ['when it was no longer ready', pod({ containerStatuses: [container('unknown')], ...ready('False', -5) }), -5],
    [
      'when it was deleted, although it is said to be ready',
      pod({ containerStatuses: [container('unknown')], ...ready('True', -30) }, { deletionTimestamp: time() }),
      0,
    ],
    ['at worst when it began', pod({ containerStatuses: [container('unknown')] }), -100],
    ['without containers, when it began', pod({}), -100],
    [
      'with the container beside the others, which ends after them',
      pod(
        {
          containerStatuses: [container(-1)],
          initContainerStatuses: [container(5, 'before'), container(0, 'beside')],
        },
        {},
        sidecar,
      ),
      0,
    ],
    [
      'when it was deleted, where only the container beside the others still runs',
      pod(
        { containerStatuses: [container(-9)], initContainerStatuses: [container('running', 'beside')] },
        { deletionTimestamp: time() },
        sidecar,
      ),
      0,
    ],
  ];
  for (const [name, ended, secondsLater] of rows) {
    test(name, () => assert.equal(finishedMs(ended), atMs + secondsLater * 1000));
  }
});
