/**
 * Upstream's end-to-end tests of NoExecute taints (`sig-node`), and of what a node refuses that nobody asked the scheduler for. Each test
 * has a node of its own.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type ResourceClient, typed } from './client.ts';
import { ConformanceCluster } from './cluster.ts';
import { OwnNodes } from './node-steps.ts';
import { conditionOf, gone, podOf, runs, until } from './steps.ts';

const taint = { key: 'kubernetes.io/e2e-evict-taint-key', value: 'evictTaintVal', effect: 'NoExecute' };

describe('conformance: taints, and what a node refuses', { timeout: 120_000, concurrency: 8 }, () => {
  let cluster: ConformanceCluster;
  let nodes: OwnNodes;

  before(async () => {
    cluster = await ConformanceCluster.up(8);
    nodes = await OwnNodes.of(cluster);
  });
  after(() => cluster.close());

  const podsIn = async (base: string): Promise<ResourceClient> =>
    typed(cluster.wire, 'v1', 'Pod', await cluster.namespace(base));
  const tolerates = (tolerationSeconds?: number): object => ({
    tolerations: [
      {
        key: taint.key,
        value: taint.value,
        effect: taint.effect,
        ...(tolerationSeconds !== undefined && { tolerationSeconds }),
      },
    ],
  });
  const startOn = async (pods: ResourceClient, name: string, nodeName: string, spec: object = {}): Promise<void> => {
    await pods.create(podOf(name, { spec: { nodeName, ...spec } }));
    await runs(pods, name);
  };

  test('NoExecuteTaintManager Single Pod evicts pods from tainted nodes, and says why', async () => {
    const pods = await podsIn('taint-single-pod');
    const node = nodes.next();
    await pods.create({
      ...podOf('taint-eviction-1', { spec: { nodeName: node } }),
      metadata: { name: 'taint-eviction-1', finalizers: ['example.com/test-finalizer'] },
    });
    await runs(pods, 'taint-eviction-1');
    await nodes.setTaints(node, [taint]);
    const pod = await until(pods, 'taint-eviction-1', 'it is evicted', ({ metadata }) => metadata.deletionTimestamp);
    const { status, reason } = conditionOf(pod, 'DisruptionTarget');
    assert.deepEqual([status, reason], ['True', 'DeletionByTaintManager']);
    await pods.patch('taint-eviction-1', 'merge', { metadata: { finalizers: null } });
  });

  test("NoExecuteTaintManager Single Pod doesn't evict pod with tolerations from tainted nodes; evicts it when its tolerationSeconds are over", async () => {
    const pods = await podsIn('taint-single-pod');
    const node = nodes.next();
    await startOn(pods, 'tolerates', node, tolerates());
    await startOn(pods, 'for-a-second', node, tolerates(1));
    await startOn(pods, 'for-long', node, tolerates(3600));
    await nodes.setTaints(node, [taint]);
    await gone(pods, 'for-a-second');
    for (const name of ['tolerates', 'for-long'])
      assert.equal((await pods.get(name)).metadata.deletionTimestamp, undefined);
  });

  test('NoExecuteTaintManager Single Pod removing taint cancels eviction', async () => {
    const pods = await podsIn('taint-single-pod');
    const node = nodes.next();
    const marker = nodes.next();
    await startOn(pods, 'stays', node, tolerates(2));
    await startOn(pods, 'goes', marker, tolerates(2));
    await nodes.setTaints(node, [taint]);
    await nodes.setTaints(node, []);
    // What is tolerated as long, from later on, goes last.
    await nodes.setTaints(marker, [taint]);
    await gone(pods, 'goes');
    assert.equal((await pods.get('stays')).metadata.deletionTimestamp, undefined);
  });

  test('NoExecuteTaintManager Multiple Pods evicts pods with minTolerationSeconds', async () => {
    const pods = await podsIn('taint-multiple-pods');
    const pair = [nodes.next(), nodes.next()] as const;
    await startOn(pods, 'taint-eviction-b1', pair[0], tolerates(1));
    await startOn(pods, 'taint-eviction-b2', pair[1], tolerates(3600));
    for (const node of pair) await nodes.setTaints(node, [taint]);
    await gone(pods, 'taint-eviction-b1');
    assert.equal((await pods.get('taint-eviction-b2')).metadata.deletionTimestamp, undefined);
  });

  test('a node refuses a pod that names it, where its port is taken, and keeps the one that was there first', async () => {
    const pods = await podsIn('node-admission');
    const nodeName = nodes.next();
    const onPort = (protocol: string): object => ({ ports: [{ containerPort: 80, hostPort: 21_018, protocol }] });
    await pods.create(podOf('first', { container: onPort('TCP'), spec: { nodeName } }));
    await runs(pods, 'first');
    await pods.create(podOf('second', { container: onPort('TCP'), spec: { nodeName } }));
    const { status } = await until(pods, 'second', 'it has failed', (pod) => pod.status.phase === 'Failed');
    const why = "Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports";
    assert.deepEqual([status.reason, status.message], ['NodePorts', `Pod was rejected: ${why}`]);
    await pods.create(podOf('other-protocol', { container: onPort('UDP'), spec: { nodeName } }));
    await runs(pods, 'other-protocol');
    assert.equal((await pods.get('first')).status.phase, 'Running');
    await pods.delete('first');
    await gone(pods, 'first');
    await pods.create(podOf('third', { container: onPort('TCP'), spec: { nodeName } }));
    await runs(pods, 'third');
  });
});
