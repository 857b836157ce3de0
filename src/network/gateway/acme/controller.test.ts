import assert from 'node:assert/strict';
import { randomBytes, X509Certificate } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import type { Secret } from '../../../api/schema/types/core-v1.ts';
import type { Ingress } from '../../../api/schema/types/networking-v1.ts';
import {
  configMaps,
  events,
  ingressClasses,
  ingresses,
  namespaces,
  nodes,
  secrets,
} from '../../../client/resources.ts';
import { startTestApiOn, type TestApi } from '../../../client/testing.ts';
import { addNode, inDefault } from '../../../controllers/testing.ts';
import { RealClock } from '../../../lib/clock.ts';
import { MetricRegistry } from '../../../lib/metrics.ts';
import { TestConfiguration } from '../../testing.ts';
import { makeIngress, ownClass } from '../ingress/testing.ts';
import { ownRights } from '../rights-testing.ts';
import { accountReference } from './account.ts';
import { answersOf, challengesReference } from './challenges.ts';
import { acmeController } from './controller.ts';
import { TestAuthority, type TestAuthorityOptions } from './testing.ts';

const dayMs = 24 * 60 * 60_000;

/** Days may pass in it. */
class ShiftedClock extends RealClock {
  aheadMs = 0;

  constructor() {
    super({ keepsAlive: true });
  }

  override now(): number {
    return super.now() + this.aheadMs;
  }
}

interface World extends TestApi<ShiftedClock> {
  readonly authority: TestAuthority;
  readonly configuration: TestConfiguration;
  readonly metrics: MetricRegistry;
  /** The gateway answers as its nodes do. */
  answers: boolean;
}

async function start(
  context: TestContext,
  options: Partial<TestAuthorityOptions> & { readonly settings?: object; readonly nodeAddress?: string } = {},
): Promise<World> {
  const clock = new ShiftedClock();
  const api = await startTestApiOn(clock);
  const configuration = new TestConfiguration();
  const metrics = new MetricRegistry();
  const gateway = createServer();
  await listen(gateway);
  const gatewayPort = (): number => (gateway.address() as AddressInfo).port;
  const authority = await TestAuthority.start({ gatewayPort, nowMs: () => clock.now(), ...options });
  const world: World = { ...api, authority, configuration, metrics, answers: true };
  gateway.on('request', (request, response) => {
    void api.client
      .get(configMaps, challengesReference)
      .catch(() => undefined)
      .then((map) => {
        const answer = answersOf(map).find(({ path }) => path === request.url);
        if (world.answers && answer) response.end(answer.body);
        else response.writeHead(404).end();
      });
  });
  configuration.set('ingress', { httpPort: gatewayPort() });
  configuration.set('acme', {
    termsAgreed: true,
    email: 'ops@a.example',
    directory: authority.directory,
    caBundle: authority.caBundle,
    ...options.settings,
  });
  await api.client.create(namespaces, { metadata: { name: 'kube-system' } });
  await api.client.create(ingressClasses, ownClass);
  await addNode(api.client, 'n1');
  const status = { addresses: [{ type: 'InternalIP', address: options.nodeAddress ?? '127.0.0.1' }] };
  await api.client.patch(
    nodes,
    { namespace: '', name: 'n1' },
    { type: 'merge', body: { status } },
    { subresource: 'status' },
  );
  const rights = await ownRights(api);
  const loops = acmeController({ ...api, clientFor: rights.clientFor, rootCa: 'CA', configuration, metrics });
  await api.informers.start();
  for (const loop of loops) await loop.start();
  context.after(async () => {
    for (const loop of loops) await loop.close();
    await api.informers.close();
    await authority.close();
    gateway.closeAllConnections();
    gateway.close();
    await rights.close();
    await api.store.close();
  });
  return world;
}

function listen(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
}

const asking = (name: string, ...hosts: string[]): Ingress => {
  const ingress = makeIngress({ name, rules: { [`${hosts[0]}/`]: 'web' }, annotations: { 'naru.io/acme': 'true' } });
  return { ...ingress, spec: { ...ingress.spec, tls: [{ hosts, secretName: `${name}-tls` }] } };
};

async function until<T>({ clock }: World, what: string, look: () => Promise<T | undefined>): Promise<T> {
  for (let turn = 0; turn < 1200; turn++) {
    const found = await look();
    if (found !== undefined) return found;
    await clock.sleep(25);
  }
  throw new Error(`waited in vain for ${what}`);
}

const secretOf = (
  world: World,
  name: string,
  isIt: (certificate: X509Certificate) => boolean = () => true,
): Promise<X509Certificate> =>
  until(world, `Secret ${name}`, async () => {
    const secret: Secret | undefined = await world.client.get(secrets, inDefault(name)).catch(() => undefined);
    const text = secret?.data?.['tls.crt'];
    const certificate = text ? new X509Certificate(Buffer.from(text, 'base64')) : undefined;
    return certificate !== undefined && isIt(certificate) ? certificate : undefined;
  });

const event = (world: World, reason: string): Promise<string> =>
  until(world, `event ${reason}`, async () => {
    const { items } = await world.client.list(events, { namespace: 'default' });
    return items.find((one) => one.reason === reason)?.message;
  });

const ordersOf = ({ authority }: World): number => authority.asked.filter((path) => path === '/new-order').length;

test('an Ingress that asks gets its Secret: proved by the gateway, checked, told, with nothing left behind', async (context) => {
  const world = await start(context);
  const { client, authority } = world;
  await client.create(ingresses, asking('web', 'a.example', 'b.example'));
  const certificate = await secretOf(world, 'web-tls');
  assert.ok(certificate.checkHost('a.example') && certificate.checkHost('b.example'));
  assert.ok(certificate.verify(new X509Certificate(authority.caBundle).publicKey));
  const { type, data } = await client.get(secrets, inDefault('web-tls'));
  assert.equal(type, 'kubernetes.io/tls');
  assert.match(Buffer.from(data?.['tls.key'] ?? '', 'base64').toString(), /^-----BEGIN PRIVATE KEY-----/);
  assert.equal(
    await event(world, 'CertificateIssued'),
    'Secret web-tls has a new certificate for a.example, b.example',
  );
  assert.deepEqual(authority.validated, ['a.example', 'b.example']);
  assert.deepEqual((await client.get(configMaps, challengesReference)).data ?? {}, {});
  assert.equal(Object.keys((await client.get(secrets, accountReference)).data ?? {}).length, 1);
  assert.match(world.metrics.text(), /naru_acme_certificate_orders_total\{result="issued"\} 1/);
  await until(
    world,
    'the metric',
    async () =>
      world.metrics
        .text()
        .includes('naru_acme_certificate_expiration_timestamp_seconds{namespace="default",name="web-tls"}') ||
      undefined,
  );
});

test('several at once, and a second one later, by one account', async (context) => {
  const world = await start(context);
  for (const name of ['x', 'y', 'z']) await world.client.create(ingresses, asking(name, `${name}.example`));
  for (const name of ['x', 'y', 'z']) assert.ok((await secretOf(world, `${name}-tls`)).checkHost(`${name}.example`));
  assert.equal(world.authority.accountCount, 1);
  assert.equal(ordersOf(world), 3);
});

test('it is renewed when a third of its life is left, and made anew for another name', async (context) => {
  const world = await start(context);
  const { client, clock } = world;
  await client.create(ingresses, asking('web', 'a.example'));
  const first = await secretOf(world, 'web-tls');
  const touch = (text: string) =>
    client.patch(ingresses, inDefault('web'), {
      type: 'merge',
      body: { metadata: { annotations: { touched: text } } },
    });
  clock.aheadMs = 59 * dayMs;
  await touch('1');
  await clock.sleep(200);
  assert.equal(ordersOf(world), 1, 'too early');
  clock.aheadMs = 61 * dayMs;
  await touch('2');
  const second = await secretOf(world, 'web-tls', ({ serialNumber }) => serialNumber !== first.serialNumber);
  assert.ok(Date.parse(second.validTo) > Date.parse(first.validTo));
  const tls = [{ hosts: ['a.example', 'c.example'], secretName: 'web-tls' }];
  await client.patch(ingresses, inDefault('web'), { type: 'merge', body: { spec: { tls } } });
  await secretOf(world, 'web-tls', (certificate) => certificate.checkHost('c.example') !== undefined);
  assert.equal(ordersOf(world), 3);
});

test('stale nonces are taken in stride; an account that the authority lost is made again', async (context) => {
  const world = await start(context);
  world.authority.faults.push(
    { at: '/new-order', status: 400, type: 'badNonce' },
    { at: '/finalize', status: 400, type: 'badNonce' },
  );
  await world.client.create(ingresses, asking('web', 'a.example'));
  await secretOf(world, 'web-tls');
  world.authority.forgetAccounts();
  await world.client.create(ingresses, asking('next', 'b.example'));
  assert.match(await event(world, 'CertificateFailed'), /accountDoesNotExist/);
  world.clock.aheadMs = 10 * 60_000;
  await world.client.patch(ingresses, inDefault('next'), {
    type: 'merge',
    body: { metadata: { annotations: { touched: '1' } } },
  });
  await secretOf(world, 'next-tls');
});

test('who is told to wait waits, whatever changes meanwhile', async (context) => {
  const world = await start(context);
  const { client, clock, authority } = world;
  const headers = { 'Retry-After': '7200' };
  authority.faults.push({ at: '/new-order', status: 429, type: 'rateLimited', headers });
  await client.create(ingresses, asking('web', 'a.example'));
  assert.match(
    await event(world, 'CertificateFailed'),
    /^no certificate for a\.example: rateLimited: a fault at \/new-order; tried again in 120 min$/,
  );
  const touch = (text: string) =>
    client.patch(ingresses, inDefault('web'), {
      type: 'merge',
      body: { metadata: { annotations: { touched: text } } },
    });
  for (const [text, aheadMs] of [
    ['1', 0],
    ['2', 100 * 60_000],
  ] as const) {
    clock.aheadMs = aheadMs;
    await touch(text);
    await clock.sleep(200);
    assert.equal(ordersOf(world), 1);
  }
  clock.aheadMs = 121 * 60_000;
  await touch('3');
  await secretOf(world, 'web-tls');
});

test('an authority that finds nothing at a name says so in an event', async (context) => {
  const world = await start(context, { gatewayPort: () => 1 });
  await world.client.create(ingresses, asking('web', 'a.example'));
  assert.match(
    await event(world, 'CertificateFailed'),
    /^no certificate for a\.example: a\.example: unauthorized: a\.example answers nothing; tried again in 5 min$/,
  );
  assert.deepEqual((await world.client.get(configMaps, challengesReference)).data ?? {}, {});
});

test('the authority hears nothing before the nodes answer', async (context) => {
  const world = await start(context);
  world.answers = false;
  await world.client.create(ingresses, asking('web', 'a.example'));
  await until(world, 'the order', async () => (ordersOf(world) > 0 ? true : undefined));
  await world.clock.sleep(600);
  assert.deepEqual(world.authority.validated, []);
  assert.equal(
    world.authority.asked.some((path) => path.startsWith('/challenge')),
    false,
  );
  world.answers = true;
  await secretOf(world, 'web-tls');
});

test('a Secret of somebody’s own is left alone, and told', async (context) => {
  const world = await start(context);
  const data = { 'tls.crt': Buffer.from('mine').toString('base64'), 'tls.key': Buffer.from('mine').toString('base64') };
  const secret: Secret = { metadata: inDefault('web-tls'), type: 'kubernetes.io/tls', data };
  await world.client.create(secrets, secret);
  await world.client.create(ingresses, asking('web', 'a.example'));
  assert.match(await event(world, 'AcmeSecretTaken'), /^Secret web-tls: the Secret was not made by ACME here/);
  assert.deepEqual((await world.client.get(secrets, inDefault('web-tls'))).data, data);
  assert.deepEqual(world.authority.asked, []);
});

test('nothing is asked for before the terms are agreed to, nor for wildcards', async (context) => {
  const world = await start(context, { settings: { termsAgreed: false } });
  await world.client.create(ingresses, asking('web', 'a.example'));
  assert.match(await event(world, 'AcmeNotSetUp'), /set acme\.termsAgreed/);
  await world.client.create(ingresses, asking('wild', '*.b.example'));
  assert.match(await event(world, 'AcmeNameImpossible'), /^\*\.b\.example cannot be had/);
  assert.deepEqual(world.authority.asked, []);
  world.configuration.set('acme', {
    termsAgreed: true,
    directory: world.authority.directory,
    caBundle: world.authority.caBundle,
  });
  await secretOf(world, 'web-tls');
});

test('an external account is bound where the authority wants one', async (context) => {
  const hmacKey = randomBytes(32).toString('base64url');
  const externalAccount = { keyId: 'kid-1', hmacKey };
  const settings = { externalAccount: { keyId: 'kid-1', keySecret: 'kube-system/eab' } };
  const world = await start(context, { externalAccount, settings });
  const data = { key: Buffer.from(hmacKey).toString('base64') };
  await world.client.create(secrets, { metadata: { namespace: 'kube-system', name: 'eab' }, data });
  await world.client.create(ingresses, asking('web', 'a.example'));
  assert.ok((await secretOf(world, 'web-tls')).checkHost('a.example'));
});

test('an authority whose own certificate is of nobody that is trusted is not spoken to', async (context) => {
  const world = await start(context, { settings: { caBundle: '' } });
  await world.client.create(ingresses, asking('web', 'a.example'));
  assert.match(await event(world, 'CertificateFailed'), /GET to 127\.0\.0\.1:\d+ failed/);
  assert.deepEqual(world.authority.asked, []);
});
