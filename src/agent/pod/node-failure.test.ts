/** Pods that their node makes fail: how long they get, and what their status says. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Pod } from '../../api/schema/types/core-v1.ts';
import { make, nowMs } from '../testing.ts';
import { decidePod } from './decide-pod.ts';
import type { NodeFailure } from './plan.ts';
import { withForeignStatus } from './status-writer.ts';

const evicted: NodeFailure = { reason: 'Evicted', message: 'too much' };

function graceMs(pod: Pod, failed: NodeFailure): number | undefined {
  const observation = make.observation({ pod, sandboxes: [make.sandbox()], containers: [make.run('app')], failed });
  const step = decidePod(observation).steps.find(({ kind }) => kind === 'stop-container');
  return step?.kind === 'stop-container' ? step.gracePeriodMs : undefined;
}

describe('a pod that its node makes fail', () => {
  const pod = make.pod({ terminationGracePeriodSeconds: 20 });
  const deleted = make.pod(
    { terminationGracePeriodSeconds: 20 },
    { deletionTimestamp: '2026-01-01T12:00:00Z', deletionGracePeriodSeconds: 20 },
  );

  test('gets what the node allows, and never more than it asks for', () => {
    assert.equal(graceMs(pod, evicted), 20_000);
    assert.equal(graceMs(pod, { ...evicted, graceMs: 1000 }), 1000);
    assert.equal(graceMs(pod, { ...evicted, graceMs: 60_000 }), 20_000);
  });

  test('gets no more though it is being deleted already', () => {
    assert.equal(graceMs(deleted, evicted), 20_000);
    assert.equal(graceMs(deleted, { ...evicted, graceMs: 1000 }), 1000);
  });

  test('is a target of disruption only where the node ends it for its own sake', () => {
    const conditionOf = (failed: NodeFailure) =>
      decidePod(
        make.observation({ pod, sandboxes: [make.sandbox()], containers: [make.run('app')], failed }),
      ).status.conditions?.find(({ type }) => type === 'DisruptionTarget');
    assert.equal(conditionOf(evicted), undefined);
    assert.deepEqual(conditionOf({ ...evicted, isDisruption: true }), {
      type: 'DisruptionTarget',
      observedGeneration: 1,
      status: 'True',
      reason: 'TerminationByKubelet',
      message: 'too much',
      lastTransitionTime: new Date(nowMs).toISOString().replace('.000', ''),
    });
  });
});

test('who else makes a pod a target of disruption is heard until the node does', () => {
  const byNode = { type: 'DisruptionTarget', status: 'True', reason: 'TerminationByKubelet' };
  const byApi = { type: 'DisruptionTarget', status: 'True', reason: 'EvictionByEvictionAPI' };
  const reasons = (own: object[], theirs: object[]) =>
    withForeignStatus({ conditions: own as never }, { conditions: theirs as never }).conditions?.map(
      ({ reason }) => reason,
    );
  assert.deepEqual(reasons([], [byApi]), ['EvictionByEvictionAPI']);
  assert.deepEqual(reasons([byApi], []), [], 'they took it back');
  assert.deepEqual(reasons([byNode], [byApi]), ['TerminationByKubelet']);
  assert.deepEqual(reasons([], [byNode]), ['TerminationByKubelet'], 'as an agent finds it that starts anew');
});
