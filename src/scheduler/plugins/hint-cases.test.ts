/** Which changes wake a pod that a plugin refused, after upstream's own tests of queueing hints: as rows. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubeObject } from '../../api/object.ts';
import type { Pod, PodAffinityTerm, PodSpec } from '../../api/schema/types/core-v1.ts';
import type { Plugin } from '../framework/plugin.ts';
import type { ChangeKind } from '../queue/changes.ts';
import { makeNode, makePod } from '../testing.ts';
import { interPodAffinity } from './inter-pod-affinity.ts';
import { nodeAffinity } from './node-affinity.ts';
import { nodeName } from './node-name.ts';
import { nodePorts } from './node-ports.ts';
import { nodeResourcesFit } from './node-resources-fit.ts';
import { nodeUnschedulable } from './node-unschedulable.ts';
import { podTopologySpread } from './pod-topology-spread.ts';
import { schedulingGates } from './scheduling-gates.ts';
import { taintToleration } from './taint-toleration.ts';
import { app, container, spreadOver, taint, withSpec } from './testing.ts';

const fit = nodeResourcesFit({
  scoringStrategy: { type: 'LeastAllocated', resources: [{ name: 'cpu', weight: 1 }] },
});
const affinity = interPodAffinity({ hardPodAffinityWeight: 1, ignorePreferredTermsOfExistingPods: false });
const spread = podTopologySpread({ defaultConstraints: [], defaultingType: 'List' });

const term = (label: string): PodAffinityTerm => ({
  topologyKey: 'zone',
  labelSelector: { matchLabels: { app: label } },
});
const required = (kind: 'podAffinity' | 'podAntiAffinity', label = 'x'): Partial<PodSpec> => ({
  affinity: { [kind]: { requiredDuringSchedulingIgnoredDuringExecution: [term(label)] } },
});
const asking = (cpu: string): Pod => withSpec({ containers: [container({ cpu })] });
const withPort = (hostPort: number): Pod =>
  withSpec({ containers: [container({}, { ports: [{ containerPort: 80, hostPort }] })] });
const cordoned = makeNode('n', { spec: { unschedulable: true } });
const tainted = makeNode('n', { spec: taint('NoSchedule') });
const open = makeNode('n');
const zoned = makeNode('n', { labels: { zone: 'a' } });
const inZoneA = withSpec({ nodeSelector: { zone: 'a' } });

type Row = readonly [
  what: string,
  plugin: Plugin,
  pod: Pod,
  kind: ChangeKind,
  before: KubeObject | undefined,
  after: KubeObject | undefined,
  wakes: boolean,
];

const rows: readonly Row[] = [
  ['any new node', nodeName, withSpec({ nodeName: 'n' }), 'NodeAdd', undefined, open, true],
  ['a label', nodeName, withSpec({ nodeName: 'n' }), 'NodeLabel', open, zoned, false],
  ['a new open node', nodeUnschedulable, asking('1'), 'NodeAdd', undefined, open, true],
  ['a new cordoned node', nodeUnschedulable, asking('1'), 'NodeAdd', undefined, cordoned, false],
  ['a node that is let go', nodeUnschedulable, asking('1'), 'NodeTaint', cordoned, open, true],
  ['a node that was open before', nodeUnschedulable, asking('1'), 'NodeTaint', open, open, false],
  ['a taint that goes', taintToleration, asking('1'), 'NodeTaint', tainted, open, true],
  ['a taint that comes', taintToleration, asking('1'), 'NodeTaint', open, tainted, false],
  ['a new tainted node', taintToleration, asking('1'), 'NodeAdd', undefined, tainted, false],
  ['a toleration of its own', taintToleration, asking('1'), 'PodToleration', asking('1'), asking('1'), true],
  ['a new node that suits', nodeAffinity({}), inZoneA, 'NodeAdd', undefined, zoned, true],
  ['a new node that does not', nodeAffinity({}), inZoneA, 'NodeAdd', undefined, open, false],
  ['a node that now suits', nodeAffinity({}), inZoneA, 'NodeLabel', open, zoned, true],
  ['a node that did before', nodeAffinity({}), inZoneA, 'NodeLabel', zoned, zoned, false],
  ['the end of who had the port', nodePorts, withPort(80), 'AssignedPodDelete', withPort(80), undefined, true],
  ['the end of who had another', nodePorts, withPort(80), 'AssignedPodDelete', withPort(81), undefined, false],
  ['the end of anybody', fit, asking('1'), 'AssignedPodDelete', makePod('gone'), undefined, true],
  ['a new node that is large enough', fit, asking('1'), 'NodeAdd', undefined, open, true],
  ['a new node that is too small', fit, asking('9'), 'NodeAdd', undefined, open, false],
  ['a node that grows enough', fit, asking('4'), 'NodeAllocatable', makeNode('n', { cpu: '2' }), open, true],
  ['a node that grows too little', fit, asking('9'), 'NodeAllocatable', makeNode('n', { cpu: '2' }), open, false],
  ['a node that grows otherwise', fit, asking('1'), 'NodeAllocatable', makeNode('n', { memory: '1Gi' }), open, false],
  ['a node that allows more pods', fit, asking('1'), 'NodeAllocatable', makeNode('n', { pods: '1' }), open, true],
  ['another that asks for less', fit, asking('1'), 'AssignedPodScaleDown', asking('3'), asking('2'), true],
  ['itself asking for less', fit, asking('1'), 'PodScaleDown', asking('3'), asking('1'), true],
  ['a pod that it counts', spread, withSpec(spreadOver()), 'AssignedPodAdd', undefined, app('one'), true],
  ['one that it does not', spread, withSpec(spreadOver()), 'AssignedPodAdd', undefined, app('one', {}), false],
  [
    'one of another namespace',
    spread,
    withSpec(spreadOver()),
    'AssignedPodDelete',
    makePod('far', { namespace: 'far', labels: { app: 'x' } }),
    undefined,
    false,
  ],
  ['one that it counted before', spread, withSpec(spreadOver()), 'AssignedPodLabel', app('one'), app('one', {}), true],
  ['a node with its topology', spread, withSpec(spreadOver()), 'NodeAdd', undefined, zoned, true],
  ['a node without it', spread, withSpec(spreadOver()), 'NodeAdd', undefined, open, false],
  ['a node that lost it', spread, withSpec(spreadOver()), 'NodeLabel', zoned, open, true],
  ['a zone that went', spread, withSpec(spreadOver()), 'NodeDelete', zoned, undefined, true],
  [
    'whom it wants to be near to',
    affinity,
    withSpec(required('podAffinity')),
    'AssignedPodAdd',
    undefined,
    app('one'),
    true,
  ],
  ['somebody else', affinity, withSpec(required('podAffinity')), 'AssignedPodAdd', undefined, app('one', {}), false],
  [
    'the end of whom it keeps away from',
    affinity,
    withSpec(required('podAntiAffinity')),
    'AssignedPodDelete',
    app('one'),
    undefined,
    true,
  ],
  [
    'the end of somebody else',
    affinity,
    withSpec(required('podAntiAffinity')),
    'AssignedPodDelete',
    app('one', {}),
    undefined,
    false,
  ],
  [
    'the end of who kept it away',
    affinity,
    app('pod'),
    'AssignedPodDelete',
    makePod('hermit', { spec: required('podAntiAffinity') }),
    undefined,
    true,
  ],
  [
    'the end of the last of its own kind, of whom it may then be the first',
    affinity,
    withSpec(required('podAffinity'), { app: 'x' }),
    'AssignedPodDelete',
    app('last'),
    undefined,
    true,
  ],
  [
    'the end of one near to whom it wants to be, without being of that kind',
    affinity,
    withSpec(required('podAffinity'), { app: 'y' }),
    'AssignedPodDelete',
    app('last'),
    undefined,
    false,
  ],
  ['a node with the topology', affinity, withSpec(required('podAffinity')), 'NodeAdd', undefined, zoned, true],
  ['a node without the topology', affinity, withSpec(required('podAffinity')), 'NodeAdd', undefined, open, false],
  ['a node that lost the topology', affinity, withSpec(required('podAffinity')), 'NodeLabel', zoned, open, true],
  ['a node where nobody can be', affinity, withSpec(required('podAntiAffinity')), 'NodeAdd', undefined, open, true],
  ['its gates being gone', schedulingGates, asking('1'), 'PodGatesGone', asking('1'), asking('1'), true],
];

for (const [what, plugin, pod, kind, before, after, wakes] of rows) {
  test(`${plugin.name}: ${what} (${kind}) ${wakes ? 'wakes' : 'does not wake'} the pod`, () => {
    assert.equal(plugin.hints?.[kind]?.(pod, { kinds: [kind], before, after }) ?? false, wakes);
  });
}
