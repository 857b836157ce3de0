import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Ingress } from '../../../api/schema/types/networking-v1.ts';
import { events, ingressClasses, ingresses, nodes, secrets, services } from '../../../client/resources.ts';
import { startTestApi, type TestApi } from '../../../client/testing.ts';
import { addNode, inDefault } from '../../../controllers/testing.ts';
import { TestConfiguration } from '../../testing.ts';
import { ownRights } from '../rights-testing.ts';
import { ingressController } from './controller.ts';
import { makeIngress, makeService, ownClass } from './testing.ts';

async function start(context: TestContext): Promise<TestApi> {
  const api = await startTestApi();
  await api.client.create(ingressClasses, ownClass);
  const rights = await ownRights(api);
  const { clientFor } = rights;
  const loops = ingressController({ ...api, clientFor, rootCa: 'CA', configuration: new TestConfiguration() });
  await api.informers.start();
  for (const loop of loops) await loop.start();
  context.after(async () => {
    for (const loop of loops) await loop.close();
    await api.informers.close();
    await rights.close();
    await api.store.close();
  });
  return api;
}

async function withAddress({ client }: TestApi, name: string, type: string, address: string): Promise<void> {
  const body = { status: { addresses: [{ type, address }] } };
  await client.patch(nodes, { namespace: '', name }, { type: 'merge', body }, { subresource: 'status' });
}

const addressesOf = async ({ client, clock }: TestApi, name = 'web'): Promise<string> => {
  await clock.advance(1000);
  const { status } = await client.get(ingresses, inDefault(name));
  return (status?.loadBalancer?.ingress ?? []).map(({ ip }) => ip).join();
};

const told = async ({ client, clock }: TestApi): Promise<readonly string[]> => {
  await clock.advance(2000);
  const { items } = await client.list(events, { namespace: 'default' });
  return items
    .filter(({ involvedObject }) => involvedObject.kind === 'Ingress')
    .map(({ involvedObject, type, reason, message }) => `${involvedObject.name} ${type} ${reason}: ${message}`);
};

const web = (annotations = {}): Ingress => makeIngress({ rules: { 'a.example/': 'web' }, annotations });

test('statuses have the addresses of the nodes that run the gateway', async (context) => {
  const api = await start(context);
  const { client } = api;
  for (const [name, address] of [
    ['n1', '10.0.0.1'],
    ['n2', '10.0.0.2'],
    ['n3', '10.0.0.3'],
  ] as const) {
    await addNode(client, name);
    await withAddress(api, name, 'InternalIP', address);
  }
  await client.create(ingresses, web());
  assert.equal(await addressesOf(api), '10.0.0.1,10.0.0.2,10.0.0.3');
  const labels = { 'node.kubernetes.io/exclude-from-external-load-balancers': '' };
  await client.patch(nodes, { namespace: '', name: 'n1' }, { type: 'merge', body: { metadata: { labels } } });
  assert.equal(await addressesOf(api), '10.0.0.2,10.0.0.3');
  const body = { status: { conditions: [{ type: 'Ready', status: 'False' }] } };
  await client.patch(nodes, { namespace: '', name: 'n2' }, { type: 'strategic', body }, { subresource: 'status' });
  assert.equal(await addressesOf(api), '10.0.0.3');
  await withAddress(api, 'n3', 'ExternalIP', '203.0.113.3');
  assert.equal(await addressesOf(api), '203.0.113.3');
  await client.delete(nodes, { namespace: '', name: 'n3' });
  assert.equal(await addressesOf(api), '');
});

test('an Ingress of another controller keeps its status', async (context) => {
  const api = await start(context);
  await addNode(api.client, 'n1');
  await withAddress(api, 'n1', 'InternalIP', '10.0.0.1');
  const { spec, ...rest } = web();
  await api.client.create(ingressClasses, { metadata: { name: 'other' }, spec: { controller: 'example.com/x' } });
  await api.client.create(ingresses, { ...rest, spec: { ...spec, ingressClassName: 'other' } });
  assert.equal(await addressesOf(api), '');
});

test('what is wrong is told once, again when the Ingress was changed, and no more when it is right', async (context) => {
  const api = await start(context);
  const { client } = api;
  await client.create(ingresses, {
    ...web(),
    spec: { ...web().spec, tls: [{ hosts: ['a.example'], secretName: 'tls' }] },
  });
  const both = [
    'web Warning SecretNotFound: spec.tls[0]: there is no Secret tls in default',
    'web Warning ServiceNotFound: spec.rules[0].http.paths[0]: there is no Service web in default',
  ];
  assert.deepEqual((await told(api)).toSorted(), both);
  await client.create(services, makeService('other', { clusterIP: 'None' }));
  assert.deepEqual((await told(api)).toSorted(), both, 'nothing new');
  assert.equal(
    (await client.list(events, { namespace: 'default' })).items.every(({ count }) => count === 1),
    true,
  );
  await client.create(services, makeService('web', { clusterIP: 'None' }));
  await client.create(secrets, {
    metadata: { namespace: 'default', name: 'tls' },
    data: { 'tls.crt': '', 'tls.key': '' },
  });
  assert.equal(
    (await told(api)).at(-1),
    'web Warning BadSecret: spec.tls[0]: Secret tls cannot be used: it has no tls.crt',
  );
});

test('a class that does not exist is told', async (context) => {
  const api = await start(context);
  const { spec, ...rest } = web();
  await api.client.create(ingresses, { ...rest, spec: { ...spec, ingressClassName: 'ngnix' } });
  assert.deepEqual(await told(api), [
    'web Warning IngressClassNotFound: there is no IngressClass ngnix: nobody serves this Ingress',
  ]);
});
