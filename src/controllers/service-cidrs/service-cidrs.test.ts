import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { IPAddress, ServiceCIDR } from '../../api/schema/types/networking-v1.ts';
import { hasReason } from '../../api/status-error.ts';
import { ipAddresses, serviceCidrs, services } from '../../client/resources.ts';
import { formatTime } from '../../lib/clock.ts';
import { inDefault, startWorld, type World } from '../testing.ts';
import { decide } from './decide.ts';

const nowMs = Date.UTC(2026, 0, 1);

describe('a ServiceCIDR that is to go', () => {
  const named = (name: string, ...cidrs: string[]): ServiceCIDR => ({ metadata: { name }, spec: { cidrs } });
  const managed = { 'ipaddress.kubernetes.io/managed-by': 'ipallocator.k8s.io' };
  const held = (name: string, labels: Record<string, string> = managed): IPAddress => ({
    metadata: { name, labels },
    spec: { parentRef: { resource: 'services', name: 'web' } },
  });
  const rows: readonly (readonly [string, readonly string[], readonly ServiceCIDR[], readonly IPAddress[], string])[] =
    [
      ['without addresses goes', ['192.168.0.0/24'], [], [], 'let go'],
      ['with an address stays', ['192.168.0.0/24'], [], [held('192.168.0.1')], 'blocked'],
      ['with an address that another made goes', ['192.168.0.0/24'], [], [held('192.168.0.1', {})], 'let go'],
      ['with an address outside goes', ['192.168.0.0/24'], [], [held('192.168.1.1')], 'let go'],
      ['within a larger one goes', ['192.168.0.0/24'], [named('b', '192.168.0.0/16')], [held('192.168.0.1')], 'let go'],
      ['equal to another goes', ['192.168.0.0/24'], [named('b', '192.168.0.0/24')], [held('192.168.0.1')], 'let go'],
      [
        'around a smaller one with the address goes',
        ['192.168.0.0/16'],
        [named('b', '192.168.0.0/24')],
        [held('192.168.0.1')],
        'let go',
      ],
      [
        'around a smaller one without the address stays',
        ['192.168.0.0/16'],
        [named('b', '192.168.0.0/24')],
        [held('192.168.1.1')],
        'blocked',
      ],
      [
        'of two families stays for either',
        ['192.168.0.0/24', 'fd00::/64'],
        [named('b', '192.168.0.0/16')],
        [held('fd00::1')],
        'blocked',
      ],
      [
        'of two families, both in others, goes',
        ['192.168.0.0/24', 'fd00::/64'],
        [named('b', '192.168.0.0/16', 'fd00::/48')],
        [held('fd00::1')],
        'let go',
      ],
    ];
  for (const [name, cidrs, others, addresses, expected] of rows) {
    test(name, () => {
      const deletionTimestamp = formatTime(nowMs - 10_000);
      const own: ServiceCIDR = { metadata: { name: 'a', deletionTimestamp }, spec: { cidrs } };
      assert.equal(decide(own, [own, ...others], addresses, nowMs).kind, expected);
    });
  }

  test('waits ten seconds, so that nobody gives addresses from it any more', () => {
    const deletionTimestamp = formatTime(nowMs - 4000);
    const own: ServiceCIDR = { metadata: { name: 'a', deletionTimestamp }, spec: { cidrs: ['192.168.0.0/24'] } };
    assert.deepEqual(decide(own, [own], [], nowMs), { kind: 'wait', ms: 6000 });
  });
});

const cidrNamed = (world: World, name: string) =>
  world.client.get(serviceCidrs, { namespace: '', name }).catch((error: unknown) => {
    if (hasReason(error, 'NotFound')) return undefined;
    throw error;
  });

const readyOf = (cidr: ServiceCIDR | undefined): string => {
  const { type, status, reason, message } = cidr?.status?.conditions?.[0] ?? {};
  return `${type} ${status} ${reason}: ${message}`;
};

test('addresses come from it until it is to go; it stays while a Service has one, and goes after the last', async () => {
  const world = await startWorld();
  await world.client.create(serviceCidrs, { metadata: { name: 'more' }, spec: { cidrs: ['10.196.196.0/24'] } });
  const service = { metadata: inDefault('web'), spec: { clusterIP: '10.196.196.77', ports: [{ port: 80 }] } };
  await world.client.create(services, service);
  await world.clock.advance(100);
  const made = await cidrNamed(world, 'more');
  assert.equal(readyOf(made), 'Ready True : Kubernetes Service CIDR is ready');
  assert.deepEqual(made?.metadata?.finalizers, ['networking.k8s.io/service-cidr-finalizer']);

  const address = await world.client.get(ipAddresses, { namespace: '', name: '10.196.196.77' });
  assert.equal(address.spec.parentRef.name, 'web');

  await world.client.delete(serviceCidrs, { namespace: '', name: 'more' });
  await world.clock.advance(60_000);
  assert.equal(
    readyOf(await cidrNamed(world, 'more')),
    'Ready False Terminating: There are still IPAddresses referencing the ServiceCIDR, please remove them or create a new ServiceCIDR',
  );
  const other = { metadata: inDefault('other'), spec: { clusterIP: '10.196.196.78', ports: [{ port: 80 }] } };
  await assert.rejects(world.client.create(services, other), (error) => hasReason(error, 'Invalid'));

  await world.client.delete(services, inDefault('web'));
  await world.clock.advance(1000);
  assert.equal(await cidrNamed(world, 'more'), undefined);
  await world.close();
});

test('one that is held goes when a larger one takes its addresses over', async () => {
  const world = await startWorld();
  const create = (name: string, cidr: string) =>
    world.client.create(serviceCidrs, { metadata: { name }, spec: { cidrs: [cidr] } });
  await create('small', '10.196.196.0/24');
  await world.clock.advance(100);
  await world.client.create(services, {
    metadata: inDefault('web'),
    spec: { clusterIP: '10.196.196.77', ports: [{ port: 80 }] },
  });
  await world.client.delete(serviceCidrs, { namespace: '', name: 'small' });
  await world.clock.advance(60_000);
  assert.notEqual(await cidrNamed(world, 'small'), undefined);
  await create('large', '10.196.0.0/16');
  await world.clock.advance(1000);
  assert.equal(await cidrNamed(world, 'small'), undefined);
  assert.notEqual(await cidrNamed(world, 'large'), undefined);
  await world.close();
});

test('a ServiceCIDR that does not change is not written', async () => {
  const world = await startWorld();
  await world.client.create(serviceCidrs, { metadata: { name: 'more' }, spec: { cidrs: ['10.196.196.0/24'] } });
  await world.clock.advance(1000);
  const before = await cidrNamed(world, 'more');
  await world.restart(60_000);
  await world.clock.advance(60_000);
  assert.equal((await cidrNamed(world, 'more'))?.metadata?.resourceVersion, before?.metadata?.resourceVersion);
  await world.close();
});
