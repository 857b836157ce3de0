import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Node, Service } from '../../api/schema/types/core-v1.ts';
import type { Endpoint, EndpointSlice } from '../../api/schema/types/discovery-v1.ts';
import type { SlicePlan } from '../shared/endpoint-slices.ts';
import { newSlice } from './endpoints.ts';
import { place } from './placement.ts';
import { topologyHints, zoneSharesOf } from './topology.ts';

const service: Service = {
  metadata: { namespace: 'default', name: 'web', uid: 'service' },
  spec: { clusterIP: '10.43.0.9' },
};
const ports = [{ name: 'http', port: 80, protocol: 'TCP' as const }];

const endpoint = (index: number, ready = true): Endpoint => ({
  addresses: [`10.0.${index >> 8}.${index & 255}`],
  conditions: { ready, serving: ready, terminating: false },
  targetRef: { kind: 'Pod', namespace: 'default', name: `pod-${index}`, uid: `${index}` },
});

const range = (from: number, to: number): Endpoint[] =>
  Array.from({ length: to - from }, (_, at) => endpoint(from + at));

function slice(name: string, endpoints: readonly Endpoint[]): EndpointSlice {
  const fresh = newSlice(service, 'IPv4', ports);
  return { ...fresh, metadata: { ...fresh.metadata, name }, endpoints };
}

const placed = (existing: readonly EndpointSlice[], endpoints: readonly Endpoint[]): SlicePlan =>
  place(service, existing, { addressType: 'IPv4', ports, endpoints });

const sizes = ({ create, update, remove }: SlicePlan) => ({
  create: create.map(({ endpoints = [] }) => endpoints.length),
  update: update.map(({ metadata, endpoints = [] }) => `${metadata?.name} ${endpoints.length}`),
  remove: remove.map(({ metadata }) => metadata?.name),
});

describe('endpoints are placed so that few slices change:', () => {
  test('250 new ones make slices of at most a hundred', () => {
    assert.deepEqual(sizes(placed([], range(0, 250))), { create: [100, 100, 50], update: [], remove: [] });
  });

  test('nothing is written where nothing changed', () => {
    const existing = [slice('a', range(0, 60)), slice('b', range(60, 90))];
    assert.deepEqual(sizes(placed(existing, range(0, 90))), { create: [], update: [], remove: [] });
  });

  test('a few more go into the one slice that they fill best', () => {
    const existing = [slice('a', range(0, 60)), slice('b', range(60, 150)), slice('c', range(150, 245))];
    assert.deepEqual(sizes(placed(existing, range(0, 253))), { create: [], update: ['b 98'], remove: [] });
  });

  test('those that fit in no slice whole get a new one', () => {
    const existing = [slice('a', range(0, 95)), slice('b', range(95, 190))];
    assert.deepEqual(sizes(placed(existing, range(0, 200))), { create: [10], update: [], remove: [] });
  });

  test('what changes anyway takes the new ones, and what is empty goes', () => {
    const existing = [slice('a', range(0, 95)), slice('b', range(95, 190)), slice('c', range(190, 195))];
    const plan = placed(existing, [endpoint(0, false), ...range(1, 190), ...range(300, 306)]);
    assert.deepEqual(sizes(plan), { create: [], update: ['a 100', 'b 96'], remove: ['c'] });
  });

  test('an endpoint that stands in two slices stays in one', () => {
    const existing = [slice('a', range(0, 2)), slice('b', range(1, 3))];
    assert.deepEqual(sizes(placed(existing, range(0, 3))), { create: [], update: ['b 1'], remove: [] });
  });
});

describe('zones share endpoints by their CPUs:', () => {
  const node = (zone: string | undefined, cpu: string, ready = 'True', labels = {}): Node => ({
    metadata: { name: 'n', labels: { ...labels, ...(zone && { 'topology.kubernetes.io/zone': zone }) } },
    status: { allocatable: { cpu }, conditions: [{ type: 'Ready', status: ready }] },
  });

  test('nodes that are not ready, and those of the control plane, do not count', () => {
    const control = { 'node-role.kubernetes.io/control-plane': '' };
    const shares = zoneSharesOf([
      node('a', '3'),
      node('b', '1'),
      node('b', '8', 'False'),
      node('a', '8', 'True', control),
    ]);
    assert.deepEqual(Object.fromEntries(shares ?? []), { a: 0.75, b: 0.25 });
    assert.equal(zoneSharesOf([node('a', '3'), node(undefined, '1')]), undefined);
    assert.equal(zoneSharesOf([node('a', '3')]), undefined);
  });

  const inZone = (index: number, zone: string): Endpoint => ({ ...endpoint(index), zone });
  const shares = new Map([
    ['a', 0.5],
    ['b', 0.5],
  ]);

  test('a zone with too many works for one with too few, and what is hinted well stays', () => {
    const four = slice('', [inZone(0, 'a'), inZone(1, 'a'), inZone(2, 'a'), inZone(3, 'b')]);
    const first = topologyHints([four], [], shares);
    assert.ok('slices' in first);
    const zones = first.slices[0]?.endpoints?.map(({ hints }) => hints?.forZones?.[0]?.name);
    assert.deepEqual(zones?.toSorted(), ['a', 'a', 'b', 'b']);
    const settled = first.slices.map((each) => ({ ...each, metadata: { ...each.metadata, name: 'settled' } }));
    const again = topologyHints([], settled, shares);
    assert.ok('slices' in again);
    assert.equal(again.slices[0], settled[0]);
  });

  test('too few endpoints, an unknown zone or unknown nodes mean no hints', () => {
    const refusalOf = (endpoints: Endpoint[], of: typeof shares | undefined) => {
      const answer = topologyHints([slice('', endpoints)], [], of);
      return 'refused' in answer ? answer.refused : undefined;
    };
    assert.equal(refusalOf([inZone(0, 'a')], shares), 'Insufficient number of endpoints (1 endpoints, 2 zones)');
    const uneven = new Map([
      ['a', 0.7],
      ['b', 0.3],
    ]);
    const overload = 'Unable to allocate minimum required endpoints to each zone without exceeding overload threshold';
    assert.equal(refusalOf([inZone(0, 'a'), inZone(1, 'b')], uneven), `${overload} (2 endpoints, 2 zones)`);
    const unknown = 'Insufficient Node information: allocatable CPU or zone not specified on one or more nodes';
    assert.equal(refusalOf([inZone(0, 'a'), inZone(1, 'b')], undefined), unknown);
    const noZone = 'One or more endpoints do not have a zone specified';
    assert.equal(refusalOf([inZone(0, 'a'), endpoint(1)], shares), noZone);
  });
});
