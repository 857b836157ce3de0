import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pod } from '../../api/schema/types/core-v1.ts';
import type { PodDisruptionBudget } from '../../api/schema/types/policy-v1.ts';
import { nodes, podDisruptionBudgets, pods } from '../../client/resources.ts';
import { startTestApi } from '../../client/testing.ts';
import { budgetReason, drainNode, setUnschedulable } from './drain.ts';
import { planDrain, podName } from './drain-plan.ts';

const owner = (kind: string) => [{ apiVersion: 'apps/v1', kind, name: 'web', uid: 'u', controller: true }];

const pod = (name: string, more: Omit<Partial<Pod>, 'metadata'> & { metadata?: Pod['metadata'] } = {}): Pod => ({
  ...more,
  metadata: { namespace: 'default', name, ownerReferences: owner('ReplicaSet'), ...more.metadata },
  spec: { nodeName: 'n1', containers: [{ name: 'c', image: 'i' }], ...more.spec },
});

const volumes = [{ name: 'data', emptyDir: {} }];
const spec = { containers: [{ name: 'c', image: 'i' }], volumes };

test('what becomes of each pod', () => {
  const all = [
    pod('plain'),
    pod('of-daemon-set', { metadata: { ownerReferences: owner('DaemonSet') } }),
    pod('mirror', { metadata: { annotations: { 'kubernetes.io/config.mirror': 'x' }, ownerReferences: [] } }),
    pod('alone', { metadata: { ownerReferences: [] } }),
    pod('alone-and-over', { metadata: { ownerReferences: [] }, status: { phase: 'Succeeded' } }),
    pod('with-data', { spec }),
    pod('with-data-and-over', { spec, status: { phase: 'Failed' } }),
  ];
  const names = (list: readonly { readonly pod: Pod }[]): string[] => list.map((each) => each.pod.metadata?.name ?? '');
  const plan = planDrain(all, {});
  assert.deepEqual(plan.leaving.map(podName), [
    'default/plain',
    'default/alone-and-over',
    'default/with-data-and-over',
  ]);
  assert.deepEqual(names(plan.staying), ['of-daemon-set', 'mirror']);
  assert.deepEqual(names(plan.refused), ['alone', 'with-data']);
  const forced = planDrain(all, { force: true, deleteEmptydirData: true });
  assert.deepEqual([forced.leaving.length, forced.refused], [5, []]);
});

test('a budget is explained by what it needs', () => {
  const budget = (status: object): PodDisruptionBudget => ({
    metadata: { name: 'web' },
    spec: { minAvailable: 2 },
    status,
  });
  assert.match(
    budgetReason([budget({ currentHealthy: 2, desiredHealthy: 2, expectedPods: 2 })]),
    /web \(minAvailable: 2\) wants all 2 of its pods healthy, so that none may ever leave/,
  );
  assert.match(
    budgetReason([budget({ currentHealthy: 2, desiredHealthy: 2, expectedPods: 3 })]),
    /needs 2 healthy pods and has 2 of 3/,
  );
  assert.match(budgetReason([budget({}), budget({})]), /several disruption budgets select it/);
});

async function startLab() {
  const api = await startTestApi();
  const { client, clock } = api;
  await client.create(nodes, { metadata: { name: 'n1' } });
  const said: string[] = [];
  const drain = { client, clock, say: (line: string) => void said.push(line.trim()) };
  /** What the node does: it ends what is to end. */
  const finish = async (): Promise<void> => {
    for (const { metadata } of (await client.list(pods)).items) {
      if (metadata?.deletionTimestamp === undefined) continue;
      const { namespace = '', name = '' } = metadata;
      await client.delete(pods, { namespace, name }, { gracePeriodSeconds: 0 });
    }
  };
  const isClosed = async () => (await client.get(nodes, { namespace: '', name: 'n1' })).spec?.unschedulable ?? false;
  return { ...api, said, drain, finish, isClosed };
}

const running = (name: string): Pod => ({
  metadata: { namespace: 'default', name, labels: { app: 'web' }, ownerReferences: owner('ReplicaSet') },
  spec: { nodeName: 'n1', containers: [{ name: 'c', image: 'i' }] },
});

test('a drain closes the node, evicts, and ends when all have left', async () => {
  const { client, clock, drain, said, finish, isClosed } = await startLab();
  for (const name of ['a', 'b']) await client.create(pods, running(name));
  const draining = drainNode(drain, 'n1', { timeoutMs: 0 });
  await clock.advance(1);
  assert.equal(await isClosed(), true);
  await finish();
  await clock.advance(1_000);
  await draining;
  assert.deepEqual(said.toSorted(), ['default/a has left', 'default/b has left']);
});

test('where a pod may not go, nothing is begun', async () => {
  const { client, drain, isClosed } = await startLab();
  await client.create(pods, { ...running('a'), metadata: { namespace: 'default', name: 'a' } });
  await assert.rejects(drainNode(drain, 'n1', { timeoutMs: 0 }), /default\/a: nobody would make it anew \(--force\)/);
  assert.equal(await isClosed(), false);
});

test('a pod that a budget holds back is told of once, and named when time is over', async () => {
  const { client, clock, drain, said } = await startLab();
  await client.create(pods, running('a'));
  const status = { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] } as const;
  const reference = { namespace: 'default', name: 'a' };
  await client.patch(pods, reference, { type: 'merge', body: { status } }, { subresource: 'status' });
  await client.create(podDisruptionBudgets, {
    metadata: { namespace: 'default', name: 'web' },
    spec: { minAvailable: 1, selector: { matchLabels: { app: 'web' } } },
  });
  const counts = {
    observedGeneration: 1,
    disruptionsAllowed: 0,
    currentHealthy: 1,
    desiredHealthy: 1,
    expectedPods: 1,
  };
  const place = { namespace: 'default', name: 'web' };
  await client.patch(
    podDisruptionBudgets,
    place,
    { type: 'merge', body: { status: counts } },
    { subresource: 'status' },
  );
  const draining = assert.rejects(
    drainNode(drain, 'n1', { timeoutMs: 12_000 }),
    /n1 is not empty after 12s; it stays cordoned[^]*default\/a: disruption budget web \(minAvailable: 1\) wants all 1/,
  );
  for (let second = 0; second < 13; second++) await clock.advance(1_000);
  await draining;
  assert.equal(said.filter((line) => line.startsWith('default/a waits')).length, 1, said.join('\n'));
});

test('a node that does not exist is named', async () => {
  const { client } = await startLab();
  await assert.rejects(setUnschedulable(client, 'n9', true), /there is no node n9; see naru node list/);
});
