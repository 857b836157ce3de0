/** Names of Services and Ingresses in a zone of a real name server, with its key. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { KubeObject } from '../../src/api/object.ts';
import type { Client, Resource } from '../../src/client/client.ts';
import { configMaps, events, ingresses, namespaces, secrets, services } from '../../src/client/resources.ts';
import { startTestApiOn, type TestApi } from '../../src/client/testing.ts';
import { RealClock } from '../../src/lib/clock.ts';
import { SeededPrng } from '../../src/lib/prng.ts';
import { recordTypes } from '../../src/network/dns/wire.ts';
import { externalDnsController } from '../../src/network/external-dns/controller.ts';
import { ZoneServer } from '../../src/network/external-dns/zone-server.ts';
import { TestConfiguration } from '../../src/network/testing.ts';
import { eventually } from '../harness.ts';
import { KnotLab, knotKey } from './knot-lab.ts';
import { needsNetwork } from './net-lab.ts';

const zone = 'example.test';
const base64 = (text: string): string => Buffer.from(text).toString('base64');
const hostname = (name: string): object => ({ annotations: { 'external-dns.alpha.kubernetes.io/hostname': name } });

interface World {
  readonly client: Client;
  readonly configuration: TestConfiguration;
  close(): Promise<void>;
}

/** An API in this process, and the loop over it; `key` is what the Secret holds. */
async function startWorld(port: number, key: string, more: object = {}): Promise<World> {
  const api: TestApi<RealClock> = await startTestApiOn(new RealClock({ keepsAlive: true }));
  await api.client.create(namespaces, { metadata: { name: 'kube-system' } });
  const inSystem = (name: string): object => ({ metadata: { namespace: 'kube-system', name } });
  await api.client.create(secrets, { ...inSystem('key'), data: { secret: base64(key) } });
  await api.client.create(configMaps, inSystem('naru-network'));
  await api.informers.start();
  const configuration = new TestConfiguration();
  const tsig = { name: knotKey.name, algorithm: knotKey.algorithm, secretName: 'key' };
  configuration.set('externalDns', { zones: [{ zone, server: `127.0.0.1:${port}`, tsig, owner: 'lab', ...more }] });
  const loops = externalDnsController({ ...api, rootCa: '', configuration });
  for (const loop of loops) await loop.start();
  return {
    client: api.client,
    configuration,
    async close() {
      await Promise.all(loops.map((loop) => loop.close()));
      await api.informers.close();
      await api.store.close();
    },
  };
}

async function addService(client: Client, name: string, metadata: object, addresses: readonly string[]): Promise<void> {
  await client.create(services, {
    metadata: { namespace: 'default', name, ...metadata },
    spec: { type: 'LoadBalancer', ports: [{ port: 80 }] },
  });
  await giveAddresses(client, services, name, addresses);
}

async function giveAddresses<T extends KubeObject>(
  client: Client,
  resource: Resource<T>,
  name: string,
  addresses: readonly string[],
): Promise<void> {
  const body = { status: { loadBalancer: { ingress: addresses.map((ip) => ({ ip })) } } };
  await client.patch(resource, { namespace: 'default', name }, { type: 'merge', body }, { subresource: 'status' });
}

async function told(client: Client, name: string): Promise<string[]> {
  const { items } = await client.list(events);
  return items
    .filter(({ involvedObject }) => involvedObject.name === name)
    .map(({ reason, message }) => `${reason} ${message}`);
}

async function shows(knot: KnotLab, name: string, type: string, values: string): Promise<void> {
  let last = '';
  await eventually(`${name} has ${type} ${values || 'no more'}`, async () => {
    last = await knot.look(name, type);
    return last === values || undefined;
  }).catch((error: unknown) => {
    throw new Error(`it has ${last}`, { cause: error });
  });
}

describe('names in a zone of Knot DNS', needsNetwork, () => {
  let knot: KnotLab;
  before(async () => {
    const records = ['mine A 203.0.113.1', 'mail MX 10 mine', 'other A 203.0.113.2'];
    const others = [
      'a-other TXT "heritage=external-dns,external-dns/owner=somebody,external-dns/resource=ingress/x/y"',
    ];
    knot = await KnotLab.open({ zone, records: [...records, ...others] });
  });
  after(() => knot.close());

  test('names come, change and go; foreign names stay', async (context) => {
    const world = await startWorld(knot.port, knotKey.secret);
    context.after(() => world.close());
    const { client } = world;
    await addService(client, 'web', hostname('web.example.test'), ['192.0.2.1', '2001:db8::1']);
    await addService(client, 'taken', hostname('mine.example.test'), ['192.0.2.2']);
    await addService(client, 'theirs', hostname('other.example.test'), ['192.0.2.3']);
    await client.create(ingresses, {
      metadata: { namespace: 'default', name: 'app' },
      spec: {
        defaultBackend: { service: { name: 'web', port: { number: 80 } } },
        rules: [{ host: 'app.example.test' }, { host: '*.apps.example.test' }],
      },
    });
    await giveAddresses(client, ingresses, 'app', ['192.0.2.9']);
    await shows(knot, 'web.example.test', 'A', '192.0.2.1');
    await shows(knot, 'web.example.test', 'AAAA', '2001:db8::1');
    await shows(knot, 'app.example.test', 'A', '192.0.2.9');
    await shows(knot, 'some.apps.example.test', 'A', '192.0.2.9');
    await shows(
      knot,
      'aaaa-web.example.test',
      'TXT',
      '"heritage=external-dns,external-dns/owner=lab,external-dns/resource=service/default/web"',
    );
    assert.deepEqual(await eventually('it is told', async () => nonEmpty(await told(client, 'taken'))), [
      `RecordError mine.example.test is not written into the zone example.test at 127.0.0.1 port ${knot.port}: it has a A record that is not of owner lab`,
    ]);
    assert.match((await told(client, 'theirs'))[0] ?? '', /it belongs to owner somebody, for ingress\/x\/y$/);
    assert.match(
      (await told(client, 'web'))[0] ?? '',
      /^RecordReady web\.example\.test leads to A 192\.0\.2\.1; AAAA 2001:db8::1 in the zone/,
    );

    await giveAddresses(client, services, 'web', ['192.0.2.5', '192.0.2.6']);
    await shows(knot, 'web.example.test', 'A', '192.0.2.5 192.0.2.6');
    await shows(knot, 'web.example.test', 'AAAA', '');
    const target = { annotations: { 'external-dns.alpha.kubernetes.io/target': 'elsewhere.example.net' } };
    await client.patch(services, { namespace: 'default', name: 'web' }, { type: 'merge', body: { metadata: target } });
    await shows(knot, 'web.example.test', 'CNAME', 'elsewhere.example.net.');

    for (const name of ['web', 'taken', 'theirs']) await client.delete(services, { namespace: 'default', name });
    await client.delete(ingresses, { namespace: 'default', name: 'app' });
    await shows(knot, 'web.example.test', 'CNAME', '');
    await shows(knot, 'app.example.test', 'A', '');
    await shows(knot, 'some.apps.example.test', 'A', '');
    for (const name of ['a-web', 'aaaa-web', 'cname-web', 'a-app', 'a-*.apps'])
      await shows(knot, `${name}.example.test`, 'TXT', '');
    await shows(knot, 'mine.example.test', 'A', '203.0.113.1');
    await shows(knot, 'other.example.test', 'A', '203.0.113.2');
    assert.match(await knot.look('a-other.example.test', 'TXT'), /owner=somebody/);
  });

  test('what an earlier process wrote for objects that are gone is cleared away', async (context) => {
    const first = await startWorld(knot.port, knotKey.secret);
    await addService(first.client, 'old', hostname('old.example.test'), ['192.0.2.1']);
    await shows(knot, 'old.example.test', 'A', '192.0.2.1');
    await first.close();
    const second = await startWorld(knot.port, knotKey.secret);
    context.after(() => second.close());
    await shows(knot, 'old.example.test', 'A', '');
    await shows(knot, 'a-old.example.test', 'TXT', '');
  });

  test('a wrong key is refused in words, and the right one then does it', async (context) => {
    const world = await startWorld(knot.port, Buffer.alloc(32, 'x').toString('base64'));
    context.after(() => world.close());
    await addService(world.client, 'key', hostname('key.example.test'), ['192.0.2.1']);
    const [message] = await eventually('it is told', async () => nonEmpty(await told(world.client, 'key')));
    assert.match(
      message ?? '',
      /^RecordError key\.example\.test: the zone example\.test at .*: the signature is wrong \(BADSIG\)/,
    );
    assert.match((await told(world.client, 'naru-network'))[0] ?? '', /BADSIG/);
    const body = { data: { secret: base64(knotKey.secret) } };
    await world.client.patch(secrets, { namespace: 'kube-system', name: 'key' }, { type: 'merge', body });
    await shows(knot, 'key.example.test', 'A', '192.0.2.1');
    await world.client.delete(services, { namespace: 'default', name: 'key' });
    await shows(knot, 'key.example.test', 'A', '');
  });

  test('a server that was away is written to when it is back', async (context) => {
    const world = await startWorld(knot.port, knotKey.secret);
    context.after(() => world.close());
    await addService(world.client, 'one', hostname('one.example.test'), ['192.0.2.1']);
    await shows(knot, 'one.example.test', 'A', '192.0.2.1');
    await knot.stop();
    await addService(world.client, 'two', hostname('two.example.test'), ['192.0.2.2']);
    const [message] = await eventually('it is told', async () => nonEmpty(await told(world.client, 'two')));
    assert.match(message ?? '', /^RecordError two\.example\.test: the zone .*ECONNREFUSED/);
    assert.equal((await told(world.client, 'one')).length, 1, 'what is there already is not told of');
    await knot.start();
    await shows(knot, 'two.example.test', 'A', '192.0.2.2');
    await shows(knot, 'one.example.test', 'A', '192.0.2.1');
  });
});

test('a zone of many messages is read whole, each of them signed', needsNetwork, async (context) => {
  const count = 5000;
  const knot = await KnotLab.open({
    zone,
    records: Array.from({ length: count }, (_, index) => `n${index} TXT "${'x'.repeat(100)}"`),
  });
  context.after(() => knot.close());
  const key = { name: knotKey.name, algorithm: knotKey.algorithm, secret: Buffer.from(knotKey.secret, 'base64') };
  const clock = new RealClock({ keepsAlive: true });
  const server = new ZoneServer({
    naming: { zone, txtPrefix: '' },
    server: { host: '127.0.0.1', port: knot.port },
    key,
    clock,
    prng: new SeededPrng(1),
    signal: new AbortController().signal,
  });
  context.after(() => server.close());
  const { zone: records, isWhole } = await server.read([]);
  assert.deepEqual([isWhole, [...records.ofType(recordTypes.TXT)].length], [true, count]);
});

test('a server that gives no transfer is asked name by name', needsNetwork, async (context) => {
  const knot = await KnotLab.open({ zone, records: ['mine A 203.0.113.1', 'mail MX 10 mine'], actions: ['update'] });
  context.after(() => knot.close());
  const world = await startWorld(knot.port, knotKey.secret);
  context.after(() => world.close());
  await addService(world.client, 'web', hostname('web.example.test'), ['192.0.2.1']);
  await addService(world.client, 'taken', hostname('mine.example.test'), ['192.0.2.2']);
  const target = {
    annotations: {
      'external-dns.alpha.kubernetes.io/hostname': 'mail.example.test',
      'external-dns.alpha.kubernetes.io/target': 'mx.example.net',
    },
  };
  await addService(world.client, 'alias', target, []);
  await shows(knot, 'web.example.test', 'A', '192.0.2.1');
  assert.match(
    (await eventually('it is told', async () => nonEmpty(await told(world.client, 'taken'))))[0] ?? '',
    /has a A record/,
  );
  const [message] = await eventually('the CNAME is refused', async () => nonEmpty(await told(world.client, 'alias')));
  assert.match(message ?? '', /mail\.example\.test is not written .*\(YXDOMAIN\)/);
  await world.client.delete(services, { namespace: 'default', name: 'web' });
  await shows(knot, 'web.example.test', 'A', '');
  await shows(knot, 'mine.example.test', 'A', '203.0.113.1');
});

const nonEmpty = (texts: readonly string[]): readonly string[] | undefined => (texts.length > 0 ? texts : undefined);
