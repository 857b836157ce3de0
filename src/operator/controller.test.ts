import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { KubeObject } from '../api/object.ts';
import type { ConfigMap } from '../api/schema/types/core-v1.ts';
import type { Resource } from '../client/client.ts';
import { EventRecorder } from '../client/events.ts';
import { configMaps, deployments, events, namespaces, secrets } from '../client/resources.ts';
import { startTestApi, type TestApi } from '../client/testing.ts';
import { MetricRegistry } from '../lib/metrics.ts';
import type { Service } from '../lib/service.ts';
import { Children, type ChildrenOptions, controllerIndex, controllerUid } from './children.ts';
import { type ControllerOptions, controller, type OperatorContext } from './controller.ts';
import { impossible, type Plan, wait, want } from './plan.ts';

/** The loop's objects are ConfigMaps labelled `parent`, and their children, too: any kind will do. */
interface Lab {
  readonly service: Service;
  readonly api: TestApi;
  readonly writes: string[];
  readonly reconciled: string[];
  create(name: string, data: Readonly<Record<string, string>>): Promise<ConfigMap>;
  change(name: string, data: Readonly<Record<string, string>>): Promise<void>;
  data(name: string): Promise<ConfigMap['data']>;
  settle(): Promise<void>;
}

const child = (name: string, data: Readonly<Record<string, string>>) =>
  ({ apiVersion: 'v1', kind: 'Secret', metadata: { name }, data: encoded(data) }) as const;

const encoded = (data: Readonly<Record<string, string>>): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(data).map(([name, text]) => [name, btoa(text)]));

async function lab(
  options: Partial<ControllerOptions<ConfigMap>> & Pick<ControllerOptions<ConfigMap>, 'reconcile'>,
): Promise<Lab> {
  const writes: string[] = [];
  const reconciled: string[] = [];
  const api = await startTestApi({
    wrap: (client) => ({
      ...client,
      patch: (resource, reference, patch, more) => {
        writes.push(`${patch.type} ${resource.resource}/${reference.name}`);
        return client.patch(resource, reference, patch, more);
      },
      delete: (resource, reference, more) => {
        writes.push(`delete ${resource.resource}/${reference.name}`);
        return client.delete(resource, reference, more);
      },
    }),
  });
  const { client, clock, prng, log, informers } = api;
  const recorder = new EventRecorder({ client, clock, log, component: 'test' });
  const context: OperatorContext = {
    client,
    clock,
    prng,
    log,
    informers,
    events: recorder,
    metrics: new MetricRegistry(),
  };
  const service = controller<ConfigMap>(context, {
    name: 'mirror',
    for: configMaps,
    owns: [secrets],
    ...options,
    reconcile: (object, view) => {
      reconciled.push(object.metadata?.name ?? '');
      return options.reconcile(object, view);
    },
  });
  await informers.start();
  await service.start();
  const settle = async (): Promise<void> => {
    for (let round = 0; round < 20; round++) await clock.advance(100);
  };
  await settle();
  return {
    api,
    service,
    writes,
    reconciled,
    settle,
    create: (name, data) =>
      client.create(configMaps, { metadata: { namespace: 'default', name, labels: { parent: 'yes' } }, data }),
    change: async (name, data) => {
      await client.patch(configMaps, { namespace: 'default', name }, { type: 'merge', body: { data } });
    },
    data: async (name) => (await client.get(configMaps, { namespace: 'default', name })).data,
  };
}

const mirror = (object: ConfigMap): Plan<ConfigMap> =>
  want([child(`${object.metadata?.name ?? ''}-copy`, object.data ?? {})]);

describe('the controller of an operator', () => {
  test('applies what is wanted, once, with the object as owner; and again where somebody changed it', async () => {
    const { api, create, change, settle, writes } = await lab({ reconcile: mirror });
    const owner = await create('a', { x: '1' });
    await settle();
    const reference = { namespace: 'default', name: 'a-copy' };
    const made = await api.client.get(secrets, reference);
    assert.deepEqual(made.metadata?.ownerReferences, [
      {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        name: 'a',
        uid: owner.metadata?.uid,
        controller: true,
        blockOwnerDeletion: true,
      },
    ]);
    assert.equal(made.metadata?.managedFields?.[0]?.manager, 'mirror');
    assert.deepEqual(writes, ['apply secrets/a-copy']);
    await change('a', { x: '2' });
    await settle();
    assert.deepEqual(writes.slice(1), ['merge configmaps/a', 'apply secrets/a-copy']);
    await api.client.patch(secrets, reference, { type: 'merge', body: { data: { x: 'b29wcw==' } } });
    await settle();
    assert.deepEqual((await api.client.get(secrets, reference)).data, { x: 'Mg==' }, 'what was changed is put right');
    const before = writes.length;
    await settle();
    assert.equal(writes.length, before, 'and then there is peace');
  });

  test('deletes children that are wanted no more, and nothing that the object does not control', async () => {
    const { api, create, change, settle, writes } = await lab({
      reconcile: (object) => want(Object.keys(object.data ?? {}).map((name) => child(name, {}))),
    });
    await api.client.create(secrets, { metadata: { namespace: 'default', name: 'foreign' } });
    await create('a', { one: '', two: '' });
    await settle();
    await change('a', { two: null as never });
    await settle();
    assert.deepEqual(
      writes.filter((write) => write.startsWith('delete')),
      ['delete secrets/two'],
    );
    await api.client.get(secrets, { namespace: 'default', name: 'foreign' });
  });

  test('a kind that it does not own is refused with a sentence that says the way out', async () => {
    const { create, settle, reconciled } = await lab({ owns: [], reconcile: mirror });
    await create('a', {});
    await settle();
    assert.ok(reconciled.length > 1, 'it is tried again, as any failure');
  });

  test('waits without changing anything, and looks again in time', async () => {
    let known = 0;
    const { create, settle, writes, api } = await lab({
      reconcile: (object) => (known++ < 2 ? wait('for a friend', 10_000) : mirror(object)),
    });
    await create('a', {});
    await settle();
    assert.deepEqual([known, writes], [1, []]);
    await api.clock.advance(25_000);
    assert.deepEqual(writes, ['apply secrets/a-copy']);
  });

  test('what is impossible is told to users, and not tried again until the object changes', async () => {
    const { api, create, change, settle, reconciled } = await lab({ reconcile: () => impossible('no such host') });
    await create('a', {});
    await settle();
    await api.clock.advance(600_000);
    assert.deepEqual(reconciled, ['a']);
    const told = await api.client.list(events, { namespace: 'default' });
    assert.deepEqual(
      told.items.map(({ type, reason, message }) => [type, reason, message]),
      [['Warning', 'ReconcileImpossible', 'no such host']],
    );
    await change('a', { x: '1' });
    await settle();
    assert.deepEqual(reconciled, ['a', 'a']);
  });

  test('finalizes before the object goes, and takes only its own finalizer away', async () => {
    const calls: string[] = [];
    const { api, create, settle } = await lab({
      reconcile: () => want([]),
      finalize: (object) => calls.push(object.metadata?.name ?? '') > 1,
    });
    await create('a', {});
    await settle();
    const reference = { namespace: 'default', name: 'a' };
    assert.deepEqual((await api.client.get(configMaps, reference)).metadata?.finalizers, ['core/mirror']);
    const finalizers = ['core/mirror', 'example.com/other'];
    await api.client.patch(configMaps, reference, { type: 'merge', body: { metadata: { finalizers } } });
    await api.client.delete(configMaps, reference);
    await settle();
    assert.deepEqual(calls, ['a'], 'not done yet');
    await api.clock.advance(10_000);
    assert.deepEqual((await api.client.get(configMaps, reference)).metadata?.finalizers, ['example.com/other']);
  });

  test('a change of something watched wakes the objects that it concerns', async () => {
    const { api, create, settle, reconciled } = await lab({
      owns: [],
      watches: [{ resource: secrets, concerns: (object) => [`default/${object.metadata?.labels?.['for'] ?? ''}`] }],
      reconcile: () => want([]),
    });
    await create('a', {});
    await create('b', {});
    await settle();
    reconciled.length = 0;
    await api.client.create(secrets, { metadata: { namespace: 'default', name: 's', labels: { for: 'b' } } });
    await settle();
    assert.deepEqual(reconciled, ['b']);
  });

  test('puts labels and owners of a child right, also where its kind has generations', async () => {
    const config = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web', labels: { a: 'right' } } };
    const labels = { app: 'web' };
    const template = { metadata: { labels }, spec: { containers: [{ name: 'web', image: 'web' }] } };
    const wish = { ...config, spec: { selector: { matchLabels: labels }, template } };
    const { api, create, settle } = await lab({ owns: [deployments], reconcile: () => want([wish]) });
    await create('a', {});
    await settle();
    const reference = { namespace: 'default', name: 'web' };
    const body = { metadata: { labels: { a: 'wrong' } } };
    await api.client.patch(deployments, reference, { type: 'merge', body });
    await settle();
    assert.deepEqual((await api.client.get(deployments, reference)).metadata?.labels, { a: 'right' });
  });

  for (const [what, wishes, why] of [
    [
      'in another namespace',
      [{ ...child('x', {}), metadata: { namespace: 'kube-system', name: 'x' } }],
      /garbage collector/,
    ],
    ['of the whole cluster', [{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'x' } }], /garbage collector/],
    ['without a name', [child('', {})], /without a name/],
    ['that is wanted twice', [child('x', { a: '1' }), child('x', { a: '2' })], /"x" twice/],
  ] as const) {
    test(`a child ${what} is refused before anything is written`, async () => {
      const { api, create, settle, writes } = await lab({
        owns: [secrets, namespaces],
        reconcile: () => want([child('fine', {}), ...wishes]),
      });
      await create('a', {});
      await settle();
      assert.deepEqual(writes, []);
      const options = {
        client: api.client,
        controller: 'mirror',
        owner: configMaps,
        owns: [secrets, namespaces],
        cacheOf: (resource: Resource<KubeObject>) => api.informers.informer(resource).cache,
      };
      const owner = { metadata: { namespace: 'default', name: 'a', uid: 'u' } };
      await assert.rejects(new Children(options).bringTo(owner, wishes, new AbortController().signal), why);
    });
  }

  test('an owner of the whole cluster has children in any namespace', async () => {
    const api = await startTestApi();
    const options = {
      client: api.client,
      controller: 'mirror',
      owner: namespaces,
      owns: [secrets],
      cacheOf: (resource: Resource<KubeObject>) =>
        api.informers.informer(resource).addIndex(controllerIndex, controllerUid).cache,
    };
    const children = new Children(options);
    const { signal } = new AbortController();
    const owner = await api.client.get(namespaces, { namespace: '', name: 'default' });
    await assert.rejects(children.bringTo(owner, [child('x', {})], signal), /without a namespace/);
    const wish = { ...child('x', {}), metadata: { namespace: 'default', name: 'x' } };
    await children.bringTo(owner, [wish], signal);
    const made = await api.client.get(secrets, { namespace: 'default', name: 'x' });
    assert.equal(made.metadata?.ownerReferences?.[0]?.uid, owner.metadata?.uid);
  });

  test('a reconciler that answers after the end has nothing written any more', async () => {
    const asked = Promise.withResolvers<void>();
    const answered = Promise.withResolvers<void>();
    const { create, settle, writes, service } = await lab({
      reconcile: async (object) => {
        asked.resolve();
        await answered.promise;
        return mirror(object);
      },
    });
    await create('a', {});
    await asked.promise;
    const closed = service.close();
    answered.resolve();
    await closed;
    await settle();
    assert.deepEqual(writes, []);
  });

  test('a finalizer of an earlier program is taken away by one that finalizes nothing', async () => {
    const { api, create, settle } = await lab({ reconcile: () => want([]) });
    await create('a', {});
    const reference = { namespace: 'default', name: 'a' };
    const body = { metadata: { finalizers: ['core/mirror'] } };
    await api.client.patch(configMaps, reference, { type: 'merge', body });
    await api.client.delete(configMaps, reference);
    await settle();
    await assert.rejects(api.client.get(configMaps, reference), /not found/);
  });

  test('a child that got another owner meanwhile is not deleted from a stale cache', async () => {
    const api = await startTestApi();
    const owner = { metadata: { namespace: 'default', name: 'a', uid: 'u' } };
    const ownerReferences = [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'a', uid: 'u', controller: true }];
    const reference = { namespace: 'default', name: 'x' };
    const seen = await api.client.create(secrets, { metadata: { ...reference, ownerReferences } });
    const cache = { get: () => seen, byIndex: () => [seen] } as unknown as ChildrenOptions['cacheOf'] extends (
      ...args: never[]
    ) => infer C
      ? C
      : never;
    await api.client.patch(secrets, reference, { type: 'merge', body: { metadata: { ownerReferences: null } } });
    const children = new Children({
      client: api.client,
      controller: 'mirror',
      owner: configMaps,
      owns: [secrets],
      cacheOf: () => cache,
    });
    await children.bringTo(owner, [], new AbortController().signal);
    await api.client.get(secrets, reference);
  });
});
