/** What upstream's own tests of the scores ask of them, as rows: a pod, nodes with what stands on them, and the score of each. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Node, Pod, PodSpec } from '../../api/schema/types/core-v1.ts';
import type { Plugin } from '../framework/plugin.ts';
import { makeNode, makePod } from '../testing.ts';
import { imageLocality } from './image-locality.ts';
import { interPodAffinity } from './inter-pod-affinity.ts';
import { nodeAffinity } from './node-affinity.ts';
import { nodeResourcesBalancedAllocation } from './node-resources-balanced.ts';
import { nodeResourcesFit } from './node-resources-fit.ts';
import { podTopologySpread } from './pod-topology-spread.ts';
import { taintToleration } from './taint-toleration.ts';
import { app, type Cluster, container, scoresOf, small, spreadOver, taint, withSpec, zones } from './testing.ts';

interface ScoreCase {
  readonly name: string;
  readonly plugin: Plugin;
  readonly pod: Pod;
  readonly cluster: Cluster;
  readonly expected: Readonly<Record<string, number>> | 'skip';
}

const fit = nodeResourcesFit({
  scoringStrategy: {
    type: 'LeastAllocated',
    resources: [
      { name: 'cpu', weight: 1 },
      { name: 'memory', weight: 1 },
    ],
  },
});
const affinity = interPodAffinity({ hardPodAffinityWeight: 1, ignorePreferredTermsOfExistingPods: false });
const spread = podTopologySpread({ defaultConstraints: [], defaultingType: 'List' });

const mebibyte = 1024 * 1024;
const withImages = (name: string, images: Readonly<Record<string, number>>): Node => {
  const node = makeNode(name);
  const list = Object.entries(images).map(([image, size]) => ({ names: [image], sizeBytes: size * mebibyte }));
  return { ...node, status: { ...node.status, images: list } };
};
const pulling = (...images: string[]): Pod =>
  withSpec({ containers: images.map((image, index) => ({ name: `c${index}`, image })) });

const preferring = (preferences: readonly (readonly [number, string])[]): Partial<PodSpec> => ({
  affinity: {
    nodeAffinity: {
      preferredDuringSchedulingIgnoredDuringExecution: preferences.map(([weight, zone]) => ({
        weight,
        preference: zone === '' ? {} : { matchExpressions: [{ key: 'zone', operator: 'In' as const, values: [zone] }] },
      })),
    },
  },
});

const near = (weight: number, kind: 'podAffinity' | 'podAntiAffinity', label = 'x'): Partial<PodSpec> => ({
  affinity: {
    [kind]: {
      preferredDuringSchedulingIgnoredDuringExecution: [
        { weight, podAffinityTerm: { topologyKey: 'zone', labelSelector: { matchLabels: { app: label } } } },
      ],
    },
  },
});

const scoringBy = (resource: string): Plugin =>
  nodeResourcesFit({
    scoringStrategy: {
      type: 'LeastAllocated',
      resources: [
        { name: 'cpu', weight: 1 },
        { name: resource, weight: 3 },
      ],
    },
  });

const scoreCases: readonly ScoreCase[] = [
  {
    name: 'the fewer taints that would rather not, the better',
    plugin: taintToleration,
    pod: withSpec({ tolerations: [{ key: 'k', operator: 'Exists', effect: 'PreferNoSchedule' }] }),
    cluster: {
      nodes: [
        makeNode('none'),
        makeNode('tolerated', { spec: taint('PreferNoSchedule') }),
        makeNode('two', {
          spec: {
            taints: [
              { key: 'x', effect: 'PreferNoSchedule' },
              { key: 'y', effect: 'PreferNoSchedule' },
            ],
          },
        }),
        makeNode('one', { spec: taint('PreferNoSchedule', 'v', 'x') }),
        makeNode('hard', { spec: taint('NoSchedule') }),
      ],
    },
    expected: { none: 100, tolerated: 100, two: 0, one: 50, hard: 100 },
  },
  {
    name: 'a toleration for another effect does not count',
    plugin: taintToleration,
    pod: withSpec({ tolerations: [{ key: 'k', operator: 'Exists', effect: 'NoSchedule' }] }),
    cluster: { nodes: [makeNode('a', { spec: taint('PreferNoSchedule') }), makeNode('b')] },
    expected: { a: 0, b: 100 },
  },
  {
    name: 'weights of the preferences that hold, an empty one none',
    plugin: nodeAffinity({}),
    pod: withSpec(
      preferring([
        [2, 'a'],
        [8, 'b'],
        [50, ''],
      ]),
    ),
    cluster: { nodes: zones },
    expected: { a: 25, b: 100, none: 0 },
  },
  {
    name: 'without preferences',
    plugin: nodeAffinity({}),
    pod: withSpec({ nodeSelector: { zone: 'a' } }),
    cluster: { nodes: zones },
    expected: 'skip',
  },
  {
    name: 'the profile’s preferences are added',
    plugin: nodeAffinity({ addedAffinity: preferring([[6, 'a']]).affinity?.nodeAffinity ?? {} }),
    pod: withSpec(preferring([[3, 'b']])),
    cluster: { nodes: zones },
    expected: { a: 100, b: 50, none: 0 },
  },
  {
    name: 'large images count more, those that are everywhere at their full size',
    plugin: imageLocality,
    pod: pulling('gcr.io/40', 'gcr.io/250'),
    cluster: {
      nodes: [
        withImages('a', { 'gcr.io/40:latest': 40, 'gcr.io/300:latest': 300 }),
        withImages('b', { 'gcr.io/250:latest': 250, 'gcr.io/10:latest': 10 }),
      ],
    },
    // 40 MiB and 250 MiB, each on half of the nodes, between 23 MiB and 1000 MiB a container.
    expected: { a: 0, b: 5 },
  },
  {
    name: 'a registry’s port is no tag',
    plugin: imageLocality,
    pod: pulling('localhost:5000/big'),
    cluster: { nodes: [withImages('a', { 'localhost:5000/big:latest': 4000 }), withImages('b', {})] },
    expected: { a: 100, b: 0 },
  },
  {
    name: 'images of init containers and volumes count, too',
    plugin: imageLocality,
    pod: withSpec({
      containers: [{ name: 'main', image: 'none' }],
      initContainers: [{ name: 'init', image: 'init' }],
      volumes: [{ name: 'data', image: { reference: 'data:1' } }],
    }),
    cluster: { nodes: [withImages('a', { 'init:latest': 1000, 'data:1': 1000 }), withImages('b', {})] },
    expected: { a: 32, b: 0 },
  },
  {
    name: 'who asks for nothing counts as a small one',
    plugin: fit,
    pod: withSpec({ containers: [container({})] }),
    cluster: { nodes: [makeNode('a', { cpu: '1', memory: '400Mi' })] },
    expected: { a: 70 },
  },
  {
    name: 'who says nought, asks for nought',
    plugin: fit,
    pod: withSpec({ containers: [container({ cpu: '0', memory: '0' })] }),
    cluster: { nodes: [makeNode('a', { cpu: '1', memory: '400Mi' })] },
    expected: { a: 100 },
  },
  {
    name: 'what the pod asks for as a whole leaves no gap; what it does not name is filled in where no container names it',
    plugin: fit,
    pod: withSpec({
      containers: [container({ memory: '100Mi' }), container({}, { name: 'second' })],
      resources: { requests: { cpu: '500m' } },
    }),
    cluster: { nodes: [makeNode('a', { cpu: '1', memory: '400Mi' })] },
    expected: { a: 62 },
  },
  {
    name: 'huge pages count only for pods that ask for them',
    plugin: scoringBy('hugepages-2Mi'),
    pod: withSpec({ containers: [container({ cpu: '500m' })] }),
    cluster: { nodes: [small] },
    expected: { small: 50 },
  },
  {
    name: 'extended resources likewise',
    plugin: scoringBy('example.com/aaa'),
    pod: withSpec({ containers: [container({ cpu: '500m', 'example.com/aaa': '2' })] }),
    cluster: { nodes: [small, makeNode('without', { cpu: '1' })] },
    expected: { small: 12, without: 50 },
  },
  {
    name: 'balance of who asks for nothing',
    plugin: nodeResourcesBalancedAllocation({ resources: [{ name: 'cpu', weight: 1 }] }),
    pod: withSpec({ containers: [container({})] }),
    cluster: { nodes: [small] },
    expected: 'skip',
  },
  {
    name: 'preferred terms of the pod, and of those that stand there',
    plugin: affinity,
    pod: withSpec(near(8, 'podAffinity'), { app: 'y' }),
    cluster: {
      nodes: zones,
      placed: [
        [app('one'), 'a'],
        [makePod('host', { spec: near(2, 'podAffinity', 'y') }), 'b'],
        [makePod('hermit', { spec: near(6, 'podAntiAffinity', 'y') }), 'b'],
      ],
    },
    expected: { a: 100, b: 0, none: 33 },
  },
  {
    name: 'where nobody prefers anything',
    plugin: affinity,
    pod: withSpec({}, { app: 'y' }),
    cluster: { nodes: zones, placed: [[app('one'), 'a']] },
    expected: 'skip',
  },
  {
    name: 'required affinity of those that stand there counts by its weight',
    plugin: interPodAffinity({ hardPodAffinityWeight: 10, ignorePreferredTermsOfExistingPods: false }),
    pod: withSpec({}, { app: 'y' }),
    cluster: {
      nodes: zones,
      placed: [
        [makePod('soft', { spec: near(5, 'podAffinity', 'y') }), 'a'],
        [
          makePod('hard', {
            spec: {
              affinity: {
                podAffinity: {
                  requiredDuringSchedulingIgnoredDuringExecution: [
                    { topologyKey: 'zone', labelSelector: { matchLabels: { app: 'y' } } },
                  ],
                },
              },
            },
          }),
          'b',
        ],
      ],
    },
    expected: { a: 50, b: 100, none: 0 },
  },
  {
    name: 'and preferences of others are left out where the profile says so',
    plugin: interPodAffinity({ hardPodAffinityWeight: 10, ignorePreferredTermsOfExistingPods: true }),
    pod: withSpec({}, { app: 'y' }),
    cluster: { nodes: zones, placed: [[makePod('soft', { spec: near(5, 'podAffinity', 'y') }), 'a']] },
    expected: 'skip',
  },
  {
    name: 'the emptier zone is better, one that lacks the label gets nothing',
    plugin: spread,
    pod: withSpec(spreadOver({ whenUnsatisfiable: 'ScheduleAnyway' }), { app: 'x' }),
    cluster: {
      nodes: zones,
      placed: [
        [app('one'), 'a'],
        [app('two'), 'a'],
        [app('three'), 'b'],
      ],
    },
    expected: { a: 33, b: 100, none: 0 },
  },
  {
    name: 'hard constraints score nothing',
    plugin: spread,
    pod: withSpec(spreadOver(), { app: 'x' }),
    cluster: { nodes: zones },
    expected: 'skip',
  },
];

for (const { name, plugin, pod, cluster, expected } of scoreCases) {
  test(`${plugin.name} scores: ${name}`, () => assert.deepEqual(scoresOf(plugin, pod, cluster), expected));
}
