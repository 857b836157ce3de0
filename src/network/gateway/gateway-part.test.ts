/** What the gateway of a node does with objects of the API: which plans it hands on, and when. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { excludedFromLoadBalancers } from '../../api/node-labels.ts';
import type { Ingress } from '../../api/schema/types/networking-v1.ts';
import { ingressClasses, ingresses, nodes } from '../../client/resources.ts';
import { type NetworkWorld, startNetworkWorld } from '../testing.ts';
import { type Engine, gatewayWith } from './gateway-part.ts';
import type { Refusal } from './haproxy/rendering.ts';
import { make } from './haproxy/testing.ts';
import type { Plan } from './plan.ts';

class RecordingEngine implements Engine {
  readonly plans: Plan[] = [];
  stops = 0;
  refusals: Refusal[] = [];

  apply(plan: Plan): Promise<{ refusals: readonly Refusal[] }> {
    this.plans.push(plan);
    return Promise.resolve({ refusals: this.refusals });
  }

  stop(): Promise<void> {
    this.stops++;
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

async function startWorld(): Promise<{ world: NetworkWorld; engine: RecordingEngine; close(): Promise<void> }> {
  const world = await startNetworkWorld();
  const engine = new RecordingEngine();
  const part = gatewayWith(world.context, () => engine);
  await world.client.create(nodes, { metadata: { name: 'node-1' } });
  await world.client.create(ingressClasses, { metadata: { name: 'naru' }, spec: { controller: 'naru.io/ingress' } });
  await part.start();
  await world.clock.advance(1000);
  const close = async (): Promise<void> => {
    await part.close();
    await world.close();
  };
  return { world, engine, close };
}

/** Real time for what is not the clock's: files and keys. */
async function passes(world: NetworkWorld, isDone: () => boolean): Promise<void> {
  for (let turn = 0; turn < 500 && !isDone(); turn++) {
    await new Promise((resolve) => setImmediate(resolve));
    await world.clock.advance(20);
  }
  assert.ok(isDone());
}

const ingress = (host: string): Ingress => ({
  metadata: { name: host.split('.')[0] as string, namespace: 'default' },
  spec: {
    ingressClassName: 'naru',
    rules: [
      {
        host,
        http: {
          paths: [{ path: '/', pathType: 'Prefix', backend: { service: { name: 'web', port: { number: 80 } } } }],
        },
      },
    ],
  },
});

test('how many objects are not served as they ask is counted', async () => {
  const { world, engine, close } = await startWorld();
  const source = { kind: 'Ingress', namespace: 'default', name: 'shop' };
  engine.refusals = [{ source, message: 'not this one' }];
  await world.client.create(ingresses, ingress('shop.test'));
  await passes(world, () => world.context.metrics.text().includes('naru_gateway_refused_objects 1\n'));
  assert.match(world.context.metrics.text(), /naru_gateway_haproxy_workers 0\n/);
  await close();
});

test('nothing is started before there is an Ingress, and it ends with the last', async () => {
  const { world, engine, close } = await startWorld();
  assert.equal(engine.plans.length, 0);
  await world.client.create(ingresses, ingress('shop.test'));
  await passes(world, () => engine.plans.length > 0);
  const [http] = engine.plans[0]?.entries ?? [];
  assert.equal(http?.port, 80);
  assert.ok(http?.hosts.some(({ host }) => host === 'shop.test'));
  const stops = engine.stops;
  await world.client.delete(ingresses, { namespace: 'default', name: 'shop' });
  await passes(world, () => engine.stops > stops);
  await close();
});

test('many changes at once are one plan', async () => {
  const { world, engine, close } = await startWorld();
  await world.client.create(ingresses, ingress('first.test'));
  await passes(world, () => engine.plans.length > 0);
  const before = engine.plans.length;
  for (let index = 0; index < 20; index++) await world.client.create(ingresses, ingress(`more${index}.test`));
  await passes(world, () => engine.plans.at(-1)?.entries[0]?.hosts.some(({ host }) => host === 'more19.test') ?? false);
  assert.ok(engine.plans.length - before <= 3, `${engine.plans.length - before} plans`);
  await close();
});

test('a node that is excluded from load balancing serves nobody', async () => {
  const { world, engine, close } = await startWorld();
  await world.client.create(ingresses, ingress('shop.test'));
  await passes(world, () => engine.plans.length > 0);
  const stops = engine.stops;
  const node = await world.client.get(nodes, { namespace: '', name: 'node-1' });
  await world.client.update(nodes, {
    ...node,
    metadata: { ...node.metadata, labels: { [excludedFromLoadBalancers]: '' } },
  });
  await passes(world, () => engine.stops > stops);
  await close();
});

test('what HAProxy refuses is told once, on the object at fault', async () => {
  const { world, engine, close } = await startWorld();
  engine.refusals = [
    { source: make.source('shop'), message: 'port 80 of this node cannot be opened: another program listens there' },
  ];
  await world.client.create(ingresses, ingress('shop.test'));
  await passes(world, () => world.events.length > 0);
  await world.client.create(ingresses, ingress('other.test'));
  await passes(world, () => engine.plans.length > 1);
  const told = world.events.filter(({ reason }) => reason === 'NotServed');
  assert.deepEqual(told, [
    {
      about: 'Ingress default/shop',
      type: 'Warning',
      reason: 'NotServed',
      message: 'port 80 of this node cannot be opened: another program listens there (node node-1)',
    },
  ]);
  await close();
});
