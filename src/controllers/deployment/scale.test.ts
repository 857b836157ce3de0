import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Deployment } from '../../api/schema/types/apps-v1.ts';
import type { Draft } from './rollout.ts';
import { replicasOf } from './rollout.ts';
import { shrinkOld } from './scale.ts';

function draft(name: string, createdSecond: number, replicas: number, availableReplicas: number): Draft {
  const creationTimestamp = `2026-01-01T00:00:0${createdSecond}Z`;
  const selector = { matchLabels: { app: 'web' } };
  return {
    object: {
      metadata: { name, creationTimestamp },
      spec: { replicas, selector },
      status: { replicas: availableReplicas, availableReplicas },
    },
  };
}

test('pods that an old ReplicaSet is about to lose are not counted on', () => {
  const strategy = { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } } as const;
  const deployment: Deployment = { spec: { replicas: 3, strategy, selector: {}, template: {} } };
  const older = draft('older', 1, 3, 3);
  const shrunk = draft('shrunk', 2, 1, 2);
  const { old } = shrinkOld(deployment, { latest: draft('latest', 3, 0, 0), old: [older, shrunk] });
  assert.deepEqual(old.map(replicasOf), [2, 1]);
});
