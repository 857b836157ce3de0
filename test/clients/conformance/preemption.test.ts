/** Upstream's end-to-end tests of preemption and priority: who gives way to whom on simulated nodes. Each test has nodes of its own. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { eventually } from '../../harness.ts';
import { mustRefuse, typed } from './client.ts';
import { ConformanceCluster } from './cluster.ts';
import { asks, isOn, OwnNodes, onNode, placedIn } from './node-steps.ts';
import { conditionOf, isTrue, podOf, podTemplate, runs, setOf, until, untilAll } from './steps.ts';
import type { Sent } from './wire.ts';

describe('conformance: preemption', { timeout: 120_000, concurrency: 8 }, () => {
  let cluster: ConformanceCluster;
  let nodes: OwnNodes;

  before(async () => {
    cluster = await ConformanceCluster.up(7);
    nodes = await OwnNodes.of(cluster);
  });
  after(() => cluster.close());

  /** Names of classes are the cluster's; each test has its own. */
  const classes = async (...values: readonly number[]): Promise<readonly string[]> => {
    const prefix = (await placedIn(cluster, 'sched-preemption')).namespace;
    const made = values.map((value) => `${prefix}-${value}`);
    const client = typed(cluster.wire, 'scheduling.k8s.io/v1', 'PriorityClass');
    for (const [index, value] of values.entries()) await client.create({ metadata: { name: made[index] }, value });
    return made;
  };

  for (const critical of [false, true])
    test(`validates ${critical ? 'lower priority pod preemption by critical pod' : 'basic preemption works'}`, async () => {
      const { pods } = await placedIn(cluster, 'sched-preemption');
      const system = typed(cluster.wire, 'v1', 'Pod', 'kube-system');
      const [low = '', medium = '', high = ''] = await classes(1, 100, 1000);
      const pair = [nodes.next(), nodes.next()] as const;
      const resource = `scheduling.k8s.io/${critical ? 'critical' : 'foo'}`;
      for (const node of pair) await nodes.offer(node, resource, '5');
      const finalizers = ['example.com/test-finalizer'];
      for (const [index, priorityClassName] of [low, medium].entries()) {
        const pod = podOf(`pod${index}`, {
          container: asks(resource, '4'),
          spec: { ...onNode(pair[index] ?? ''), priorityClassName },
        });
        await pods.create({ ...pod, metadata: { ...pod.metadata, finalizers } });
        await runs(pods, `pod${index}`);
      }
      const preemptor = critical ? system : pods;
      const priorityClassName = critical ? 'system-cluster-critical' : high;
      await preemptor.create(podOf('preemptor-pod', { container: asks(resource, '3'), spec: { priorityClassName } }));
      const victim = await until(pods, 'pod0', 'it is preempted', ({ metadata }) => metadata.deletionTimestamp);
      const target = conditionOf(victim, 'DisruptionTarget');
      assert.deepEqual([target.status, target.reason], ['True', 'PreemptionByScheduler']);
      await pods.patch('pod0', 'merge', { metadata: { finalizers: null } });
      isOn(await runs(preemptor, 'preemptor-pod'), pair[0]);
      assert.equal((await pods.get('pod1')).metadata.deletionTimestamp, undefined);
      await pods.patch('pod1', 'merge', { metadata: { finalizers: null } });
      await preemptor.delete('preemptor-pod');
    });

  test('PreemptionExecutionPath runs ReplicaSets to verify preemption running path', async () => {
    const { sets, pods } = await placedIn(cluster, 'sched-preemption-path');
    const [p1 = '', p2 = '', p3 = '', p4 = ''] = await classes(11, 12, 13, 14);
    const node = nodes.next();
    const resource = 'example.com/fakecpu';
    await nodes.offer(node, resource, '1000');
    const watch = await pods.watch({ resourceVersion: (await pods.list()).metadata.resourceVersion });
    const set = (name: string, replicas: number, count: string, priorityClassName: string): Promise<Sent> =>
      sets.create(
        setOf(
          name,
          { labels: { name }, container: asks(resource, count), spec: { ...onNode(node), priorityClassName } },
          { replicas },
        ),
      );
    const ready = (name: string, count: number): Promise<Sent> =>
      until(sets, name, `${count} are ready`, ({ status }) => (status.readyReplicas ?? 0) === count);
    for (const [name, count, priority] of [
      ['rs-pod1', '200', p1],
      ['rs-pod2', '300', p2],
      ['rs-pod3', '450', p3],
    ] as const) {
      await set(name, 1, count, priority);
      await ready(name, 1);
    }
    await set('rs-pod4', 1, '500', p4);
    await ready('rs-pod4', 1);
    await ready('rs-pod1', 0);
    await ready('rs-pod2', 0);
    const made = (name: string): number =>
      watch.events.filter(({ type, object }) => type === 'ADDED' && object.metadata.labels.name === name).length;
    await eventually('what was preempted is made anew', () => made('rs-pod1') === 2 && made('rs-pod2') === 2);
    assert.deepEqual([made('rs-pod3'), made('rs-pod4')], [1, 1]);
    await ready('rs-pod3', 1);
    watch.stop();
  });

  test('PodTopologySpread Preemption validates proper pods are preempted', async () => {
    const { pods } = await placedIn(cluster, 'sched-preemption');
    const [low = '', medium = '', high = ''] = await classes(21, 22, 23);
    const pair = [nodes.next(), nodes.next()] as const;
    const key = 'kubernetes.io/e2e-pts-preemption';
    const resource = 'example.com/fakePTSRes';
    for (const node of pair) {
      await nodes.label(node, { [key]: node });
      await nodes.offer(node, resource, '10');
    }
    const pod = (
      name: string,
      node: string | undefined,
      priorityClassName: string,
      count: string,
      more: object = {},
    ): Sent =>
      podOf(name, {
        labels: { foo: 'bar' },
        container: asks(resource, count),
        spec: { ...(node && onNode(node)), priorityClassName, ...more },
      });
    // As upstream's: one node full of one pod that matters more, the other of three that matter less.
    await pods.create(pod('high', pair[0], high, '9'));
    for (const index of [1, 2, 3]) await pods.create(pod(`low-${index}`, pair[1], low, '3'));
    for (const name of ['high', 'low-1', 'low-2', 'low-3']) await runs(pods, name);
    const constraint = {
      maxSkew: 1,
      topologyKey: key,
      whenUnsatisfiable: 'DoNotSchedule',
      labelSelector: { matchLabels: { foo: 'bar' } },
    };
    const affinity = {
      nodeAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: {
          nodeSelectorTerms: [{ matchExpressions: [{ key, operator: 'Exists' }] }],
        },
      },
    };
    await pods.create(pod('medium', undefined, medium, '3', { affinity, topologySpreadConstraints: [constraint] }));
    isOn(await runs(pods, 'medium'), pair[1]);
    await untilAll(pods, 'foo=bar', 'two of the low ones are preempted', (items) => items.length === 3);
    assert.ok(isTrue(await pods.get('high'), 'Ready'));
  });

  test('a pod template that names no class of priority which is there is refused', async () => {
    const { pods } = await placedIn(cluster, 'sched-preemption');
    const bad = { metadata: { name: 'bad' }, spec: podTemplate({ spec: { priorityClassName: 'none' } }).spec };
    assert.match((await mustRefuse(pods.create(bad), 403)).message, /no PriorityClass with name none was found/);
  });
});
