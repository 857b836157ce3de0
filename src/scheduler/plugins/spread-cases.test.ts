/** What upstream's own tests of PodTopologySpread ask of it, as rows, and its defaults. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Pod } from '../../api/schema/types/core-v1.ts';
import { labelMatcher } from '../../api/selector.ts';
import type { World } from '../framework/plugin.ts';
import { makeNode, makePod } from '../testing.ts';
import { podTopologySpread } from './pod-topology-spread.ts';
import { answers, app, type Cluster, type Placed, scoresOf, spreadOver, taint, withSpec, zones } from './testing.ts';

interface FilterCase {
  readonly name: string;
  readonly pod: Pod;
  readonly cluster: Cluster;
  readonly expected: Readonly<Record<string, string>>;
}

const spread = podTopologySpread({ defaultConstraints: [], defaultingType: 'List' });
const skewed = "node(s) didn't match pod topology spread constraints";
const unlabelled = "node(s) didn't match pod topology spread constraints (missing required label)!";

const filterCases: readonly FilterCase[] = [
  {
    name: 'a zone that is ahead takes nobody, a node without a zone neither',
    pod: withSpec(spreadOver(), { app: 'x' }),
    cluster: { nodes: zones, placed: [[app('one'), 'a']] },
    expected: { a: skewed, b: 'fits', none: unlabelled },
  },
  {
    name: 'a pod that its own constraint does not count may join the zone that is ahead',
    pod: withSpec(spreadOver(), { app: 'y' }),
    cluster: { nodes: zones, placed: [[app('one'), 'a']] },
    expected: { a: 'fits', b: 'fits', none: unlabelled },
  },
  {
    name: 'too few domains: the least is nought',
    pod: withSpec(spreadOver({ minDomains: 3 }), { app: 'x' }),
    cluster: {
      nodes: zones,
      placed: [
        [app('one'), 'a'],
        [app('two'), 'b'],
      ],
    },
    expected: { a: skewed, b: skewed, none: unlabelled },
  },
  {
    name: 'enough domains: minDomains changes nothing',
    pod: withSpec(spreadOver({ minDomains: 2 }), { app: 'x' }),
    cluster: {
      nodes: zones,
      placed: [
        [app('one'), 'a'],
        [app('two'), 'b'],
      ],
    },
    expected: { a: 'fits', b: 'fits', none: unlabelled },
  },
  {
    name: 'nodes that the pod may not use do not count',
    pod: withSpec({ ...spreadOver(), nodeSelector: { zone: 'a' } }, { app: 'x' }),
    cluster: { nodes: zones, placed: [[app('one'), 'a']] },
    expected: { a: 'fits', b: 'fits', none: unlabelled },
  },
  {
    name: 'unless the constraint ignores that',
    pod: withSpec({ ...spreadOver({ nodeAffinityPolicy: 'Ignore' }), nodeSelector: { zone: 'a' } }, { app: 'x' }),
    cluster: { nodes: zones, placed: [[app('one'), 'a']] },
    expected: { a: skewed, b: 'fits', none: unlabelled },
  },
  {
    name: 'tainted nodes count, unless the constraint honors taints',
    pod: withSpec(spreadOver({ nodeTaintsPolicy: 'Honor' }), { app: 'x' }),
    cluster: {
      nodes: [
        makeNode('a', { labels: { zone: 'a' } }),
        makeNode('b', { labels: { zone: 'b' }, spec: taint('NoSchedule') }),
      ],
      placed: [[app('one'), 'a']],
    },
    expected: { a: 'fits', b: 'fits' },
  },
  {
    name: 'matchLabelKeys: only pods of the same revision count; a key that the pod lacks does not',
    pod: withSpec(spreadOver({ matchLabelKeys: ['hash', 'absent'] }), { app: 'x', hash: '2' }),
    cluster: {
      nodes: zones,
      placed: [
        [app('old', { app: 'x', hash: '1' }), 'a'],
        [app('new', { app: 'x', hash: '2' }), 'b'],
      ],
    },
    expected: { a: 'fits', b: skewed, none: unlabelled },
  },
  {
    name: 'without a selector nobody counts, not even the pod itself',
    pod: withSpec(
      { topologySpreadConstraints: [{ topologyKey: 'zone', maxSkew: 1, whenUnsatisfiable: 'DoNotSchedule' }] },
      { app: 'x' },
    ),
    cluster: {
      nodes: zones,
      placed: [
        [app('one'), 'a'],
        [app('two'), 'a'],
      ],
    },
    expected: { a: 'fits', b: 'fits', none: unlabelled },
  },
  {
    name: 'a pod of another namespace does not count',
    pod: withSpec(spreadOver(), { app: 'x' }),
    cluster: { nodes: zones, placed: [[makePod('far', { namespace: 'far', labels: { app: 'x' } }), 'a']] },
    expected: { a: 'fits', b: 'fits', none: unlabelled },
  },
];

for (const { name, pod, cluster, expected } of filterCases) {
  test(name, () => assert.deepEqual(answers(spread, pod, cluster), expected));
}

describe('PodTopologySpread with upstream’s own defaults', () => {
  const system = podTopologySpread({ defaultConstraints: [], defaultingType: 'System' });
  const zone = 'topology.kubernetes.io/zone';
  const nodes = [
    makeNode('a1', { labels: { [zone]: 'a' } }),
    makeNode('b1', { labels: { [zone]: 'b' } }),
    makeNode('bare', {}),
  ];
  const placed: Placed = [
    [app('one'), 'a1'],
    [app('two'), 'a1'],
  ];
  const kin: Partial<World> = { workloads: { selectorFor: () => labelMatcher({ matchLabels: { app: 'x' } }) } };

  test('a pod that no Service or owner selects has none', () => {
    assert.equal(scoresOf(system, app('new'), { nodes, placed }), 'skip');
  });

  // Hosts: 2, 0, 0 times ln 5, and 2 each. Zones: 2, 0 times ln 5 (no zone is one, too), and 4 each. So 12, 6 and 2.
  test('one that is selected keeps away from its kin, and a node without a zone is not left out', () => {
    assert.deepEqual(scoresOf(system, app('new'), { nodes, placed }, kin), { a1: 16, b1: 66, bare: 100 });
  });

  test('its own constraints take their place', () => {
    const own = withSpec(spreadOver({ topologyKey: zone, whenUnsatisfiable: 'ScheduleAnyway' }), { app: 'x' });
    assert.deepEqual(scoresOf(system, own, { nodes, placed }, kin), { a1: 0, b1: 100, bare: 0 });
  });
});
