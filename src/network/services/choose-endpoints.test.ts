import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Service } from '../../api/schema/types/core-v1.ts';
import type { EndpointSlice } from '../../api/schema/types/discovery-v1.ts';
import { chooseEndpoints, policiesOf } from './choose-endpoints.ts';
import type { Endpoint } from './endpoints.ts';
import { endpointsOf } from './read-slices.ts';

const place = { nodeName: 'here', zone: 'z1' };
const make = (ip: string, more: Partial<Endpoint> = {}): Endpoint => ({
  ip,
  port: 1,
  ready: true,
  serving: true,
  terminating: false,
  hintedZones: [],
  hintedNodes: [],
  ...more,
});
const ending = { ready: false, serving: true, terminating: true };
const unready = { ready: false, serving: false };
const here = { nodeName: 'here' };
const zone = (...hintedZones: string[]) => ({ hintedZones });
const node = (...hintedNodes: string[]) => ({ hintedNodes });

/** Endpoints a, b, c; which are chosen for the policies Cluster and Local, and whether anybody would answer. */
const rows: readonly [
  name: string,
  endpoints: readonly Partial<Endpoint>[],
  cluster: string,
  local: string,
  hasAny: boolean,
][] = [
  ['none', [], '', '', false],
  ['ready ones', [here, {}], 'ab', 'a', true],
  ['unready ones are left out', [unready, here], 'b', 'b', true],
  ['nobody ready', [unready], '', '', false],
  ['those that end only where none is ready', [ending, { ...ending, ...here }], 'ab', 'b', true],
  ['those that end not beside ready ones', [{ ...ending, ...here }, {}], 'b', 'a', true],
  ['of those here the ready ones', [{ ...ending, ...here }, here], 'b', 'b', true],
  ['one that ends and no longer serves', [{ ready: false, serving: false, terminating: true }], '', '', false],
  ['zone hints', [zone('z1'), zone('z2'), zone('z1', 'z2')], 'ac', '', true],
  ['zone hints for other zones', [zone('z2'), zone('z3')], 'ab', '', true],
  ['a missing zone hint', [zone('z1'), {}], 'ab', '', true],
  ['hints of unready ones do not count', [zone('z1'), zone('z2'), unready], 'a', '', true],
  [
    'node hints go before zone hints',
    [
      { ...zone('z1'), ...node('here') },
      { ...zone('z1'), ...node('other') },
    ],
    'a',
    '',
    true,
  ],
  [
    'node hints for others leave zone hints',
    [
      { ...zone('z1'), ...node('x') },
      { ...zone('z2'), ...node('y') },
    ],
    'a',
    '',
    true,
  ],
  ['hints bind not those that end', [{ ...ending, ...zone('z2') }], 'a', '', true],
  ['Local asks for no hints', [{ ...here, ...zone('z2') }, zone('z1')], 'b', 'a', true],
];

describe('which endpoints get traffic on a node', () => {
  for (const [name, endpoints, cluster, local, hasAny] of rows) {
    test(name, () => {
      const chosen = chooseEndpoints(
        endpoints.map((more, i) => make('abc'.charAt(i), more)),
        place,
      );
      const names = (list: readonly Endpoint[]): string => list.map(({ ip }) => ip).join('');
      assert.deepEqual([names(chosen.cluster), names(chosen.local), chosen.hasAny], [cluster, local, hasAny]);
    });
  }

  test('an external policy means something only where there is outside traffic', () => {
    const of = (spec: Service['spec']) => policiesOf({ spec: spec ?? {} }).externalLocal;
    assert.equal(of({ type: 'ClusterIP', externalTrafficPolicy: 'Local' }), false);
    assert.equal(of({ type: 'ClusterIP', externalIPs: ['1.2.3.4'], externalTrafficPolicy: 'Local' }), true);
    assert.equal(of({ type: 'NodePort', externalTrafficPolicy: 'Local' }), true);
    assert.equal(of({ type: 'NodePort', externalTrafficPolicy: 'Cluster' }), false);
  });
});

describe('endpoints of slices', () => {
  const slice = (more: Partial<EndpointSlice>): EndpointSlice => ({
    addressType: 'IPv4',
    ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
    endpoints: [],
    ...more,
  });
  const ips = (...slices: EndpointSlice[]): string[] => endpointsOf(slices, 'http', 'TCP', 'IPv4').map(({ ip }) => ip);

  test('come from all slices of the family, the port’s name and the protocol, once each, in order', () => {
    const one = { addresses: ['10.0.0.2'] };
    assert.deepEqual(
      ips(
        slice({ endpoints: [one, { addresses: ['10.0.0.1'] }] }),
        slice({ endpoints: [one] }),
        slice({ addressType: 'IPv6', endpoints: [{ addresses: ['fd00::1'] }] }),
        slice({ ports: [{ name: 'other', port: 1 }], endpoints: [{ addresses: ['10.0.0.3'] }] }),
        slice({ ports: [{ name: 'http', port: 1, protocol: 'UDP' }], endpoints: [{ addresses: ['10.0.0.4'] }] }),
        slice({ ports: [{ name: 'http' }], endpoints: [{ addresses: ['10.0.0.5'] }] }),
        slice({ endpoints: [{ addresses: ['no address'] }, { addresses: [] }] }),
      ),
      ['10.0.0.1', '10.0.0.2'],
    );
  });

  test('conditions that are not said: ready, and serving as ready', () => {
    const [unsaid, unready, ending] = endpointsOf(
      [
        slice({
          endpoints: [
            { addresses: ['10.0.0.1'] },
            { addresses: ['10.0.0.2'], conditions: { ready: false } },
            { addresses: ['10.0.0.3'], conditions: { ready: false, serving: true, terminating: true } },
          ],
        }),
      ],
      'http',
      'TCP',
      'IPv4',
    );
    const words = (endpoint: Endpoint | undefined) => [endpoint?.ready, endpoint?.serving, endpoint?.terminating];
    assert.deepEqual(
      [words(unsaid), words(unready), words(ending)],
      [
        [true, true, false],
        [false, false, false],
        [false, true, true],
      ],
    );
  });

  test('of one endpoint in two slices the better word holds', () => {
    const at = (ready: boolean) => slice({ endpoints: [{ addresses: ['10.0.0.1'], conditions: { ready } }] });
    for (const slices of [
      [at(true), at(false)],
      [at(false), at(true)],
    ]) {
      assert.equal(endpointsOf(slices, 'http', 'TCP', 'IPv4')[0]?.ready, true);
    }
  });
});
