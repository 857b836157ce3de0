import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Node } from '../../api/schema/types/core-v1.ts';
import { decideDisruption, zoneOf } from './zones.ts';

const make = (zone: string, ready: boolean, labels: Record<string, string> = {}): Node => ({
  metadata: { labels: { ...(zone !== '' && { 'topology.kubernetes.io/zone': zone }), ...labels } },
  status: { conditions: [{ type: 'Ready', status: ready ? 'True' : 'Unknown' }] },
});

const zone = (name: string, ready: number, lost: number): Node[] => [
  ...Array.from({ length: ready }, () => make(name, true)),
  ...Array.from({ length: lost }, () => make(name, false)),
];

const inZone = (name: string): string => zoneOf(make(name, true));

describe('the rate at which nodes are given up', () => {
  const cases: readonly { name: string; nodes: readonly Node[]; expected: number | undefined; isTotal?: boolean }[] = [
    { name: 'one of many is lost', nodes: zone('a', 5, 1), expected: 10_000 },
    { name: 'two of three: too few to call it a disruption', nodes: zone('a', 1, 2), expected: 10_000 },
    { name: 'most of a small zone', nodes: zone('a', 2, 3), expected: undefined },
    { name: 'just below the share', nodes: zone('a', 5, 6), expected: 10_000 },
    { name: 'most of a large zone', nodes: zone('a', 20, 31), expected: 100_000 },
    { name: 'a whole zone, with others alive', nodes: [...zone('a', 0, 4), ...zone('b', 1, 0)], expected: 10_000 },
    { name: 'all there is', nodes: [...zone('a', 0, 4), ...zone('b', 0, 1)], expected: undefined, isTotal: true },
    { name: 'a single node', nodes: zone('a', 0, 1), expected: undefined, isTotal: true },
    {
      name: 'nodes that do not count',
      nodes: [...zone('a', 1, 0), make('a', false, { 'node.kubernetes.io/exclude-disruption': '' })],
      expected: 10_000,
    },
    {
      name: 'a zone is large by the nodes that count',
      nodes: [
        ...zone('a', 5, 45),
        ...Array.from({ length: 10 }, () => make('a', true, { 'node.kubernetes.io/exclude-disruption': '' })),
      ],
      expected: undefined,
    },
    {
      name: 'nodes that have not said how they are yet',
      nodes: [...zone('a', 1, 0), ...[1, 2].map(() => ({ ...make('a', true), status: {} }))],
      expected: 10_000,
    },
    { name: 'no node at all', nodes: [], expected: undefined },
  ];
  for (const { name, nodes, expected, isTotal = false } of cases) {
    test(name, () => {
      const disruption = decideDisruption(nodes);
      assert.equal(disruption.intervalMs.get(inZone('a')), expected);
      assert.equal(disruption.isTotal, isTotal);
    });
  }
});
