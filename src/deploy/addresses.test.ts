/** Where an application is reached: rows of objects and the addresses that people are told. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { KubeObject } from '../api/object.ts';
import { addressesOf } from './addresses.ts';

const node = '192.168.0.5';
const object = (kind: string, spec: object, status: object = {}): KubeObject =>
  ({ kind, metadata: { name: 'web' }, spec, status }) as KubeObject;
const at = (ip: string): object => ({ loadBalancer: { ingress: [{ ip }] } });

const rows: readonly (readonly [title: string, object: KubeObject, expected: readonly string[]])[] = [
  [
    'an Ingress by name',
    object('Ingress', { rules: [{ host: 'shop.localhost' }] }, at(node)),
    ['http://shop.localhost/'],
  ],
  [
    'one that needs a record',
    object('Ingress', { rules: [{ host: 'a.example' }] }, at(node)),
    [`http://a.example/ a.example must point to ${node}`],
  ],
  [
    'with TLS and a path',
    object(
      'Ingress',
      { tls: [{ hosts: ['a.localhost'] }], rules: [{ host: 'a.localhost', http: { paths: [{ path: '/api' }] } }] },
      at(node),
    ),
    ['https://a.localhost/api'],
  ],
  [
    'without a host',
    object('Ingress', { rules: [{ http: { paths: [{ path: '/' }] } }] }, at('fd00::1')),
    ['http://[fd00::1]/'],
  ],
  ['a default backend alone', object('Ingress', { defaultBackend: {} }, at(node)), [`http://${node}/`]],
  [
    'a load balancer',
    object(
      'Service',
      {
        type: 'LoadBalancer',
        ports: [{ port: 80 }, { port: 5432 }, { port: 8443, name: 'https' }, { port: 53, protocol: 'UDP' }],
      },
      at(node),
    ),
    [`http://${node}/`, `${node}:5432`, `https://${node}:8443/`, `${node}:53/udp`],
  ],
  ['a load balancer without an address', object('Service', { type: 'LoadBalancer', ports: [{ port: 80 }] }), []],
  [
    'a port of the nodes',
    object('Service', { type: 'NodePort', ports: [{ port: 80, nodePort: 31000 }] }),
    [`http://${node}:31000/`],
  ],
  ['a Service of the cluster', object('Service', { ports: [{ port: 80 }] }), []],
  [
    'a Gateway',
    object(
      'Gateway',
      {
        listeners: [
          { port: 80, protocol: 'HTTP' },
          { port: 443, protocol: 'HTTPS', hostname: 'a.example' },
        ],
      },
      { addresses: [{ value: node }] },
    ),
    [`http://${node}/`],
  ],
  ['a route', object('HTTPRoute', { hostnames: ['a.localhost'] }), ['http://a.localhost/']],
  [
    'a port that a pod takes of its node',
    object('Deployment', {
      template: { spec: { containers: [{ ports: [{ containerPort: 80, hostPort: 8080, hostIP: '127.0.0.1' }] }] } },
    }),
    ['http://127.0.0.1:8080/'],
  ],
];

describe('addresses', () => {
  for (const [title, one, expected] of rows) {
    test(title, () => {
      const { addresses } = addressesOf([one], [node]);
      assert.deepEqual(
        addresses.map(({ address, hint }) => (hint === undefined ? address : `${address} ${hint}`)),
        expected,
      );
    });
  }

  test('where only the cluster reaches it, a way from here is offered', () => {
    const services = [object('Service', { ports: [{ port: 5432 }] }), object('Service', { ports: [{ port: 80 }] })];
    assert.equal(addressesOf(services, []).forward, 'svc/web 8080:80');
    assert.equal(addressesOf([], []).forward, undefined);
  });
});
