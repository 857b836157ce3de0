/** The loop over an API in this process: what it writes passes the API's own validation, and it stops writing when all is said. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Gateway, HTTPRoute } from '../../../api/schema/types/gateway-v1.ts';
import type { Client } from '../../../client/client.ts';
import { intercept } from '../../../client/intercept.ts';
import {
  backendTlsPolicies,
  configMaps,
  gatewayClasses,
  gateways,
  httpRoutes,
  nodes,
  secrets,
  services,
  tcpRoutes,
} from '../../../client/resources.ts';
import { startTestApi, type TestApi } from '../../../client/testing.ts';
import { addNode, inDefault } from '../../../controllers/testing.ts';
import { TestConfiguration } from '../../testing.ts';
import { ownRights } from '../rights-testing.ts';
import { gatewayController } from './controller.ts';
import { conditionsText } from './testing.ts';

async function start(context: TestContext, wrap = (client: Client): Client => client): Promise<TestApi> {
  const api = await startTestApi();
  await api.client.create(gatewayClasses, { metadata: { name: 'naru' }, spec: { controllerName: 'naru.io/gateway' } });
  const rights = await ownRights(api);
  const clientFor = (account: string): Client => wrap(rights.clientFor(account));
  const loops = gatewayController({ ...api, clientFor, rootCa: 'CA', configuration: new TestConfiguration() });
  await api.informers.start();
  for (const loop of loops) await loop.start();
  context.after(async () => {
    for (const loop of loops) await loop.close();
    await rights.close();
    await api.informers.close();
    await api.store.close();
  });
  await addNode(api.client, 'n1');
  const body = { status: { addresses: [{ type: 'InternalIP', address: '10.0.0.1' }] } };
  await api.client.patch(nodes, { namespace: '', name: 'n1' }, { type: 'merge', body }, { subresource: 'status' });
  return api;
}

const metadata = { name: 'web', namespace: 'default' };
const web: Gateway = {
  metadata,
  spec: {
    gatewayClassName: 'naru',
    listeners: [
      { name: 'http', port: 80, protocol: 'HTTP' },
      { name: 'https', port: 443, protocol: 'HTTPS', tls: { certificateRefs: [{ name: 'tls' }] } },
    ],
  },
};
const toWeb: HTTPRoute = {
  metadata,
  spec: { parentRefs: [{ name: 'web' }], rules: [{ backendRefs: [{ name: 'web', port: 80 }] }] },
};

async function gatewayText({ client, clock }: TestApi): Promise<string> {
  await clock.advance(1000);
  return conditionsText((await client.get(gateways, inDefault('web'))).status?.conditions);
}

async function routeText({ client, clock }: TestApi): Promise<string> {
  await clock.advance(1000);
  return conditionsText((await client.get(httpRoutes, inDefault('web'))).status?.parents[0]?.conditions);
}

test('statuses follow what is there, and come to rest', async (context) => {
  const api = await start(context);
  const { client, clock } = api;
  await client.create(gateways, web);
  assert.equal(await gatewayText(api), 'Accepted=True/Accepted Programmed=True/Programmed');
  const { status } = await client.get(gateways, inDefault('web'));
  assert.deepEqual(status?.addresses, [{ type: 'IPAddress', value: '10.0.0.1' }]);
  const [plain, secure] = status?.listeners ?? [];
  assert.match(conditionsText(plain?.conditions), /^Accepted=True\/Accepted Programmed=True/);
  assert.match(conditionsText(secure?.conditions), /ResolvedRefs=False\/InvalidCertificateRef/);

  await client.create(httpRoutes, toWeb);
  assert.equal(await routeText(api), 'Accepted=True/Accepted ResolvedRefs=False/BackendNotFound');
  await client.create(services, { metadata, spec: { ports: [{ port: 80 }] } });
  assert.equal(await routeText(api), 'Accepted=True/Accepted ResolvedRefs=True/ResolvedRefs');
  const listeners = (await client.get(gateways, inDefault('web'))).status?.listeners ?? [];
  assert.deepEqual(
    listeners.map(({ attachedRoutes }) => attachedRoutes),
    [1, 1],
  );

  const before = (await client.get(gateways, inDefault('web'))).metadata?.resourceVersion;
  await clock.advance(60_000);
  assert.equal((await client.get(gateways, inDefault('web'))).metadata?.resourceVersion, before);

  await client.delete(nodes, { namespace: '', name: 'n1' });
  assert.equal(await gatewayText(api), 'Accepted=True/Accepted Programmed=False/AddressNotAssigned');
  await client.delete(gateways, inDefault('web'));
  await clock.advance(1000);
  assert.deepEqual((await client.get(httpRoutes, inDefault('web'))).status, { parents: [] });
});

test('the class says what it can do; classes and Gateways of others are left alone', async (context) => {
  const { client, clock } = await start(context);
  const theirs = { metadata: { name: 'theirs' }, spec: { controllerName: 'example.com/gateway' } };
  await client.create(gatewayClasses, theirs);
  await client.create(gateways, { ...web, spec: { ...web.spec, gatewayClassName: 'theirs' } });
  await clock.advance(1000);
  const own = (await client.get(gatewayClasses, { namespace: '', name: 'naru' })).status;
  assert.equal(conditionsText(own?.conditions), 'Accepted=True/Accepted SupportedVersion=True/SupportedVersion');
  assert.ok(own?.supportedFeatures?.some(({ name }) => name === 'HTTPRoute'));
  const other = (await client.get(gatewayClasses, { namespace: '', name: 'theirs' })).status;
  assert.equal(conditionsText(other?.conditions), 'Accepted=Unknown/Pending');
  const gateway = (await client.get(gateways, inDefault('web'))).status;
  assert.equal(conditionsText(gateway?.conditions), 'Accepted=Unknown/Pending Programmed=Unknown/Pending');
});

test('Secrets and ConfigMaps that come late are seen, and policies are told of', async (context) => {
  const api = await start(context);
  const { client, clock } = api;
  await client.create(gateways, web);
  await client.create(httpRoutes, toWeb);
  await client.create(services, { metadata, spec: { ports: [{ port: 80 }] } });
  await client.create(backendTlsPolicies, {
    metadata,
    spec: {
      targetRefs: [{ group: '', kind: 'Service', name: 'web' }],
      validation: { hostname: 'b.example', caCertificateRefs: [{ group: '', kind: 'ConfigMap', name: 'ca' }] },
    },
  });
  const policyText = async (): Promise<string> => {
    await clock.advance(1000);
    const { status } = await client.get(backendTlsPolicies, inDefault('web'));
    return conditionsText(status?.ancestors[0]?.conditions);
  };
  assert.equal(await policyText(), 'Accepted=False/NoValidCACertificate ResolvedRefs=False/InvalidCACertificateRef');
  await client.create(configMaps, { metadata: { name: 'ca', namespace: 'default' }, data: { 'ca.crt': 'no PEM' } });
  await client.create(secrets, { metadata: { name: 'tls', namespace: 'default' }, data: {} });
  assert.equal(await policyText(), 'Accepted=False/NoValidCACertificate ResolvedRefs=False/InvalidCACertificateRef');
  const { status } = await client.get(gateways, inDefault('web'));
  const refs = status?.listeners?.[1]?.conditions.find(({ type }) => type === 'ResolvedRefs');
  assert.match(refs?.message ?? '', /Secret default\/tls cannot be used: it has no tls\.crt/);
});

test('a write that fails holds up no other, and is tried again', async (context) => {
  let isDown = true;
  const api = await start(context, (client) =>
    intercept(client, {
      update: (real) => async (resource, object, options) => {
        if (isDown && resource.kind === 'HTTPRoute') throw new Error('injected');
        return real.update(resource, object, options);
      },
    }),
  );
  const { client } = api;
  await client.create(gateways, web);
  await client.create(httpRoutes, toWeb);
  await client.create(tcpRoutes, {
    metadata,
    spec: { parentRefs: [{ name: 'web' }], rules: [{ backendRefs: [{ name: 'web', port: 80 }] }] },
  });
  assert.equal(await routeText(api), '');
  const { status } = await client.get(tcpRoutes, inDefault('web'));
  assert.equal(conditionsText(status?.parents[0]?.conditions).split(' ')[0], 'Accepted=False/NotAllowedByListeners');
  isDown = false;
  await api.clock.advance(60_000);
  assert.equal(await routeText(api), 'Accepted=True/Accepted ResolvedRefs=False/BackendNotFound');
});

test('parents of others leave room for as many of ours as the API takes', async (context) => {
  const { client, clock } = await start(context);
  await client.create(gateways, web);
  const parents = Array.from({ length: 32 }, (_, index) => ({ name: 'web', sectionName: `s${index}` }));
  await client.create(httpRoutes, { metadata, spec: { parentRefs: parents } });
  const foreign = { controllerName: 'example.com/x', parentRef: { name: 'x' }, conditions: [condition] };
  const body = { status: { parents: [foreign] } };
  await client.patch(httpRoutes, inDefault('web'), { type: 'merge', body }, { subresource: 'status' });
  await clock.advance(1000);
  const { status } = await client.get(httpRoutes, inDefault('web'));
  assert.equal(status?.parents.length, 32);
  assert.equal(status.parents[0]?.controllerName, 'example.com/x');
});

const condition = {
  type: 'Accepted',
  status: 'True',
  reason: 'Accepted',
  message: '',
  lastTransitionTime: '2026-01-01T00:00:00Z',
};
