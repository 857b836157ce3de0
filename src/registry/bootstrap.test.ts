import assert from 'node:assert/strict';
import { test } from 'node:test';
import { resourceTable } from '../api/resource-table.ts';
import { builtinSchema } from '../api/schema/load.ts';
import type { Service } from '../api/schema/types/core-v1.ts';
import type { FlowSchema, PriorityLevelConfiguration } from '../api/schema/types/flowcontrol-v1.ts';
import type { StorageClass } from '../api/schema/types/storage-v1.ts';
import { silentLogger } from '../lib/log.ts';
import { SeededPrng } from '../lib/prng.ts';
import { bootstrap } from './bootstrap.ts';
import { Registry } from './registry.ts';
import { startRegistry, type TestRegistry } from './testing.ts';

test('a new cluster has upstream’s flow schemas, each of a priority level that is there', async () => {
  const registry = await startRegistry();
  const levels = (await registry.list('prioritylevelconfigurations.flowcontrol.apiserver.k8s.io'))
    .objects as PriorityLevelConfiguration[];
  const flows = (await registry.list('flowschemas.flowcontrol.apiserver.k8s.io')).objects as FlowSchema[];
  const names = levels.map(({ metadata }) => metadata?.name ?? '');
  assert.equal(
    names.join(' '),
    'catch-all exempt global-default leader-election node-high system workload-high workload-low',
  );
  assert.equal(flows.length, 11);
  for (const { metadata, spec } of flows) {
    assert.ok(names.includes(spec?.priorityLevelConfiguration.name ?? 'none'), metadata?.name ?? '');
  }
  for (const { metadata } of [...levels, ...flows]) {
    assert.equal(metadata?.annotations?.['apf.kubernetes.io/autoupdate-spec'], 'true');
    assert.equal(metadata?.managedFields?.at(-1)?.manager, 'api-priority-and-fairness-config-producer-v1');
  }
  for (const { metadata, spec, status } of flows) {
    const [condition, ...others] = status?.conditions ?? [];
    const { lastTransitionTime, ...said } = condition ?? {};
    const level = spec?.priorityLevelConfiguration.name ?? '';
    assert.deepEqual(said, {
      type: 'Dangling',
      status: 'False',
      reason: 'Found',
      message: `This FlowSchema references the PriorityLevelConfiguration object named "${level}" and it exists`,
    });
    assert.equal(lastTransitionTime, metadata?.creationTimestamp);
    assert.equal(others.length, 0);
    assert.equal(metadata?.managedFields?.[0]?.manager, 'api-priority-and-fairness-config-consumer-v1');
  }
  const exempt = flows.find(({ metadata }) => metadata?.name === 'exempt');
  assert.equal(exempt?.spec?.matchingPrecedence, 1);
});

test('what a person has changed stays as it is when the cluster starts again', async () => {
  const registry = await startRegistry();
  const change = { spec: { limited: { nominalConcurrencyShares: 7 } } };
  await registry.patch('prioritylevelconfigurations.flowcontrol.apiserver.k8s.io', 'system', change, { type: 'merge' });
  await bootstrap(registry.registry);
  const level = (await registry.get(
    'prioritylevelconfigurations.flowcontrol.apiserver.k8s.io',
    'system',
  )) as unknown as PriorityLevelConfiguration;
  assert.equal(level.spec?.limited?.nominalConcurrencyShares, 7);
});

test('a cluster that starts again writes nothing about its flow schemas', async () => {
  const registry = await startRegistry();
  const flows = async () => (await registry.list('flowschemas.flowcontrol.apiserver.k8s.io')).objects;
  const before = await flows();
  await bootstrap(registry.registry);
  assert.deepEqual(await flows(), before);
});

test('a cluster starts again although a quota leaves no room for what it has already', async () => {
  const registry = await startRegistry();
  const quota = { metadata: { name: 'few' }, spec: { hard: { services: '1' } } };
  await registry.create('resourcequotas', quota, { namespace: 'default' });
  await registry.patch(
    'resourcequotas',
    'few',
    { status: { hard: { services: '1' }, used: { services: '1' } } },
    { type: 'merge', namespace: 'default', subresource: 'status' },
  );
  await bootstrap(registry.registry);
});

test('the name server has its address from the start, in each family, and a Service that had it first keeps it', async () => {
  const registry = await startRegistry(undefined, ['10.43.0.0/16', 'fd43::/112']);
  const { spec, metadata } = (await registry.get('services', 'kube-dns', {
    namespace: 'kube-system',
  })) as unknown as Service;
  assert.deepEqual(spec?.clusterIPs, ['10.43.0.10', 'fd43::a']);
  assert.deepEqual(metadata?.labels, { 'k8s-app': 'kube-dns' });
  assert.deepEqual(
    spec?.ports?.map(({ name, port, protocol }) => [name, port, protocol]),
    [
      ['dns', 53, 'UDP'],
      ['dns-tcp', 53, 'TCP'],
    ],
  );
  await registry.delete('services', 'kube-dns', { namespace: 'kube-system' });
  const taken = { metadata: { name: 'first' }, spec: { clusterIP: '10.43.0.10', ports: [{ port: 80 }] } };
  await registry.create('services', taken, { namespace: 'default' });
  await bootstrap(registry.registry);
  const again = (await registry.get('services', 'kube-dns', { namespace: 'kube-system' })) as unknown as Service;
  assert.match(again.spec?.clusterIP ?? '', /^10\.43\./);
  assert.notEqual(again.spec?.clusterIP, '10.43.0.10');
});

/** The same state, under a server that is told of two families. */
async function startAgain(
  { store, clock }: TestRegistry,
  first: (registry: Registry) => Promise<void> = () => Promise.resolve(),
): Promise<void> {
  const registry = new Registry({
    store,
    clock,
    prng: new SeededPrng(2),
    schema: builtinSchema(),
    resources: resourceTable(),
    log: silentLogger,
    serviceCidrs: ['10.43.0.0/16', 'fd43::/112'],
  });
  await registry.putRight();
  await first(registry);
  await bootstrap(registry);
}

const dnsOf = async (registry: TestRegistry): Promise<Service> =>
  (await registry.get('services', 'kube-dns', { namespace: 'kube-system' })) as unknown as Service;

test('the name server of a cluster that gets a second family has an address there from then on', async () => {
  const registry = await startRegistry();
  assert.deepEqual((await dnsOf(registry)).spec?.clusterIPs, ['10.43.0.10']);
  await startAgain(registry);
  const { spec, metadata } = await dnsOf(registry);
  assert.deepEqual(spec?.clusterIPs, ['10.43.0.10', 'fd43::a']);
  assert.deepEqual(spec?.ipFamilies, ['IPv4', 'IPv6']);
  await startAgain(registry);
  assert.equal(
    (await dnsOf(registry)).metadata?.resourceVersion,
    metadata?.resourceVersion,
    'and nothing is written again',
  );
});

test('where somebody has that address already, the name server gets another', async () => {
  const registry = await startRegistry();
  const taken = {
    metadata: { name: 'first' },
    spec: { clusterIP: 'fd43::a', ipFamilies: ['IPv6'], ports: [{ port: 80 }] },
  };
  await startAgain(registry, async (server) => void (await server.create(registry.target('services'), taken, {})));
  const [first, second] = (await dnsOf(registry)).spec?.clusterIPs ?? [];
  assert.equal(first, '10.43.0.10');
  assert.match(second ?? '', /^fd43::/);
  assert.notEqual(second, 'fd43::a');
});

test('a name server that its owner wants in one family alone stays so', async () => {
  const registry = await startRegistry();
  const single = { spec: { ipFamilyPolicy: 'SingleStack' } };
  await registry.patch('services', 'kube-dns', single, { type: 'merge', namespace: 'kube-system' });
  await startAgain(registry);
  assert.deepEqual((await dnsOf(registry)).spec?.clusterIPs, ['10.43.0.10']);
});

test('a new cluster has a default class of volumes; whoever deletes it or takes the mark away keeps it so', async () => {
  const classes = 'storageclasses.storage.k8s.io';
  const mark = 'storageclass.kubernetes.io/is-default-class';
  const registry = await startRegistry();
  const made = (await registry.get(classes, 'naru-local')) as unknown as StorageClass;
  assert.deepEqual(
    [made.provisioner, made.volumeBindingMode, made.reclaimPolicy, made.metadata?.annotations?.[mark]],
    ['naru.io/local', 'WaitForFirstConsumer', 'Delete', 'true'],
  );
  await registry.patch(classes, 'naru-local', { metadata: { annotations: { [mark]: 'false' } } }, { type: 'merge' });
  await bootstrap(registry.registry);
  const standing = (await registry.get(classes, 'naru-local')) as unknown as StorageClass;
  assert.equal(standing.metadata?.annotations?.[mark], 'false');
  await registry.delete(classes, 'naru-local');
  await bootstrap(registry.registry);
  assert.deepEqual((await registry.list(classes)).objects, []);
});

test('a cluster that comes to know naru’s class of volumes keeps its own default', async () => {
  const classes = 'storageclasses.storage.k8s.io';
  const mark = 'storageclass.kubernetes.io/is-default-class';
  const registry = await startRegistry();
  await registry.delete(classes, 'naru-local');
  const own = { metadata: { name: 'own', annotations: { [mark]: 'true' } }, provisioner: 'csi.example.com' };
  await registry.create(classes, own);
  const unmark = { metadata: { annotations: { 'naru.io/local-storage-class': null } } };
  await registry.patch('namespaces', 'kube-system', unmark, { type: 'merge' });
  await bootstrap(registry.registry);
  const standing = (await registry.get(classes, 'naru-local')) as unknown as StorageClass;
  assert.equal(standing.metadata?.annotations?.[mark], 'false');
});
