/**
 * Story B: one engineer, two servers, one public address. What had them give up was a namespace that would not go, and everything behind one
 * address. Here `naru why` says who holds the namespace, what removing the hold would leave behind, and how; and TLS goes by name: two names end at
 * the gateway, a third passes through to a server that is no part of the cluster and still learns who asks.
 */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { after, before, describe, test } from 'node:test';
import type { Pod } from '../../src/api/schema/types/core-v1.ts';
import { needsContainers } from '../cluster/containerd-lab.ts';
import { Foreground } from '../cluster/foreground.ts';
import type { LabNode } from '../cluster/node-lab/lab-node.ts';
import { NodeLab } from '../cluster/node-lab.ts';
import { isReady, type Manifest } from '../cluster/workload.ts';
import { elapsedMs, eventually, leftSince, machineState } from '../harness.ts';
import { selfSigned } from '../network/haproxy-lab.ts';
import { image } from './a-manifests.ts';
import { secondsOf } from './crowd.ts';
import { Lines } from './lines.ts';
import { packWeb, visitFolder } from './web-image.ts';

const longMs = 120_000;
const secondPort = 8443;
const finalizer = 'databases.example.com/clean-up';

const ingress = (name: string, host: string, more: object, annotations: object = {}): Manifest => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'Ingress',
  metadata: { name, annotations },
  spec: {
    ...more,
    rules: [
      {
        host,
        http: { paths: [{ path: '/', pathType: 'Prefix', backend: { service: { name, port: { number: 80 } } } }] },
      },
    ],
  },
});

const tlsSecret = (name: string, host: string): Manifest => {
  const { key, certificate } = selfSigned(host);
  const stringData = { 'tls.key': key, 'tls.crt': certificate };
  return { apiVersion: 'v1', kind: 'Secret', metadata: { name }, type: 'kubernetes.io/tls', stringData };
};

const web = (name: string): readonly Manifest[] => [
  {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, labels: { app: name } },
    spec: {
      terminationGracePeriodSeconds: 2,
      containers: [
        {
          name: 'web',
          image,
          ports: [{ containerPort: 8080 }],
          readinessProbe: { httpGet: { path: '/healthz', port: 8080 }, periodSeconds: 1 },
        },
      ],
    },
  },
  {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name },
    spec: { selector: { app: name }, ports: [{ port: 80, targetPort: 8080 }] },
  },
];

/** A kind whose operator is gone, and an object that it was to clean up after. */
const definition: Manifest = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'databases.example.com' },
  spec: {
    group: 'example.com',
    scope: 'Namespaced',
    names: { plural: 'databases', singular: 'database', kind: 'Database' },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
      },
    ],
  },
};

describe('story B', { timeout: 600_000, ...needsContainers }, () => {
  let lab: NodeLab;
  let gateway: LabNode;
  let secondServer: Lines | undefined;
  let machineBefore: readonly string[];

  before(async () => {
    machineBefore = await machineState();
    lab = await NodeLab.open(2);
    const [first] = lab.nodes;
    assert.ok(first !== undefined);
    gateway = first;
    gateway.startAgent();
    await lab.ready(gateway);
    const archive = await packWeb(lab.folder);
    const { code, stderr } = await gateway.naru('image', 'import', archive);
    assert.equal(code, 0, stderr);
  });

  after(async () => {
    await secondServer?.close();
    await lab.close();
    await Foreground.killAll();
    assert.deepEqual(await leftSince(machineBefore), [], 'the story leaves nothing behind on the machine');
  });

  test('a namespace that does not go: who holds it, what removing the hold leaves behind, and the way out', async () => {
    await lab.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'old-project' } }, definition);
    await lab.mustKubectl('wait', '--for=condition=Established', 'crd/databases.example.com', '--timeout=30s');
    await lab.create({
      apiVersion: 'example.com/v1',
      kind: 'Database',
      metadata: { name: 'orders', namespace: 'old-project', finalizers: [finalizer] },
    });
    await lab.mustKubectl('delete', 'namespace', 'old-project', '--wait=false');
    await eventually('the namespace says that it is held', async () => {
      const text = await lab.mustKubectl('get', 'namespace', 'old-project', '-o', 'json');
      return text.includes('NamespaceFinalizersRemaining') && text.includes(finalizer);
    });
    const tookMs = elapsedMs();
    const { stdout, stderr, code } = await lab.naru('why', 'namespace/old-project');
    const answeredMs = tookMs();
    assert.equal(code, 0, stderr);
    console.log(`naru why namespace/old-project, after ${secondsOf(answeredMs)}:\n${stdout}`);
    assert.match(stdout, /databases?\.example\.com\/orders|database\/orders|Database orders/i, 'the object that stays');
    assert.ok(stdout.includes(finalizer), 'the finalizer that holds it');
    assert.match(stdout, /behind|outside/, 'what is left behind without it');
    // The way out is a command, and it is the right one; who sits at a terminal is asked once more.
    const command = stdout.split('\n').find((line) => line.trim().startsWith('naru release'));
    assert.ok(command !== undefined, 'the command that takes the finalizer off');
    const released = await lab.naru(...command.trim().split(' ').slice(1), '--yes');
    assert.equal(released.code, 0, released.stderr);
    await eventually('the namespace is gone', async () => {
      return (await lab.kubectl(['get', 'namespace', 'old-project'])).code !== 0;
    });
  });

  test('TLS by name at one address, and through to a second server that learns who asks', async () => {
    const second = lab.nodes[1];
    assert.ok(second !== undefined);
    const { key, certificate } = selfSigned('second.test');
    const [keyFile, certificateFile] = [path.join(lab.folder, 'second.key'), path.join(lab.folder, 'second.crt')];
    writeFileSync(keyFile, key, { mode: 0o600 });
    writeFileSync(certificateFile, certificate);
    const program = path.join(visitFolder, 'second-machine.ts');
    const argv = [process.execPath, program, keyFile, certificateFile, String(secondPort)];
    secondServer = new Lines(second.machine.inside(argv), () => {});

    await lab.create(
      ...web('shop'),
      ...web('wiki'),
      tlsSecret('shop-tls', 'shop.test'),
      tlsSecret('wiki-tls', 'wiki.test'),
      ingress('shop', 'shop.test', { tls: [{ hosts: ['shop.test'], secretName: 'shop-tls' }] }),
      ingress('wiki', 'wiki.test', { tls: [{ hosts: ['wiki.test'], secretName: 'wiki-tls' }] }),
      {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: 'second', annotations: { 'naru.io/proxy-protocol': 'v1' } },
        spec: { ports: [{ port: 80, targetPort: secondPort }] },
      },
      {
        apiVersion: 'discovery.k8s.io/v1',
        kind: 'EndpointSlice',
        metadata: { name: 'second', labels: { 'kubernetes.io/service-name': 'second' } },
        addressType: 'IPv4',
        endpoints: [{ addresses: [second.address], conditions: { ready: true } }],
        ports: [{ port: secondPort }],
      },
      ingress('second', 'second.test', {}, { 'nginx.ingress.kubernetes.io/ssl-passthrough': 'true' }),
    );
    for (const name of ['shop', 'wiki'])
      await eventually(`${name} is Ready`, async () => isReady(await lab.json<Pod>('get', 'pod', name)), longMs);

    const visit = async (name: string) => {
      const { code, stdout, stderr } = await lab.outsideRun([
        process.execPath,
        path.join(visitFolder, 'by-name.ts'),
        gateway.address,
        name,
      ]);
      if (code !== 0) throw new Error(stderr);
      const { shown, status, body } = JSON.parse(stdout) as { shown: string; status: number; body: string };
      return { shown, status, ...(JSON.parse(body) as { pod?: string; server?: string; client?: string }) };
    };
    const arrives = (name: string) =>
      eventually(
        `${name} is served`,
        async () => {
          const seen = await visit(name);
          return seen.status === 200 && seen.shown === name ? seen : undefined;
        },
        longMs,
      );
    assert.equal((await arrives('shop.test')).pod, 'shop');
    assert.equal((await arrives('wiki.test')).pod, 'wiki');
    const passed = await arrives('second.test');
    assert.equal(passed.server, 'second', 'its own certificate, and its own answer');
    const route = await lab.outsideRun(['ip', '-o', 'route', 'get', gateway.address]);
    const visitor = /src (\S+)/.exec(route.stdout)?.[1];
    assert.equal(passed.client, visitor, 'the visitor, not the gateway');
    console.log(
      `${gateway.address}:443 shows three certificates; the second server saw its visitor as ${passed.client}`,
    );
  });
});
