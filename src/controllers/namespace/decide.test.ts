import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ResourceInfo } from '../../api/resources.ts';
import type { Namespace } from '../../api/schema/types/core-v1.ts';
import { formatTime } from '../../lib/clock.ts';
import { againInMs, type Cleaning, isCleaned, namespaceConditions, type Remaining } from './decide.ts';

const nowMs = Date.UTC(2026, 0, 1, 12);
const ago = (ms: number): string => formatTime(nowMs - ms);
const ending = (forMs: number, status: Namespace['status'] = {}): Namespace => ({
  metadata: { name: 'going', deletionTimestamp: ago(forMs) },
  status,
});

const left = (group: string, resource: string, more: Partial<Remaining> = {}): Remaining => ({
  info: { group, version: 'v1', resource } as ResourceInfo,
  count: 1,
  finalizers: new Map(),
  graceSeconds: 0,
  ...more,
});

const textsOf = (namespace: Namespace, cleaning: Partial<Cleaning>): string[] =>
  namespaceConditions(namespace, { remaining: [], errors: [], unknown: [], ...cleaning }, nowMs).map(
    ({ type, status, reason, message }) => `${type} ${status} ${reason}: ${message}`,
  );

test('when all is gone, five conditions say so', () => {
  assert.deepEqual(textsOf(ending(0), {}), [
    'NamespaceDeletionDiscoveryFailure False ResourcesDiscovered: All resources successfully discovered',
    'NamespaceDeletionGroupVersionParsingFailure False ParsedGroupVersions: All legacy kube types successfully parsed',
    'NamespaceDeletionContentFailure False ContentDeleted: All content successfully deleted, may be waiting on finalization',
    'NamespaceContentRemaining False ContentRemoved: All content successfully removed',
    'NamespaceFinalizersRemaining False ContentHasNoFinalizers: All content-preserving finalizers finished',
  ]);
});

test('what remains, what holds it and what failed is told in one order', () => {
  const remaining = [
    left('apps', 'deployments', { count: 2, finalizers: new Map([['b', 2]]) }),
    left('', 'configmaps', {
      finalizers: new Map([
        ['b', 1],
        ['a', 1],
      ]),
    }),
  ];
  const [, , failure, content, finalizers] = textsOf(ending(0), {
    remaining,
    errors: [new Error('z'), new Error('y')],
  });
  assert.equal(
    failure,
    'NamespaceDeletionContentFailure True ContentDeletionFailed: Failed to delete all resource types, 2 remaining: y, z',
  );
  assert.equal(
    content,
    'NamespaceContentRemaining True SomeResourcesRemain: Some resources are remaining: configmaps. has 1 resource instances, deployments.apps has 2 resource instances',
  );
  assert.equal(
    finalizers,
    'NamespaceFinalizersRemaining True SomeFinalizersRemain: Some content in the namespace has finalizers remaining: a in 1 resource instances, b in 3 resource instances',
  );
});

test('pods have their grace period to end; after it they are unexpected', () => {
  const remaining = [left('', 'pods', { graceSeconds: 30 })];
  const failureAfter = (ms: number) => textsOf(ending(ms), { remaining })[2];
  assert.match(failureAfter(29_000) ?? '', /False ContentDeleted/);
  assert.equal(
    failureAfter(30_000),
    'NamespaceDeletionContentFailure True ContentDeletionFailed: Failed to delete all resource types, 1 remaining: unexpected items still remain in namespace: going for gvr: /v1, Resource=pods',
  );
  const held = [left('', 'pods', { graceSeconds: 30, finalizers: new Map([['a', 1]]) })];
  assert.match(textsOf(ending(60_000), { remaining: held })[2] ?? '', /False ContentDeleted/);
});

test("others' conditions stay where they are, and a condition keeps its time while its status does", () => {
  const foreign = { type: 'StatusPatched', status: 'True', reason: 'E2E', message: 'Patched by an e2e test' } as const;
  const standing = {
    type: 'NamespaceContentRemaining',
    status: 'True',
    reason: 'SomeResourcesRemain',
    message: 'before',
    lastTransitionTime: ago(9000),
  } as const;
  const namespace = ending(9000, { conditions: [foreign, standing] });
  const conditions = namespaceConditions(namespace, { remaining: [left('', 'pods')], errors: [], unknown: [] }, nowMs);
  assert.deepEqual(conditions[0], foreign);
  assert.equal(conditions[1]?.lastTransitionTime, ago(9000));
  assert.equal(conditions[1]?.message, 'Some resources are remaining: pods. has 1 resource instances');
  assert.equal(conditions.find(({ type }) => type === 'NamespaceFinalizersRemaining')?.lastTransitionTime, ago(0));
  assert.equal(conditions.length, 6);
});

test('the longer a namespace has been ending, the less often it is looked at, within bounds', () => {
  assert.deepEqual(
    [0, 8000, 20_000, 3_600_000].map((ms) => againInMs(ending(ms), nowMs)),
    [2000, 2000, 5000, 15_000],
  );
});

test('a server that extends the API and cannot be asked holds the namespace back, and is named', () => {
  const unknown = ['metrics.k8s.io/v1beta1', 'a.io/v1'];
  assert.equal(isCleaned({ remaining: [], errors: [], unknown }), false);
  assert.equal(
    textsOf(ending(0), { unknown })[0],
    'NamespaceDeletionDiscoveryFailure True DiscoveryFailed: Discovery failed for some groups, 1 failing: unable to retrieve the complete list of server APIs: a.io/v1: stale GroupVersion discovery: a.io/v1, metrics.k8s.io/v1beta1: stale GroupVersion discovery: metrics.k8s.io/v1beta1',
  );
});
