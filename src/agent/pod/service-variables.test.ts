import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Service, ServicePort } from '../../api/schema/types/core-v1.ts';
import { make } from '../testing.ts';
import { servicesFor, serviceVariables } from './service-variables.ts';

function service(name: string, clusterIP: string, ports: readonly ServicePort[], namespace = 'default'): Service {
  return { apiVersion: 'v1', kind: 'Service', metadata: { namespace, name }, spec: { clusterIP, ports } };
}

const lines = (one: Service): readonly string[] => serviceVariables(one).map(({ name, value }) => `${name}=${value}`);

test('a service gives its address, its first port, its named ports, and a link for each port', () => {
  const ports = [
    { name: 'http', port: 80, protocol: 'TCP' as const },
    { name: 'dns-udp', port: 53, protocol: 'UDP' as const },
  ];
  assert.deepEqual(lines(service('my-db.v1', '10.43.0.7', ports)), [
    'MY_DB_V1_SERVICE_HOST=10.43.0.7',
    'MY_DB_V1_SERVICE_PORT=80',
    'MY_DB_V1_SERVICE_PORT_HTTP=80',
    'MY_DB_V1_SERVICE_PORT_DNS_UDP=53',
    'MY_DB_V1_PORT=tcp://10.43.0.7:80',
    'MY_DB_V1_PORT_80_TCP=tcp://10.43.0.7:80',
    'MY_DB_V1_PORT_80_TCP_PROTO=tcp',
    'MY_DB_V1_PORT_80_TCP_PORT=80',
    'MY_DB_V1_PORT_80_TCP_ADDR=10.43.0.7',
    'MY_DB_V1_PORT_53_UDP=udp://10.43.0.7:53',
    'MY_DB_V1_PORT_53_UDP_PROTO=udp',
    'MY_DB_V1_PORT_53_UDP_PORT=53',
    'MY_DB_V1_PORT_53_UDP_ADDR=10.43.0.7',
  ]);
});

test('no variable begins with a digit, an IPv6 address stands in brackets in a URL, and without ports there is nothing', () => {
  const found = lines(service('2nd', 'fd00::7', [{ port: 80 }]));
  assert.equal(found[0], '_2ND_SERVICE_HOST=fd00::7');
  assert.ok(found.includes('_2ND_PORT=tcp://[fd00::7]:80'));
  assert.deepEqual(lines(service('none', '10.43.0.8', [])), []);
});

test('a pod sees the services of its namespace that have an address, and the API’s; without links only the API’s', () => {
  const all = [
    service('web', '10.43.0.2', [{ port: 80 }], 'shop'),
    service('headless', 'None', [{ port: 80 }], 'shop'),
    service('elsewhere', '', [], 'shop'),
    service('other', '10.43.0.3', [{ port: 80 }]),
    service('kubernetes', '10.43.0.1', [{ port: 443 }]),
  ];
  const inNamespace = (namespace: string) => all.filter(({ metadata }) => metadata?.namespace === namespace);
  const seen = (namespace: string, enableServiceLinks: boolean): readonly (string | undefined)[] =>
    servicesFor(make.pod({ enableServiceLinks }, { namespace }), inNamespace).map(({ metadata }) => metadata?.name);
  assert.deepEqual(seen('shop', true), ['kubernetes', 'web']);
  assert.deepEqual(seen('shop', false), ['kubernetes']);
  assert.deepEqual(seen('default', true), ['kubernetes', 'other']);
});

test('a service of the pod’s own namespace with the name of the API’s hides it', () => {
  const all = [
    service('kubernetes', '10.43.0.9', [{ port: 80 }], 'shop'),
    service('kubernetes', '10.43.0.1', [{ port: 443 }]),
  ];
  const inNamespace = (namespace: string) => all.filter(({ metadata }) => metadata?.namespace === namespace);
  const [seen] = servicesFor(make.pod({}, { namespace: 'shop' }), inNamespace);
  assert.equal(seen?.spec?.clusterIP, '10.43.0.9');
});
