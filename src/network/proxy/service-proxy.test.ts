import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Service, ServiceSpec } from '../../api/schema/types/core-v1.ts';
import { endpointSlices, nodes, serviceCidrs, services } from '../../client/resources.ts';
import { silentLogger } from '../../lib/log.ts';
import { type NetworkWorld, startNetworkWorld } from '../testing.ts';
import { StaleFlows } from './conntrack.ts';
import { ServiceProxy } from './service-proxy.ts';

const table = 'inet naru-proxy-0123abcd';

interface World extends NetworkWorld {
  readonly proxy: ServiceProxy;
  readonly conntrack: string[];
  add(name: string, addresses: readonly string[], spec?: ServiceSpec): Promise<void>;
  endpoints(name: string, addresses: readonly string[]): Promise<void>;
}

async function start(): Promise<World> {
  const world = await startNetworkWorld();
  const { client } = world;
  await client.create(nodes, {
    metadata: { name: 'node-1' },
    spec: { podCIDR: '10.42.1.0/24', podCIDRs: ['10.42.1.0/24'] },
  });
  await client.create(serviceCidrs, { metadata: { name: 'nested' }, spec: { cidrs: ['10.43.128.0/24'] } });
  await client.create(serviceCidrs, { metadata: { name: 'all' }, spec: { cidrs: ['10.43.0.0/16'] } });
  const conntrack: string[] = [];
  const staleFlows = new StaleFlows(silentLogger, (program, args) => {
    conntrack.push([program, ...args].join(' '));
    return Promise.resolve({ code: 0, stdout: '', stderr: '' });
  });
  const proxy = new ServiceProxy(world.context, { staleFlows });
  let count = 0;
  const endpoints = (addresses: readonly string[]) =>
    addresses.map((address) => ({ addresses: [address], nodeName: 'node-2' }));
  return {
    ...world,
    proxy,
    conntrack,
    async add(name, addresses, spec = {}) {
      const clusterIP = `10.43.0.${++count}`;
      const ports = [{ port: 80, protocol: 'TCP' as const }];
      const service: Service = {
        metadata: { namespace: 'default', name },
        spec: { clusterIP, clusterIPs: [clusterIP], ipFamilies: ['IPv4'], ports, ...spec },
      };
      await client.create(services, service);
      await client.create(endpointSlices, {
        metadata: { namespace: 'default', name, labels: { 'kubernetes.io/service-name': name } },
        addressType: 'IPv4',
        ports: (service.spec?.ports ?? []).map(({ name = '', protocol = 'TCP' }) => ({ name, protocol, port: 8080 })),
        endpoints: endpoints(addresses),
      });
    },
    async endpoints(name, addresses) {
      const body = { endpoints: endpoints(addresses) };
      await client.patch(endpointSlices, { namespace: 'default', name }, { type: 'merge', body });
      await world.settle();
    },
    async close() {
      await proxy.close();
      await world.close();
    },
  };
}

describe('the service proxy', () => {
  test('counts its rounds, what changed, and how long that took to get to the kernel', async () => {
    const world = await start();
    await world.add('web', ['10.42.2.1']);
    await world.proxy.start();
    await world.settle();
    await world.clock.advance(60_000);
    const triggered = new Date(world.clock.now() - 3000).toISOString();
    const metadata = { annotations: { 'endpoints.kubernetes.io/last-change-trigger-time': triggered } };
    const body = { metadata, endpoints: [{ addresses: ['10.42.2.2'] }] };
    await world.client.patch(endpointSlices, { namespace: 'default', name: 'web' }, { type: 'merge', body });
    await world.settle();
    await world.endpoints('web', ['10.42.2.3']);
    const text = world.context.metrics.text();
    const programming = 'kubeproxy_network_programming_duration_seconds';
    assert.match(text, new RegExp(`${programming}_sum 3\n${programming}_count 1\n`), 'each change counts once');
    assert.match(text, /kubeproxy_sync_proxy_rules_duration_seconds_count 3\n/);
    assert.match(text, /kubeproxy_sync_proxy_rules_endpoint_changes_total 3\n/);
    assert.match(text, /kubeproxy_sync_proxy_rules_service_changes_pending 0\n/);
    assert.ok(text.includes(`kubeproxy_sync_proxy_rules_last_timestamp_seconds ${world.clock.now() / 1000}\n`));
    await world.close();
  });

  test('programs all Services in one transaction when all has come in, and not before', async () => {
    const world = await start();
    for (let i = 0; i < 250; i++) await world.add(`s${i}`, ['10.42.2.1', '10.42.2.2']);
    await world.proxy.start();
    await world.settle();
    assert.equal(world.nft.transactions.length, 1);
    assert.equal(Object.keys(world.nft.elements(table, 'services4')).length, 250);
    assert.equal(Object.keys(world.nft.elements(table, 'endpoints4-tcp')).length, 500);
    assert.deepEqual(world.nft.elements(table, 'service-ranges4'), { '10.43.0.0/16': '' });
    assert.deepEqual(world.nft.elements(table, 'pods4'), { '10.42.1.0/24': '' });
    await world.close();
  });

  test('one changed endpoint is a handful of commands, whatever the number of Services', async () => {
    const counts: number[] = [];
    for (const size of [1, 200]) {
      const world = await start();
      for (let i = 0; i < size; i++) await world.add(`s${i}`, ['10.42.2.1', '10.42.2.2', '10.42.2.3']);
      await world.proxy.start();
      await world.settle();
      const before = world.nft.transactions.length;
      await world.endpoints('s0', ['10.42.2.1', '10.42.2.4', '10.42.2.3']);
      assert.deepEqual(world.nft.transactions.slice(before), [
        [
          `delete element ${table} endpoints4-tcp { 10.43.0.1 . 80 . 1 }`,
          `add element ${table} endpoints4-tcp { 10.43.0.1 . 80 . 1 : 10.42.2.4 . 8080 }`,
        ],
      ]);
      await world.endpoints('s0', ['10.42.2.1', '10.42.2.3']);
      counts.push(world.nft.transactions.at(-1)?.length ?? 0);
      await world.close();
    }
    assert.ok(
      counts.every((count) => count <= 8),
      counts.join(),
    );
    assert.ok(
      Math.abs((counts[0] ?? 0) - (counts[1] ?? 0)) <= 3,
      'but for the chain that all with two endpoints share',
    );
  });

  test('a Service that goes takes all of it away, and shared chains go with the last who used them', async () => {
    const world = await start();
    await world.add('a', ['10.42.2.1']);
    await world.add('b', ['10.42.2.1']);
    await world.proxy.start();
    await world.settle();
    const chains = () => [...(world.nft.table(table)?.chains.keys() ?? [])].filter((name) => name.startsWith('pick'));
    for (const [name, left] of [
      ['a', ['pick4-tcp-1']],
      ['b', []],
    ] as const) {
      await world.client.delete(services, { namespace: 'default', name });
      await world.settle();
      assert.deepEqual(chains(), left);
    }
    assert.deepEqual(world.nft.elements(table, 'services4'), {});
    assert.deepEqual(world.nft.elements(table, 'endpoints4-tcp'), {});
    await world.close();
  });

  test('what is not ours is left alone: headless, ExternalName, another proxy’s, and the DNS service of the node', async () => {
    const world = await start();
    const port = { port: 53, protocol: 'UDP' as const };
    const of = (namespace: string, name: string, spec: ServiceSpec, labels = {}): Service => ({
      metadata: { namespace, name, labels },
      spec: { ports: [port], ...spec },
    });
    const { client } = world;
    await client.create(services, of('default', 'none', { clusterIP: 'None', clusterIPs: ['None'] }));
    await client.create(services, of('default', 'name', { type: 'ExternalName', externalName: 'example.com' }));
    for (const [index, label] of ['service-proxy-name', 'headless'].entries()) {
      const clusterIP = `10.43.0.${7 + index}`;
      const labels = { [`service.kubernetes.io/${label}`]: '' };
      await client.create(services, of('default', label, { clusterIP, clusterIPs: [clusterIP] }, labels));
    }
    await client.create(
      services,
      of('kube-system', 'kube-dns', { clusterIP: '10.43.0.10', clusterIPs: ['10.43.0.10'] }),
    );
    await world.proxy.start();
    await world.settle();
    assert.deepEqual(world.nft.elements(table, 'services4'), {});
    assert.deepEqual(world.nft.elements(table, 'no-endpoints4'), {});
    await world.close();
  });

  test('two Services that want one address: the first has it, and the other is told by an event', async () => {
    const world = await start();
    await world.proxy.start();
    await world.add('a', ['10.42.2.1'], { externalIPs: ['203.0.113.1'] });
    await world.settle();
    await world.add('b', ['10.42.2.2'], { externalIPs: ['203.0.113.1'] });
    await world.settle();
    const [event] = world.events;
    assert.equal(event?.about, 'Service default/b');
    assert.match(
      event?.message ?? '',
      /^Node node-1 cannot serve all of it: 203\.0\.113\.1 \. tcp \. 80 in services4 is taken by default\/a$/,
    );
    await world.client.delete(services, { namespace: 'default', name: 'a' });
    await world.settle();
    assert.match(world.nft.elements(table, 'services4')['203.0.113.1 . tcp . 80'] ?? '', /^goto ext4-.*default\/b/);
    await world.close();
  });

  test('nobody claims addresses of Services, of pods or of the API server by externalIPs, also not of nodes to come', async () => {
    const world = await start();
    await world.client.create(endpointSlices, {
      metadata: { namespace: 'default', name: 'api', labels: { 'kubernetes.io/service-name': 'kubernetes' } },
      addressType: 'IPv4',
      endpoints: [{ addresses: ['192.0.2.1'] }],
      ports: [{ name: 'https', port: 6443, protocol: 'TCP' }],
    });
    await world.proxy.start();
    const externalIPs = ['10.43.0.10', '10.42.1.7', '10.42.9.7', '192.0.2.1', '203.0.113.1'];
    const ports = [{ port: 6443, protocol: 'TCP' as const }];
    await world.add('thief', ['10.42.2.1'], { externalIPs, ports });
    await world.settle();
    const claimed = () =>
      Object.keys(world.nft.elements(table, 'services4')).filter((key) => !key.startsWith('10.43.0.1 '));
    assert.deepEqual(claimed(), ['10.42.9.7 . tcp . 6443', '203.0.113.1 . tcp . 6443']);
    assert.match(world.events[0]?.message ?? '', /10\.43\.0\.10, 10\.42\.1\.7, 192\.0\.2\.1 /);
    await world.client.create(nodes, {
      metadata: { name: 'node-9' },
      spec: { podCIDR: '10.42.9.0/24', podCIDRs: ['10.42.9.0/24'] },
    });
    await world.settle();
    assert.deepEqual(claimed(), ['203.0.113.1 . tcp . 6443']);
    await world.close();
  });

  test('stale UDP flows are looked for after a change of a UDP port, and of no other', async () => {
    const world = await start();
    await world.proxy.start();
    await world.add('t', ['10.42.2.1']);
    await world.settle();
    assert.equal(world.conntrack.length, 0);
    await world.add('u', ['10.42.2.1'], { ports: [{ name: 'u', port: 53, protocol: 'UDP' }] });
    await world.settle();
    assert.ok(world.conntrack.includes('conntrack -L -f ipv4 -p udp --orig-dst 10.43.0.2'), world.conntrack.join());
    await world.close();
  });

  test('the zone of the node decides when it is known, and again when it changes', async () => {
    const world = await start();
    await world.add('a', []);
    await world.proxy.start();
    const hinted = (address: string, zone: string) => ({ addresses: [address], hints: { forZones: [{ name: zone }] } });
    const body = { endpoints: [hinted('10.42.2.1', 'z1'), hinted('10.42.2.2', 'z2')] };
    await world.client.patch(endpointSlices, { namespace: 'default', name: 'a' }, { type: 'merge', body });
    await world.settle();
    assert.equal(Object.keys(world.nft.elements(table, 'endpoints4-tcp')).length, 2);
    const labels = { 'topology.kubernetes.io/zone': 'z2' };
    await world.client.patch(
      nodes,
      { namespace: '', name: 'node-1' },
      { type: 'merge', body: { metadata: { labels } } },
    );
    await world.settle();
    assert.deepEqual(world.nft.elements(table, 'endpoints4-tcp'), { '10.43.0.1 . 80 . 0': '10.42.2.2 . 8080' });
    await world.close();
  });
});
