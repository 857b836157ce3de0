import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import type { Node, Service } from '../../api/schema/types/core-v1.ts';
import { endpointSlices, events as eventResource, ingresses, nodes, services } from '../../client/resources.ts';
import { RealClock } from '../../lib/clock.ts';
import { type NetworkWorld, startNetworkWorld } from '../testing.ts';
import { addressAnnouncer, dropAnnouncedAddresses } from './announcer.ts';
import { loadBalancerController } from './controller.ts';
import { holderOf } from './holders.ts';
import type { AddressKernel } from './kernel-addresses.ts';

async function addNode({ client }: NetworkWorld, name: string, address: string): Promise<void> {
  await client.create(nodes, { metadata: { name } });
  await say({ client }, name, 'True', address);
}

async function say(
  { client }: Pick<NetworkWorld, 'client'>,
  name: string,
  ready: string,
  address?: string,
): Promise<void> {
  const conditions = [{ type: 'Ready', status: ready }];
  const status = { conditions, ...(address && { addresses: [{ type: 'InternalIP', address }] }) };
  await client.patch<Node>(
    nodes,
    { namespace: '', name },
    { type: 'strategic', body: { status } },
    { subresource: 'status' },
  );
}

const addService = ({ client }: NetworkWorld, name: string, more: object = {}): Promise<Service> =>
  client.create(services, {
    metadata: { namespace: 'default', name },
    spec: { type: 'LoadBalancer', ports: [{ port: 80 }], ...more },
  });

async function addressesOf({ client }: NetworkWorld, name: string): Promise<string> {
  const { status } = await client.get(services, { namespace: 'default', name });
  return (status?.loadBalancer?.ingress ?? []).map(({ ip, ipMode }) => `${ip} ${ipMode}`).join(', ');
}

test('Services have addresses as long as they are load balancers, and hear why they have none', async (context) => {
  const world = await startNetworkWorld();
  context.after(() => world.close());
  const loops = loadBalancerController({
    ...world,
    resources: { all: [] },
    rootCa: '',
    configuration: world.configuration,
  });
  for (const loop of loops) await loop.start();
  context.after(() => Promise.all(loops.map((loop) => loop.close())));
  const soon = (): Promise<void> => world.clock.advance(10_000);

  await addNode(world, 'a', '10.0.0.1');
  await addService(world, 'web');
  await addService(world, 'second');
  await soon();
  assert.equal(await addressesOf(world, 'web'), '10.0.0.1 VIP');
  assert.equal(await addressesOf(world, 'second'), '');
  const told = (await world.client.list(eventResource, { namespace: 'default' })).items;
  assert.deepEqual(
    told.filter(({ type }) => type === 'Warning').map(({ reason, message }) => [reason, message]),
    [
      [
        'SyncLoadBalancerFailed',
        'Error syncing load balancer: failed to ensure load balancer: port 80/TCP of the nodes is in use by Service default/web',
      ],
    ],
  );

  await addNode(world, 'b', '10.0.0.2');
  await soon();
  assert.equal(await addressesOf(world, 'web'), '10.0.0.1 VIP, 10.0.0.2 VIP');
  await say(world, 'a', 'Unknown');
  await soon();
  assert.equal(await addressesOf(world, 'web'), '10.0.0.2 VIP');

  world.configuration.set('loadBalancer', { pools: [{ name: 'p', addresses: ['192.0.2.0/30'] }] });
  await soon();
  assert.equal(await addressesOf(world, 'web'), '192.0.2.0 VIP');
  assert.equal(await addressesOf(world, 'second'), '192.0.2.1 VIP');

  const body = { spec: { type: 'ClusterIP' } };
  await world.client.patch(services, { namespace: 'default', name: 'web' }, { type: 'merge', body });
  await soon();
  assert.equal(await addressesOf(world, 'web'), '');
});

test("without pools nobody's Service takes the gateway's ports, the machine's SSH, or the API server's", async (context) => {
  const world = await startNetworkWorld();
  context.after(() => world.close());
  const loops = loadBalancerController({
    ...world,
    resources: { all: [] },
    rootCa: '',
    configuration: world.configuration,
  });
  for (const loop of loops) await loop.start();
  context.after(() => Promise.all(loops.map((loop) => loop.close())));
  await addNode(world, 'a', '10.0.0.1');
  world.configuration.set('ingress', { httpPort: 8080, httpsPort: 8443 });
  const backend = { service: { name: 'web', port: { number: 80 } } };
  await world.client.create(ingresses, {
    metadata: { namespace: 'default', name: 'web' },
    spec: { ingressClassName: 'naru', defaultBackend: backend },
  });
  await world.client.create(endpointSlices, {
    metadata: { namespace: 'default', name: 'kubernetes', labels: { 'kubernetes.io/service-name': 'kubernetes' } },
    addressType: 'IPv4',
    endpoints: [{ addresses: ['10.0.0.1'] }],
    ports: [{ name: 'https', port: 6443, protocol: 'TCP' }],
  });
  const wanted = { gateway: 8443, ssh: 22, api: 6443, web: 443 };
  for (const [name, port] of Object.entries(wanted)) await addService(world, name, { ports: [{ port }] });
  await world.clock.advance(10_000);
  const given = await Promise.all(Object.keys(wanted).map((name) => addressesOf(world, name)));
  assert.deepEqual(given, ['', '', '', '10.0.0.1 VIP'], 'only the port that is free now');
  world.configuration.set('ingress', { httpPort: 80, httpsPort: 443 });
  await world.clock.advance(10_000);
  assert.deepEqual([await addressesOf(world, 'gateway'), await addressesOf(world, 'web')], ['10.0.0.1 VIP', '']);
});

test('what another load balancer wrote is left alone', async (context) => {
  const world = await startNetworkWorld();
  context.after(() => world.close());
  const loops = loadBalancerController({
    ...world,
    resources: { all: [] },
    rootCa: '',
    configuration: world.configuration,
  });
  for (const loop of loops) await loop.start();
  context.after(() => Promise.all(loops.map((loop) => loop.close())));
  await addService(world, 'theirs', { loadBalancerClass: 'example.com/theirs' });
  const body = { status: { loadBalancer: { ingress: [{ ip: '203.0.113.9' }] } } };
  const at = { namespace: 'default', name: 'theirs' };
  await world.client.patch(services, at, { type: 'merge', body }, { subresource: 'status' });
  await world.clock.advance(10_000);
  assert.equal(await addressesOf(world, 'theirs'), '203.0.113.9 VIP');
});

class FakeKernel implements AddressKernel {
  readonly addresses = new Map<string, string>();
  readonly told: string[] = [];

  async interfaceFor(): Promise<string> {
    return 'eth0';
  }

  async hold(address: string, device: string, isNew: boolean): Promise<void> {
    this.addresses.set(address, device);
    if (isNew) this.told.push(address);
  }

  async drop(address: string): Promise<void> {
    this.addresses.delete(address);
  }
}

test('one node holds an address, another takes over when it is lost, and what is held is known after a crash', async (context) => {
  const world = await startNetworkWorld();
  context.after(() => world.close());
  world.configuration.set('loadBalancer', { pools: [{ name: 'p', addresses: ['192.0.2.0/30'] }] });
  const loops = loadBalancerController({
    ...world,
    resources: { all: [] },
    rootCa: '',
    configuration: world.configuration,
  });
  const kernels = new Map(['a', 'b'].map((name) => [name, new FakeKernel()]));
  const announcers = [...kernels].map(([nodeName, kernel]) =>
    addressAnnouncer({ ...world.context, nodeName, folder: world.context.folder }, kernel),
  );
  await addNode(world, 'a', '10.0.0.1');
  await addNode(world, 'b', '10.0.0.2');
  const holder = holderOf('192.0.2.0', ['a', 'b']) ?? '';
  const other = holder === 'a' ? 'b' : 'a';
  const real = new RealClock({ keepsAlive: true });
  const until = async (what: string, isSo: () => boolean): Promise<void> => {
    for (let turn = 0; !isSo(); turn++) {
      assert.ok(turn < 200, what);
      await world.clock.advance(50);
      await real.sleep(10);
    }
  };
  for (const service of [...loops, ...announcers.filter((_, index) => ['a', 'b'][index] === holder)])
    await service.start();
  await addService(world, 'web');
  await until('the holder holds it', () => kernels.get(holder)?.addresses.get('192.0.2.0') === 'eth0');
  assert.deepEqual(kernels.get(holder)?.told, ['192.0.2.0']);
  const file = path.join(world.context.folder, 'load-balancer-addresses.json');
  assert.deepEqual(JSON.parse(readFileSync(file, 'utf8')), [['192.0.2.0', 'eth0']]);

  await say(world, holder, 'Unknown');
  await until('the lost one lets go', () => kernels.get(holder)?.addresses.size === 0);
  for (const service of [...loops, ...announcers.filter((_, index) => ['a', 'b'][index] === holder)])
    await service.close();
  for (const service of announcers.filter((_, index) => ['a', 'b'][index] === other)) {
    await service.start();
    context.after(() => service.close());
  }
  await until('the other one holds it', () => kernels.get(other)?.addresses.size === 1);
  await dropAnnouncedAddresses(world.context.folder, kernels.get(other));
  assert.equal(kernels.get(other)?.addresses.size, 0);
  assert.equal(existsSync(file), false);
});
