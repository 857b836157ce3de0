import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { objectKey } from '../../api/object.ts';
import type { Node, Service, ServiceSpec } from '../../api/schema/types/core-v1.ts';
import { type Assignment, allocate, annotations, type LoadBalancerWorld } from './allocate.ts';
import { type AddressPool, loadBalancerSection } from './settings.ts';

const pools = (...list: readonly object[]): readonly AddressPool[] => loadBalancerSection.parse({ pools: list }).pools;
const office = { name: 'office', addresses: ['192.0.2.10-192.0.2.12'] };

let age = 0;
interface Wishes {
  readonly spec?: Partial<ServiceSpec>;
  readonly namespace?: string;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly has?: readonly string[];
}

function service(name: string, { spec, namespace = 'default', annotations: notes, has = [] }: Wishes = {}): Service {
  age++;
  return {
    metadata: {
      name,
      namespace,
      creationTimestamp: new Date(age * 1000).toISOString(),
      ...(notes && { annotations: notes }),
    },
    spec: { type: 'LoadBalancer', ports: [{ port: 80 }], ipFamilies: ['IPv4'], ...spec },
    ...(has.length > 0 && { status: { loadBalancer: { ingress: has.map((ip) => ({ ip })) } } }),
  };
}

function node(name: string, address: string, more: Partial<Node['metadata']> & { ready?: string } = {}): Node {
  const { ready = 'True', ...metadata } = more;
  return {
    metadata: { name, ...metadata },
    status: { conditions: [{ type: 'Ready', status: ready }], addresses: [{ type: 'InternalIP', address }] },
  };
}

const world = (services: readonly Service[], more: Partial<LoadBalancerWorld> = {}): LoadBalancerWorld => ({
  services,
  nodes: [],
  pools: [],
  takenPorts: new Map(),
  endpointNodes: () => new Set(),
  ...more,
});

const shown = (assignment: Assignment): string =>
  assignment.kind === 'given' ? assignment.addresses.join(' ') || 'none' : `refused: ${assignment.message}`;

function given(of: LoadBalancerWorld): Readonly<Record<string, string>> {
  return Object.fromEntries(
    [...allocate(of)].map(([key, assignment]) => [key.replace('default/', ''), shown(assignment)]),
  );
}

describe('addresses of pools', () => {
  test('are given by age, and stay with who has them', () => {
    const before = [service('a'), service('b'), service('late', { has: ['192.0.2.10'] })];
    assert.deepEqual(given(world(before, { pools: pools(office) })), {
      late: '192.0.2.10',
      a: '192.0.2.11',
      b: '192.0.2.12',
    });
  });

  test('a full pool refuses the youngest, and says so', () => {
    const services = ['a', 'b', 'c', 'd'].map((name) => service(name));
    assert.equal(given(world(services, { pools: pools(office) }))['d'], 'refused: no address is free in office');
  });

  test('one that is outside of the pools now is given up for another', () => {
    const services = [service('a', { has: ['198.51.100.1'] })];
    assert.deepEqual(given(world(services, { pools: pools(office) })), { a: '192.0.2.10' });
  });

  test('a Service may ask for an address, or a pool, that is open to it', () => {
    const two = pools(office, { name: 'kept', addresses: ['10.9.0.0/30'], autoAssign: false, namespaces: ['web'] });
    const wish = (value: string, namespace = 'default'): Wishes => ({
      annotations: { [annotations.addresses]: value },
      namespace,
    });
    const rows: readonly (readonly [Wishes, string])[] = [
      [wish('192.0.2.12'), '192.0.2.12'],
      [{ spec: { loadBalancerIP: '192.0.2.11' } }, '192.0.2.11'],
      [wish('10.9.0.1'), 'refused: 10.9.0.1 is in no pool that the Service may use'],
      [wish('10.9.0.1', 'web'), '10.9.0.1'],
      [wish('10.8.0.1'), 'refused: 10.8.0.1 is in no pool that the Service may use'],
      [wish('elsewhere'), "refused: elsewhere is not of the Service's families"],
      [wish('2001:db8::1'), "refused: 2001:db8::1 is not of the Service's families"],
      [{ annotations: { [annotations.pool]: 'kept' } }, 'refused: there is no pool kept that it may use'],
      [{ annotations: { [annotations.pool]: 'kept' }, namespace: 'web' }, '10.9.0.0'],
    ];
    for (const [wishes, expected] of rows) {
      const [assignment] = allocate(world([service('a', wishes)], { pools: two })).values();
      assert.equal(shown(assignment as Assignment), expected, JSON.stringify(wishes));
    }
  });

  test('an address is shared only by Services that allow it with one key, have other ports and treat clients alike', () => {
    const same = { [annotations.addresses]: '192.0.2.10', [annotations.sharing]: 'k' };
    const first = service('first', { annotations: same });
    const rows: readonly (readonly [Wishes, string])[] = [
      [{ annotations: same, spec: { ports: [{ port: 81 }] } }, '192.0.2.10'],
      [{ annotations: same, spec: { ports: [{ port: 80, protocol: 'UDP' }] } }, '192.0.2.10'],
      [{ annotations: same }, 'refused: port 80/TCP of 192.0.2.10 is in use by Service default/first'],
      [
        { annotations: { ...same, [annotations.sharing]: 'other' }, spec: { ports: [{ port: 81 }] } },
        'refused: 192.0.2.10 is in use by Service default/first',
      ],
      [
        { annotations: same, spec: { ports: [{ port: 81 }], externalTrafficPolicy: 'Local' } },
        'refused: 192.0.2.10 is in use by Service default/first',
      ],
    ];
    for (const [wishes, expected] of rows)
      assert.equal(given(world([first, service('b', wishes)], { pools: pools(office) }))['b'], expected);
  });

  test('both families where the Service has both; one is enough where it only prefers two', () => {
    const both = pools(
      office,
      { name: 'six', addresses: ['2001:db8::10/127'] },
      { name: 'two', addresses: ['10.9.0.0/31', '2001:db8:1::/127'] },
    );
    const dual = { ipFamilies: ['IPv4', 'IPv6'] } as const;
    const preferring = service('p', { spec: { ...dual, ipFamilyPolicy: 'PreferDualStack' } });
    const requiring = service('r', { spec: { ...dual, ipFamilyPolicy: 'RequireDualStack' } });
    assert.deepEqual(given(world([preferring, requiring], { pools: both })), {
      p: '192.0.2.10',
      r: '10.9.0.0 2001:db8:1::',
    });
  });
});

describe("the nodes' own addresses", () => {
  const nodes = [
    node('b', '10.0.0.2'),
    node('a', '10.0.0.1'),
    node('down', '10.0.0.3', { ready: 'Unknown' }),
    node('out', '10.0.0.4', { labels: { 'node.kubernetes.io/exclude-from-external-load-balancers': '' } }),
  ];

  test('are those of the nodes that are ready and not excluded', () => {
    assert.deepEqual(given(world([service('a')], { nodes })), { a: '10.0.0.1 10.0.0.2' });
  });

  test('are only those with an endpoint, where the client is to be known', () => {
    const local = service('a', { spec: { externalTrafficPolicy: 'Local' } });
    assert.deepEqual(given(world([local], { nodes, endpointNodes: () => new Set(['b']) })), { a: '10.0.0.2' });
    assert.deepEqual(given(world([local], { nodes })), { a: 'none' });
  });

  test('a port belongs to one Service, and not to one that a gateway listens on', () => {
    const takenPorts = new Map([[443, 'the Ingresses']]);
    const services = [service('a'), service('b'), service('udp', { spec: { ports: [{ port: 80, protocol: 'UDP' }] } })];
    const tls = service('tls', { spec: { ports: [{ port: 443 }] } });
    assert.deepEqual(given(world([...services, tls], { nodes, takenPorts })), {
      a: '10.0.0.1 10.0.0.2',
      b: 'refused: port 80/TCP of the nodes is in use by Service default/a',
      udp: '10.0.0.1 10.0.0.2',
      tls: 'refused: port 443 of the nodes is in use by the Ingresses',
    });
  });

  test('none is chosen: there are no pools to choose from', () => {
    const services = [service('a', { spec: { loadBalancerIP: '10.0.0.1' } })];
    assert.match(given(world(services, { nodes }))['a'] ?? '', /^refused: there are no pools of addresses/);
  });
});

test('another load balancer’s Services, those of other types and those that go want nothing', () => {
  const others = [
    service('classed', { spec: { loadBalancerClass: 'example.com/other' } }),
    service('plain', { spec: { type: 'ClusterIP' } }),
    { ...service('going'), metadata: { ...service('going').metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } },
  ];
  assert.deepEqual([...allocate(world(others, { pools: pools(office) })).keys()], []);
  const own = service('own', { spec: { loadBalancerClass: 'naru.io/load-balancer' } });
  assert.deepEqual([...allocate(world([own], { pools: pools(office) })).keys()], [objectKey(own)]);
});

test('settings with a fault are refused with the field, and what it takes', () => {
  const rows: readonly (readonly [unknown, RegExp])[] = [
    [{ pools: [{ addresses: ['10.0.0.1'] }] }, /^pools\[0\]\.name is missing$/],
    [{ pools: [{ name: 'a' }] }, /^pools\[0\]\.addresses is missing/],
    [{ pools: [{ name: 'a', addresses: ['10.0.0.9-10.0.0.1'] }] }, /^pools\[0\]\.addresses\[0\] takes a range/],
    [{ pools: [{ name: 'a', addresses: ['10.0.0.1-2001:db8::'] }] }, /takes a range/],
    [{ pools: [office, { ...office, addresses: ['10.0.0.1'] }] }, /^pools: two pools are called office$/],
    [
      { pools: [office, { name: 'b', addresses: ['192.0.2.12/32'] }] },
      /^pools: the pools office and b have addresses in common$/,
    ],
    [{ pool: [] }, /there is no field pool/],
  ];
  for (const [value, message] of rows) {
    assert.throws(
      () => loadBalancerSection.parse(value),
      ({ message: text }: Error) => message.test(text),
      JSON.stringify(value),
    );
  }
});
