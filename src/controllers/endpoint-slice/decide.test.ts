/** What slices a Service needs, case by case; the cases are upstream's. Placement has its own tests, and so do whole loops. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Node, Pod, Service, ServiceSpec } from '../../api/schema/types/core-v1.ts';
import type { Endpoint, EndpointSlice } from '../../api/schema/types/discovery-v1.ts';
import { inDefault } from '../testing.ts';
import { decideSlices, type SliceDecision } from './decide.ts';
import { makeService } from './testing.ts';

const makeServiceOf = (spec: ServiceSpec = {}, metadata: Service['metadata'] = {}): Service =>
  makeService({ clusterIP: '10.43.0.9', ipFamilies: ['IPv4'], ...spec }, { uid: 'service', ...metadata });

interface Made {
  readonly ips?: readonly string[];
  readonly ready?: boolean;
  readonly going?: boolean;
  readonly phase?: 'Running' | 'Succeeded' | 'Failed';
  readonly node?: string;
  readonly spec?: Partial<NonNullable<Pod['spec']>>;
}

function makePod(name: string, made: Made = {}): Pod {
  const {
    ips = [`10.0.0.${name.charCodeAt(0)}`],
    ready = true,
    going = false,
    phase = 'Running',
    node = 'north',
  } = made;
  return {
    metadata: { ...inDefault(name), uid: name, ...(going && { deletionTimestamp: '2026-01-01T00:00:00Z' }) },
    spec: { nodeName: node, containers: [], ...made.spec },
    status: {
      phase,
      podIPs: ips.map((ip) => ({ ip })),
      conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }],
    },
  };
}

const nodes = new Map<string, Node>(
  ['north', 'south'].map((zone) => [
    zone,
    { metadata: { name: zone, labels: { 'topology.kubernetes.io/zone': zone } } },
  ]),
);

const decide = (service: Service, all: readonly Pod[], slices: readonly EndpointSlice[] = []): SliceDecision =>
  decideSlices(service, {
    pods: all,
    slices,
    nodeOf: (name) => nodes.get(name),
    zoneShares: undefined,
    triggerTime: undefined,
  });

/** As they stand when the server has stored them. */
const stored = (slices: readonly EndpointSlice[]): readonly EndpointSlice[] =>
  slices.map((slice, at) => {
    const { generateName: _, ...metadata } = slice.metadata ?? {};
    return { ...slice, metadata: { ...metadata, name: `web-${at}`, uid: `slice-${at}` } };
  });

const counts = ({ create, update, remove }: SliceDecision) => [create.length, update.length, remove.length];

const shown = (slices: readonly EndpointSlice[]): readonly string[] =>
  slices
    .map(({ addressType, ports = [], endpoints = [] }) => {
      const numbers = ports.map(({ name, port }) => `${name}:${port}`).join();
      return `${addressType} ${numbers} ${endpoints.map(({ addresses }) => addresses.join('+')).join(' ')}`.trim();
    })
    .toSorted();

const endpointsOf = (decision: SliceDecision): readonly Endpoint[] =>
  decision.create.flatMap(({ endpoints = [] }) => endpoints);

describe('the families of a Service', () => {
  const all = [makePod('a', { ips: ['10.0.0.1', 'fd00::1'] }), makePod('b', { ips: ['10.0.0.2'] })];
  const cases: readonly (readonly [string, ServiceSpec, readonly string[]])[] = [
    ['one', {}, ['IPv4 http:8080 10.0.0.1 10.0.0.2']],
    ['the other', { ipFamilies: ['IPv6'], clusterIP: 'fd00::9' }, ['IPv6 http:8080 fd00::1']],
    ['both', { ipFamilies: ['IPv4', 'IPv6'] }, ['IPv4 http:8080 10.0.0.1 10.0.0.2', 'IPv6 http:8080 fd00::1']],
    ['none told: that of its address', { ipFamilies: [], clusterIP: 'fd00::9' }, ['IPv6 http:8080 fd00::1']],
    [
      'none told, and no address: both',
      { ipFamilies: [], clusterIP: 'None' },
      ['IPv4 http:8080 10.0.0.1 10.0.0.2', 'IPv6 http:8080 fd00::1'],
    ],
  ];
  for (const [name, spec, expected] of cases) {
    test(name, () => assert.deepEqual(shown(decide(makeServiceOf(spec), all).create), expected));
  }

  test('slices of a family that it has no more go, and are not used for the other', () => {
    const slices = stored(decide(makeServiceOf({ ipFamilies: ['IPv4', 'IPv6'] }), all).create);
    const decision = decide(makeServiceOf({ ipFamilies: ['IPv6'] }), all, slices);
    assert.deepEqual(counts(decision), [0, 0, 1]);
    assert.equal(decision.remove[0]?.addressType, 'IPv4');
  });

  test('pods without an address of the family leave an empty slice of it', () => {
    const decision = decide(makeServiceOf({ ipFamilies: ['IPv6'] }), [makePod('b', { ips: ['10.0.0.2'] })]);
    assert.deepEqual(shown(decision.create), ['IPv6']);
  });
});

describe('a pod is', () => {
  const cases: readonly (readonly [string, Made, ServiceSpec, Endpoint['conditions'] | undefined])[] = [
    ['ready', {}, {}, { ready: true, serving: true, terminating: false }],
    ['not ready', { ready: false }, {}, { ready: false, serving: false, terminating: false }],
    ['ending and serving', { going: true }, {}, { ready: false, serving: true, terminating: true }],
    ['ending', { going: true, ready: false }, {}, { ready: false, serving: false, terminating: true }],
    [
      'published though it is not ready',
      { ready: false },
      { publishNotReadyAddresses: true },
      { ready: true, serving: false, terminating: false },
    ],
    [
      'published though it is ending',
      { going: true },
      { publishNotReadyAddresses: true },
      { ready: true, serving: true, terminating: true },
    ],
    ['no endpoint when it has succeeded', { phase: 'Succeeded' }, { publishNotReadyAddresses: true }, undefined],
    ['no endpoint when it has failed', { phase: 'Failed' }, {}, undefined],
    ['no endpoint without an address', { ips: [] }, {}, undefined],
    ['no endpoint on a node that nobody knows', { node: 'gone' }, {}, undefined],
    [
      'an endpoint on a node that nobody knows where all is published',
      { node: 'gone' },
      { publishNotReadyAddresses: true },
      { ready: true, serving: true, terminating: false },
    ],
  ];
  for (const [name, made, spec, expected] of cases) {
    test(name, () => {
      const [endpoint] = endpointsOf(decide(makeServiceOf(spec), [makePod('a', made)]));
      assert.deepEqual(endpoint?.conditions, expected);
    });
  }

  test('named where it has the name of the Service as its domain', () => {
    const hostnames = (subdomain: string) =>
      endpointsOf(decide(makeServiceOf(), [makePod('a', { spec: { hostname: 'first', subdomain } })])).map(
        ({ hostname }) => hostname,
      );
    assert.deepEqual([hostnames('web'), hostnames('other')], [['first'], [undefined]]);
  });
});

describe('ports by name', () => {
  const named = (containerPort: number): Made => ({
    spec: { containers: [{ name: 'main', ports: [{ name: 'web', containerPort }] }] },
  });
  const ports = [{ name: 'http', port: 80, protocol: 'TCP' as const, targetPort: 'web' }];

  test('lead where each pod says: a slice for each number', () => {
    const all = [makePod('a', named(80)), makePod('b', named(81)), makePod('c', named(80))];
    assert.deepEqual(shown(decide(makeServiceOf({ ports }), all).create), [
      'IPv4 http:80 10.0.0.97 10.0.0.99',
      'IPv4 http:81 10.0.0.98',
    ]);
  });

  test('that a pod has not are left out, and the pod is not', () => {
    assert.deepEqual(shown(decide(makeServiceOf({ ports }), [makePod('a')]).create), ['IPv4  10.0.0.97']);
  });

  test('are those of sidecars, too, but not of what only starts the pod, and not of another protocol', () => {
    const port = (name: string, restartPolicy?: 'Always', protocol?: 'UDP') => ({
      name,
      ...(restartPolicy && { restartPolicy }),
      ports: [{ name: 'web', containerPort: 80, ...(protocol && { protocol }) }],
    });
    const at = (spec: Made['spec']) =>
      shown(decide(makeServiceOf({ ports }), [makePod('a', { spec: spec ?? {} })]).create);
    assert.deepEqual(at({ initContainers: [port('side', 'Always')] }), ['IPv4 http:80 10.0.0.97']);
    assert.deepEqual(at({ initContainers: [port('first')] }), ['IPv4  10.0.0.97']);
    assert.deepEqual(at({ containers: [port('main', undefined, 'UDP')] }), ['IPv4  10.0.0.97']);
  });

  test('that change are written into the slice that stands there', () => {
    const service = makeServiceOf({ ports });
    const slices = stored(decide(service, [makePod('a', named(80))]).create);
    const decision = decide(service, [makePod('a', named(81))], slices);
    assert.deepEqual(counts(decision), [0, 1, 0]);
    assert.deepEqual(shown(decision.update), ['IPv4 http:81 10.0.0.97']);
  });
});

describe('slices that stand there', () => {
  const all = [makePod('a'), makePod('b')];
  const standing = stored(decide(makeServiceOf(), all).create);
  const empty = stored(decide(makeServiceOf(), []).create);

  test('are left alone where they say all, empty or not', () => {
    assert.deepEqual(counts(decide(makeServiceOf(), all, standing)), [0, 0, 0]);
    assert.deepEqual(counts(decide(makeServiceOf(), [], empty)), [0, 0, 0]);
  });

  test('follow the labels of the Service, empty ones, too', () => {
    for (const slices of [standing, empty]) {
      const pods = slices === standing ? all : [];
      const decision = decide(makeServiceOf({}, { labels: { team: '' } }), pods, slices);
      assert.deepEqual(counts(decision), [0, 1, 0]);
      assert.equal(decision.update[0]?.metadata?.labels?.['team'], '');
    }
  });

  test('keep the labels that are ours, whatever the Service says of them', () => {
    const labels = {
      'kubernetes.io/service-name': 'other',
      'endpointslice.kubernetes.io/managed-by': 'me',
      'service.kubernetes.io/headless': 'yes',
    };
    assert.deepEqual(counts(decide(makeServiceOf({}, { labels }), all, standing)), [0, 0, 0]);
    assert.deepEqual(decide(makeServiceOf({ clusterIP: 'None' }, { labels }), all).create[0]?.metadata?.labels, {
      'kubernetes.io/service-name': 'web',
      'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io',
      'service.kubernetes.io/headless': '',
    });
  });

  test('of an older Service of this name go, and are not filled anew', () => {
    const younger = makeServiceOf({}, { uid: 'younger' });
    for (const [slices, pods] of [[standing, all] as const, [empty, []] as const]) {
      const decision = decide(younger, pods, slices);
      assert.deepEqual(counts(decision), [1, 0, 1]);
      assert.equal(decision.create[0]?.metadata?.ownerReferences?.[0]?.uid, 'younger');
    }
  });

  test('are emptied, not deleted, when the last pod goes', () => {
    const decision = decide(makeServiceOf(), [], standing);
    assert.deepEqual(counts(decision), [0, 1, 0]);
    assert.deepEqual([decision.update[0]?.metadata?.name, shown(decision.update)], ['web-0', ['IPv4']]);
  });

  test('of an address type that nobody uses any more go', () => {
    const old = standing.map((slice): EndpointSlice => ({ ...slice, addressType: 'FQDN' }));
    assert.deepEqual(counts(decide(makeServiceOf(), all, old)), [1, 0, 1]);
  });
});

describe('traffic distribution', () => {
  const all = [makePod('a'), makePod('b', { node: 'south' }), makePod('c', { ready: false })];
  const hintsOf = (decision: SliceDecision) =>
    [...decision.create, ...decision.update].flatMap(({ endpoints = [] }) => endpoints.map(({ hints }) => hints));
  const zone = (name: string) => ({ forZones: [{ name }] });
  const node = (name: string) => ({ ...zone(name), forNodes: [{ name }] });
  const cases: readonly (readonly [string, readonly (Endpoint['hints'] | undefined)[]])[] = [
    ['PreferClose', [zone('north'), zone('south'), undefined]],
    ['PreferSameZone', [zone('north'), zone('south'), undefined]],
    ['PreferSameNode', [node('north'), node('south'), undefined]],
    ['Anything', [undefined, undefined, undefined]],
  ];
  for (const [trafficDistribution, expected] of cases) {
    test(`hints ready endpoints: ${trafficDistribution}`, () => {
      assert.deepEqual(hintsOf(decide(makeServiceOf({ trafficDistribution }), all)), expected);
    });
  }

  test('that changes is written, though no endpoint changes, and once', () => {
    const slices = stored(decide(makeServiceOf({ trafficDistribution: 'PreferSameNode' }), all).create);
    const zones = makeServiceOf({ trafficDistribution: 'PreferSameZone' });
    const decision = decide(zones, all, slices);
    assert.deepEqual(hintsOf(decision), [zone('north'), zone('south'), undefined]);
    assert.deepEqual(counts(decide(zones, all, decision.update)), [0, 0, 0]);
    const ended = decide(makeServiceOf(), all, decision.update);
    assert.deepEqual(
      [counts(ended), hintsOf(ended)],
      [
        [0, 1, 0],
        [undefined, undefined, undefined],
      ],
    );
  });

  test('waits behind the annotation', () => {
    const annotations = { 'service.kubernetes.io/topology-mode': 'Auto' };
    const service = makeServiceOf({ trafficDistribution: 'PreferSameZone' }, { annotations });
    const decision = decide(service, all);
    assert.deepEqual(hintsOf(decision), [undefined, undefined, undefined]);
    assert.match(decision.events[0]?.message ?? '', /^Insufficient Node information/);
  });

  test('has no zone to hint where the node has none, but the node', () => {
    const service = makeServiceOf({ trafficDistribution: 'PreferSameNode', publishNotReadyAddresses: true });
    assert.deepEqual(hintsOf(decide(service, [makePod('a', { node: 'bare' })])), [{ forNodes: [{ name: 'bare' }] }]);
  });
});
