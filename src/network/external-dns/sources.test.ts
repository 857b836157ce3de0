import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gatewayController } from '../../api/gateway-references.ts';
import type { Client } from '../../client/client.ts';
import { intercept } from '../../client/intercept.ts';
import { gatewayClasses, gateways, httpRoutes, ingresses, services } from '../../client/resources.ts';
import { type Logger, silentLogger } from '../../lib/log.ts';
import { startNetworkWorld } from '../testing.ts';
import { NameSources } from './sources.ts';
import { wishLines } from './testing.ts';

const annotations = { 'external-dns.alpha.kubernetes.io/hostname': 'a.example.com' };
const lb = { type: 'LoadBalancer', externalIPs: ['192.0.2.1'], ports: [{ port: 80 }] } as const;

test('as long as a list is not there nothing is known: names of what is missing would be deleted', async (context) => {
  let isHeld = true;
  const wrap = (client: Client): Client =>
    intercept(client, {
      list: (real) => (resource, query) =>
        isHeld && resource.resource === ingresses.resource
          ? Promise.reject(new Error('injected'))
          : real.list(resource, query),
    });
  const world = await startNetworkWorld({ wrap });
  context.after(() => world.close());
  await world.client.create(services, { metadata: { namespace: 'default', name: 'web', annotations }, spec: lb });
  const sources = new NameSources(world.informers, () => {});
  assert.equal(sources.wishesOf(['service']), undefined, 'nobody follows them yet');
  sources.follow(['service', 'ingress', 'gateway']);
  await world.clock.advance(100);
  assert.equal(sources.wishesOf(['service', 'ingress']), undefined);
  assert.deepEqual(wishLines(sources.wishesOf(['service', 'gateway']) ?? []), [
    'a.example.com → 192.0.2.1 (service/default/web)',
  ]);
  isHeld = false;
  await world.clock.advance(10_000);
  assert.equal(sources.wishesOf(['service', 'ingress'])?.length, 1);
});

test('only what names depend on wakes the loop', async (context) => {
  const world = await startNetworkWorld();
  context.after(() => world.close());
  let changes = 0;
  const sources = new NameSources(world.informers, () => changes++);
  sources.follow(['service']);
  await world.settle();
  changes = 0;
  await world.client.create(services, {
    metadata: { namespace: 'default', name: 'other' },
    spec: { ports: [{ port: 80 }] },
  });
  await world.settle();
  assert.equal(changes, 0);
  await world.client.create(services, { metadata: { namespace: 'default', name: 'web', annotations }, spec: lb });
  await world.settle();
  assert.equal(changes, 1);
  assert.equal(sources.wishesOf(['service'])?.length, 1);
  await world.client.delete(services, { namespace: 'default', name: 'web' });
  await world.settle();
  assert.deepEqual(sources.wishesOf(['service']), []);
});

test('objects that others follow already are seen by who comes later', async (context) => {
  const faults: unknown[] = [];
  const log: Logger = { ...silentLogger, error: (message) => void faults.push(message), with: () => log };
  const world = await startNetworkWorld({ log });
  context.after(() => world.close());
  await world.client.create(gatewayClasses, {
    metadata: { name: 'naru' },
    spec: { controllerName: gatewayController },
  });
  await world.client.create(services, { metadata: { namespace: 'default', name: 'web', annotations }, spec: lb });
  await world.client.create(gateways, {
    metadata: { namespace: 'default', name: 'web' },
    spec: { gatewayClassName: 'naru', listeners: [{ name: 'http', port: 80, protocol: 'HTTP' }] },
  });
  await world.client.create(httpRoutes, {
    metadata: { namespace: 'default', name: 'web' },
    spec: { parentRefs: [{ name: 'web' }], hostnames: ['r.example.com'] },
  });
  const kinds = ['service', 'ingress', 'gateway'] as const;
  for (const who of ['the first', 'a later one']) {
    const sources: NameSources = new NameSources(world.informers, () => sources?.wishesOf(kinds));
    sources.follow(kinds);
    await world.clock.advance(100);
    const lines = wishLines(sources.wishesOf(kinds) ?? []);
    assert.deepEqual(
      lines,
      ['a.example.com → 192.0.2.1 (service/default/web)', 'r.example.com →  (httproute/default/web)'],
      who,
    );
  }
  assert.deepEqual(faults, []);
});
