import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { JsonValue } from '../../../api/object.ts';
import { resourceTable } from '../../../api/resource-table.ts';
import { builtinSchema } from '../../../api/schema/load.ts';
import type { ResourceQuota } from '../../../api/schema/types/core-v1.ts';
import { silentLogger } from '../../../lib/log.ts';
import { SeededPrng } from '../../../lib/prng.ts';
import { MemoryStore } from '../../../store/memory-store.ts';
import type { Entry, WriteOperation } from '../../../store/store.ts';
import { Registry } from '../../registry.ts';
import { make, rejection, startRegistry, type TestRegistry } from '../../testing.ts';
import type { AdmissionRequest } from '../admission.ts';
import { admissionPlugins } from '../plugins.ts';
import { readLimitedResources } from './limited-resources.ts';
import { quotaController, resourceQuota } from './plugin.ts';
import { addQuota, type TestQuota, tooLarge, usedOf } from './testing.ts';

async function withQuota(quota: TestQuota): Promise<TestRegistry> {
  const registry = await startRegistry();
  await addQuota(registry, quota);
  return registry;
}

const container = (requests: object, limits: object = {}, name = 'c') => ({
  name,
  image: 'x',
  resources: { requests, limits },
});
const podOf = (requests: object, limits: object = {}, name = 'pod') =>
  make.pod({ spec: { containers: [container(requests, limits)] } }, name);

describe('a quota', () => {
  test('takes what fits, notes it, and refuses what does not', async () => {
    const registry = await withQuota({ hard: { pods: '2', 'requests.cpu': '1', configmaps: '5' } });
    await registry.create('pods', podOf({ cpu: '600m' }));
    const error = await rejection(registry.create('pods', podOf({ cpu: '500m' }, {}, 'second')), 'Forbidden');
    const text = 'pods "second" is forbidden: exceeded quota: quota, requested: requests.cpu=500m, ';
    assert.equal(error.message, `${text}used: requests.cpu=600m, limited: requests.cpu=1`);
    assert.deepEqual(error.toStatus().details, { name: 'second', kind: 'pods' });
    await registry.create('pods', podOf({ cpu: '400m' }, {}, 'third'));
    assert.deepEqual(await usedOf(registry), { configmaps: '0', pods: '2', 'requests.cpu': '1' });
  });

  test('names everything that is too much', async () => {
    const registry = await withQuota({ hard: { pods: '1', memory: '1Gi' }, used: { pods: '1', memory: '1Gi' } });
    const error = await rejection(registry.create('pods', podOf({ memory: '1Mi' })), 'Forbidden');
    const text =
      'exceeded quota: quota, requested: memory=1Mi,pods=1, used: memory=1Gi,pods=1, limited: memory=1Gi,pods=1';
    assert.equal(error.message, `pods "pod" is forbidden: ${text}`);
  });

  test('asks each container to say what it bounds', async () => {
    const registry = await withQuota({ hard: { 'limits.cpu': '4', 'requests.memory': '4Gi' } });
    const spec = { containers: [container({}, { cpu: '1' }, 'a'), container({ memory: '1Mi' }, {}, 'b')] };
    const error = await rejection(registry.create('pods', make.pod({ spec })), 'Forbidden');
    const text = 'failed quota: quota: must specify limits.cpu for: b; requests.memory for: a';
    assert.equal(error.message, `pods "pod" is forbidden: ${text}`);
  });

  test('that has counted only some of what it bounds lets nobody pass', async () => {
    const registry = await startRegistry();
    await addQuota(registry, { hard: { pods: '5', 'requests.cpu': '5' } });
    const status = { hard: { pods: '5', 'requests.cpu': '5' }, used: { pods: '0', 'requests.cpu': null } };
    await registry.patch('resourcequotas', 'quota', { status }, { type: 'merge', subresource: 'status' });
    const error = await rejection(registry.create('pods', podOf({ cpu: '1' })), 'Forbidden');
    assert.equal(
      error.message,
      'pods "pod" is forbidden: status unknown for quota: quota, resources: pods,requests.cpu',
    );
  });

  test('that nobody has counted yet bounds nothing', async () => {
    const registry = await startRegistry();
    const spec = { hard: { pods: '0' } };
    await registry.create('resourcequotas', {
      apiVersion: 'v1',
      kind: 'ResourceQuota',
      metadata: { name: 'new' },
      spec,
    });
    await registry.create('pods', make.pod());
  });

  test('notes nothing of a dry run, and refuses it all the same', async () => {
    const registry = await withQuota({ hard: { pods: '1' } });
    await registry.create('pods', make.pod(), { dryRun: true });
    assert.deepEqual(await usedOf(registry), { pods: '0' });
    await registry.create('pods', make.pod());
    await rejection(registry.create('pods', make.pod({}, 'second'), { dryRun: true }), 'Forbidden');
  });

  test('gets back what was admitted and then not written', async () => {
    const registry = await withQuota({ hard: { configmaps: '5' }, used: { configmaps: '1' } });
    await registry.create('configmaps', make.configMap());
    await rejection(registry.create('configmaps', make.configMap()), 'AlreadyExists');
    await registry.create('configmaps', make.configMap({}, 'other'));
    assert.deepEqual(await usedOf(registry), { configmaps: '3' });
  });

  test('counts any kind, and a delete is left to the control loop', async () => {
    const registry = await withQuota({ hard: { 'count/deployments.apps': '1' } });
    await registry.create('deployments.apps', make.deployment());
    const error = await rejection(registry.create('deployments.apps', make.deployment({}, 'other')), 'Forbidden');
    const text =
      'exceeded quota: quota, requested: count/deployments.apps=1, used: count/deployments.apps=1, limited: count/deployments.apps=1';
    assert.equal(error.message, `deployments.apps "other" is forbidden: ${text}`);
    await registry.delete('deployments.apps', 'web');
    assert.deepEqual(await usedOf(registry), { 'count/deployments.apps': '1' });
  });

  test('sees only what is in its scopes', async () => {
    const registry = await withQuota({ hard: { pods: '0' }, scopes: ['BestEffort'] });
    await registry.create('pods', podOf({ cpu: '1' }));
    await rejection(registry.create('pods', podOf({}, {}, 'idle')), 'Forbidden');
  });

  test('stands beside others: all must agree, and one that refuses leaves no trace in the rest', async () => {
    const registry = await withQuota({ hard: { pods: '5' } });
    await addQuota(registry, { hard: { 'requests.cpu': '1' } }, 'second');
    await registry.create('pods', podOf({ cpu: '1' }));
    const error = await rejection(registry.create('pods', podOf({ cpu: '1' }, {}, 'more')), 'Forbidden');
    assert.match(error.message, /exceeded quota: second, /);
    assert.deepEqual(
      [await usedOf(registry), await usedOf(registry, 'second')],
      [{ pods: '1' }, { 'requests.cpu': '1' }],
    );
  });
});

test('where there is no quota, nobody waits and nothing is read but that there is none', async () => {
  const registry = await startRegistry();
  const { store, clock } = registry;
  const reads: string[] = [];
  const watched = new Proxy(store, {
    get(target, name) {
      reads.push(String(name));
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
  const plugin = resourceQuota({ store: watched, clock, log: silentLogger });
  const request = {
    operation: 'CREATE',
    target: registry.target('pods'),
    collection: 'pods',
    draft: make.pod(),
    dryRun: false,
    store,
    clock,
  };
  assert.equal(plugin.validate?.(request as unknown as AdmissionRequest), undefined);
  assert.deepEqual(reads, ['list']);
});

describe('a change', () => {
  test('of a service to another type costs the difference', async () => {
    const registry = await withQuota({
      hard: { services: '1', 'services.nodeports': '1', 'services.loadbalancers': '0' },
    });
    await registry.create('services', make.service());
    await registry.patch('services', 'web', { spec: { type: 'NodePort' } });
    assert.deepEqual(await usedOf(registry), {
      services: '1',
      'services.loadbalancers': '0',
      'services.nodeports': '1',
    });
    const error = await rejection(registry.patch('services', 'web', { spec: { type: 'LoadBalancer' } }), 'Forbidden');
    assert.match(
      error.message,
      /^services "web" is forbidden: exceeded quota: quota, requested: services.loadbalancers=1, /,
    );
  });

  test('of a pod by a resize costs the difference', async () => {
    const registry = await withQuota({ hard: { 'requests.cpu': '2' } });
    await registry.create('pods', podOf({ cpu: '1' }));
    const resize = (cpu: string): Promise<unknown> =>
      registry.patch(
        'pods',
        'pod',
        { spec: { containers: [{ name: 'c', resources: { requests: { cpu } } }] } },
        { subresource: 'resize' },
      );
    await resize('1500m');
    assert.deepEqual(await usedOf(registry), { 'requests.cpu': '1500m' });
    const error = await rejection(resize('3'), 'Forbidden');
    assert.match(error.message, /requested: requests.cpu=1500m, used: requests.cpu=1500m, limited: requests.cpu=2$/);
  });

  test('that moves a pod into a quota costs the whole pod', async () => {
    const registry = await withQuota({ hard: { pods: '1' }, scopes: ['Terminating'] });
    await registry.create('pods', make.pod());
    await registry.patch('pods', 'pod', { spec: { activeDeadlineSeconds: 60 } });
    assert.deepEqual(await usedOf(registry), { pods: '1' });
  });

  test('of what no quota bounds costs nothing', async () => {
    const registry = await withQuota({ hard: { configmaps: '1' } });
    await registry.create('configmaps', make.configMap());
    await registry.patch('configmaps', 'config', { data: { a: 'b' } });
    assert.deepEqual(await usedOf(registry), { configmaps: '1' });
  });
});

/** Writes of one collection wait until they are let through. */
class GatedStore extends MemoryStore {
  open: () => void = () => {};
  #gate: Promise<void> = Promise.resolve();
  #collection = '';

  shut(collection = 'configmaps'): void {
    this.#collection = collection;
    this.#gate = new Promise((resolve) => {
      this.open = resolve;
    });
  }

  override async write(operation: WriteOperation): Promise<Entry> {
    if (operation.key.collection === this.#collection) await this.#gate;
    return super.write(operation);
  }
}

async function startGated() {
  const registry = await startRegistry();
  const store = new GatedStore({ clock: registry.clock, log: silentLogger });
  await store.start();
  const shared = { store, clock: registry.clock, prng: new SeededPrng(1), log: silentLogger };
  const gated = new Registry({ ...shared, schema: builtinSchema(), resources: resourceTable() });
  await gated.create(registry.target('namespaces'), make.namespace({}, 'default') as never, {});
  const hard = { configmaps: '2' };
  const quota = { apiVersion: 'v1', kind: 'ResourceQuota', metadata: { name: 'quota' }, spec: { hard } };
  await gated.create(registry.target('resourcequotas'), quota, {});
  const place = registry.target('resourcequotas', { name: 'quota', subresource: 'status' });
  const read = async (): Promise<ResourceQuota> => (await gated.get({ ...place, subresource: '' })).object;
  const count = async (configmaps: string): Promise<unknown> => {
    const body = { ...(await read()), status: { hard, used: { configmaps } } };
    return gated.update({ ...place, user: { name: quotaController, groups: [] } }, body as never, {});
  };
  const create = (name: string, more: { readonly data?: object } = {}): Promise<unknown> =>
    gated.create(registry.target('configmaps'), make.configMap(more, name) as never, {});
  const used = async (): Promise<unknown> => (await read()).status?.used;
  await count('0');
  return { store, clock: registry.clock, count, create, used };
}

const soon = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('a count by the control loop is turned away', () => {
  test('while something is noted that is not stored, and once more after that', async () => {
    const { store, count, create, used } = await startGated();
    store.shut();
    const made = create('a');
    await soon();
    assert.deepEqual(await used(), { configmaps: '1' });
    await rejection(count('0'), 'Conflict');
    await rejection(count('0'), 'Conflict');
    store.open();
    await made;
    await rejection(count('0'), 'Conflict');
    await count('1');
    assert.deepEqual(await used(), { configmaps: '1' });
  });

  test('while what was not stored has still to be given back', async () => {
    const { store, count, create, used } = await startGated();
    await create('a');
    store.shut();
    const both = Promise.allSettled([create('b'), create('b')]);
    await soon();
    assert.deepEqual(await used(), { configmaps: '2' });
    store.open();
    await both;
    await soon();
    await rejection(count('2'), 'Conflict');
    await count('2');
    await rejection(create('c'), 'Forbidden');
  });
});

describe('who asks while others hold the last room', () => {
  test('gets it where they give it back', async () => {
    const { store, create, used } = await startGated();
    await create('a');
    store.shut();
    const failing = rejection(create('b', tooLarge), 'RequestEntityTooLarge');
    await soon();
    const late = create('c');
    await soon();
    store.open();
    await failing;
    await late;
    assert.deepEqual(await used(), { configmaps: '2' });
  });

  test('is refused once theirs is stored', async () => {
    const { store, create } = await startGated();
    store.shut();
    const first = [create('a'), create('b')];
    await soon();
    const late = create('c').then(
      () => 'made',
      (error: Error) => error.message,
    );
    assert.equal(await Promise.race([late, soon().then(() => 'waits')]), 'waits');
    store.open();
    await Promise.all(first);
    assert.match(await late, /configmaps "c" is forbidden: exceeded quota: quota, .* limited: configmaps=2$/);
  });

  test('is refused after ten seconds, whatever becomes of them', async () => {
    const { store, clock, create } = await startGated();
    store.shut();
    const first = [create('a'), create('b')];
    await soon();
    const late = rejection(create('c'), 'Forbidden');
    await soon();
    await clock.advance(10_000);
    assert.match((await late).message, /exceeded quota/);
    store.open();
    await Promise.all(first);
  });
});

test('where a quota cannot be written, nobody waits longer than ten seconds, and what is noted at last is given back', async () => {
  const { store, clock, create, used } = await startGated();
  store.shut('resourcequotas');
  const made = rejection(create('a'), 'InternalError');
  await soon();
  await clock.advance(10_000);
  const error = await made;
  assert.equal(error.message, 'Internal error occurred: resource quota evaluation timed out');
  store.open();
  await soon();
  await soon();
  assert.deepEqual(await used(), { configmaps: '0' });
});

describe('what only quotas open', () => {
  const limitedResources = readLimitedResources({
    apiVersion: 'apiserver.config.k8s.io/v1',
    kind: 'ResourceQuotaConfiguration',
    limitedResources: [
      { resource: 'configmaps', matchContains: ['count/'] },
      {
        resource: 'pods',
        matchScopes: [{ scopeName: 'PriorityClass', operator: 'In', values: ['system-node-critical'] }],
      },
    ],
  });

  function limitedRegistry(registry: TestRegistry): Registry {
    const shared = { store: registry.store, clock: registry.clock, prng: new SeededPrng(1), log: silentLogger };
    const usual = admissionPlugins(shared).filter(({ name }) => name !== 'ResourceQuota');
    const admission = [...usual, resourceQuota({ ...shared, limitedResources })];
    return new Registry({ ...shared, schema: builtinSchema(), resources: resourceTable(), admission });
  }

  test('is closed where no quota speaks of it', async () => {
    const registry = await startRegistry();
    const limited = limitedRegistry(registry);
    const create = (): Promise<unknown> => limited.create(registry.target('configmaps'), make.configMap() as never, {});
    const error = await rejection(create(), 'Forbidden');
    assert.equal(error.message, 'configmaps "config" is forbidden: insufficient quota to consume: count/configmaps');
    await addQuota(registry, { hard: { 'count/configmaps': '1' } });
    await create();
  });

  test('is closed where no quota has the scope', async () => {
    const registry = await startRegistry();
    const limited = limitedRegistry(registry);
    const pod = make.pod({ spec: { priorityClassName: 'system-node-critical' } });
    const create = (): Promise<unknown> => limited.create(registry.target('pods'), pod as never, {});
    const error = await rejection(create(), 'InternalError');
    assert.equal(
      error.message,
      'insufficient quota to match these scopes: [{PriorityClass In [system-node-critical]}]',
    );
    const scope = { scopeName: 'PriorityClass', operator: 'In', values: ['system-node-critical'] };
    await addQuota(registry, { hard: { pods: '1' }, scopeSelector: { matchExpressions: [scope] } });
    await create();
  });

  const wrong: readonly (readonly [document: JsonValue, why: RegExp])[] = [
    [{ apiVersion: 'v1', kind: 'Pod' }, /apiserver\.config\.k8s\.io\/v1/],
    [
      { apiVersion: 'apiserver.config.k8s.io/v1', kind: 'ResourceQuotaConfiguration', limitedResources: [{}] },
      /limitedResources\[0\]\.resource: Required value/,
    ],
    [
      { apiVersion: 'apiserver.config.k8s.io/v1', kind: 'ResourceQuotaConfiguration', limited: [] },
      /unknown field "limited"/,
    ],
  ];
  for (const [document, why] of wrong) {
    test(`cannot be read from ${JSON.stringify(document)}`, () =>
      assert.throws(() => readLimitedResources(document), why));
  }
});
