import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { configMaps, ingressClasses, ingresses } from '../../client/resources.ts';
import { inDefault } from '../../controllers/testing.ts';
import { type NetworkWorld, startNetworkWorld } from '../testing.ts';
import { acmeTranslator } from './acme/acme-translator.ts';
import { challengesReference } from './acme/challenges.ts';
import { ingressTranslator } from './ingress/ingress-translator.ts';
import { makeIngress, ownClass, sourcesOf } from './ingress/testing.ts';
import type { OpenTranslator, Translator } from './translator.ts';

interface Opened extends NetworkWorld {
  readonly open: OpenTranslator;
  /** How often a change was told since this was asked last. */
  told(): Promise<number>;
}

async function start(context: TestContext, translator: Translator): Promise<Opened> {
  const world = await startNetworkWorld();
  let count = 0;
  const open = translator.open(world.context, () => void count++);
  context.after(async () => {
    open.close();
    await world.close();
  });
  const told = async (): Promise<number> => {
    await world.settle();
    const before = count;
    count = 0;
    return before;
  };
  return { ...world, open, told };
}

test('Ingresses of ours make the gateway active; changes of specs, annotations, classes and ports are told, statuses are not', async (context) => {
  const { client, open, told, configuration } = await start(context, ingressTranslator);
  assert.equal(open.isSynced, false);
  await told();
  assert.deepEqual([open.isSynced, open.isActive], [true, false]);
  const { spec, ...rest } = makeIngress({ rules: { 'a.example/': 'web' } });
  await client.create(ingresses, { ...rest, spec: { ...spec, ingressClassName: 'mine' } });
  assert.deepEqual([await told(), open.isActive], [1, false]);
  await client.create(ingressClasses, { ...ownClass, metadata: { name: 'mine' } });
  assert.deepEqual([await told(), open.isActive], [1, true]);
  const status = { loadBalancer: { ingress: [{ ip: '192.0.2.1' }] } };
  await client.patch(ingresses, inDefault('web'), { type: 'merge', body: { status } }, { subresource: 'status' });
  assert.equal(await told(), 0);
  const metadata = { annotations: { 'naru.io/app-root': '/app' } };
  await client.patch(ingresses, inDefault('web'), { type: 'merge', body: { metadata } });
  assert.equal(await told(), 1);
  configuration.set('ingress', { httpPort: 8080, httpsPort: 8443, acceptProxyFrom: ['10.0.0.0/8'] });
  assert.equal(await told(), 1);
  const { entries } = open.translate(sourcesOf({}));
  assert.deepEqual(
    entries.map(({ port, protocol, acceptProxyFrom }) => [port, protocol, acceptProxyFrom.join()]),
    [
      [8080, 'http', '10.0.0.0/8'],
      [8443, 'https', '10.0.0.0/8'],
    ],
  );
  await client.delete(ingresses, inDefault('web'));
  assert.deepEqual([await told(), open.isActive], [1, false]);
});

test('challenges of ACME are followed from the first plan on, and answered while they are there', async (context) => {
  const { client, open, told } = await start(context, acmeTranslator);
  const answers = (): readonly string[] =>
    open
      .translate(sourcesOf({}))
      .entries.flatMap((entry) => (entry.answers ?? []).map(({ path, body }) => `${entry.port} ${path} ${body}`));
  assert.equal(await told(), 0);
  assert.deepEqual(answers(), []);
  await told();
  await client.create(configMaps, {
    metadata: challengesReference,
    data: { tokenA: 'tokenA.print', 'bad.token': 'x', tokenB: 'a b' },
  });
  assert.equal(await told(), 1);
  assert.deepEqual(answers(), ['80 /.well-known/acme-challenge/tokenA tokenA.print']);
  await client.patch(configMaps, challengesReference, { type: 'merge', body: { data: { tokenA: null } } });
  assert.equal(await told(), 1);
  assert.deepEqual(answers(), []);
});
