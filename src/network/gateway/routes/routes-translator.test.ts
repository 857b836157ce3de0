/** Gateways on a node: what is followed when, and what is worth a new translation. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Gateway, Listener } from '../../../api/schema/types/gateway-v1.ts';
import type { Client } from '../../../client/client.ts';
import { interceptCalls } from '../../../client/intercept.ts';
import { gatewayClasses, gateways, httpRoutes } from '../../../client/resources.ts';
import { inDefault } from '../../../controllers/testing.ts';
import { type NetworkWorld, startNetworkWorld } from '../../testing.ts';
import type { OpenTranslator, TranslatorSources } from '../translator.ts';
import { routesTranslator } from './routes-translator.ts';

const sources: TranslatorSources = {
  services: { find: () => undefined, servers: () => [] },
  named: {
    certificate: () => ({ kind: 'missing' }),
    authorities: () => ({ kind: 'missing' }),
    users: () => ({ kind: 'missing' }),
  },
  nowMs: 0,
  defaultCertificate: { serverName: '*', id: '', pem: '' },
};

const metadata = { name: 'web', namespace: 'default' };
const listenersAt = (port: number): Listener[] => [{ name: 'http', port, protocol: 'HTTP' }];
const gateway = (gatewayClassName: string): Gateway => ({
  metadata,
  spec: { gatewayClassName, listeners: listenersAt(8080) },
});

interface Opened {
  readonly world: NetworkWorld;
  readonly translator: OpenTranslator;
  readonly changes: () => number;
  /** What was asked for as a whole. */
  readonly listed: ReadonlySet<string>;
}

async function open(context: TestContext): Promise<Opened> {
  const listed = new Set<string>();
  const wrap = (client: Client): Client =>
    interceptCalls(client, async ({ verb, resource }) => {
      if (verb === 'list') listed.add(resource.resource);
    });
  const world = await startNetworkWorld({ wrap });
  const classes = { naru: 'naru.io/gateway', other: 'example.com/gateway' };
  for (const [name, controllerName] of Object.entries(classes))
    await world.client.create(gatewayClasses, { metadata: { name }, spec: { controllerName } });
  let count = 0;
  const translator = routesTranslator.open(world.context, () => count++);
  context.after(async () => {
    translator.close();
    await world.close();
  });
  await world.settle();
  return { world, translator, changes: () => count, listed };
}

test('without a Gateway of ours nothing is active, and routes are not followed', async (context) => {
  const { world, translator, listed } = await open(context);
  await world.client.create(gateways, gateway('other'));
  await world.settle();
  assert.deepEqual([translator.isSynced, translator.isActive], [true, false]);
  assert.deepEqual([listed.has('gateways'), listed.has('httproutes')], [true, false]);
  assert.deepEqual(translator.translate(sources).entries, []);
});

test('with one, routes are followed, and what they mean is translated', async (context) => {
  const { world, translator, listed } = await open(context);
  await world.client.create(httpRoutes, { metadata, spec: { parentRefs: [{ name: 'web' }] } });
  await world.client.create(gateways, gateway('naru'));
  await world.settle();
  assert.deepEqual([translator.isSynced, translator.isActive, listed.has('httproutes')], [true, true, true]);
  const [entry] = translator.translate(sources).entries;
  assert.deepEqual([entry?.port, entry?.hosts[0]?.routes.length], [8080, 1]);
  await world.client.delete(gateways, inDefault('web'));
  await world.settle();
  assert.equal(translator.isActive, false);
});

test('a status is no change, a spec is one', async (context) => {
  const { world, changes } = await open(context);
  const { client } = world;
  await client.create(gateways, gateway('naru'));
  await world.settle();
  const before = changes();
  const status = { body: { status: { addresses: [{ value: '10.0.0.1' }] } } };
  await client.patch(gateways, inDefault('web'), { type: 'merge', ...status }, { subresource: 'status' });
  await world.settle();
  assert.equal(changes(), before);
  await client.patch(gateways, inDefault('web'), { type: 'merge', body: { spec: { listeners: listenersAt(8081) } } });
  await world.settle();
  assert.equal(changes(), before + 1);
});
