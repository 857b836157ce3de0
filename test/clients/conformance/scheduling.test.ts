/**
 * Upstream's end-to-end tests of the scheduler on simulated nodes: what keeps a pod off a node, and what spreads pods.
 * Each test has resources, labels or a node of its own, so that all run side by side.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { mustRefuse, type ResourceClient, typed } from './client.ts';
import { ConformanceCluster } from './cluster.ts';
import { asks, isOn, OwnNodes, onNode, placedIn } from './node-steps.ts';
import { conditionOf, podOf, runs, setOf, until, untilAll } from './steps.ts';
import type { Sent } from './wire.ts';

const nodeCount = 10;
const hostname = 'kubernetes.io/hostname';
/** Another test may have tainted one of the ten. */
const noNodeMatches = /(9|10) node\(s\) didn't match Pod's node affinity\/selector/;

describe('conformance: scheduling', { timeout: 120_000, concurrency: 8 }, () => {
  let cluster: ConformanceCluster;
  let nodes: OwnNodes;

  before(async () => {
    cluster = await ConformanceCluster.up(nodeCount);
    nodes = await OwnNodes.of(cluster);
  });
  after(() => cluster.close());

  const refused = async (pods: ResourceClient, name: string): Promise<string> => {
    const pod = await until(
      pods,
      name,
      'it finds no node',
      (each) => conditionOf(each, 'PodScheduled')?.status === 'False',
    );
    assert.equal(conditionOf(pod, 'PodScheduled').reason, 'Unschedulable');
    return conditionOf(pod, 'PodScheduled').message as string;
  };

  describe('SchedulerPredicates', { concurrency: 8 }, () => {
    test('validates resource limits of pods that are allowed to run', async () => {
      const { pods } = await placedIn(cluster, 'sched-pred');
      const node = nodes.next();
      const resource = 'example.com/beardsecond';
      await nodes.offer(node, resource, '1000');
      await pods.create(podOf('filler', { container: asks(resource, '700'), spec: onNode(node) }));
      await runs(pods, 'filler');
      await pods.create(podOf('additional', { container: asks(resource, '400'), spec: onNode(node) }));
      assert.match(
        await refused(pods, 'additional'),
        /^0\/10 nodes are available: 1 Insufficient example\.com\/beardsecond, /,
      );
      await pods.delete('filler');
      await runs(pods, 'additional');
    });

    test('verify pod overhead is accounted for', async () => {
      const { pods } = await placedIn(cluster, 'sched-pred');
      const node = nodes.next();
      const resource = 'example.com/overhead';
      await nodes.offer(node, resource, '1000');
      const classes = typed(cluster.wire, 'node.k8s.io/v1', 'RuntimeClass');
      await classes.create({
        metadata: { name: 'heavy' },
        handler: 'runc',
        overhead: { podFixed: { [resource]: '250' } },
      });
      const heavy = { ...onNode(node), runtimeClassName: 'heavy' };
      await pods.create(podOf('filler', { container: asks(resource, '500'), spec: heavy }));
      await runs(pods, 'filler');
      await pods.create(podOf('too-much', { container: asks(resource, '100'), spec: heavy }));
      assert.match(await refused(pods, 'too-much'), /1 Insufficient example\.com\/overhead/);
    });

    test('validates that NodeSelector is respected if matching, and if not', async () => {
      const { pods } = await placedIn(cluster, 'sched-pred');
      const node = nodes.next();
      const nodeSelector = { 'kubernetes.io/e2e-selector': '42' };
      await pods.create(podOf('restricted-pod', { spec: { nodeSelector } }));
      assert.match(await refused(pods, 'restricted-pod'), noNodeMatches);
      await nodes.label(node, nodeSelector);
      isOn(await runs(pods, 'restricted-pod'), node);
      await nodes.label(node, { 'kubernetes.io/e2e-selector': null });
      assert.equal((await pods.get('restricted-pod')).status.phase, 'Running');
    });

    test('validates that required NodeAffinity setting is respected if matching, and if not', async () => {
      const { pods } = await placedIn(cluster, 'sched-pred');
      const node = nodes.next();
      const required = (...values: readonly string[]): object => ({
        affinity: {
          nodeAffinity: {
            requiredDuringSchedulingIgnoredDuringExecution: {
              nodeSelectorTerms: [{ matchExpressions: [{ key: 'e2e-affinity', operator: 'In', values }] }],
            },
          },
        },
      });
      await nodes.label(node, { 'e2e-affinity': '42' });
      await pods.create(podOf('with-labels', { spec: required('42') }));
      await pods.create(podOf('restricted-pod', { spec: required('bar', 'value2') }));
      isOn(await runs(pods, 'with-labels'), node);
      assert.match(await refused(pods, 'restricted-pod'), noNodeMatches);
    });

    test('validates that taints-tolerations is respected if matching, and if not', async () => {
      const { pods } = await placedIn(cluster, 'sched-pred');
      const node = nodes.next();
      const taint = { key: 'kubernetes.io/e2e-taint-key', value: 'testing-taint-value', effect: 'NoSchedule' };
      await nodes.setTaints(node, [taint]);
      const toleration = { key: taint.key, value: taint.value, effect: taint.effect };
      await pods.create(podOf('still-no-tolerations', { spec: onNode(node) }));
      await pods.create(podOf('with-tolerations', { spec: { ...onNode(node), tolerations: [toleration] } }));
      isOn(await runs(pods, 'with-tolerations'), node);
      assert.match(await refused(pods, 'still-no-tolerations'), /1 node\(s\) had untolerated taint\(s\)/);
      await nodes.setTaints(node, []);
      isOn(await runs(pods, 'still-no-tolerations'), node);
    });

    test('validates that there is no conflict between pods with same hostPort but different hostIP and protocol, and that there is one with 0.0.0.0', async () => {
      const { pods } = await placedIn(cluster, 'sched-pred');
      const node = nodes.next();
      const port = (hostIP: string, protocol = 'TCP'): object => ({
        ports: [{ containerPort: 80, hostPort: 54_321, protocol, ...(hostIP !== '' && { hostIP }) }],
      });
      await pods.create(podOf('pod1', { container: port('127.0.0.1'), spec: onNode(node) }));
      await pods.create(podOf('pod2', { container: port('10.0.0.7'), spec: onNode(node) }));
      await pods.create(podOf('pod3', { container: port('10.0.0.7', 'UDP'), spec: onNode(node) }));
      for (const name of ['pod1', 'pod2', 'pod3']) await runs(pods, name);
      for (const [name, hostIP] of [
        ['pod4', ''],
        ['pod5', '127.0.0.1'],
        ['pod6', '0.0.0.0'],
      ] as const) {
        await pods.create(podOf(name, { container: port(hostIP), spec: onNode(node) }));
        assert.match(await refused(pods, name), /1 node\(s\) didn't have free ports for the requested pod ports/);
      }
    });

    test('validates 4 pods with MaxSkew=1 are evenly distributed into 2 nodes', async () => {
      const { sets, pods } = await placedIn(cluster, 'sched-pred');
      const key = 'kubernetes.io/e2e-pts-filter';
      const pair = [nodes.next(), nodes.next()];
      for (const node of pair) await nodes.label(node, { [key]: node });
      const constraint = {
        maxSkew: 1,
        topologyKey: key,
        whenUnsatisfiable: 'DoNotSchedule',
        labelSelector: { matchLabels: { spread: 'yes' } },
      };
      const spec = {
        nodeSelector: {},
        topologySpreadConstraints: [constraint],
        affinity: {
          nodeAffinity: {
            requiredDuringSchedulingIgnoredDuringExecution: {
              nodeSelectorTerms: [{ matchExpressions: [{ key, operator: 'Exists' }] }],
            },
          },
        },
      };
      await sets.create(setOf('spread', { labels: { spread: 'yes' }, spec }, { replicas: 4 }));
      const all = await untilAll(
        pods,
        'spread=yes',
        'all have a node',
        (items) => items.length === 4 && items.every((pod) => pod.spec.nodeName),
      );
      for (const node of pair) assert.equal(all.filter((pod) => pod.spec.nodeName === node).length, 2);
    });

    test('validates Pods with non-empty schedulingGates are blocked on scheduling', async () => {
      const { sets, pods } = await placedIn(cluster, 'sched-pred');
      const spec = { schedulingGates: [{ name: 'foo' }, { name: 'bar' }] };
      await sets.create(setOf('rs-gated', { labels: { gated: 'yes' }, spec }, { replicas: 2 }));
      const isGated = (pod: Sent): boolean => conditionOf(pod, 'PodScheduled')?.reason === 'SchedulingGated';
      const gated = await untilAll(
        pods,
        'gated=yes',
        'all are gated',
        (items) => items.length === 2 && items.every(isGated),
      );
      for (const { metadata } of gated) {
        await pods.patch(metadata.name, 'merge', { spec: { schedulingGates: [{ name: 'foo' }] } });
        assert.ok(isGated(await pods.get(metadata.name)));
        await mustRefuse(pods.patch(metadata.name, 'merge', { spec: { schedulingGates: [{ name: 'new' }] } }), 422);
        await pods.patch(metadata.name, 'merge', { spec: { schedulingGates: null } });
        await runs(pods, metadata.name);
      }
    });
  });

  describe('SchedulerPriorities and spreading', { concurrency: 8 }, () => {
    test("Pod should be scheduled to node that don't match the PodAntiAffinity terms", async () => {
      const { pods } = await placedIn(cluster, 'sched-priority');
      const first = podOf('security-s1', { labels: { security: 'S1' } });
      await pods.create(first);
      const { spec } = await runs(pods, 'security-s1');
      const term = {
        topologyKey: hostname,
        labelSelector: { matchExpressions: [{ key: 'security', operator: 'In', values: ['S1', 'value2'] }] },
      };
      const rule = 'requiredDuringSchedulingIgnoredDuringExecution';
      await pods.create(podOf('apart', { spec: { affinity: { podAntiAffinity: { [rule]: [term] } } } }));
      await pods.create(podOf('beside', { spec: { affinity: { podAffinity: { [rule]: [term] } } } }));
      assert.notEqual((await runs(pods, 'apart')).spec.nodeName, spec.nodeName);
      isOn(await runs(pods, 'beside'), spec.nodeName);
    });

    test('Pod should be preferably scheduled to nodes which satisfy its preferred affinity, and avoid nodes that have taints it does not tolerate', async () => {
      const { pods } = await placedIn(cluster, 'sched-priority');
      const node = nodes.next();
      await nodes.label(node, { 'e2e-preferred': 'yes' });
      const preference = { matchExpressions: [{ key: 'e2e-preferred', operator: 'In', values: ['yes'] }] };
      const preferred = { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 100, preference }] };
      await pods.create(podOf('prefers', { spec: { affinity: { nodeAffinity: preferred } } }));
      isOn(await runs(pods, 'prefers'), node);
    });

    test('Multi-AZ Clusters should spread the pods of a replication controller and of a service across zones', async () => {
      const { sets, pods } = await placedIn(cluster, 'multi-az');
      await sets.create(setOf('ubelite-spread', { labels: { zone: 'spread' } }, { replicas: nodeCount }));
      const all = await untilAll(
        pods,
        'zone=spread',
        'all have a node',
        (items) => items.length === nodeCount && items.every((pod) => pod.spec.nodeName),
      );
      const counts = Map.groupBy(all, (pod) => pod.spec.nodeName);
      assert.ok(counts.size >= nodeCount - 2, `on ${counts.size} nodes`);
    });
  });
});
