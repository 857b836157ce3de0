import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Container, ContainerRestartRule, PodSpec } from '../../api/schema/types/core-v1.ts';
import { make, nowMs } from '../testing.ts';
import { containerHash } from './containers.ts';
import { decidePod } from './decide-pod.ts';
import type { PodObservation } from './plan.ts';
import { afterRestart, restartAtMs, restartsAll, shouldRestart } from './restart.ts';

const on = (
  action: ContainerRestartRule['action'],
  operator: 'In' | 'NotIn',
  ...values: number[]
): ContainerRestartRule => ({ action, exitCodes: { operator, values } });

describe('whether a container that exited runs again', () => {
  type Row = readonly [
    title: string,
    podPolicy: PodSpec['restartPolicy'],
    own: Partial<Container>,
    exitCode: number,
    again: boolean,
    asInit?: boolean,
  ];
  const rows: readonly Row[] = [
    ['the pod says Always', 'Always', {}, 0, true],
    ['the pod says OnFailure, and it succeeded', 'OnFailure', {}, 0, false],
    ['the pod says OnFailure, and it failed', 'OnFailure', {}, 1, true],
    ['the pod says Never', 'Never', {}, 1, false],
    ['its own Never wins over the Always of the pod', 'Always', { restartPolicy: 'Never' }, 1, false],
    ['its own Always wins over the Never of the pod', 'Never', { restartPolicy: 'Always' }, 0, true],
    ['its own OnFailure wins over the Never of the pod', 'Never', { restartPolicy: 'OnFailure' }, 3, true],
    [
      'a rule wins over its policy',
      'Never',
      { restartPolicy: 'Never', restartPolicyRules: [on('Restart', 'In', 3)] },
      3,
      true,
    ],
    [
      'a rule speaks of other codes',
      'Never',
      { restartPolicy: 'Never', restartPolicyRules: [on('Restart', 'In', 3)] },
      4,
      false,
    ],
    [
      'a rule speaks of all other codes',
      'Never',
      { restartPolicy: 'Never', restartPolicyRules: [on('Restart', 'NotIn', 3)] },
      4,
      true,
    ],
    [
      'the first rule that speaks of the code decides',
      'Never',
      { restartPolicy: 'Never', restartPolicyRules: [on('RestartAllContainers', 'In', 3), on('Restart', 'In', 3)] },
      3,
      false,
    ],
    [
      'rules without a policy beside them mean nothing',
      'Never',
      { restartPolicyRules: [on('Restart', 'In', 3)] },
      3,
      false,
    ],
    ['an init container that succeeded is done under Always', 'Always', {}, 0, false, true],
    ['an init container that failed tries again under Always', 'Always', {}, 1, true, true],
    ['an init container of its own Never is not tried again', 'Always', { restartPolicy: 'Never' }, 1, false, true],
    [
      'a rule restarts an init container',
      'Never',
      { restartPolicy: 'Never', restartPolicyRules: [on('Restart', 'In', 7)] },
      7,
      true,
      true,
    ],
    ['a sidecar runs again though the pod says Never', 'Never', { restartPolicy: 'Always' }, 0, true, true],
  ];
  for (const [title, restartPolicy, own, exitCode, again, asInit = false] of rows) {
    test(title, () => {
      const pod = make.pod({ ...(restartPolicy !== undefined && { restartPolicy }) });
      assert.equal(shouldRestart(pod, make.container('app', own), exitCode, asInit), again);
    });
  }

  test('RestartAllContainers is a rule of the container, in its turn', () => {
    const rules = [on('Restart', 'In', 1), on('RestartAllContainers', 'In', 1, 2)];
    const container = make.container('app', { restartPolicy: 'Never', restartPolicyRules: rules });
    assert.deepEqual(
      [1, 2, 3].map((exitCode) => restartsAll(container, exitCode)),
      [false, true, false],
    );
  });
});

describe('the crash-loop back-off', () => {
  const facts = { finishedAtMs: nowMs, nowMs, waitMsMax: 300_000, hash: 'a' };

  test('doubles from ten seconds to the longest wait, and begins anew after a run of more than ten minutes', () => {
    const delays: number[] = [];
    let backoff = afterRestart(undefined, facts);
    for (let i = 0; i < 7; i++) {
      delays.push(backoff.delayMs / 1000);
      backoff = afterRestart(backoff, facts);
    }
    assert.deepEqual(delays, [10, 20, 40, 80, 160, 300, 300]);
    assert.equal(afterRestart(backoff, { ...facts, finishedAtMs: nowMs + 600_001 }).delayMs, 10_000);
    assert.equal(afterRestart(undefined, { ...facts, waitMsMax: 3000 }).delayMs, 3000);
  });

  test('does not wait for a wall clock that was set back', () => {
    const backoff = afterRestart(undefined, facts);
    assert.equal(restartAtMs(backoff, nowMs, nowMs), nowMs + 10_000);
    assert.equal(restartAtMs(backoff, nowMs + 3_600_000, nowMs), nowMs);
  });

  test('is of one definition: another image starts at once', () => {
    const { container, sandbox, exited, images, pod } = make;
    const seen = (hash: string): Partial<PodObservation> => ({
      pod: pod({ containers: [container('app')] }),
      sandboxes: [sandbox()],
      containers: [exited('app', 1, { attempt: 1 })],
      images: images('app'),
      restarts: new Map([['app', { delayMs: 10_000, lastRestartMs: nowMs - 20_000, hash }]]),
    });
    const kinds = (hash: string) => decidePod(make.observation(seen(hash))).steps.map(({ kind }) => kind);
    assert.deepEqual(kinds(containerHash(container('app'))), ['event']);
    assert.deepEqual(kinds('of another image'), ['start-container']);
  });
});

describe('a pod that restarts all its containers', () => {
  const { container, sandbox, exited, run, pod: podOf } = make;
  const trigger = container('app', {
    restartPolicy: 'Never',
    restartPolicyRules: [on('RestartAllContainers', 'In', 42)],
  });
  const pod = podOf({
    restartPolicy: 'Never',
    initContainers: [container('init')],
    containers: [trigger, container('side')],
  });
  const seen = (changes: Partial<PodObservation>): PodObservation =>
    make.observation({ pod, lastPod: pod, sandboxes: [sandbox()], status: { phase: 'Running' }, ...changes });

  test('stops what runs at once and without its hooks', () => {
    const plan = decidePod(seen({ containers: [exited('init', 0), exited('app', 42), run('side')] }));
    const [step, ...more] = plan.steps;
    assert.deepEqual(more, []);
    assert.ok(step?.kind === 'stop-container' && step.skipsPreStop === true && step.containerId === 'side-0');
    assert.equal(plan.status.phase, 'Running');
  });

  test('removes all runs, the one that asked for it last, and does not end though nothing runs', () => {
    const plan = decidePod(seen({ containers: [exited('app', 42), exited('init', 0), exited('side', 137)] }));
    const removed = plan.steps.map((step) => (step.kind === 'remove-container' ? step.containerId : step.kind));
    assert.deepEqual(removed, ['init-0', 'side-0', 'app-0']);
    assert.equal(plan.status.phase, 'Running');
    assert.equal(plan.status.containerStatuses?.[1]?.state?.terminated?.reason, 'RestartingAllContainers');
    assert.equal(plan.status.containerStatuses?.[0]?.state?.terminated?.exitCode, 42);
  });

  test('goes on where an agent left off in between', () => {
    const conditions = [{ type: 'AllContainersRestarting', status: 'True' }];
    const plan = decidePod(seen({ containers: [run('side')], status: { phase: 'Running', conditions } }));
    assert.deepEqual(
      plan.steps.map(({ kind }) => kind),
      ['stop-container'],
    );
  });

  test('starts as a new pod would when all are removed', () => {
    const first = decidePod(seen({ containers: [exited('app', 42), exited('init', 0), exited('side', 137)] }));
    const plan = decidePod(seen({ status: first.status, images: make.images('init', 'app', 'side') }));
    assert.deepEqual(
      plan.steps.map((step) => (step.kind === 'start-container' ? `${step.container} ${step.attempt}` : step.kind)),
      ['init 1'],
    );
    assert.equal(plan.status.phase, 'Running');
    assert.equal(plan.status.conditions?.find(({ type }) => type === 'AllContainersRestarting')?.status, 'False');
  });

  test('ends like any other by a code that no rule speaks of', () => {
    const plan = decidePod(seen({ containers: [exited('init', 0), exited('app', 1), exited('side', 0)] }));
    assert.equal(plan.status.phase, 'Failed');
  });
});

test('a container that is killed for its probe is only said to come back where it will', () => {
  const { container, sandbox, run, pod: podOf } = make;
  const failing = { startup: 'unknown', liveness: 'failure', readiness: 'unknown' } as const;
  const livenessProbe = { tcpSocket: { port: 80 }, terminationGracePeriodSeconds: 5 };
  const messageFor = (restartPolicy: 'Always' | 'Never', own: Partial<Container> = {}): unknown => {
    const pod = podOf({ restartPolicy, containers: [container('app', { livenessProbe, ...own })] });
    const seen = { pod, lastPod: pod, sandboxes: [sandbox()], containers: [run('app')] };
    const [step] = decidePod(make.observation({ ...seen, probes: new Map([['app-0', failing]]) })).steps;
    assert.ok(step?.kind === 'stop-container' && step.gracePeriodMs === 5000);
    return step.message;
  };
  assert.equal(messageFor('Always'), 'Container app failed liveness probe, will be restarted');
  assert.equal(messageFor('Never'), 'Container app failed liveness probe');
  assert.equal(
    messageFor('Never', { restartPolicy: 'OnFailure' }),
    'Container app failed liveness probe, will be restarted',
  );
});
