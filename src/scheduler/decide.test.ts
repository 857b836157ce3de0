import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Container, Node, Pod, PodSpec } from '../api/schema/types/core-v1.ts';
import { SeededPrng } from '../lib/prng.ts';
import { nodesToFind } from './decide.ts';
import type { Snapshot } from './snapshot/snapshot.ts';
import {
  decideOn,
  makeNode,
  makePod,
  makeProfile,
  makeSnapshot,
  makeWorld,
  placeOf as placeOn,
  preemptOn,
  requestsOf,
  type Setting,
} from './testing.ts';

const prng = new SeededPrng(5);

const on = (snapshot: Snapshot): Setting => ({ world: makeWorld(snapshot), profile: makeProfile(), prng });
const placeOf = (pod: Pod, snapshot: Snapshot): string => placeOn(pod, on(snapshot));
const messageOf = placeOf;

describe('filters', () => {
  const expression = (key: string, operator: string, values: string[] = []): Pod['spec'] => ({
    containers: [],
    affinity: {
      nodeAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: {
          nodeSelectorTerms: [{ matchExpressions: [{ key, operator: operator as 'In', values }] }],
        },
      },
    },
  });
  const blue = makeNode('blue', { labels: { color: 'blue', level: '5' } });
  const plain = makeNode('plain');
  const tainted = makeNode('tainted', { spec: { taints: [{ key: 'only', value: 'gpu', effect: 'NoSchedule' }] } });
  const cordoned = makeNode('cordoned', { spec: { unschedulable: true } });
  const small = makeNode('small', { cpu: '1' });
  const noAffinity = "node(s) didn't match Pod's node affinity/selector";
  const helpless = (count: number): string =>
    `preemption: 0/${count} nodes are available: ${count} Preemption is not helpful for scheduling.`;

  const cases: readonly { name: string; nodes: Node[]; spec?: Partial<PodSpec>; cpu?: string; expected: string }[] = [
    { name: 'no nodes', nodes: [], expected: 'no nodes available to schedule pods' },
    { name: 'nodeSelector picks', nodes: [plain, blue], spec: { nodeSelector: { color: 'blue' } }, expected: 'blue' },
    {
      name: 'nodeSelector without a match',
      nodes: [plain],
      spec: { nodeSelector: { color: 'blue' } },
      expected: `0/1 nodes are available: 1 ${noAffinity}. ${helpless(1)}`,
    },
    { name: 'In', nodes: [plain, blue], spec: expression('color', 'In', ['red', 'blue'])!, expected: 'blue' },
    { name: 'NotIn', nodes: [plain, blue], spec: expression('color', 'NotIn', ['blue'])!, expected: 'plain' },
    { name: 'Exists', nodes: [plain, blue], spec: expression('color', 'Exists')!, expected: 'blue' },
    { name: 'DoesNotExist', nodes: [plain, blue], spec: expression('color', 'DoesNotExist')!, expected: 'plain' },
    { name: 'Gt', nodes: [plain, blue], spec: expression('level', 'Gt', ['4'])!, expected: 'blue' },
    {
      name: 'Lt that does not hold',
      nodes: [blue],
      spec: expression('level', 'Lt', ['5'])!,
      expected: `0/1 nodes are available: 1 ${noAffinity}. ${helpless(1)}`,
    },
    {
      name: 'taints',
      nodes: [tainted],
      expected: `0/1 nodes are available: 1 node(s) had untolerated taint(s). ${helpless(1)}`,
    },
    {
      name: 'a toleration with the value',
      nodes: [tainted],
      spec: { tolerations: [{ key: 'only', operator: 'Equal', value: 'gpu' }] },
      expected: 'tainted',
    },
    {
      name: 'a toleration of everything',
      nodes: [tainted],
      spec: { tolerations: [{ operator: 'Exists' }] },
      expected: 'tainted',
    },
    {
      name: 'a toleration of another value',
      nodes: [tainted],
      spec: { tolerations: [{ key: 'only', value: 'cpu' }] },
      expected: `0/1 nodes are available: 1 node(s) had untolerated taint(s). ${helpless(1)}`,
    },
    {
      name: 'a cordoned node',
      nodes: [cordoned],
      expected: `0/1 nodes are available: 1 node(s) were unschedulable. ${helpless(1)}`,
    },
    {
      name: 'more than any node has, and other reasons, sorted',
      nodes: [small, plain, tainted],
      cpu: '5',
      expected: `0/3 nodes are available: 1 node(s) had untolerated taint(s), 2 Insufficient cpu. ${helpless(3)}`,
    },
  ];
  for (const { name, nodes, spec, cpu, expected } of cases) {
    test(name, () => {
      const pod = makePod('pod', { ...(cpu && { cpu }), ...(spec && { spec }) });
      assert.equal(placeOf(pod, makeSnapshot(nodes)), expected);
    });
  }

  test('what other pods take counts, and is given back when they go', () => {
    const snapshot = makeSnapshot([small], [[makePod('first', { cpu: '600m' }), 'small']]);
    const pod = makePod('second', { cpu: '500m' });
    assert.equal(
      placeOf(pod, snapshot),
      '0/1 nodes are available: 1 Insufficient cpu. preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod.',
    );
    snapshot.removePod('default/first');
    assert.equal(placeOf(pod, snapshot), 'small');
  });

  test('a node takes no more pods than it allows', () => {
    const snapshot = makeSnapshot([makeNode('full', { pods: '1' })], [[makePod('first'), 'full']]);
    assert.match(placeOf(makePod('second'), snapshot), /^0\/1 nodes are available: 1 Too many pods\. /);
  });

  test('host ports conflict by protocol, number and address', () => {
    const withPort = (name: string, hostPort: number, hostIP?: string, protocol?: 'UDP'): Pod => {
      const port = { containerPort: 80, hostPort, ...(hostIP && { hostIP }), ...(protocol && { protocol }) };
      return makePod(name, { spec: { containers: [{ name: 'main', image: 'image', ports: [port] }] } });
    };
    const snapshot = makeSnapshot([plain], [[withPort('first', 8080, '10.0.0.1'), 'plain']]);
    assert.match(
      placeOf(withPort('a', 8080), snapshot),
      /1 node\(s\) didn't have free ports for the requested pod ports\./,
    );
    assert.equal(placeOf(withPort('b', 8080, '10.0.0.2'), snapshot), 'plain');
    assert.equal(placeOf(withPort('c', 8080, undefined, 'UDP'), snapshot), 'plain');
    assert.equal(placeOf(withPort('d', 8081), snapshot), 'plain');
  });
});

describe('requests', () => {
  const container = (cpu: string, more: Partial<Container> = {}): Container => ({
    name: 'c',
    image: 'image',
    resources: { requests: { cpu } },
    ...more,
  });
  const sidecar = (cpu: string): Container => container(cpu, { restartPolicy: 'Always' });
  const cases = [
    { name: 'containers add up', spec: { containers: [container('1'), container('500m')] }, cpu: 1500 },
    {
      name: 'the largest init container counts alone',
      spec: { initContainers: [container('2'), container('3')], containers: [container('1')] },
      cpu: 3000,
    },
    { name: 'sidecars run on', spec: { initContainers: [sidecar('1')], containers: [container('1')] }, cpu: 2000 },
    {
      name: 'an init container runs beside earlier sidecars only',
      spec: { initContainers: [sidecar('1'), container('3'), sidecar('1')], containers: [container('1')] },
      cpu: 4000,
    },
    { name: 'overhead comes on top', spec: { containers: [container('1')], overhead: { cpu: '250m' } }, cpu: 1250 },
    {
      name: 'what the pod asks for as a whole',
      spec: { containers: [container('1')], resources: { requests: { cpu: '3' } } },
      cpu: 3000,
    },
  ];
  for (const { name, spec, cpu } of cases) {
    test(name, () => assert.equal(requestsOf(spec).amounts.get('cpu'), cpu));
  }
});

describe('scores', () => {
  test('the emptier node is taken', () => {
    const snapshot = makeSnapshot([makeNode('a'), makeNode('b')], [[makePod('one', { cpu: '1', memory: '2Gi' }), 'a']]);
    assert.equal(placeOf(makePod('two', { cpu: '1', memory: '2Gi' }), snapshot), 'b');
  });

  test('of two equally empty nodes the one whose use stays balanced is taken', () => {
    const snapshot = makeSnapshot(
      [makeNode('a'), makeNode('b')],
      [
        [makePod('one', { cpu: '2', memory: '0' }), 'a'],
        [makePod('two', { cpu: '0', memory: '4Gi' }), 'b'],
      ],
    );
    assert.equal(placeOf(makePod('three', { cpu: '2', memory: '0' }), snapshot), 'b');
  });

  test('preferred affinity and taints that would rather not count more than room', () => {
    const preferred = makeNode('preferred', { labels: { disk: 'ssd' } });
    const unliked = makeNode('unliked', { spec: { taints: [{ key: 'old', effect: 'PreferNoSchedule' }] } });
    const preference = { matchExpressions: [{ key: 'disk', operator: 'In' as const, values: ['ssd'] }] };
    const affinity = {
      nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 1, preference }] },
    };
    const crowd = [makePod('crowd', { cpu: '1', memory: '2Gi' }), 'preferred'] as const;
    assert.equal(
      placeOf(makePod('a', { spec: { affinity } }), makeSnapshot([makeNode('x'), preferred], [crowd])),
      'preferred',
    );
    const busy = [makePod('busy', { cpu: '1', memory: '2Gi' }), 'x'] as const;
    assert.equal(placeOf(makePod('b'), makeSnapshot([makeNode('x'), unliked], [busy])), 'x');
  });

  test('equal nodes are taken in turn by chance, not always the same', () => {
    const snapshot = makeSnapshot(['a', 'b', 'c', 'd'].map((name) => makeNode(name)));
    const seen = new Set(Array.from({ length: 60 }, () => placeOf(makePod('pod'), snapshot)));
    assert.equal(seen.size, 4);
  });

  test('a large cluster is looked at in parts, all of it in turn', () => {
    assert.deepEqual(
      [50, 100, 1000, 5000, 10_000].map((count) => nodesToFind(count)),
      [50, 100, 420, 500, 500],
    );
    const snapshot = makeSnapshot(Array.from({ length: 1000 }, (_, index) => makeNode(`node-${index}`)));
    const decision = decideOn(makePod('pod'), on(snapshot));
    assert.equal(decision.looked, 420);
  });
});

describe('preemption', () => {
  const filler = (name: string, priority: number, cpu = '2'): Pod => makePod(name, { cpu, spec: { priority } });

  test('the least important pods go, as few as will do', () => {
    const snapshot = makeSnapshot(
      [makeNode('a'), makeNode('b')],
      [
        [filler('a-low', 1), 'a'],
        [filler('a-mid', 5), 'a'],
        [filler('b-mid-1', 5), 'b'],
        [filler('b-mid-2', 5), 'b'],
      ],
    );
    const pod = filler('high', 10);
    const preemption = preemptOn(pod, on(snapshot));
    assert.equal(preemption?.kind, 'victims');
    if (preemption?.kind !== 'victims') return;
    assert.equal(preemption.node, 'a');
    assert.deepEqual(
      preemption.victims.map(({ pod: victim }) => victim.metadata?.name),
      ['a-low'],
    );
  });

  test('pods of the same priority never go, nor does a pod preempt that must not', () => {
    const snapshot = makeSnapshot([makeNode('a')], [[filler('equal', 10, '4'), 'a']]);
    assert.match(messageOf(filler('pod', 10), snapshot), /1 No preemption victims found for incoming pod\.$/);
    const never = makePod('never', { cpu: '2', spec: { priority: 99, preemptionPolicy: 'Never' } });
    assert.match(messageOf(never, snapshot), /preemption: not eligible due to preemptionPolicy=Never\.$/);
  });

  test('while the victims are ending no others are asked for', () => {
    const ending = filler('ending', 1, '4');
    const leaving: Pod = {
      ...ending,
      metadata: { ...ending.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' },
      status: { conditions: [{ type: 'DisruptionTarget', status: 'True', reason: 'PreemptionByScheduler' }] },
    };
    const snapshot = makeSnapshot(
      [makeNode('a'), makeNode('b')],
      [
        [leaving, 'a'],
        [filler('other', 1, '4'), 'b'],
      ],
    );
    const pod: Pod = { ...filler('pod', 10), status: { nominatedNodeName: 'a' } };
    assert.match(messageOf(pod, snapshot), /not eligible due to a terminating pod on the nominated node\.$/);
  });
});
