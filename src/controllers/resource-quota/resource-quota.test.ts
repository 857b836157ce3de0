import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import type { KubeObject } from '../../api/object.ts';
import type { Pod, ResourceQuota } from '../../api/schema/types/core-v1.ts';
import { hasReason } from '../../api/status-error.ts';
import type { Client } from '../../client/client.ts';
import { inProcessClient } from '../../client/in-process-client.ts';
import { configMaps, deployments, pods, resourceQuotas, secrets, services } from '../../client/resources.ts';
import { startTestApi, type TestApi } from '../../client/testing.ts';
import { SeededPrng } from '../../lib/prng.ts';
import { storeAuthorization } from '../../server/authorization/store-authorization.ts';
import { serviceAccount } from '../../server/rbac/testing.ts';
import { inDefault, makeDeployment } from '../testing.ts';
import { resourceQuotaController } from './controller.ts';

const running: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of running.splice(0)) await close();
});

/** The loop has the rights of its account, and no more. */
async function start(): Promise<TestApi> {
  const api = await startTestApi();
  const { authorizer, services: indexes } = storeAuthorization(api.store);
  const clientFor = (account: string): Client => {
    const user = serviceAccount('kube-system', account);
    return inProcessClient({ handler: api.registry, authorizer, user, resources: api.resources });
  };
  const loop = resourceQuotaController({ ...api, clientFor, rootCa: 'CA' });
  const started = [...indexes, api.informers, loop];
  for (const service of started) await service.start();
  running.push(async () => {
    for (const service of started.toReversed()) await service.close();
    await api.store.close();
  });
  await api.clock.advance(0);
  return api;
}

const named = <T extends KubeObject>(name: string, more: object = {}): T =>
  ({ metadata: { namespace: 'default', name }, ...more }) as unknown as T;

async function addQuota(api: TestApi, hard: Record<string, string>, more: object = {}, name = 'quota'): Promise<void> {
  await api.client.create(resourceQuotas, named<ResourceQuota>(name, { spec: { hard, ...more } }));
  await api.clock.advance(1000);
}

const statusOf = async (api: TestApi, name = 'quota'): Promise<ResourceQuota['status']> =>
  (await api.client.get(resourceQuotas, inDefault(name))).status;

const makePod = (name: string, cpu = '1'): Pod =>
  named<Pod>(name, { spec: { containers: [{ name: 'c', image: 'x', resources: { requests: { cpu } } }] } });

const end = (api: TestApi, name: string, phase: string): Promise<Pod> =>
  api.client.patch(pods, inDefault(name), { type: 'merge', body: { status: { phase } } }, { subresource: 'status' });

const refusedAsFull = async (work: Promise<unknown>): Promise<void> =>
  assert.rejects(work, (error) => hasReason(error, 'Forbidden') && error.message.includes('exceeded quota'));

describe('a quota', () => {
  test('says what is there already, of every kind that it bounds, and holds from then on', async () => {
    const api = await start();
    await api.client.create(pods, makePod('a', '250m'));
    await api.client.create(pods, makePod('b', '500m'));
    await api.client.create(configMaps, named('c'));
    await api.client.create(deployments, makeDeployment('web'));
    const hard = {
      pods: '3',
      'requests.cpu': '1',
      configmaps: '5',
      secrets: '5',
      'count/deployments.apps': '1',
      'count/nothings.example.com': '1',
    };
    await addQuota(api, hard);
    const used = { configmaps: '1', 'count/deployments.apps': '1', pods: '2', 'requests.cpu': '750m', secrets: '0' };
    assert.deepEqual(await statusOf(api), { hard, used });
    await refusedAsFull(api.client.create(deployments, makeDeployment('other')));
    await refusedAsFull(api.client.create(pods, makePod('c', '251m')));
    await api.client.create(pods, makePod('c', '250m'));
    assert.equal((await statusOf(api))?.used?.['requests.cpu'], '1');
  });

  test('counts only what is in its scopes', async () => {
    const api = await start();
    await api.client.create(pods, makePod('busy'));
    await api.client.create(pods, named<Pod>('idle', { spec: { containers: [{ name: 'c', image: 'x' }] } }));
    await api.client.create(services, named('web', { spec: { ports: [{ port: 80 }] } }));
    await addQuota(api, { pods: '5' }, { scopes: ['BestEffort'] });
    await addQuota(api, { services: '5' }, { scopeSelector: { matchExpressions: [] } }, 'plain');
    assert.deepEqual((await statusOf(api))?.used, { pods: '1' });
    assert.deepEqual((await statusOf(api, 'plain'))?.used, { services: '1' });
  });

  test('that is changed is counted anew, and forgets what it bounds no more', async () => {
    const api = await start();
    await api.client.create(configMaps, named('c'));
    await addQuota(api, { pods: '3' });
    const hard = { pods: null, configmaps: '4' };
    await api.client.patch(resourceQuotas, inDefault('quota'), { type: 'merge', body: { spec: { hard } } });
    await api.clock.advance(1000);
    assert.deepEqual(await statusOf(api), { hard: { configmaps: '4' }, used: { configmaps: '1' } });
  });

  test('that says something wrong is put right within five minutes', async () => {
    const api = await start();
    await addQuota(api, { secrets: '3' });
    const body = { status: { used: { secrets: '2' } } };
    await api.client.patch(resourceQuotas, inDefault('quota'), { type: 'merge', body }, { subresource: 'status' });
    await api.clock.advance(4 * 60_000);
    assert.deepEqual((await statusOf(api))?.used, { secrets: '2' });
    await api.clock.advance(61_000);
    assert.deepEqual((await statusOf(api))?.used, { secrets: '0' });
  });

  test('is left alone while nothing changes', async () => {
    const api = await start();
    await addQuota(api, { pods: '3', configmaps: '3' });
    const before = await api.client.get(resourceQuotas, inDefault('quota'));
    await api.clock.advance(30 * 60_000);
    const afterwards = await api.client.get(resourceQuotas, inDefault('quota'));
    assert.equal(afterwards.metadata?.resourceVersion, before.metadata?.resourceVersion);
  });
});

describe('room comes back', () => {
  test('when objects are deleted', async () => {
    const api = await start();
    await addQuota(api, { secrets: '2', 'count/deployments.apps': '1' });
    await api.client.create(secrets, named('a'));
    await api.client.create(secrets, named('b'));
    await api.client.create(deployments, makeDeployment('web'));
    await refusedAsFull(api.client.create(secrets, named('c')));
    await api.client.delete(secrets, inDefault('a'));
    await api.client.delete(deployments, inDefault('web'));
    await api.clock.advance(1000);
    assert.deepEqual((await statusOf(api))?.used, { 'count/deployments.apps': '0', secrets: '1' });
    await api.client.create(secrets, named('c'));
  });

  test('when pods have run to their end', async () => {
    const api = await start();
    await addQuota(api, { pods: '2', 'count/pods': '9', 'requests.cpu': '2' });
    await api.client.create(pods, makePod('a'));
    await api.client.create(pods, makePod('b'));
    await end(api, 'a', 'Succeeded');
    await end(api, 'b', 'Running');
    await api.clock.advance(1000);
    assert.deepEqual((await statusOf(api))?.used, { 'count/pods': '2', pods: '1', 'requests.cpu': '1' });
  });

  test('when a service gives up its node ports', async () => {
    const api = await start();
    await addQuota(api, { 'services.nodeports': '1' });
    await api.client.create(services, named('web', { spec: { type: 'NodePort', ports: [{ port: 80 }] } }));
    const spec = { type: 'ClusterIP', ports: [{ port: 80, nodePort: null }] };
    await api.client.patch(services, inDefault('web'), { type: 'merge', body: { spec } });
    await api.clock.advance(1000);
    assert.deepEqual((await statusOf(api))?.used, { 'services.nodeports': '0' });
  });
});

test('while all create, delete and count at once, there is never more than the quota allows, and in the end the count is right', async () => {
  const api = await start();
  const most = 10;
  await addQuota(api, { configmaps: String(most) });
  let largest = 0;
  const watch = api.store.watch(
    { collection: 'configmaps', namespace: 'default' },
    {
      event: () => {
        largest = Math.max(largest, api.store.list('configmaps', 'default').entries.length);
      },
    },
  );
  const prng = new SeededPrng(7);
  let made = 0;
  let full = 0;
  for (let round = 0; round < 60; round++) {
    const there = (await api.client.list(configMaps, { namespace: 'default' })).items;
    const going = there.filter(() => prng.next() < 0.4);
    const work = [
      ...going.map(({ metadata }) => api.client.delete(configMaps, inDefault(metadata?.name ?? ''))),
      // Of each name two: one fails after it was noted.
      ...Array.from({ length: 8 }, (_, index) => [`map-${round}-${index}`, `map-${round}-${index >> 1}`])
        .flat()
        .map((name) => api.client.create(configMaps, named(name)).then(() => void made++, refusal)),
    ];
    function refusal(error: unknown): void {
      if (hasReason(error, 'Forbidden')) full++;
      else if (!hasReason(error, 'AlreadyExists')) throw error;
    }
    await Promise.all([...work, api.clock.advance(Math.floor(prng.next() * 150))]);
  }
  await api.clock.advance(2000);
  watch.cancel();
  const count = api.store.list('configmaps', 'default').entries.length;
  assert.deepEqual((await statusOf(api))?.used, { configmaps: String(count) });
  assert.equal(largest, most);
  assert.ok(made > 100, `${made} were made`);
  assert.ok(full > 100, `${full} were refused`);
});
