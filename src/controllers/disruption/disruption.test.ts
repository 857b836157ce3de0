import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Pod, PodCondition } from '../../api/schema/types/core-v1.ts';
import type { PodDisruptionBudget, PodDisruptionBudgetSpec } from '../../api/schema/types/policy-v1.ts';
import { hasReason } from '../../api/status-error.ts';
import { cronJobs, deployments, events, podDisruptionBudgets, pods } from '../../client/resources.ts';
import { inDefault, makeDeployment, startWorld, type World } from '../testing.ts';
import { decideBudget, deletionMsMax, failedStatus, staleInMs } from './decide.ts';

const nowMs = Date.UTC(2026, 0, 1, 12);
const ago = (ms: number): string => `${new Date(nowMs - ms).toISOString().slice(0, 19)}Z`;

function pod(name: string, conditions: Readonly<Record<string, string>> = { Ready: 'True' }, going = false): Pod {
  return {
    metadata: { namespace: 'default', name, ...(going && { deletionTimestamp: ago(0) }) },
    spec: { containers: [] },
    status: { phase: 'Running', conditions: Object.entries(conditions).map(([type, status]) => ({ type, status })) },
  };
}

const budget = (spec: PodDisruptionBudgetSpec, status: PodDisruptionBudget['status'] = {}): PodDisruptionBudget => ({
  metadata: { namespace: 'default', name: 'web', generation: 3 },
  spec,
  status,
});

describe('how many pods may go', () => {
  const three = [pod('a'), pod('b'), pod('c')];
  const cases: readonly {
    name: string;
    spec: PodDisruptionBudgetSpec;
    of?: readonly Pod[];
    scale?: number;
    expected: number[];
  }[] = [
    { name: 'a number that must stay', spec: { minAvailable: 2 }, expected: [3, 2, 3, 1] },
    { name: 'a share that must stay, rounded up', spec: { minAvailable: '50%' }, scale: 5, expected: [5, 3, 3, 0] },
    { name: 'a number that may go', spec: { maxUnavailable: 1 }, scale: 3, expected: [3, 2, 3, 1] },
    { name: 'a share that may go, rounded up', spec: { maxUnavailable: '34%' }, scale: 3, expected: [3, 1, 3, 2] },
    { name: 'more than there are may go', spec: { maxUnavailable: 9 }, scale: 3, expected: [3, 0, 3, 3] },
    { name: 'nobody there yet', spec: { minAvailable: 0 }, of: [], expected: [0, 0, 0, 0] },
    { name: 'fewer than must stay', spec: { minAvailable: 5 }, expected: [3, 5, 3, 0] },
    {
      name: 'one not ready, one going',
      spec: { minAvailable: 1 },
      of: [pod('a'), pod('b', { Ready: 'False' }), pod('c', { Ready: 'True' }, true)],
      expected: [3, 1, 1, 0],
    },
  ];
  for (const { name, spec, of = three, scale = 0, expected } of cases) {
    test(name, () => {
      const { status } = decideBudget(budget(spec), { pods: of, scale, nowMs });
      assert.deepEqual(
        [status.expectedPods, status.desiredHealthy, status.currentHealthy, status.disruptionsAllowed],
        expected,
      );
      assert.equal(status.conditions?.[0]?.status, expected[3] ? 'True' : 'False');
      assert.equal(status.observedGeneration, 3);
    });
  }
});

test('a pod that was let go counts as gone for two minutes, and then as one that stayed', () => {
  const disruptedPods = { a: ago(60_000), b: ago(deletionMsMax + 1000), gone: ago(1000) };
  const facts = { pods: [pod('a'), pod('b'), pod('c')], scale: 0, nowMs };
  const plan = decideBudget(budget({ minAvailable: 1 }, { disruptedPods }), facts);
  assert.deepEqual(plan.status.disruptedPods, { a: ago(60_000) });
  assert.equal(plan.status.disruptionsAllowed, 1);
  assert.deepEqual(
    plan.notDeleted.map(({ metadata }) => metadata?.name),
    ['b'],
  );
  assert.equal(plan.recheckAtMs, nowMs - 60_000 + deletionMsMax);
});

test('a pod may be called like anything', () => {
  const { status } = decideBudget(budget({ minAvailable: 1 }, { disruptedPods: {} }), {
    pods: [pod('a'), pod('constructor')],
    scale: 0,
    nowMs,
  });
  assert.deepEqual([status.currentHealthy, status.disruptionsAllowed, status.disruptedPods], [2, 1, undefined]);
});

test('a condition keeps its time while it stays, and others are left alone', () => {
  const old = {
    type: 'DisruptionAllowed',
    status: 'True',
    reason: 'SufficientPods',
    message: '',
    lastTransitionTime: ago(9000),
  } as const;
  const own = {
    type: 'example.com/own',
    status: 'True',
    reason: 'X',
    message: '',
    lastTransitionTime: ago(9000),
  } as const;
  const before = budget({ minAvailable: 1 }, { conditions: [own, old] });
  const { status } = decideBudget(before, { pods: [pod('a'), pod('b')], scale: 0, nowMs });
  assert.deepEqual(status.conditions, [own, { ...old, observedGeneration: 3 }]);
  const failed = failedStatus(before, 'why', nowMs);
  assert.equal(failed.conditions?.[1]?.reason, 'SyncFailed');
  assert.equal(failed.conditions?.[1]?.lastTransitionTime, ago(0));
});

test('only what somebody promised and did not do gets stale', () => {
  const marked = (more: Partial<PodCondition>): Pod => {
    const made = pod('a');
    const target = { type: 'DisruptionTarget', status: 'True', lastTransitionTime: ago(30_000), ...more };
    return { ...made, status: { ...made.status, conditions: [target] } };
  };
  assert.equal(staleInMs(marked({}), nowMs), deletionMsMax - 30_000);
  assert.equal(staleInMs(marked({ lastTransitionTime: ago(deletionMsMax * 2) }), nowMs), 0);
  assert.equal(staleInMs(marked({ reason: 'TerminationByKubelet' }), nowMs), undefined);
  assert.equal(staleInMs(marked({ status: 'False' }), nowMs), undefined);
  assert.equal(staleInMs(pod('a'), nowMs), undefined);
});

async function evict(world: World, name: string): Promise<boolean> {
  const body = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name, namespace: 'default' } };
  try {
    await world.client.createSubresource(pods, inDefault(name), 'eviction', body);
    return true;
  } catch (error) {
    assert.ok(hasReason(error, 'TooManyRequests'), String(error));
    return false;
  }
}

test('a deployment is evicted one pod at a time, as its budget says', async () => {
  const world = await startWorld();
  await world.client.create(deployments, makeDeployment('web'));
  await world.client.create(podDisruptionBudgets, {
    metadata: { namespace: 'default', name: 'web' },
    spec: { selector: { matchLabels: { app: 'web' } }, maxUnavailable: 1 },
  });
  await world.clock.advance(5000);
  const status = async () => (await world.get(podDisruptionBudgets, 'web'))?.status;
  assert.equal((await status())?.disruptionsAllowed, 1);
  assert.equal((await status())?.expectedPods, 3);
  const names = (await world.list(pods)).map(({ metadata }) => metadata?.name ?? '');
  assert.equal(await evict(world, names[0] ?? ''), true);
  assert.equal(await evict(world, names[1] ?? ''), false);
  await world.clock.advance(5000);
  assert.equal((await world.list(pods)).length, 3);
  assert.equal((await status())?.disruptionsAllowed, 1);
  assert.equal((await status())?.disruptedPods, undefined);
  assert.equal(await evict(world, names[1] ?? ''), true);
  await world.close();
});

test('where the controller of a pod has no scale, nobody may go, and the budget says why', async () => {
  const world = await startWorld();
  const labels = { app: 'web' };
  // A kind whose loop takes no interest in pods.
  const { metadata } = await world.client.create(cronJobs, {
    metadata: inDefault('daily'),
    spec: {
      schedule: '@daily',
      suspend: true,
      jobTemplate: {
        spec: { template: { spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'i' }] } } },
      },
    },
  });
  const uid = metadata?.uid ?? '';
  const owner = { apiVersion: 'batch/v1', kind: 'CronJob', name: 'daily', uid, controller: true };
  await world.client.create(pods, {
    metadata: { namespace: 'default', name: 'a', labels, ownerReferences: [owner] },
    spec: { containers: [{ name: 'c', image: 'i' }] },
  });
  await world.client.create(podDisruptionBudgets, {
    metadata: { namespace: 'default', name: 'web' },
    spec: { selector: { matchLabels: labels }, minAvailable: '50%' },
  });
  await world.clock.advance(3000);
  const condition = (await world.get(podDisruptionBudgets, 'web'))?.status?.conditions?.[0];
  assert.equal(condition?.reason, 'SyncFailed');
  assert.equal(condition?.message, 'cronjobs.batch does not implement the scale subresource');
  await world.close();
});

test('a pod that was marked for disruption and stays loses the mark', async () => {
  const world = await startWorld();
  await world.client.create(pods, {
    metadata: { namespace: 'default', name: 'a' },
    spec: { containers: [{ name: 'c', image: 'i' }] },
  });
  await world.clock.advance(3000);
  const condition = { type: 'DisruptionTarget', status: 'True', lastTransitionTime: '2026-01-01T00:00:03Z' };
  const body = { status: { conditions: [condition] } };
  await world.client.patch(pods, inDefault('a'), { type: 'strategic', body }, { subresource: 'status' });
  const target = async () =>
    (await world.get(pods, 'a'))?.status?.conditions?.find(({ type }) => type === 'DisruptionTarget')?.status;
  await world.clock.advance(60_000);
  assert.equal(await target(), 'True');
  await world.clock.advance(90_000);
  assert.equal(await target(), 'False');
  await world.close();
});

test('pods of no controller are told of where the budget counts on controllers, and counted where it does not', async () => {
  const world = await startWorld();
  const labels = { app: 'web', tier: 'front' };
  for (const name of ['a', 'b', 'c']) {
    await world.client.create(pods, {
      metadata: { namespace: 'default', name, labels },
      spec: { containers: [{ name: 'c', image: 'i' }] },
    });
  }
  const selector = {
    matchLabels: labels,
    matchExpressions: [{ key: 'app', operator: 'In', values: ['web', 'shop'] }],
  };
  for (const [name, spec] of [
    ['share', { maxUnavailable: 1 }],
    ['number', { minAvailable: 1 }],
  ] as const) {
    const metadata = { namespace: 'default', name };
    await world.client.create(podDisruptionBudgets, { metadata, spec: { selector, ...spec } });
  }
  await world.clock.advance(5000);
  const numbersOf = async (name: string) => {
    const { expectedPods, disruptionsAllowed, conditions } =
      (await world.get(podDisruptionBudgets, name))?.status ?? {};
    return [expectedPods, disruptionsAllowed, conditions?.[0]?.reason];
  };
  assert.deepEqual(await numbersOf('share'), [0, 0, 'InsufficientPods']);
  assert.deepEqual(await numbersOf('number'), [3, 2, 'SufficientPods']);
  const told = (await world.list(events)).filter(({ reason }) => reason === 'UnmanagedPods');
  assert.deepEqual([...new Set(told.map(({ involvedObject }) => involvedObject.name))], ['share']);
  const printed =
    '&LabelSelector{MatchLabels:map[string]string{app: web,tier: front,},MatchExpressions:[]LabelSelectorRequirement{' +
    'LabelSelectorRequirement{Key:app,Operator:In,Values:[web shop],},},}';
  assert.equal(
    told[0]?.message,
    `Pods selected by this PodDisruptionBudget (selector: ${printed}) were found to be unmanaged. As a result, the status of ` +
      'the PDB cannot be calculated correctly, which may result in undefined behavior. To account for these pods please set ' +
      '".spec.minAvailable" field of the PDB to an integer value.',
  );
  await world.close();
});

test('an eviction that a budget holds back goes through when the budget is changed to allow it, or is gone', async () => {
  const world = await startWorld();
  await world.client.create(deployments, makeDeployment('web'));
  await world.client.create(podDisruptionBudgets, {
    metadata: { namespace: 'default', name: 'web' },
    spec: { selector: { matchLabels: { app: 'web' } }, minAvailable: 3 },
  });
  await world.clock.advance(5000);
  const someone = async () =>
    (await world.list(pods)).find(({ metadata }) => !metadata?.deletionTimestamp)?.metadata?.name;
  const evictSomeone = async () => evict(world, (await someone()) ?? '');
  const change = async (spec: object) => {
    await world.client.patch(podDisruptionBudgets, inDefault('web'), { type: 'merge', body: { spec } });
    await world.clock.advance(5000);
  };
  assert.equal(await evictSomeone(), false);
  await change({ minAvailable: 2 });
  assert.equal(await evictSomeone(), true);
  await world.clock.advance(5000);
  await change({ minAvailable: null, maxUnavailable: 0 });
  assert.equal(await evictSomeone(), false);
  await world.client.delete(podDisruptionBudgets, inDefault('web'));
  assert.equal(await evictSomeone(), true);
  await world.close();
});

test('broken pods are let go at once only where the budget says always', async () => {
  const world = await startWorld();
  await world.client.create(deployments, makeDeployment('web'));
  await world.client.create(podDisruptionBudgets, {
    metadata: { namespace: 'default', name: 'web' },
    spec: { selector: { matchLabels: { app: 'web' } }, minAvailable: 3 },
  });
  await world.clock.advance(5000);
  const [one, two] = await world.list(pods);
  assert.ok(one && two);
  for (const pod of [one, two]) await world.kubelet.setReady(pod, false);
  await world.clock.advance(2000);
  const nameOf = (pod: Pod): string => pod.metadata?.name ?? '';
  assert.equal((await world.get(podDisruptionBudgets, 'web'))?.status?.currentHealthy, 1);
  assert.equal(await evict(world, nameOf(one)), false);
  const body = { spec: { unhealthyPodEvictionPolicy: 'AlwaysAllow' } };
  await world.client.patch(podDisruptionBudgets, inDefault('web'), { type: 'merge', body });
  await world.clock.advance(2000);
  assert.equal(await evict(world, nameOf(one)), true);
  await world.close();
});
