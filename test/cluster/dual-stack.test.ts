/**
 * A cluster of two families on this machine: each pod has an address of IPv4 and one of IPv6, and whatever leads to it by the one leads there by the other:
 * Services, ports of the node and of pods, names, the gateway, and policies.
 */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import http from 'node:http';
import process from 'node:process';
import { after, before, describe, test } from 'node:test';
import type { Node, Pod, Service } from '../../src/api/schema/types/core-v1.ts';
import { eventually, freePort, leftSince, machineState, TestCluster } from '../harness.ts';
import { needsContainers } from './containerd-lab.ts';
import { create, type Manifest, PodWatch, podManifest } from './workload.ts';

const switchFile = '/proc/sys/net/ipv6/conf/all/disable_ipv6';
const hasIpv6 = existsSync(switchFile) && readFileSync(switchFile, 'utf8').trim() === '0';
const requirements = hasIpv6 ? needsContainers : { skip: 'this machine has no IPv6' };

/** Of this run: others may have theirs at the same time. */
const number = process.pid % 200;
const services = [`10.94.${number}.0/24`, `fd00:94:${number}::/108`];
const pods = ['10.95.0.0/16', 'fd00:95::/56'];

const image = 'test/dual-stack:1';
const serverProgram = `
require('node:http')
  .createServer((request, response) => response.end(process.env.HOSTNAME + ' hears ' + request.socket.remoteAddress.replace('::ffff:', '')))
  .listen(8080, '::');
process.on('SIGTERM', () => process.exit(0));
`;
const clientProgram = `
const asked = require('node:http').get({ host: process.argv[1], port: process.argv[2], path: '/', timeout: 2000, agent: false }, (response) => {
  response.setEncoding('utf8').on('data', (text) => process.stdout.write(text));
});
asked.on('timeout', () => asked.destroy(new Error('timeout'))).on('error', (error) => process.stdout.write(error.code || error.message));
`;

const selector = { app: 'web' };
const port = { port: 80, targetPort: 8080 };
const service = (name: string, spec: object): Manifest => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name },
  spec: { ipFamilyPolicy: 'RequireDualStack', selector, ports: [port], ...spec },
});
const policy = (name: string, spec: object): Manifest => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'NetworkPolicy',
  metadata: { name },
  spec: { podSelector: { matchLabels: selector }, ...spec },
});
const addressesOf = (pod: Pod): readonly string[] => (pod.status?.podIPs ?? []).map(({ ip }) => ip ?? '');

/** From this machine. */
function ask(host: string, ofPort: number, headers: Readonly<Record<string, string>> = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const asked = http.get({ host, port: ofPort, headers, agent: false, timeout: 3000 }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => (text += part));
      response.on('end', () => resolve(text));
    });
    asked.on('timeout', () => asked.destroy(new Error('timeout'))).on('error', reject);
  });
}

describe('a cluster of two families', { timeout: 300_000, ...requirements }, () => {
  let before_: readonly string[];
  let cluster: TestCluster;
  let watch: PodWatch;
  let node: readonly string[];
  let ports: { readonly host: number; readonly http: number; readonly https: number };
  let web: Pod;
  let client: Pod;

  const running = (name: string, wishes: object): Manifest =>
    podManifest(name, {
      labels: { app: name },
      containers: [
        {
          image,
          command: [process.execPath, '-e', serverProgram],
          readinessProbe: { httpGet: { path: '/', port: 8080 }, periodSeconds: 1 },
          ...wishes,
        },
      ],
    });
  const inClient = (...argv: string[]): Promise<string> => cluster.mustKubectl('exec', 'client', '--', ...argv);
  /** From the client's pod: what the server says, or why there is no answer. */
  const asked = (host: string, ofPort: number): Promise<string> =>
    inClient(process.execPath, '-e', clientProgram, host, String(ofPort));
  const named = (name: string): Promise<Service> => cluster.json<Service>('get', 'service', name);

  before(async () => {
    before_ = await machineState();
    cluster = await TestCluster.up('--service-cidr', services.join(), '--cluster-cidr', pods.join());
    watch = new PodWatch(cluster);
    ports = { host: await freePort(), http: await freePort(), https: await freePort() };
    await cluster.mustNaru('image', 'pack', process.execPath, '/usr/bin/getent', '/usr/bin/busybox', '--name', image);
    const settings = `ingress: { httpPort: ${ports.http}, httpsPort: ${ports.https} }`;
    await create(
      cluster,
      {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: 'naru-network', namespace: 'kube-system' },
        data: { 'network.yaml': settings },
      },
      running('web', { ports: [{ containerPort: 8080, hostPort: ports.host }] }),
      running('client', {}),
      service('web', { type: 'NodePort' }),
      service('heads', { clusterIP: 'None' }),
    );
    [web, client] = await Promise.all([watch.ready('web'), watch.ready('client')]);
    const { items } = await cluster.json<{ items: Node[] }>('get', 'nodes');
    const addresses = items[0]?.status?.addresses ?? [];
    node = addresses.filter(({ type }) => type === 'InternalIP').map(({ address }) => address);
  });

  after(async () => {
    watch?.close();
    await TestCluster.closeAll();
    assert.deepEqual(await leftSince(before_), [], 'naru down leaves nothing behind on the machine');
  });

  test('gives each pod an address of both families, IPv4 first, and reaches it by both', async () => {
    for (const pod of [web, client]) {
      const [four = '', six = '', ...more] = addressesOf(pod);
      assert.equal(pod.status?.podIP, four);
      assert.match(four, /^10\.95\.\d+\.\d+$/);
      assert.match(six, /^fd00:95:/);
      assert.deepEqual(more, []);
    }
    const own = addressesOf(client);
    for (const [family, address] of addressesOf(web).entries())
      assert.equal(await asked(address, 8080), `web hears ${own[family]}`);
  });

  test('serves a Service at its addresses and node ports of both families', async () => {
    const { spec } = await named('web');
    assert.deepEqual(spec?.ipFamilies, ['IPv4', 'IPv6']);
    const own = addressesOf(client);
    for (const [family, address] of (spec?.clusterIPs ?? []).entries()) {
      assert.equal(await asked(address, 80), `web hears ${own[family]}`);
      assert.match(await ask(address, 80), /^web hears /);
    }
    assert.equal(node.length, 2, `the node has ${node.join()}`);
    const nodePort = spec?.ports?.[0]?.nodePort ?? 0;
    for (const address of node) {
      assert.match(await asked(address, nodePort), /^web hears /);
      assert.match(await ask(address, nodePort), /^web hears /);
    }
  });

  test('leads the port of a pod on the node there by both; on the loopback of IPv6, which cannot, it is refused at once', async () => {
    for (const address of node) {
      assert.match(await ask(address, ports.host), /^web hears /);
      assert.match(await asked(address, ports.host), /^web hears /);
    }
    assert.match(await ask('127.0.0.1', ports.host), /^web hears /);
    await assert.rejects(ask('::1', ports.host), { code: 'ECONNREFUSED' });
  });

  test('answers names of both families on both addresses of its name server', async () => {
    const servers = (await inClient('/bin/busybox', 'sed', '-n', 's/^nameserver //p', '/etc/resolv.conf'))
      .trim()
      .split('\n');
    const dns = await cluster.json<Service>('get', 'service', 'kube-dns', '-n', 'kube-system');
    assert.deepEqual(servers, dns.spec?.clusterIPs);
    assert.equal(servers.length, 2);
    const { spec } = await named('web');
    const wanted = [
      ['web', spec?.clusterIPs ?? []],
      ['heads', addressesOf(web)],
    ] as const;
    const lookup = (...argv: string[]): Promise<string> => inClient('/bin/busybox', 'nslookup', ...argv);
    for (const server of servers) {
      for (const [name, [four = '', six = '']] of wanted) {
        const domain = `${name}.default.svc.cluster.local`;
        assert.ok((await lookup('-type=a', domain, server)).includes(`Address: ${four}\n`));
        assert.ok((await lookup('-type=aaaa', domain, server)).includes(`Address: ${six}\n`));
      }
      assert.match(await lookup(spec?.clusterIPs?.[1] ?? '', server), /name = web\.default\.svc\.cluster\.local/);
    }
    assert.match(await inClient('/usr/bin/getent', 'ahostsv6', 'heads'), new RegExp(addressesOf(web)[1] ?? 'none'));
  });

  test('takes requests for an Ingress in on both families', async () => {
    const backend = { service: { name: 'web', port: { number: 80 } } };
    const paths = [{ path: '/', pathType: 'Prefix', backend }];
    await create(cluster, {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'Ingress',
      metadata: { name: 'web' },
      spec: { rules: [{ host: 'web.example', http: { paths } }] },
    });
    for (const address of ['127.0.0.1', '::1', ...node]) {
      await eventually(`the gateway answers on ${address}`, async () =>
        (await ask(address, ports.http, { host: 'web.example' })).startsWith('web hears '),
      );
    }
  });

  test('holds policies for both families: what one forbids, and what it lets through by a range', async () => {
    const [four = '', six = ''] = addressesOf(web);
    const answers = async (): Promise<boolean[]> => {
      const texts = await Promise.all([four, six].map((address) => asked(address, 8080)));
      return texts.map((text) => text.startsWith('web hears'));
    };
    const become = (what: string, wanted: readonly boolean[]): Promise<unknown> =>
      eventually(what, async () => String(await answers()) === String(wanted), 20_000);
    await create(cluster, policy('none', { policyTypes: ['Ingress'] }));
    await become('nobody comes in', [false, false]);
    await create(cluster, policy('six', { ingress: [{ from: [{ ipBlock: { cidr: 'fd00:95::/56' } }] }] }));
    await become('IPv6 comes in by its range', [false, true]);
    const ipBlock = { cidr: 'fd00:95::/56', except: [`${addressesOf(client)[1]}/128`] };
    await cluster.mustKubectl(
      'patch',
      'networkpolicy',
      'six',
      '--type=merge',
      '-p',
      JSON.stringify({ spec: { ingress: [{ from: [{ ipBlock }] }] } }),
    );
    await become('but for the exception', [false, false]);
    const from = [{ podSelector: { matchLabels: { app: 'client' } } }];
    await create(cluster, policy('client', { ingress: [{ from }] }));
    await become('a pod is meant with all its addresses', [true, true]);
  });
});
