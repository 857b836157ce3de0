/**
 * The cluster's DNS as programs in real pods meet it: by the resolvers of glibc, of musl and of busybox, with the resolv.conf that the agent wrote. `naru server`
 * and `naru agent` run as two processes, so that the first can end: names must go on.
 *
 * A program is started in a container's own files and network without the API, which is away for a part of this.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { after, before, describe, test } from 'node:test';
import type { NodeList, Service } from '../../src/api/schema/types/core-v1.ts';
import {
  type CommandResult,
  elapsedMs,
  eventually,
  freePort,
  leftSince,
  machineState,
  run,
  TestCluster,
} from '../harness.ts';
import { NetProcess } from '../network/net-lab.ts';
import { muslProgram } from '../network/resolver-programs.ts';
import { needsContainers } from './containerd-lab.ts';
import { containerProcesses } from './containers.ts';
import { Foreground } from './foreground.ts';
import { create, forever, type Manifest, PodWatch, type PodWishes, podManifest, script } from './workload.ts';

const image = 'test/resolvers:1';
const manyCount = 250;
/** Of one slice. */
const endpointsMax = 100;
/** Both C libraries ask again after five seconds: who is quicker was answered at once. */
const resendMs = 5000;
/** The machine may have much else to do. */
const longMs = 120_000;

const service = (name: string, spec: object): Manifest => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name },
  spec,
});

const http = [{ name: 'http', port: 80 }];

/** Endpoints that no pod stands behind. */
function manySlices(): Manifest[] {
  return Array.from({ length: Math.ceil(manyCount / endpointsMax) }, (_, part) => ({
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: `many-${part}`, labels: { 'kubernetes.io/service-name': 'many' } },
    addressType: 'IPv4',
    ports: [{ name: 'http', port: 80 }],
    endpoints: Array.from({ length: Math.min(endpointsMax, manyCount - part * endpointsMax) }, (__, index) => ({
      addresses: [`192.0.${part}.${index}`],
      conditions: { ready: true },
    })),
  }));
}

const settings = (port: number): Manifest => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'naru-network', namespace: 'kube-system' },
  data: { 'network.yaml': JSON.stringify({ dns: { upstreams: [`127.0.0.1:${port}`] } }) },
});

/** What each says of a name: the addresses in it, each once. */
const resolvers: Readonly<Record<string, (name: string) => readonly string[]>> = {
  glibc: (name) => ['/usr/bin/getent', 'ahosts', name],
  musl: (name) => ['/usr/bin/addresses-musl', name],
  busybox: (name) => ['/usr/bin/busybox', 'nslookup', name],
};

describe('names in pods', { timeout: 600_000, ...needsContainers }, () => {
  let cluster: TestCluster;
  let folder: string;
  let outside: NetProcess;
  let server: Foreground;
  let agent: Foreground;
  let port: number;
  let watch: PodWatch;
  let before_: readonly string[];
  /** The first process of each pod. */
  const processes = new Map<string, number>();
  /** Of pods and Services, by name. */
  const addresses = new Map<string, string>();
  const addressOf = (name: string): string => {
    const found = addresses.get(name);
    assert.ok(found, `${name} has an address`);
    return found;
  };

  /** Both pods of `db`. */
  const database = (): string => [addressOf('db-0'), addressOf('db-1')].toSorted().join(' ');

  const startServer = async (): Promise<void> => {
    server = new Foreground(cluster.home, ['server', '--port', String(port)]);
    await eventually(
      'the API answers',
      async () => (await cluster.kubectl(['get', '--raw', '/readyz'])).code === 0,
      longMs,
    );
  };
  const startAgent = (): void => {
    agent = new Foreground(cluster.home, ['agent']);
  };

  const runPod = async (name: string, wishes: PodWishes = {}): Promise<void> => {
    const containers = [script(forever, { image })];
    await create(cluster, podManifest(name, { ...wishes, containers }));
    const { metadata, status } = await watch.ready(name);
    const [first] = containerProcesses(metadata?.uid ?? '');
    assert.ok(first !== undefined, `${name} runs`);
    processes.set(name, first);
    addresses.set(name, status?.podIP ?? '');
  };

  /** A cluster beside others on this machine has another range of addresses than the usual one. */
  const learn = async (name: string, namespace = 'default'): Promise<string> => {
    const { spec } = await cluster.json<Service>('get', 'service', name, '-n', namespace);
    addresses.set(name, spec?.clusterIP ?? '');
    return spec?.clusterIP ?? '';
  };

  const inPod = (pod: string, ...argv: readonly string[]): Promise<CommandResult> =>
    run('nsenter', ['--target', String(processes.get(pod)), '--mount', '--net', '--', ...argv]);

  /** The addresses, sorted; busybox also says whom it asked, before an empty line. */
  const resolved = async (pod: string, resolver: string, name: string): Promise<string> => {
    const { stdout } = await inPod(pod, ...(resolvers[resolver]?.(name) ?? []));
    const said = resolver === 'busybox' ? stdout.slice(stdout.indexOf('\n\n')) : stdout;
    return [...new Set(said.match(/\b(?:\d+\.){3}\d+\b/g))].toSorted().join(' ');
  };

  before(async () => {
    before_ = await machineState();
    folder = mkdtempSync(path.join(os.tmpdir(), 'naru-dns-'));
    outside = new NetProcess([process.execPath, 'test/network/dns-upstream.ts', '127.0.0.1', '0'], {});
    await outside.says('listening on');
    cluster = await TestCluster.create();
    port = await freePort();
    await startServer();
    await create(cluster, settings(Number(/listening on (\d+)/.exec(outside.text)?.[1])));
    startAgent();
    await eventually(
      'the node is Ready',
      async () => {
        const { items } = await cluster.json<NodeList>('get', 'nodes');
        return items[0]?.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True');
      },
      longMs,
    );
    const musl = await muslProgram(folder);
    const programs = ['/usr/bin/busybox', '/usr/bin/getent', '/usr/bin/dig'];
    await cluster.mustNaru('image', 'pack', ...programs, '--file', `${musl}:/usr/bin/addresses-musl`, '--name', image);
    await create(cluster, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'other' } });
    const inOther = service('shop', { ports: http });
    await create(
      cluster,
      service('web', { ports: http }),
      { ...inOther, metadata: { name: 'shop', namespace: 'other' } },
      service('db', { ports: http, clusterIP: 'None', selector: { app: 'db' } }),
      service('many', { ports: http, clusterIP: 'None' }),
      service('ext', { type: 'ExternalName', externalName: 'www.example.test' }),
      service('alias', { type: 'ExternalName', externalName: 'web.default.svc.cluster.local' }),
      ...manySlices(),
    );
    const nameServer = await learn('kube-dns', 'kube-system');
    await learn('web');
    await learn('shop', 'other');
    watch = new PodWatch(cluster);
    const labels = { app: 'db' };
    const dnsConfig = {
      nameservers: [nameServer],
      searches: ['other.svc.cluster.local'],
      options: [{ name: 'ndots', value: '2' }],
    };
    await Promise.all([
      runPod('plain'),
      runPod('db-0', { labels, hostname: 'db-0', subdomain: 'db' }),
      runPod('db-1', { labels, hostname: 'db-1', subdomain: 'db' }),
      runPod('own', { dnsPolicy: 'None', dnsConfig }),
      runPod('host', { hostNetwork: true, dnsPolicy: 'ClusterFirstWithHostNet' }),
    ]);
    await eventually('both pods have names', async () => (await resolved('plain', 'glibc', 'db')) === database());
  });

  after(async () => {
    watch?.close();
    await outside?.stop();
    try {
      await TestCluster.closeAll();
    } finally {
      await Foreground.killAll();
      rmSync(folder, { recursive: true, force: true });
    }
    assert.deepEqual(await leftSince(before_), [], 'naru down leaves nothing behind on the machine');
  });

  const rows: readonly (readonly [name: string, what: string, expected: string | (() => string)])[] = [
    ['web', 'a Service of the own namespace', () => addressOf('web')],
    ['web.default', 'with the namespace', () => addressOf('web')],
    ['shop.other', 'of another namespace', () => addressOf('shop')],
    ['shop.other.svc', 'with svc', () => addressOf('shop')],
    ['web.default.svc.cluster.local', 'the whole name', () => addressOf('web')],
    ['web.default.svc.cluster.local.', 'the whole name and its dot', () => addressOf('web')],
    ['shop', 'of another namespace without it', ''],
    ['db', 'a headless Service', database],
    ['db-0.db', 'a pod by its hostname', () => addressOf('db-0')],
    ['db-1.db.default.svc.cluster.local', 'the same, whole', () => addressOf('db-1')],
    ['alias', 'ExternalName of a name of the cluster', () => addressOf('web')],
    ['ext', 'ExternalName of a name outside', '192.0.2.80'],
    ['www.example.test', 'a name outside', '192.0.2.80'],
    ['none.example.test', 'none outside', ''],
  ];
  /** Busybox uses search paths only for names without a dot, whatever `ndots` says. */
  const mayAsk = (resolver: string, name: string): boolean =>
    resolver !== 'busybox' || !name.includes('.') || /\.(?:local\.?|test)$/.test(name);

  for (const resolver of Object.keys(resolvers))
    for (const [name, what, expected] of rows.filter(([asked]) => mayAsk(resolver, asked)))
      test(`${resolver}: ${name}, ${what}`, async () => {
        const wanted = typeof expected === 'string' ? expected : expected();
        assert.equal(await resolved('plain', resolver, name), wanted);
      });

  const dig = async (...words: readonly string[]): Promise<string[]> => {
    const { stdout } = await inPod('plain', '/usr/bin/dig', '+short', '+search', '+time=4', '+tries=1', ...words);
    return stdout.trim().split('\n').toSorted();
  };

  test('dig: SRV of a Service and of a headless one, and the names of addresses', async () => {
    const suffix = 'default.svc.cluster.local.';
    assert.deepEqual(await dig('_http._tcp.web', 'SRV'), [`0 100 80 web.${suffix}`]);
    assert.deepEqual(await dig('_http._tcp.db', 'SRV'), [`0 50 80 db-0.db.${suffix}`, `0 50 80 db-1.db.${suffix}`]);
    assert.deepEqual(await dig('-x', addressOf('web')), [`web.${suffix}`]);
    assert.deepEqual(await dig('-x', addressOf('db-0')), [`db-0.db.${suffix}`]);
  });

  test('a name with 250 addresses: glibc gets all by TCP, and an old musl, which knows no TCP, as many as fit', async () => {
    const count = async (resolver: string): Promise<number> =>
      (await resolved('plain', resolver, 'many')).split(' ').length;
    assert.equal(await count('glibc'), manyCount);
    assert.ok((await count('musl')) > 20);
  });

  test('A and AAAA are asked at once, and neither C library ever has to ask again', async () => {
    for (const resolver of ['glibc', 'musl'])
      for (let round = 0; round < 20; round++) {
        const since = elapsedMs();
        assert.equal((await resolved('plain', resolver, round % 2 === 0 ? 'web' : 'www.example.test')) === '', false);
        assert.ok(since() < resendMs, `${resolver}, round ${round}: ${since()} ms`);
      }
  });

  test('dnsPolicy None: only the search paths of its own', async () => {
    for (const resolver of ['glibc', 'musl']) {
      assert.equal(await resolved('own', resolver, 'shop'), addressOf('shop'));
      assert.equal(await resolved('own', resolver, 'web'), '');
      assert.equal(await resolved('own', resolver, 'web.default.svc.cluster.local'), addressOf('web'));
    }
  });

  test('a pod in the machine’s network with ClusterFirstWithHostNet knows the cluster’s names', async () => {
    for (const resolver of Object.keys(resolvers))
      assert.equal(await resolved('host', resolver, 'web'), addressOf('web'));
    assert.equal(await resolved('host', 'glibc', 'www.example.test'), '192.0.2.80');
  });

  test('pods keep their names while the server is away, also where the agent starts anew meanwhile', async () => {
    const kept = path.join(cluster.home, 'network', 'dns-names.jsonl');
    await eventually('all names are on disk', () =>
      // A headless Service is its endpoints: they are told, and kept, by themselves.
      ['many-2', ...database().split(' ')].every((each) => readFileSync(kept, 'utf8').includes(`"${each}"`)),
    );
    server.kill('SIGKILL');
    await server.ended;
    const holds = async (): Promise<void> => {
      for (const resolver of Object.keys(resolvers)) {
        assert.equal(await resolved('plain', resolver, 'web'), addressOf('web'));
        assert.equal(await resolved('plain', resolver, 'db'), database());
      }
    };
    await holds();
    assert.equal(await resolved('plain', 'glibc', 'www.example.test'), '192.0.2.80');
    agent.kill('SIGKILL');
    await agent.ended;
    startAgent();
    await eventually(
      'it listens again',
      async () => (await resolved('plain', 'glibc', 'web')) === addressOf('web'),
      longMs,
    );
    await holds();
  });

  test('when the server is back, changes are seen again', async () => {
    await startServer();
    await create(cluster, service('late', { ports: http }));
    const late = await learn('late');
    await eventually('the new name is there', async () => (await resolved('plain', 'musl', 'late')) === late, longMs);
  });
});
