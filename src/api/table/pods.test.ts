import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubeObject } from '../object.ts';
import { printTable } from './print-table.ts';

const now = Date.parse('2026-01-02T00:00:00Z');
const fiveSecondsAgo = new Date(now - 5000).toISOString();

interface Fields {
  readonly deleting?: boolean;
  readonly init?: readonly object[];
  readonly spec?: object;
  readonly status: object;
}

/** READY, STATUS and RESTARTS of a pod with two containers. */
function print({ deleting, init = [], spec, status }: Fields): unknown[] {
  const pod = {
    metadata: { name: 'p', creationTimestamp: fiveSecondsAgo, ...(deleting && { deletionTimestamp: fiveSecondsAgo }) },
    spec: { containers: [{ name: 'a' }, { name: 'b' }], initContainers: init, ...spec },
    status,
  } as KubeObject;
  return [...(printTable({ group: '', resource: 'pods' }, [pod], { now }).rows[0]?.cells ?? [])].slice(1, 4);
}

const running = (name: string, more: object = {}): object => ({
  name,
  ready: true,
  restartCount: 0,
  state: { running: {} },
  ...more,
});
const waiting = (name: string, reason: string, restartCount = 0): object => ({
  name,
  ready: false,
  restartCount,
  state: { waiting: { reason } },
});
const ended = (name: string, terminated: object): object => ({
  name,
  ready: false,
  restartCount: 0,
  state: { terminated },
});
const initialized = { type: 'Initialized', status: 'True' };
const ready = { type: 'Ready', status: 'True' };

const cases: readonly (readonly [string, Fields, readonly [string, string, string]])[] = [
  ['pending', { status: { phase: 'Pending' } }, ['0/2', 'Pending', '0']],
  [
    'gated',
    {
      status: { phase: 'Pending', conditions: [{ type: 'PodScheduled', status: 'False', reason: 'SchedulingGated' }] },
    },
    ['0/2', 'SchedulingGated', '0'],
  ],
  [
    'running',
    { status: { phase: 'Running', containerStatuses: [running('a'), running('b')] } },
    ['2/2', 'Running', '0'],
  ],
  [
    'crashing',
    { status: { phase: 'Running', containerStatuses: [running('a'), waiting('b', 'CrashLoopBackOff', 3)] } },
    ['1/2', 'CrashLoopBackOff', '3'],
  ],
  [
    'restarted',
    {
      status: {
        phase: 'Running',
        containerStatuses: [
          running('a', { restartCount: 2, lastState: { terminated: { finishedAt: fiveSecondsAgo } } }),
          running('b'),
        ],
      },
    },
    ['2/2', 'Running', '2 (5s ago)'],
  ],
  [
    'completed',
    {
      status: {
        phase: 'Succeeded',
        containerStatuses: [
          ended('a', { exitCode: 0, reason: 'Completed' }),
          ended('b', { exitCode: 0, reason: 'Completed' }),
        ],
      },
    },
    ['0/2', 'Completed', '0'],
  ],
  [
    'half completed',
    {
      status: {
        phase: 'Running',
        conditions: [ready],
        containerStatuses: [ended('a', { exitCode: 0, reason: 'Completed' }), running('b')],
      },
    },
    ['1/2', 'Running', '0'],
  ],
  [
    'half completed and not ready',
    {
      status: { phase: 'Running', containerStatuses: [ended('a', { exitCode: 0, reason: 'Completed' }), running('b')] },
    },
    ['1/2', 'NotReady', '0'],
  ],
  [
    'failed without reason',
    { status: { phase: 'Failed', containerStatuses: [ended('a', { exitCode: 3 })] } },
    ['0/2', 'ExitCode:3', '0'],
  ],
  [
    'killed',
    { status: { phase: 'Failed', containerStatuses: [ended('a', { exitCode: 137, signal: 9 })] } },
    ['0/2', 'Signal:9', '0'],
  ],
  ['evicted', { status: { phase: 'Failed', reason: 'Evicted' } }, ['0/2', 'Evicted', '0']],
  [
    'terminating',
    { deleting: true, status: { phase: 'Running', containerStatuses: [running('a'), running('b')] } },
    ['2/2', 'Terminating', '0'],
  ],
  ['terminating after its end', { deleting: true, status: { phase: 'Succeeded' } }, ['0/2', 'Succeeded', '0']],
  ['on a lost node', { deleting: true, status: { phase: 'Running', reason: 'NodeLost' } }, ['0/2', 'Unknown', '0']],
  [
    'initializing',
    {
      init: [{ name: 'i' }, { name: 'j' }],
      status: {
        phase: 'Pending',
        initContainerStatuses: [ended('i', { exitCode: 0 }), running('j', { ready: false })],
      },
    },
    ['0/2', 'Init:1/2', '0'],
  ],
  [
    'failing to initialize',
    {
      init: [{ name: 'i' }],
      status: { phase: 'Pending', initContainerStatuses: [waiting('i', 'CrashLoopBackOff', 4)] },
    },
    ['0/2', 'Init:CrashLoopBackOff', '4'],
  ],
  [
    'failing to initialize with a code',
    { init: [{ name: 'i' }], status: { phase: 'Pending', initContainerStatuses: [ended('i', { exitCode: 2 })] } },
    ['0/2', 'Init:ExitCode:2', '0'],
  ],
  [
    'initialized, whose init restarts no longer count',
    {
      init: [{ name: 'i' }],
      status: {
        phase: 'Running',
        conditions: [initialized],
        initContainerStatuses: [{ ...ended('i', { exitCode: 0 }), restartCount: 7 }],
        containerStatuses: [running('a'), running('b')],
      },
    },
    ['2/2', 'Running', '0'],
  ],
  [
    'with a sidecar',
    {
      init: [{ name: 's', restartPolicy: 'Always' }],
      status: {
        phase: 'Running',
        initContainerStatuses: [running('s', { started: true, restartCount: 1 })],
        containerStatuses: [running('a'), running('b')],
      },
    },
    ['3/3', 'Running', '1'],
  ],
  [
    'half over, where one container has failed',
    {
      status: {
        phase: 'Running',
        containerStatuses: [
          ended('a', { exitCode: 0, reason: 'Completed' }),
          ended('b', { exitCode: 3, reason: 'Error' }),
        ],
      },
    },
    ['0/2', 'Error', '0'],
  ],
  [
    'half over, where one container has been killed and one runs',
    {
      status: {
        phase: 'Running',
        containerStatuses: [
          ended('a', { exitCode: 0, reason: 'Completed' }),
          ended('b', { exitCode: 137, signal: 9 }),
          running('c'),
        ],
      },
    },
    ['1/2', 'Signal:9', '0'],
  ],
  [
    'initialized, with a sidecar behind an init container that runs again',
    {
      init: [{ name: 'i' }, { name: 's', restartPolicy: 'Always' }],
      status: {
        phase: 'Running',
        conditions: [initialized],
        initContainerStatuses: [{ ...running('i'), restartCount: 2 }, running('s', { started: true, restartCount: 5 })],
        containerStatuses: [running('a', { restartCount: 1 }), running('b')],
      },
    },
    ['2/3', 'Init:0/2', '1'],
  ],
];

for (const [name, fields, expected] of cases) {
  test(`a pod that is ${name} reads ${expected.join(' ')}`, () => assert.deepEqual(print(fields), expected));
}

test('finished pods have a Completed condition on their row', () => {
  const pod = { metadata: { name: 'p' }, spec: { containers: [] }, status: { phase: 'Succeeded' } } as KubeObject;
  const [row] = printTable({ group: '', resource: 'pods' }, [pod], { now }).rows;
  assert.equal(row?.conditions?.[0]?.type, 'Completed');
});

test('wide columns tell where the pod is and its readiness gates', () => {
  const pod = {
    metadata: { name: 'p' },
    spec: { containers: [], nodeName: 'n', readinessGates: [{ conditionType: 'g' }, { conditionType: 'h' }] },
    status: { podIPs: [{ ip: '10.0.0.1' }], conditions: [{ type: 'g', status: 'True' }] },
  } as KubeObject;
  const [row] = printTable({ group: '', resource: 'pods' }, [pod], { now }).rows;
  assert.deepEqual(row?.cells.slice(4), ['<unknown>', '10.0.0.1', 'n', '<none>', '1/2']);
});
