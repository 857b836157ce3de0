import assert from 'node:assert/strict';
import { test } from 'node:test';
import { make, rejection, startRegistry, type TestRegistry } from '../testing.ts';

const budgets = 'poddisruptionbudgets.policy';
const labels = { app: 'web' };

interface BudgetStatus {
  readonly disruptionsAllowed?: number;
  readonly currentHealthy?: number;
  readonly desiredHealthy?: number;
  readonly observedGeneration?: number;
  readonly disruptedPods?: Readonly<Record<string, string>>;
  readonly conditions?: readonly { readonly type: string; readonly status: string; readonly reason: string }[];
}

async function addPod(cluster: TestRegistry, name: string, phase = 'Running', ready = true): Promise<void> {
  await cluster.create('pods', make.pod({ metadata: { labels } }, name));
  await cluster.create('bindings', { metadata: { name }, target: { kind: 'Node', name: 'n1' } });
  const status = { phase, conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] };
  await cluster.patch('pods', name, { status }, { subresource: 'status' });
}

async function addBudget(cluster: TestRegistry, status: BudgetStatus, spec: object = {}, name = 'web'): Promise<void> {
  await cluster.create(budgets, {
    metadata: { name },
    spec: { selector: { matchLabels: labels }, minAvailable: 1, ...spec },
  });
  await cluster.patch(
    budgets,
    name,
    { status: { observedGeneration: 1, ...status } },
    { subresource: 'status', type: 'merge' },
  );
}

const statusOf = async (cluster: TestRegistry): Promise<BudgetStatus> =>
  (await cluster.get(budgets, 'web')).status as unknown as BudgetStatus;

const evict = (cluster: TestRegistry, name: string, more: object = {}) =>
  cluster.create('pods', { kind: 'Eviction', metadata: { name }, ...more }, { name, subresource: 'eviction' });

const isGoing = async (cluster: TestRegistry, name: string): Promise<boolean> =>
  (await cluster.find('pods', name))?.metadata.deletionTimestamp !== undefined;

test('an eviction spends one disruption, says why the pod goes, and the next one is refused', async () => {
  const cluster = await startRegistry();
  for (const name of ['a', 'b']) await addPod(cluster, name);
  await addBudget(cluster, { disruptionsAllowed: 1, currentHealthy: 2, desiredHealthy: 1 });
  assert.equal((await evict(cluster, 'a', { apiVersion: 'policy/v1' })).status, 'Success');
  const { conditions } = (await cluster.get('pods', 'a')).status as unknown as { conditions: object[] };
  assert.deepEqual(conditions.at(-1), {
    type: 'DisruptionTarget',
    observedGeneration: 1,
    status: 'True',
    lastTransitionTime: '2026-01-01T00:00:00Z',
    reason: 'EvictionByEvictionAPI',
    message: 'Eviction API: evicting',
  });
  assert.ok(await isGoing(cluster, 'a'));
  const spent = await statusOf(cluster);
  assert.equal(spent.disruptionsAllowed, 0);
  assert.deepEqual(spent.disruptedPods, { a: '2026-01-01T00:00:00Z' });
  assert.equal(spent.conditions?.[0]?.reason, 'InsufficientPods');
  const error = await rejection(evict(cluster, 'b'), 'TooManyRequests');
  assert.equal(error.message, "Cannot evict pod as it would violate the pod's disruption budget.");
  assert.deepEqual(error.details, {
    causes: [
      { reason: 'DisruptionBudget', message: 'The disruption budget web needs 1 healthy pods and has 2 currently' },
    ],
  });
  assert.ok(!(await isGoing(cluster, 'b')));
});

test('of two evictions at the same moment one gets the last disruption', async () => {
  const cluster = await startRegistry();
  for (const name of ['a', 'b']) await addPod(cluster, name);
  await addBudget(cluster, { disruptionsAllowed: 1, currentHealthy: 2, desiredHealthy: 1 });
  const outcomes = await Promise.allSettled([evict(cluster, 'a'), evict(cluster, 'b')]);
  assert.deepEqual(outcomes.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
  assert.equal((await statusOf(cluster)).disruptionsAllowed, 0);
});

test('a budget whose status is older than its spec lets nobody go, for a while', async () => {
  const cluster = await startRegistry();
  await addPod(cluster, 'a');
  await addBudget(cluster, { disruptionsAllowed: 1, observedGeneration: 0 });
  const error = await rejection(evict(cluster, 'a'), 'TooManyRequests');
  assert.equal(error.details?.retryAfterSeconds, 10);
  assert.equal(
    error.details?.causes?.[0]?.message,
    'The disruption budget web is still being processed by the server.',
  );
});

test('a pod that is over, pending or going already is evicted without asking', async () => {
  const cluster = await startRegistry();
  for (const phase of ['Succeeded', 'Failed', 'Pending']) await addPod(cluster, phase.toLowerCase(), phase);
  await addBudget(cluster, { disruptionsAllowed: 0 });
  for (const name of ['succeeded', 'failed', 'pending']) assert.equal((await evict(cluster, name)).status, 'Success');
  assert.equal(await cluster.find('pods', 'failed'), undefined);
  assert.ok(await isGoing(cluster, 'pending'));
  await evict(cluster, 'pending');
  assert.equal((await statusOf(cluster)).disruptedPods, undefined);
});

test('a pod that is not ready goes while enough others are well, or always where the budget says so', async () => {
  const cluster = await startRegistry();
  for (const name of ['a', 'b', 'c']) await addPod(cluster, name, 'Running', false);
  await addBudget(cluster, { disruptionsAllowed: 0, currentHealthy: 1, desiredHealthy: 1 });
  await evict(cluster, 'a');
  await cluster.patch(budgets, 'web', { status: { currentHealthy: 0 } }, { subresource: 'status', type: 'merge' });
  await rejection(evict(cluster, 'b'), 'TooManyRequests');
  await cluster.patch(budgets, 'web', { spec: { unhealthyPodEvictionPolicy: 'AlwaysAllow' } }, { type: 'merge' });
  await evict(cluster, 'b');
  assert.ok(await isGoing(cluster, 'b'));
});

test('two budgets for one pod are more than an eviction can satisfy', async () => {
  const cluster = await startRegistry();
  await addPod(cluster, 'a');
  await addBudget(cluster, { disruptionsAllowed: 1 });
  await addBudget(cluster, { disruptionsAllowed: 1 }, {}, 'other');
  const error = await rejection(evict(cluster, 'a'), 'InternalError');
  assert.equal(
    error.message,
    'This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.',
  );
});

test('an empty selector is for every pod; one of other labels or another namespace for none', async () => {
  const cluster = await startRegistry();
  await addPod(cluster, 'a');
  await addBudget(cluster, { disruptionsAllowed: 0 }, { selector: { matchLabels: { app: 'db' } } }, 'db');
  await cluster.create('namespaces', make.namespace());
  await cluster.create(
    budgets,
    { metadata: { name: 'far' }, spec: { selector: {}, minAvailable: 9 } },
    { namespace: 'team' },
  );
  await evict(cluster, 'a', { deleteOptions: { dryRun: ['All'] } });
  await addBudget(cluster, { disruptionsAllowed: 0 }, { selector: {} });
  await rejection(evict(cluster, 'a'), 'TooManyRequests');
});

test('a dry run asks, and changes neither pod nor budget', async () => {
  const cluster = await startRegistry();
  await addPod(cluster, 'a');
  await addBudget(cluster, { disruptionsAllowed: 1, currentHealthy: 2, desiredHealthy: 1 });
  await evict(cluster, 'a', { deleteOptions: { dryRun: ['All'] } });
  assert.ok(!(await isGoing(cluster, 'a')));
  assert.equal((await statusOf(cluster)).disruptionsAllowed, 1);
  assert.equal(((await cluster.get('pods', 'a')).status.conditions as unknown as object[]).length, 2);
});

test('preconditions hold, the old version of the body is understood, and its name is the name in the URL', async () => {
  const cluster = await startRegistry();
  await addPod(cluster, 'a');
  await rejection(evict(cluster, 'a', { deleteOptions: { preconditions: { uid: 'other' } } }), 'Conflict');
  await rejection(evict(cluster, 'a', { deleteOptions: { preconditions: { resourceVersion: '1' } } }), 'Conflict');
  const error = await rejection(evict(cluster, 'a', { metadata: { name: 'b' } }), 'BadRequest');
  assert.equal(error.message, 'name in URL does not match name in Eviction object');
  await rejection(evict(cluster, 'a', { deleteOptions: { dryRun: ['Some'] } }), 'Invalid');
  await rejection(evict(cluster, 'a', { deleteOptions: { propagationPolicy: 'Never' } }), 'Invalid');
  const both = { propagationPolicy: 'Orphan', orphanDependents: true };
  await rejection(evict(cluster, 'a', { deleteOptions: both }), 'Invalid');
  await rejection(evict(cluster, 'none'), 'NotFound');
  const { resourceVersion } = (await cluster.get('pods', 'a')).metadata;
  await evict(cluster, 'a', { apiVersion: 'policy/v1beta1', deleteOptions: { preconditions: { resourceVersion } } });
  assert.ok(await isGoing(cluster, 'a'));
});
