import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubeObject } from '../../api/object.ts';
import type { Node, Service, ServiceSpec } from '../../api/schema/types/core-v1.ts';
import type { Ingress } from '../../api/schema/types/networking-v1.ts';
import { makeSlice } from '../dns/testing.ts';
import { GatewayWorld, gateway, http, route } from '../gateway/routes/testing.ts';
import { ttlOf } from './annotations.ts';
import { ingressWishes, routeWishes } from './gateway-names.ts';
import { type ServiceSurroundings, serviceWishes } from './service-names.ts';
import { externalDnsSection } from './settings.ts';
import { wishLines } from './testing.ts';
import { faultsOf, namesOfZone } from './wanted.ts';

const annotated = (annotations: Readonly<Record<string, string>>): { annotations: Record<string, string> } => ({
  annotations: Object.fromEntries(
    Object.entries(annotations).map(([key, value]) => [`external-dns.alpha.kubernetes.io/${key}`, value]),
  ),
});

type Annotations = Readonly<Record<string, string>>;

function service(
  spec: ServiceSpec,
  annotations: Annotations,
  ingress: readonly object[] = [],
  created?: string,
): Service {
  const metadata = {
    namespace: 'default',
    name: 'web',
    ...annotated(annotations),
    ...(created !== undefined && { creationTimestamp: created }),
  };
  return { metadata, spec, status: { loadBalancer: { ingress } } };
}

const node = (name: string, ready: string, addresses: readonly (readonly [type: string, address: string])[]): Node => ({
  metadata: { name },
  status: {
    conditions: [{ type: 'Ready', status: ready }],
    addresses: addresses.map(([type, address]) => ({ type, address })),
  },
});

const nodes = [
  node('n1', 'True', [
    ['InternalIP', '10.0.0.1'],
    ['InternalIP', 'fd00::1'],
    ['ExternalIP', '198.51.100.1'],
  ]),
  node('n2', 'True', [['InternalIP', '10.0.0.2']]),
  node('n3', 'False', [['InternalIP', '10.0.0.3']]),
];

const around: ServiceSurroundings = {
  nodes,
  node: (name) => nodes.find(({ metadata }) => metadata?.name === name),
  slices: () => [
    makeSlice('default/web', [
      { ip: '10.42.0.5', hostname: 'web-0', nodeName: 'n1' },
      { ip: '10.42.0.6', nodeName: 'n2' },
      { ip: '10.42.0.7', nodeName: 'n3', conditions: { ready: false } },
    ]),
  ],
};

const lb: ServiceSpec = { type: 'LoadBalancer', clusterIP: '10.43.0.1', clusterIPs: ['10.43.0.1'] };
const headless: ServiceSpec = { clusterIP: 'None', clusterIPs: ['None'] };

const serviceRows: readonly (readonly [
  what: string,
  spec: ServiceSpec,
  annotations: Annotations,
  ingress: readonly object[],
  lines: readonly string[],
])[] = [
  ['no annotation', lb, {}, [{ ip: '192.0.2.1' }], []],
  [
    'a load balancer',
    lb,
    { hostname: 'a.example.com, B.example.com.' },
    [{ ip: '192.0.2.1' }, { ip: '2001:db8::1' }],
    ['a.example.com → 192.0.2.1 2001:db8::1', 'b.example.com → 192.0.2.1 2001:db8::1'],
  ],
  [
    'a load balancer with a name',
    lb,
    { hostname: 'a.example.com' },
    [{ hostname: 'lb.example.net' }],
    ['a.example.com → lb.example.net'],
  ],
  ['a load balancer that waits for its address', lb, { hostname: 'a.example.com' }, [], ['a.example.com → ']],
  [
    'external IPs go first',
    { ...lb, externalIPs: ['192.0.2.7'] },
    { hostname: 'a.example.com' },
    [{ ip: '192.0.2.1' }],
    ['a.example.com → 192.0.2.7'],
  ],
  [
    'a target of its own',
    lb,
    { hostname: 'a.example.com', target: '203.0.113.1,203.0.113.2' },
    [{ ip: '192.0.2.1' }],
    ['a.example.com → 203.0.113.1 203.0.113.2'],
  ],
  [
    'a name for inside',
    lb,
    { hostname: 'a.example.com', 'internal-hostname': 'i.example.com' },
    [{ ip: '192.0.2.1' }],
    ['a.example.com → 192.0.2.1', 'i.example.com → 10.43.0.1'],
  ],
  ['another controller', lb, { hostname: 'a.example.com', controller: 'mate' }, [{ ip: '192.0.2.1' }], []],
  [
    'this controller, by name',
    lb,
    { hostname: 'a.example.com', controller: 'dns-controller' },
    [{ ip: '192.0.2.1' }],
    ['a.example.com → 192.0.2.1'],
  ],
  [
    'a Service for inside has no name outside',
    { clusterIP: '10.43.0.1', clusterIPs: ['10.43.0.1'] },
    { hostname: 'a.example.com' },
    [],
    [],
  ],
  [
    'ExternalName',
    { type: 'ExternalName', externalName: 'db.example.net' },
    { hostname: 'a.example.com' },
    [],
    ['a.example.com → db.example.net'],
  ],
  [
    'headless: ready pods, and those with names',
    headless,
    { hostname: 'a.example.com' },
    [],
    ['a.example.com → 10.42.0.5 10.42.0.6', 'web-0.a.example.com → 10.42.0.5'],
  ],
  [
    'headless: their nodes',
    headless,
    { hostname: 'a.example.com', 'endpoints-type': 'HostIP' },
    [],
    ['a.example.com → 10.0.0.1 fd00::1 10.0.0.2', 'web-0.a.example.com → 10.0.0.1 fd00::1'],
  ],
  [
    'headless: their nodes, from outside',
    headless,
    { hostname: 'a.example.com', 'endpoints-type': 'NodeExternalIP' },
    [],
    ['a.example.com → 198.51.100.1 fd00::1', 'web-0.a.example.com → 198.51.100.1 fd00::1'],
  ],
  [
    'node ports: nodes from outside, where some have such addresses',
    { type: 'NodePort' },
    { hostname: 'a.example.com' },
    [],
    ['a.example.com → 198.51.100.1 fd00::1'],
  ],
  [
    'node ports: nodes from inside',
    { type: 'NodePort' },
    { hostname: 'a.example.com', access: 'private' },
    [],
    ['a.example.com → 10.0.0.1 fd00::1 10.0.0.2'],
  ],
  [
    'node ports: only where pods are',
    { type: 'NodePort', externalTrafficPolicy: 'Local' },
    { hostname: 'a.example.com', access: 'private' },
    [],
    ['a.example.com → 10.0.0.1 fd00::1 10.0.0.2'],
  ],
];

for (const [what, spec, annotations, ingress, lines] of serviceRows) {
  test(`Services: ${what}`, () => {
    const found = wishLines(serviceWishes(service(spec, annotations, ingress), around));
    assert.deepEqual(
      found,
      lines.map((line) => `${line} (service/default/web)`),
    );
  });
}

const ingress = (annotations: Annotations, addresses: readonly string[] = ['192.0.2.9']): Ingress => ({
  metadata: { namespace: 'default', name: 'app', ...annotated(annotations) },
  spec: { rules: [{ host: 'a.example.com' }, {}, { host: 'a.example.com' }], tls: [{ hosts: ['tls.example.com'] }] },
  status: { loadBalancer: { ingress: addresses.map((ip) => ({ ip })) } },
});

const ingressRows: readonly (readonly [annotations: Annotations, lines: readonly string[]])[] = [
  [{}, ['a.example.com → 192.0.2.9', 'tls.example.com → 192.0.2.9']],
  [
    { hostname: 'x.example.com' },
    ['a.example.com → 192.0.2.9', 'tls.example.com → 192.0.2.9', 'x.example.com → 192.0.2.9'],
  ],
  [{ hostname: 'x.example.com', 'ingress-hostname-source': 'annotation-only' }, ['x.example.com → 192.0.2.9']],
  [
    { hostname: 'x.example.com', 'ingress-hostname-source': 'defined-hosts-only' },
    ['a.example.com → 192.0.2.9', 'tls.example.com → 192.0.2.9'],
  ],
  [{ target: 'lb.example.net' }, ['a.example.com → lb.example.net', 'tls.example.com → lb.example.net']],
];

for (const [annotations, lines] of ingressRows) {
  test(`Ingresses: ${JSON.stringify(annotations)}`, () => {
    assert.deepEqual(
      wishLines(ingressWishes(ingress(annotations))),
      lines.map((line) => `${line} (ingress/default/app)`),
    );
  });
}

test('routes have the names under which listeners serve them, as soon as their Gateway is programmed', () => {
  const programmed = (status: string): object => ({
    conditions: [{ type: 'Programmed', status }],
    addresses: [{ type: 'IPAddress', value: '192.0.2.8' }],
  });
  const world = (status: string): readonly string[] => {
    const listeners = [http(80, { hostname: '*.example.com' }), http(81, { hostname: 'only.example.org' })];
    const own = { ...gateway('web', listeners), status: programmed(status) } as KubeObject;
    const { objects } = new GatewayWorld([
      own,
      route('HTTPRoute', 'named', 'web', { hostnames: ['a.example.com', 'elsewhere.test'] }),
      route('GRPCRoute', 'section', 'web#http-81', {}),
      route(
        'HTTPRoute',
        'said',
        'web#http-80',
        { hostnames: ['b.example.com'] },
        annotated({ hostname: 'x.example.com,x.example.org', 'gateway-hostname-source': 'annotation-only' }),
      ),
      route('HTTPRoute', 'nowhere', 'web', { hostnames: ['nowhere.test'] }),
    ]);
    return wishLines(routeWishes(objects));
  };
  assert.deepEqual(world('True'), [
    'a.example.com → 192.0.2.8 (httproute/default/named)',
    'only.example.org → 192.0.2.8 (grpcroute/default/section)',
    'x.example.com → 192.0.2.8 (httproute/default/said)',
  ]);
  assert.deepEqual(world('False'), [
    'a.example.com →  (httproute/default/named)',
    'only.example.org →  (grpcroute/default/section)',
    'x.example.com →  (httproute/default/said)',
  ]);
});

const { zones } = externalDnsSection.parse({ zones: [{ zone: 'example.com', server: '192.0.2.53' }] });
const [zone] = zones;

test('who asked first has a name, and the others are told unless they want the same', () => {
  assert.ok(zone);
  const old = serviceWishes(
    service(lb, { hostname: 'a.example.com', ttl: '1m' }, [{ ip: '192.0.2.1' }], '2026-01-01T00:00:00Z'),
    around,
  );
  const younger = (annotations: Annotations, ip?: string) =>
    ingressWishes(
      ingress(
        { hostname: 'a.example.com', 'ingress-hostname-source': 'annotation-only', ...annotations },
        ip ? [ip] : [],
      ),
    );
  const young = { metadata: { creationTimestamp: '2026-01-02T00:00:00Z' } };
  const later = (wishes: ReturnType<typeof younger>) =>
    wishes.map((wish) => ({
      ...wish,
      asker: {
        ...wish.asker,
        object: { ...wish.asker.object, metadata: { ...wish.asker.object.metadata, ...young.metadata } },
      },
    }));
  const both = namesOfZone([...later(younger({}, '192.0.2.2')), ...old], zone, zones);
  assert.deepEqual(
    both.names.map(({ name, resource, sets }) => [name, resource, sets]),
    [['a.example.com', 'service/default/web', [{ name: 'a.example.com', type: 1, ttl: 60, values: ['192.0.2.1'] }]]],
  );
  assert.deepEqual(
    both.problems.map(({ message }) => message),
    ['a.example.com leads where service/default/web wants it to: it asked first'],
  );
  assert.deepEqual(namesOfZone([...later(younger({}, '192.0.2.1')), ...old], zone, zones).problems, []);
  const waiting = serviceWishes(service(lb, { hostname: 'a.example.com' }, [], '2026-01-01T00:00:00Z'), around);
  const [served] = namesOfZone([...waiting, ...later(younger({}, '192.0.2.2'))], zone, zones).names;
  assert.equal(served?.resource, 'ingress/default/app', 'who knows where it leads goes before who waits');
});

test('what cannot be a name, a target or a time is told, and the rest is written', () => {
  assert.ok(zone);
  const names = 'good.example.com,b@d.example.com,-x.example.com';
  const wishes = serviceWishes(service(lb, { hostname: names, ttl: 'soon', target: '999.1.1.1' }), around);
  assert.deepEqual(
    faultsOf(wishes).map(({ message }) => message),
    [
      'the ttl takes seconds or a time such as 1h30m: the default of the zone is used',
      '"999.1.1.1" is neither an address nor a name: good.example.com cannot lead there',
      '"b@d.example.com" is no name for the DNS',
      '"999.1.1.1" is neither an address nor a name: b@d.example.com cannot lead there',
      '"-x.example.com" is no name for the DNS',
      '"999.1.1.1" is neither an address nor a name: -x.example.com cannot lead there',
    ],
  );
  assert.deepEqual(
    namesOfZone(wishes, zone, zones).names.map(({ name, sets }) => [name, sets.length]),
    [['good.example.com', 0]],
  );
});

test('times to live are seconds, or times as Go writes them', () => {
  const read = (ttl: string): unknown => ttlOf({ metadata: annotated({ ttl }) });
  assert.deepEqual(['60', '1m', '1h30m', '90.5s', '0', '', 'x', '-1', '1.5', '500ms', '2147483648'].map(read), [
    60,
    60,
    5400,
    90,
    undefined,
    undefined,
    'bad',
    'bad',
    'bad',
    undefined,
    'bad',
  ]);
});
