import assert from 'node:assert/strict';
import { test } from 'node:test';
import { make, nowMs } from '../testing.ts';
import { decidePod } from './decide-pod.ts';
import type { PodObservation, Step } from './plan.ts';

const { container, sandbox, run, pod: podOf } = make;
const hook = { lifecycle: { preStop: { sleep: { seconds: 5 } } } };
const pod = podOf(
  {
    initContainers: [
      container('first', { restartPolicy: 'Always' }),
      container('second', { restartPolicy: 'Always', ...hook }),
    ],
  },
  { deletionTimestamp: '2026-01-01T12:00:30Z', deletionGracePeriodSeconds: 30 },
);

function brief(step: Step): string {
  if (step.kind === 'stop-container') return `stop ${step.container} ${step.gracePeriodMs}`;
  return step.kind === 'pre-stop-container' ? `tell ${step.container} ${step.gracePeriodMs}` : step.kind;
}

function decide(changes: Partial<PodObservation>) {
  const plan = decidePod(make.observation({ pod, lastPod: pod, sandboxes: [sandbox()], ...changes }));
  return { steps: plan.steps.map(brief), wakeInMs: plan.wakeAtMs - nowMs };
}

const all = [run('first'), run('second'), run('app')];

test('all are told at once, and sidecars stop when it is their turn', () => {
  const { steps, wakeInMs } = decide({ containers: all });
  assert.deepEqual(steps, ['stop app 30000', 'tell first 30000', 'tell second 30000']);
  assert.equal(wakeInMs, 30_000);
});

test('a sidecar whose hook goes on is waited for, and so are those before it', () => {
  const preStops = new Map([
    ['second-0', 'running'],
    ['first-0', 'done'],
  ] as const);
  assert.deepEqual(decide({ containers: all.slice(0, 2), preStops }).steps, []);
  const done = new Map([
    ['second-0', 'done'],
    ['first-0', 'done'],
  ] as const);
  assert.deepEqual(decide({ containers: all.slice(0, 2), preStops: done }).steps, ['stop second 30000']);
  assert.deepEqual(decide({ containers: all.slice(0, 1), preStops: done }).steps, ['stop first 30000']);
});

test('when the time is over, all are stopped, whatever their hooks do', () => {
  const preStops = new Map([
    ['second-0', 'running'],
    ['first-0', 'done'],
  ] as const);
  const { steps } = decide({ containers: all, preStops, monotonicMs: nowMs + 30_000 });
  assert.deepEqual(steps, ['stop first 0', 'stop second 0', 'stop app 0']);
});

test('a wall clock that jumps changes nothing of how long a pod may take', () => {
  for (const jumpMs of [-86_400_000, 86_400_000]) {
    const seen = { containers: [run('app')], nowMs: nowMs + jumpMs, monotonicMs: nowMs + 4000 };
    assert.deepEqual(decide(seen).steps, ['stop app 26000']);
    assert.deepEqual(decide({ ...seen, stops: new Map([['app-0', nowMs + 30_000]]) }).steps, []);
  }
});
