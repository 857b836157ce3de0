/** The DNS as a part of a node's network: it follows the API, listens where its Service says, and answers out of its memory and its file. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { intercept } from '../../client/intercept.ts';
import { endpointSlices, namespaces, nodes, serviceCidrs, services } from '../../client/resources.ts';
import { type NetworkWorld, startNetworkWorld } from '../testing.ts';
import { type ClusterDns, clusterDns } from './dns-part.ts';
import type { LocalAddresses } from './listeners.ts';
import { ask, httpPort, makeSlice, nobodyAnswers, replyTo, shown } from './testing.ts';
import type { Exchange } from './upstream.ts';

const dnsService = {
  metadata: { namespace: 'kube-system', name: 'kube-dns' },
  spec: { clusterIP: '10.43.0.10', ports: [{ name: 'dns', port: 53, protocol: 'UDP' as const }] },
};

interface World extends NetworkWorld {
  /** `+10.43.0.10`: held. */
  readonly addresses: string[];
  readonly server: { isAway: boolean };
  part(exchange?: Exchange): Promise<ClusterDns>;
}

async function startWorld(t: TestContext): Promise<World> {
  const server = { isAway: false };
  const away = (): void => {
    if (server.isAway) throw new Error('the server is away');
  };
  const network = await startNetworkWorld({
    wrap: (client) =>
      intercept(client, {
        list: (real) => async (resource, query) => {
          away();
          return await real.list(resource, query);
        },
      }),
  });
  const addresses: string[] = [];
  const local: LocalAddresses = {
    hold: async (address) => void addresses.push(`+${address}`),
    drop: async (address) => void addresses.push(`-${address}`),
    held: async () => [],
    note: async () => {},
  };
  const parts: ClusterDns[] = [];
  t.after(async () => {
    for (const part of parts) await part.close();
    await network.close();
  });
  return Object.assign(network, {
    addresses,
    server,
    async part(exchange = nobodyAnswers) {
      const resolvFile = path.join(network.context.folder, 'resolv.conf');
      fs.writeFileSync(resolvFile, 'nameserver 10.43.0.10\nnameserver 192.0.2.53\n');
      const part = clusterDns(network.context, {
        addresses: local,
        exchange,
        resolvFiles: { main: resolvFile, behindStub: `${resolvFile}.stub` },
      });
      await part.start();
      parts.push(part);
      await network.settle();
      return part;
    },
  });
}

const answersOf = async ({ resolver }: ClusterDns, name: string, type = 'A'): Promise<string> => {
  const { rcode, answers } = await ask(resolver, name, { type });
  return [rcode, ...shown(answers)].join(' ');
};

test('what the API has is answered, and what changes there changes here', async (t) => {
  const world = await startWorld(t);
  const { client } = world;
  const part = await world.part();
  assert.equal(await answersOf(part, 'web.default.svc.cluster.local'), 'NXDOMAIN');
  await client.create(services, {
    metadata: { namespace: 'default', name: 'web' },
    spec: { clusterIP: '10.43.0.99', ports: [httpPort] },
  });
  await client.create(services, {
    metadata: { namespace: 'default', name: 'db' },
    spec: { clusterIP: 'None', ports: [httpPort] },
  });
  await client.create(endpointSlices, makeSlice('default/db', [{ ip: '10.42.0.5', hostname: 'db-0' }]));
  await world.settle();
  assert.equal(await answersOf(part, 'web.default.svc.cluster.local'), 'NOERROR A 10.43.0.99');
  assert.equal(await answersOf(part, 'db-0.db.default.svc.cluster.local'), 'NOERROR A 10.42.0.5');
  await client.create(namespaces, { metadata: { name: 'new' } });
  await client.delete(services, { namespace: 'default', name: 'web' });
  await client.delete(endpointSlices, { namespace: 'default', name: 'db-slice' });
  await world.settle();
  assert.equal(await answersOf(part, 'web.default.svc.cluster.local'), 'NXDOMAIN');
  assert.equal(await answersOf(part, 'db.default.svc.cluster.local'), 'NXDOMAIN');
  assert.equal(await answersOf(part, 'new.svc.cluster.local'), 'NOERROR');
});

test('addresses of the cluster’s networks are asked of nobody else; others are', async (t) => {
  const world = await startWorld(t);
  const asked: string[] = [];
  const part = await world.part(async ({ address }, question) => {
    asked.push(address);
    return replyTo(question, { code: 3 });
  });
  await world.client.create(nodes, {
    metadata: { name: 'node-1' },
    spec: { podCIDR: '10.42.3.0/24', podCIDRs: ['10.42.3.0/24'] },
  });
  await world.client.create(services, dnsService);
  await world.client.create(serviceCidrs, { metadata: { name: 'more' }, spec: { cidrs: ['10.99.0.0/24'] } });
  await world.settle();
  assert.equal(await answersOf(part, '7.3.42.10.in-addr.arpa', 'PTR'), 'NXDOMAIN');
  assert.equal(await answersOf(part, '7.0.99.10.in-addr.arpa', 'PTR'), 'NXDOMAIN');
  assert.deepEqual(asked, []);
  await answersOf(part, '7.4.42.10.in-addr.arpa', 'PTR');
  // The machine's other name server, never this one.
  assert.deepEqual(asked, ['192.0.2.53']);
});

test('it takes the addresses of its Service, and follows them; without the Service it stays where it is', async (t) => {
  const world = await startWorld(t);
  const part = await world.part();
  assert.equal(world.addresses.length, 0);
  await world.client.create(services, dnsService);
  await world.settle();
  await part.listeners.listenOn(['10.43.0.10']);
  assert.ok(world.addresses.includes('+10.43.0.10'));
  assert.equal(await answersOf(part, 'ns.dns.cluster.local'), 'NOERROR A 10.43.0.10');
  await world.client.delete(services, { namespace: 'kube-system', name: 'kube-dns' });
  await world.settle();
  assert.equal(await answersOf(part, 'ns.dns.cluster.local'), 'NOERROR A 10.43.0.10');
});

test('after a restart without the server it answers as before; with the server again, what went meanwhile is gone', async (t) => {
  const world = await startWorld(t);
  const { client, context } = world;
  await client.create(services, dnsService);
  await client.create(services, {
    metadata: { namespace: 'default', name: 'web' },
    spec: { clusterIP: '10.43.0.99', ports: [httpPort] },
  });
  await client.create(services, { metadata: { namespace: 'default', name: 'db' }, spec: { clusterIP: 'None' } });
  const endpoints = [
    { ip: '10.42.0.5', hostname: 'db-0' },
    { ip: '10.42.0.6', conditions: { ready: false } },
  ];
  await client.create(endpointSlices, makeSlice('default/db', endpoints));
  const first = await world.part();
  await world.settle();
  await first.close();
  const file = path.join(context.folder, 'dns-names.jsonl');
  assert.equal(fs.statSync(file).mode & 0o777, 0o600);

  const away = await startWorld(t);
  away.server.isAway = true;
  fs.copyFileSync(file, path.join(away.context.folder, 'dns-names.jsonl'));
  const second = await away.part();
  assert.equal(await answersOf(second, 'web.default.svc.cluster.local'), 'NOERROR A 10.43.0.99');
  assert.equal(
    await answersOf(second, '_http._tcp.web.default.svc.cluster.local', 'SRV'),
    'NOERROR SRV 0 100 80 web.default.svc.cluster.local',
  );
  assert.equal(await answersOf(second, 'db.default.svc.cluster.local'), 'NOERROR A 10.42.0.5');
  assert.equal(await answersOf(second, 'none.default.svc.cluster.local'), 'NXDOMAIN');
  assert.ok(away.addresses.includes('+10.43.0.10'));

  away.server.isAway = false;
  await away.clock.advance(60_000);
  assert.equal(await answersOf(second, 'web.default.svc.cluster.local'), 'NXDOMAIN');
  assert.equal(await answersOf(second, 'db-0.db.default.svc.cluster.local'), 'NXDOMAIN');
});

test('without the server and without a file it says that it does not know; a file that is broken is none', async (t) => {
  const world = await startWorld(t);
  world.server.isAway = true;
  const file = path.join(world.context.folder, 'dns-names.jsonl');
  for (const text of ['', '{"version":1}\n', '{"version":2}\n"end"\n', '{"version":1}\n{"service"\n"end"\n']) {
    fs.writeFileSync(file, text);
    const part = await world.part();
    assert.equal(await answersOf(part, 'web.default.svc.cluster.local'), 'SERVFAIL', text);
    await part.close();
  }
});

test('settings hold as soon as they are changed', async (t) => {
  const world = await startWorld(t);
  const part = await world.part();
  assert.equal(await answersOf(part, 'db.example.org'), 'SERVFAIL');
  world.configuration.set('dns', { hosts: { '10.0.0.7': ['db.example.org'] } });
  assert.equal(await answersOf(part, 'db.example.org'), 'NOERROR A 10.0.0.7');
  world.configuration.set('dns', { domain: 'k8s.test' });
  assert.equal(await answersOf(part, 'dns-version.k8s.test', 'TXT'), 'NOERROR TXT 1.1.0');
});
