import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubeObject } from '../../api/object.ts';
import { resourceTable } from '../../api/resource-table.ts';
import { StatusError } from '../../api/status-error.ts';
import { SeededPrng } from '../../lib/prng.ts';
import { parsePath, type ResourcePath } from '../request-info.ts';
import { FakeRegistry } from '../testing.ts';
import { Backends } from './backends.ts';

const user = { name: 'tester', groups: [] };

function pod(name: string, ip: string, more: { readonly ready?: boolean; readonly ports?: object[] } = {}): KubeObject {
  return {
    kind: 'Pod',
    metadata: { namespace: 'default', name, labels: { app: 'web' } },
    spec: { nodeName: `node-of-${name}`, containers: [{ name: 'c', ports: more.ports ?? [] }] },
    status: {
      podIP: ip,
      podIPs: [{ ip }],
      conditions: [{ type: 'Ready', status: more.ready === false ? 'False' : 'True' }],
    },
  } as KubeObject;
}

const service = (ports: object[]): KubeObject =>
  ({
    kind: 'Service',
    metadata: { namespace: 'default', name: 'web' },
    spec: { selector: { app: 'web' }, ports },
  }) as KubeObject;

const slice = (endpoints: object[], ports: object[]): KubeObject =>
  ({
    kind: 'EndpointSlice',
    metadata: { namespace: 'default', name: 'web-1', labels: { 'kubernetes.io/service-name': 'web' } },
    endpoints,
    ports,
  }) as KubeObject;

const to = (name: string, ip: string, ready = true): object => ({
  addresses: [ip],
  conditions: { ready },
  targetRef: { kind: 'Pod', name },
});

function world(objects: Readonly<Record<string, readonly KubeObject[]>>) {
  const handler = new FakeRegistry();
  for (const [collection, list] of Object.entries(objects)) for (const object of list) handler.add(collection, object);
  const backends = new Backends({ handler, resources: resourceTable(), prng: new SeededPrng(1) });
  return async (path: string): Promise<string> => {
    try {
      const found = await backends.find(user, parsePath(`/api/v1/namespaces/default/${path}/proxy/`) as ResourcePath);
      const { scheme, port } = found.target ?? {};
      return `${found.node} ${scheme} ${port} ${found.host}`;
    } catch (error) {
      assert.ok(error instanceof StatusError, String(error));
      return `${error.code} ${error.message}`;
    }
  };
}

test('a pod is reached at the port that is named, at the first that it declares, or at its scheme’s', async () => {
  const find = world({ pods: [pod('a', '10.0.0.1', { ports: [{ containerPort: 8080 }] }), pod('b', '10.0.0.2')] });
  assert.equal(await find('pods/a'), 'node-of-a http 8080 10.0.0.1:8080');
  assert.equal(await find('pods/a:81'), 'node-of-a http 81 10.0.0.1:81');
  assert.equal(await find('pods/https:a:'), 'node-of-a https 8080 10.0.0.1:8080');
  assert.equal(await find('pods/b'), 'node-of-b http 80 10.0.0.2');
  assert.equal(await find('pods/https:b:'), 'node-of-b https 443 10.0.0.2');
  assert.equal(await find('pods/b:https'), 'node-of-b http 443 10.0.0.2:https');
  assert.equal(await find('pods/b:70000'), '503 error trying to reach service: dial tcp: address 70000: invalid port');
  assert.equal(
    await find('pods/b:constructor'),
    '503 error trying to reach service: dial tcp: lookup tcp/constructor: unknown port',
  );
  assert.equal(await find('pods/none'), '404 pods "none" not found');
  assert.equal(await find('pods/ftp:b:1'), '400 invalid pod request "ftp:b:1"');
  assert.equal(await find('pods/a:b:c:d'), '400 invalid pod request "a:b:c:d"');
});

test('no pod can claim an address that is this machine, its link, or everybody', async () => {
  const addresses = [
    '127.0.0.1',
    '169.254.169.254',
    '::1',
    'fe80::1',
    '224.0.0.1',
    '0.0.0.0',
    '',
    'example.com',
    '::ffff:127.0.0.1',
  ];
  const find = world({ pods: addresses.map((ip, at) => pod(`p${at}`, ip)) });
  for (const [at, ip] of addresses.entries()) assert.equal(await find(`pods/p${at}`), '400 address not allowed', ip);
});

test('a service is reached through its slices, by a port’s name or number', async () => {
  const find = world({
    pods: [pod('a', '10.0.0.1'), pod('b', '10.0.0.2')],
    services: [service([{ name: 'http', port: 80, targetPort: 8080 }])],
    'endpointslices.discovery.k8s.io': [
      slice([to('a', '10.0.0.1'), to('b', '10.0.0.2', false)], [{ name: 'http', port: 8080 }]),
    ],
  });
  assert.equal(await find('services/web:http'), 'node-of-a http 8080 10.0.0.1:8080');
  assert.equal(await find('services/https:web:80'), 'node-of-a https 8080 10.0.0.1:8080');
  assert.equal(await find('services/web'), '503 no endpoints available for service "web"');
  assert.equal(await find('services/web:other'), '503 no endpoints available for service "web:other"');
  assert.equal(await find('services/web:81'), '503 no service port 81 found for service "web"');
  assert.equal(await find('services/none:81'), '404 services "none" not found');
});

test('an endpoint that is no pod’s own address is not used', async () => {
  const find = world({
    pods: [pod('a', '10.0.0.1')],
    services: [service([{ port: 80 }])],
    'endpointslices.discovery.k8s.io': [
      slice(
        [to('a', '192.0.2.9'), to('gone', '10.0.0.9'), { addresses: ['10.0.0.8'], conditions: { ready: true } }],
        [{ name: '', port: 80 }],
      ),
    ],
  });
  assert.equal(await find('services/web'), '503 no endpoints available for service "web"');
});

test('Endpoints are used where there are no slices, and the ready pods of the selector where there is neither', async () => {
  const pods = [
    pod('a', '10.0.0.1', { ports: [{ name: 'www', containerPort: 8080 }] }),
    pod('b', '10.0.0.2', { ready: false }),
  ];
  const services = [service([{ port: 80, targetPort: 'www' }])];
  const find = world({ pods, services });
  assert.equal(await find('services/web'), 'node-of-a http 8080 10.0.0.1:8080');
  const subsets = [{ addresses: [{ ip: '10.0.0.2', targetRef: { kind: 'Pod', name: 'b' } }], ports: [{ port: 9000 }] }];
  const endpoints = [{ kind: 'Endpoints', metadata: { namespace: 'default', name: 'web' }, subsets } as KubeObject];
  assert.equal(await world({ pods, services, endpoints })('services/web:80'), 'node-of-b http 9000 10.0.0.2:9000');
});
