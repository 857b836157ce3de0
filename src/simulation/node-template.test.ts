import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nodeStatus } from '../agent/node-status.ts';
import { countNodes, factsOf, type NodePlan, plainNodes, planNodes, readNodeTemplates } from './node-template.ts';

const head = 'apiVersion: simulation.naru.dev/v1\nkind: SimulatedNodes\n';
const read = (text: string) => readNodeTemplates(`${head}${text}`);

const whole = `
nodes:
  - name: gpu
    count: 3
    cpu: 64
    memory: 512Gi
    pods: 250
    ephemeralStorage: 1Ti
    extendedResources: {example.com/gpu: 8}
    labels: {pool: gpu}
    taints: [{key: example.com/gpu, value: present, effect: NoSchedule}]
    regions: {kr: [kr-a, kr-b], jp: [jp-a]}
    stages: [{stage: lost, delay: 1h..2h, chance: 0.1, for: 5m}]
  - zones: [a, b]
stages:
  - {stage: start, delay: 1s}
events: warnings
`;

test('a template says what its nodes are', () => {
  const nodes = read(whole);
  const plans = planNodes(nodes, countNodes(nodes, 6));
  assert.deepEqual(
    plans.map(({ name }) => name),
    ['gpu-1', 'gpu-2', 'gpu-3', 'simulated-1', 'simulated-2', 'simulated-3'],
  );
  const gpu = plans[0] as NodePlan;
  const runtime = { name: 'simulated', version: '1', problem: '' };
  const { allocatable } = nodeStatus({}, { facts: factsOf(gpu), runtime, images: [], nowMs: 0 });
  assert.deepEqual(allocatable, {
    cpu: '64',
    memory: '512Gi',
    pods: '250',
    'ephemeral-storage': '1Ti',
    'example.com/gpu': '8',
  });
  assert.deepEqual(gpu.taints, [{ key: 'example.com/gpu', value: 'present', effect: 'NoSchedule' }]);
  assert.deepEqual(gpu.stages, [
    {
      stage: 'lost',
      delay: { minMs: 3_600_000, maxMs: 7_200_000 },
      chance: 0.1,
      for: { minMs: 300_000, maxMs: 300_000 },
    },
  ]);
  assert.deepEqual([nodes.events, nodes.stages.length], ['warnings', 1]);
});

test('regions are taken in turn, and in each its zones', () => {
  const plans = planNodes(read('nodes: [{count: 5, regions: {kr: [kr-a, kr-b], jp: [jp-a]}}]'), 5);
  const places = plans.map(({ labels }) => [
    labels['topology.kubernetes.io/region'],
    labels['topology.kubernetes.io/zone'],
  ]);
  assert.deepEqual(places, [
    ['kr', 'kr-a'],
    ['jp', 'jp-a'],
    ['kr', 'kr-b'],
    ['jp', 'jp-a'],
    ['kr', 'kr-a'],
  ]);
  const zones = planNodes(read('nodes: [{count: 3, zones: [a, b]}]'), 3).map(({ labels }) => labels);
  assert.deepEqual(zones[2], { 'topology.kubernetes.io/zone': 'a' });
});

test('five thousand nodes have names, addresses and ranges of their own', () => {
  const plans = planNodes(plainNodes, 5000);
  for (const part of [(p: NodePlan) => p.name, (p: NodePlan) => p.address, (p: NodePlan) => p.podCidr]) {
    assert.equal(new Set(plans.map(part)).size, 5000);
  }
  assert.deepEqual(
    [plans[0]?.name, plans[0]?.address, plans[0]?.podCidr],
    ['simulated-1', '10.99.0.1', '10.100.0.0/24'],
  );
  assert.deepEqual([plans[4999]?.address, plans[4999]?.podCidr], ['10.99.19.136', '10.119.135.0/24']);
  const [both, ...others] = planNodes(plainNodes, 5000, ['IPv6', 'IPv4']);
  assert.equal(both?.podCidr, 'fd64:0:0:1::/64,10.100.0.0/24');
  assert.equal(others.at(-1)?.podCidr, 'fd64:0:0:1388::/64,10.119.135.0/24');
});

test('counts and --simulated-nodes must fit', () => {
  const open = read('nodes: [{name: a, count: 2}, {name: b}]');
  const closed = read('nodes: [{name: a, count: 2}]');
  assert.equal(countNodes(open, 5), 5);
  assert.equal(countNodes(closed, undefined), 2);
  assert.equal(countNodes(closed, 2), 2);
  assert.throws(
    () => countNodes(open, undefined),
    /b has no count; give it one, or say how many in all: --simulated-nodes N/,
  );
  assert.throws(() => countNodes(open, 1), /the counts make 2, and --simulated-nodes says 1/);
  assert.throws(
    () => countNodes(closed, 3),
    /the counts make 2, and --simulated-nodes says 3; leave one of the two out/,
  );
  assert.throws(() => countNodes(read('nodes: [{name: a}, {name: b}]'), 3), /more than one item has no count/);
  const many = read('nodes: [{name: a, count: 5000}, {name: b, count: 1}]');
  assert.throws(() => countNodes(many, undefined), /5001 nodes in all; from 1 to 5000/);
});

test('what is wrong with a file is said with its place, and what would be right', () => {
  const cases: readonly (readonly [string, RegExp])[] = [
    ['', /^nodes: must have at least one item/],
    ['nodes: {}', /^nodes: must be a list$/],
    ['nodes: [5]', /^nodes\[0\]: must be a mapping/],
    ['nodes: [{cpuu: 4}]', /^nodes\[0\]\.cpuu: unknown field; there are name, count, cpu, /],
    ['nodes: [{cpu: fast}]', /^nodes\[0\]\.cpu: must be a quantity such as 500m, 4 or 16Gi$/],
    ['nodes: [{memory: -1Gi}]', /^nodes\[0\]\.memory: must be a quantity/],
    ['nodes: [{count: 1.5}]', /^nodes\[0\]\.count: must be a whole number from 0 to 5000$/],
    ['nodes: [{name: Big_One}]', /^nodes\[0\]\.name: a lowercase RFC 1123 label/],
    ['nodes: [{name: a}, {name: a}]', /^nodes: the name a stands there twice/],
    ['nodes: [{labels: {pool: 5}}]', /^nodes\[0\]\.labels\.pool: must be a text: write "5"$/],
    [
      'nodes: [{labels: {node-role.kubernetes.io/gpu: "true"}}]',
      /no node may give itself this label; add it when the nodes are there: kubectl label nodes --all node-role\.kubernetes\.io\/gpu=true$/,
    ],
    ['nodes: [{taints: [{key: a, effect: Never}]}]', /^nodes\[0\]\.taints\[0\]\.effect: must be one of NoSchedule, /],
    [
      'nodes: [{taints: [{key: a, effect: NoExecute}, {key: a, effect: NoExecute}]}]',
      /taints\[1\]: there is one before/,
    ],
    ['nodes: [{extendedResources: {gpu: 1}}]', /gpu: must be a name with a domain, such as example\.com\/gpu$/],
    ['nodes: [{zones: [a], regions: {r: [b]}}]', /^nodes\[0\]\.zones: stand below their regions/],
    ['nodes: [{stages: [{stage: crash}]}]', /^nodes\[0\]\.stages\[0\]\.stage: must be one of lost$/],
    ['nodes: [{}]\nevents: some', /^the document\.events: must be one of all, warnings, none$/],
    ['nodes: [{}]\nnodes: [{}]', /twice/],
  ];
  for (const [text, message] of cases) assert.throws(() => read(text), { message }, text);
  assert.throws(
    () => readNodeTemplates('kind: SimulatedNodes'),
    /apiVersion: must be one of simulation\.naru\.dev\/v1$/,
  );
});
