import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Deployment, ReplicaSet } from '../../api/schema/types/apps-v1.ts';
import { formatTime } from '../../lib/clock.ts';
import { decideDeployment } from './decide.ts';
import { desiredReplicasAnnotation, maxReplicasAnnotation, revisionAnnotation } from './rollout.ts';
import { allOf, scale } from './scale.ts';
import { condition, countedStatus, isComplete, rolloutStatus } from './status.ts';

const nowMs = Date.UTC(2026, 0, 1, 12);
const ago = (ms: number): string => formatTime(nowMs - ms);
const template = { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'c', image: 'i' }] } };
const selector = { matchLabels: { app: 'web' } };

const deployment = (spec: Partial<NonNullable<Deployment['spec']>>, status: Deployment['status'] = {}): Deployment => ({
  metadata: { namespace: 'default', name: 'web', uid: 'web', generation: 2 },
  spec: { replicas: 3, selector, template, progressDeadlineSeconds: 600, ...spec },
  status,
});

const set = (replicas: number, status: ReplicaSet['status'], more: NonNullable<ReplicaSet['metadata']> = {}) =>
  ({
    metadata: { namespace: 'default', name: 'web-1', uid: 'web-1', ...more },
    spec: { replicas, selector, template },
    ...(status && { status }),
  }) satisfies ReplicaSet;

describe('the numbers of the status', () => {
  test('pods that are wanted and do not exist are unavailable ones', () => {
    const one = set(3, { replicas: 1, availableReplicas: 1, terminatingReplicas: 0 });
    const status = countedStatus(deployment({}), [one], one, undefined, nowMs);
    assert.deepEqual([status.replicas, status.availableReplicas, status.unavailableReplicas], [1, 1, 2]);
  });

  test('more available than wanted, as while pods go, is none unavailable', () => {
    const one = set(1, { replicas: 3, availableReplicas: 3 });
    assert.equal(countedStatus(deployment({}), [one], one, undefined, nowMs).unavailableReplicas, 0);
  });

  test('how many end is told once each ReplicaSet tells it', () => {
    const [old, latest] = [set(1, { replicas: 1, terminatingReplicas: 2 }), set(1, undefined)];
    assert.equal(countedStatus(deployment({}), [old, latest], latest, undefined, nowMs).terminatingReplicas, undefined);
    assert.equal(countedStatus(deployment({}), [old], undefined, undefined, nowMs).terminatingReplicas, 2);
  });

  test('a Deployment of no pods is complete, though the API leaves zeroes out', () => {
    assert.equal(isComplete(deployment({ replicas: 0 }), { observedGeneration: 2 }), true);
    assert.equal(isComplete(deployment({ replicas: 0 }), { observedGeneration: 1 }), false);
    assert.equal(isComplete(deployment({ replicas: 0 }), { observedGeneration: 2, replicas: 1 }), false);
  });
});

describe('the condition Progressing', () => {
  const one = set(3, { replicas: 3, availableReplicas: 1 });
  const standing = (reason: string, updatedMsAgo: number): Deployment['status'] => ({
    observedGeneration: 2,
    replicas: 3,
    updatedReplicas: 3,
    availableReplicas: 1,
    conditions: [
      {
        ...condition('Progressing', 'True', reason, 'before', nowMs),
        lastUpdateTime: ago(updatedMsAgo),
        lastTransitionTime: ago(900_000),
      },
    ],
  });
  const after = (status: Deployment['status'], latest = one) => {
    const web = deployment({}, status);
    const told = rolloutStatus(web, countedStatus(web, [latest], latest, undefined, nowMs), [latest], latest, nowMs);
    return told.conditions?.find(({ type }) => type === 'Progressing');
  };

  test('passes the deadline a moment after it, and not with it', () => {
    assert.equal(after(standing('ReplicaSetUpdated', 600_000))?.reason, 'ReplicaSetUpdated');
    const timedOut = after(standing('ReplicaSetUpdated', 601_000));
    assert.deepEqual(
      [timedOut?.status, timedOut?.reason, timedOut?.message, timedOut?.lastTransitionTime],
      ['False', 'ProgressDeadlineExceeded', 'ReplicaSet "web-1" has timed out progressing.', ago(0)],
    );
  });

  test('counts anew with each pod that comes up, and keeps the time it became true', () => {
    const moved = after(standing('ReplicaSetUpdated', 599_000), set(3, { replicas: 3, availableReplicas: 2 }));
    assert.deepEqual(
      [moved?.reason, moved?.message, moved?.lastUpdateTime, moved?.lastTransitionTime],
      ['ReplicaSetUpdated', 'ReplicaSet "web-1" is progressing.', ago(0), ago(900_000)],
    );
  });

  test('once complete stays so while pods of the one template come and go', () => {
    assert.equal(after(standing('NewReplicaSetAvailable', 9_000_000))?.message, 'before');
  });
});

test("a ReplicaSet's failure is the Deployment's, the new one's before that of others", () => {
  const failed = (message: string): ReplicaSet =>
    set(3, {
      replicas: 0,
      conditions: [
        { type: 'ReplicaFailure', status: 'True', reason: 'FailedCreate', message, lastTransitionTime: ago(5000) },
      ],
    });
  const [old, latest] = [failed('old'), failed('new')];
  const web = deployment({});
  const counted = countedStatus(web, [old, latest], latest, undefined, nowMs);
  const failureIn = (all: readonly ReplicaSet[], newest: ReplicaSet | undefined) =>
    rolloutStatus(web, counted, all, newest, nowMs).conditions?.find(({ type }) => type === 'ReplicaFailure');
  assert.deepEqual(failureIn([old, latest], latest), {
    type: 'ReplicaFailure',
    status: 'True',
    reason: 'FailedCreate',
    message: 'new',
    lastTransitionTime: ago(5000),
    lastUpdateTime: ago(5000),
  });
  assert.equal(failureIn([old], set(3, { replicas: 3 }))?.message, 'old');
  assert.equal(failureIn([set(3, { replicas: 3 })], undefined), undefined);
});

test('where the size before a scaling is not known, the one that the status tells is taken', () => {
  const draft = (name: string, replicas: number) => {
    const annotations = { [desiredReplicasAnnotation]: '10', [maxReplicasAnnotation]: '0' };
    const object = set(replicas, { replicas }, { name, annotations });
    return { original: object, object };
  };
  const rolling = { type: 'RollingUpdate', rollingUpdate: { maxSurge: 0, maxUnavailable: 1 } } as const;
  const web = deployment({ replicas: 20, strategy: rolling }, { replicas: 10 });
  const scaled = scale(web, { latest: draft('new', 6), old: [draft('old', 4)] });
  assert.deepEqual(
    allOf(scaled).map(({ object }) => object.spec?.replicas),
    [8, 12],
  );
});

test('the name of a ReplicaSet is never longer than a name may be', () => {
  const web = deployment({});
  const name = 'a'.repeat(253);
  const plan = decideDeployment({
    deployment: { ...web, metadata: { ...web.metadata, name } },
    replicaSets: [],
    podsOf: () => [],
    nowMs,
  });
  const hash = plan.create?.metadata?.labels?.['pod-template-hash'] ?? '';
  assert.ok(hash.length > 5);
  assert.equal(plan.create?.metadata?.name, `${'a'.repeat(252 - hash.length)}-${hash}`);
  assert.equal(plan.create?.metadata?.annotations?.[revisionAnnotation], '1');
});
