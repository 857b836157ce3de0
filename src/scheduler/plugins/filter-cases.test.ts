/** What upstream's own tests of the filters ask of them, as rows: a pod, nodes with what stands on them, and what the plugin says of each. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pod } from '../../api/schema/types/core-v1.ts';
import type { Plugin } from '../framework/plugin.ts';
import { makeNode, makePod } from '../testing.ts';
import { nodeAffinity } from './node-affinity.ts';
import { nodeName } from './node-name.ts';
import { nodePorts } from './node-ports.ts';
import { nodeResourcesFit } from './node-resources-fit.ts';
import { nodeUnschedulable } from './node-unschedulable.ts';
import { schedulingGates } from './scheduling-gates.ts';
import { taintToleration } from './taint-toleration.ts';
import { answers, type Cluster, container, type Placed, small, taint, withSpec, worldOf, zones } from './testing.ts';

interface FilterCase {
  readonly name: string;
  readonly plugin: Plugin;
  readonly pod: Pod;
  readonly cluster: Cluster;
  readonly expected: Readonly<Record<string, string>>;
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
const ignoringFit = nodeResourcesFit({
  ignoredResources: ['example.com/aaa'],
  ignoredResourceGroups: ['other.com'],
  scoringStrategy: { type: 'LeastAllocated', resources: [{ name: 'cpu', weight: 1 }] },
});
const untolerated = 'node(s) had untolerated taint(s)!';
const taken = (requests: Record<string, string>): Placed => [
  [makePod('taken', { spec: { containers: [container(requests)] } }), 'small'],
];

const filterCases: readonly FilterCase[] = [
  {
    name: 'a pod that names a node goes there alone',
    plugin: nodeName,
    pod: withSpec({ nodeName: 'b' }),
    cluster: { nodes: [makeNode('a'), makeNode('b')] },
    expected: { a: "node(s) didn't match the requested node name!", b: 'fits' },
  },
  {
    name: 'one that names none goes anywhere',
    plugin: nodeName,
    pod: withSpec({ nodeName: '' }),
    cluster: { nodes: [makeNode('a')] },
    expected: { a: 'fits' },
  },
  {
    name: 'a cordoned node takes who tolerates its taint, for that effect or for all',
    plugin: nodeUnschedulable,
    pod: withSpec({
      tolerations: [{ key: 'node.kubernetes.io/unschedulable', operator: 'Exists', effect: 'NoSchedule' }],
    }),
    cluster: { nodes: [makeNode('a', { spec: { unschedulable: true } }), makeNode('b')] },
    expected: { a: 'fits', b: 'fits' },
  },
  {
    name: 'and no other',
    plugin: nodeUnschedulable,
    pod: withSpec({
      tolerations: [{ key: 'node.kubernetes.io/unschedulable', operator: 'Exists', effect: 'NoExecute' }],
    }),
    cluster: { nodes: [makeNode('a', { spec: { unschedulable: true } })] },
    expected: { a: 'node(s) were unschedulable!' },
  },
  {
    name: 'taints of two effects keep away, those of the third do not',
    plugin: taintToleration,
    pod: withSpec({}),
    cluster: {
      nodes: [
        makeNode('never', { spec: taint('NoSchedule') }),
        makeNode('goes', { spec: taint('NoExecute') }),
        makeNode('rather', { spec: taint('PreferNoSchedule') }),
      ],
    },
    expected: { never: untolerated, goes: untolerated, rather: 'fits' },
  },
  {
    name: 'an operator that is empty is Equal',
    plugin: taintToleration,
    pod: withSpec({ tolerations: [{ key: 'k', operator: '' as 'Equal', value: 'v' }] }),
    cluster: {
      nodes: [makeNode('same', { spec: taint('NoSchedule') }), makeNode('other', { spec: taint('NoSchedule', 'w') })],
    },
    expected: { same: 'fits', other: untolerated },
  },
  {
    name: 'a toleration for one effect does not help against another',
    plugin: taintToleration,
    pod: withSpec({ tolerations: [{ key: 'k', value: 'v', effect: 'NoSchedule' }] }),
    cluster: { nodes: [makeNode('a', { spec: taint('NoSchedule') }), makeNode('b', { spec: taint('NoExecute') })] },
    expected: { a: 'fits', b: untolerated },
  },
  {
    name: 'operators that compare numbers are switched off: they tolerate nothing',
    plugin: taintToleration,
    pod: withSpec({ tolerations: [{ key: 'k', operator: 'Gt', value: '1' }] }),
    cluster: { nodes: [makeNode('a', { spec: taint('NoSchedule', '2') })] },
    expected: { a: untolerated },
  },
  {
    name: 'fields of the node: In and NotIn of its name, with an expression beside them',
    plugin: nodeAffinity({}),
    pod: withSpec({
      affinity: {
        nodeAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: {
            nodeSelectorTerms: [
              {
                matchFields: [{ key: 'metadata.name', operator: 'NotIn', values: ['a'] }],
                matchExpressions: [{ key: 'zone', operator: 'Exists' }],
              },
            ],
          },
        },
      },
    }),
    cluster: { nodes: zones },
    expected: {
      a: "node(s) didn't match Pod's node affinity/selector!",
      b: 'fits',
      none: "node(s) didn't match Pod's node affinity/selector!",
    },
  },
  {
    name: 'terms that name no node at all contradict themselves',
    plugin: nodeAffinity({}),
    pod: withSpec({
      affinity: {
        nodeAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: {
            nodeSelectorTerms: [
              {
                matchFields: [
                  { key: 'metadata.name', operator: 'In', values: ['a'] },
                  { key: 'metadata.name', operator: 'In', values: ['b'] },
                ],
              },
            ],
          },
        },
      },
    }),
    cluster: { nodes: [makeNode('a')] },
    expected: { a: 'pod affinity terms conflict!' },
  },
  {
    name: 'what the profile adds is asked first, and told apart',
    plugin: nodeAffinity({
      addedAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: {
          nodeSelectorTerms: [{ matchExpressions: [{ key: 'zone', operator: 'In', values: ['a'] }] }],
        },
      },
    }),
    pod: withSpec({ nodeSelector: { disk: 'ssd' } }),
    cluster: { nodes: zones },
    expected: {
      a: "node(s) didn't match Pod's node affinity/selector!",
      b: "node(s) didn't match scheduler-enforced node affinity!",
      none: "node(s) didn't match scheduler-enforced node affinity!",
    },
  },
  {
    name: 'a sidecar’s host port counts, an init container’s does not',
    plugin: nodePorts,
    pod: withSpec({
      initContainers: [
        container({}, { name: 'side', restartPolicy: 'Always', ports: [{ containerPort: 1, hostPort: 80 }] }),
        container({}, { name: 'init', ports: [{ containerPort: 1, hostPort: 81 }] }),
      ],
    }),
    cluster: {
      nodes: [makeNode('a'), makeNode('b')],
      placed: [80, 81].map((hostPort, index) => [
        makePod(`p${hostPort}`, { spec: { containers: [container({}, { ports: [{ containerPort: 1, hostPort }] })] } }),
        index === 0 ? 'a' : 'b',
      ]),
    },
    expected: { a: "node(s) didn't have free ports for the requested pod ports", b: 'fits' },
  },
  {
    name: 'all that is missing is told; more than the node has at all cannot be helped',
    plugin: fit,
    pod: withSpec({ containers: [container({ cpu: '2', memory: '1Gi' })] }),
    cluster: { nodes: [small], placed: taken({ cpu: '100m', memory: '1Mi' }) },
    expected: { small: 'Insufficient cpu; Insufficient memory!' },
  },
  {
    name: 'more than is left can be helped',
    plugin: fit,
    pod: withSpec({ containers: [container({ cpu: '1' })] }),
    cluster: { nodes: [small], placed: taken({ cpu: '100m' }) },
    expected: { small: 'Insufficient cpu' },
  },
  {
    name: 'who asks for nothing needs a place, and nothing else',
    plugin: fit,
    pod: withSpec({ containers: [container({ cpu: '0', 'example.com/bbb': '0' })] }),
    cluster: { nodes: [small], placed: taken({ cpu: '5' }) },
    expected: { small: 'fits' },
  },
  {
    name: 'a resource that the node does not know',
    plugin: fit,
    pod: withSpec({ containers: [container({ 'example.com/bbb': '1' })] }),
    cluster: { nodes: [small] },
    expected: { small: 'Insufficient example.com/bbb!' },
  },
  {
    name: 'extended resources and huge pages are counted as they are',
    plugin: fit,
    pod: withSpec({ containers: [container({ 'example.com/aaa': '2', 'hugepages-2Mi': '4Mi' })] }),
    cluster: { nodes: [small], placed: taken({ 'example.com/aaa': '1' }) },
    expected: { small: 'Insufficient example.com/aaa' },
  },
  {
    name: 'ignored resources, by name and by group',
    plugin: ignoringFit,
    pod: withSpec({ containers: [container({ 'example.com/aaa': '9', 'other.com/b': '9' })] }),
    cluster: { nodes: [small] },
    expected: { small: 'fits' },
  },
  {
    name: 'no more pods than are allowed, whatever they ask for',
    plugin: fit,
    pod: withSpec({ containers: [] }),
    cluster: { nodes: [small], placed: [...taken({}), [makePod('second'), 'small']] },
    expected: { small: 'Too many pods' },
  },
  {
    name: 'a node that says nothing of what it has takes nobody',
    plugin: fit,
    pod: withSpec({ containers: [container({ cpu: '1m' })] }),
    cluster: { nodes: [{ metadata: { name: 'mute' } }] },
    expected: { mute: 'Too many pods; Insufficient cpu!' },
  },
];

for (const { name, plugin, pod, cluster, expected } of filterCases) {
  test(`${plugin.name}: ${name}`, () => assert.deepEqual(answers(plugin, pod, cluster), expected));
}

test('SchedulingGates names the gates', () => {
  const world = worldOf({ nodes: [] });
  const gates = (...names: string[]): Pod => withSpec({ schedulingGates: names.map((name) => ({ name })) });
  assert.equal(schedulingGates.preEnqueue?.(gates('foo', 'bar'), world), 'waiting for scheduling gates: [foo bar]');
  assert.equal(schedulingGates.preEnqueue?.(gates(), world), undefined);
});
