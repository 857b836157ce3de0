/** Rollouts of StatefulSets and DaemonSets as kubectl 1.36 sees them: status, history, undo, restart, scale; on simulated nodes. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { eventually, TestCluster } from '../harness.ts';

const image = 'registry.k8s.io/pause:3.10';

const manifest = (kind: string, name: string, more: string): string => `
apiVersion: apps/v1
kind: ${kind}
metadata:
  name: ${name}
  annotations: {kubernetes.io/change-cause: first}
spec:
  selector: {matchLabels: {app: ${name}}}
  ${more}
  template:
    metadata: {labels: {app: ${name}}}
    spec:
      terminationGracePeriodSeconds: 0
      containers: [{name: main, image: '${image}', env: [{name: VERSION, value: 'one'}]}]
`;

interface Workload {
  readonly status: Readonly<Record<string, unknown>>;
}

describe('rollouts with kubectl', { timeout: 180_000 }, () => {
  let cluster: TestCluster;

  before(async () => {
    cluster = await TestCluster.up('--simulated-nodes', '3');
  });
  after(() => TestCluster.closeAll());

  async function apply(kind: string, name: string, more: string): Promise<void> {
    const result = await cluster.kubectl(['apply', '-f', '-'], { input: manifest(kind, name, more) });
    assert.equal(result.code, 0, result.stderr);
  }

  const versions = async (name: string): Promise<readonly string[]> => {
    const path = '{range .items[*]}{.spec.containers[0].env[0].value}{"\\n"}{end}';
    const out = await cluster.mustKubectl('get', 'pods', '-l', `app=${name}`, '-o', `jsonpath=${path}`);
    return out.trim().split('\n');
  };

  async function rollsForthAndBack(what: string, name: string, count: number): Promise<void> {
    const done = /(rolling update complete|successfully rolled out|partitioned roll out complete)/;
    assert.match(await cluster.mustKubectl('rollout', 'status', what, '--timeout=60s'), done);
    await cluster.mustKubectl('annotate', what, '--overwrite', 'kubernetes.io/change-cause=second');
    await cluster.mustKubectl('set', 'env', what, 'VERSION=two');
    assert.match(await cluster.mustKubectl('rollout', 'status', what, '--timeout=60s'), done);
    assert.deepEqual(
      await versions(name),
      Array.from({ length: count }, () => 'two'),
    );
    assert.match(await cluster.mustKubectl('rollout', 'history', what), /^1 +first\n2 +second$/m);
    assert.match(await cluster.mustKubectl('rollout', 'history', what, '--revision=1'), /VERSION:\s+one/);
    assert.match(await cluster.mustKubectl('rollout', 'undo', what), /rolled back/);
    assert.match(await cluster.mustKubectl('rollout', 'status', what, '--timeout=60s'), done);
    assert.deepEqual(
      await versions(name),
      Array.from({ length: count }, () => 'one'),
    );
    assert.match(await cluster.mustKubectl('rollout', 'history', what), /^2 .*\n3 /m);
    assert.match(
      await cluster.mustKubectl('rollout', 'undo', what, '--to-revision=3'),
      /skipped rollback \(current template already matches revision 3\)/,
    );
    const before = await cluster.mustKubectl(
      'get',
      'pods',
      '-l',
      `app=${name}`,
      '-o',
      'jsonpath={.items[*].metadata.uid}',
    );
    assert.match(await cluster.mustKubectl('rollout', 'restart', what), /restarted/);
    assert.match(await cluster.mustKubectl('rollout', 'status', what, '--timeout=60s'), done);
    const now = await cluster.mustKubectl(
      'get',
      'pods',
      '-l',
      `app=${name}`,
      '-o',
      'jsonpath={.items[*].metadata.uid}',
    );
    assert.ok(now.split(' ').every((uid) => !before.includes(uid)));
  }

  test('a StatefulSet rolls forth and back, and scales', async () => {
    await apply('StatefulSet', 'db', 'serviceName: db\n  replicas: 3');
    await rollsForthAndBack('statefulset/db', 'db', 3);
    await cluster.mustKubectl('scale', 'statefulset/db', '--replicas=1');
    await eventually('one pod is left', async () => {
      const { status } = await cluster.json<Workload>('get', 'statefulset', 'db');
      return status['replicas'] === 1 && status['availableReplicas'] === 1;
    });
    assert.match(await cluster.mustKubectl('get', 'statefulset', 'db'), /^db +1\/1 /m);
    assert.match(
      await cluster.mustKubectl('describe', 'statefulset', 'db'),
      /SuccessfulDelete .*statefulset-controller +delete Pod db-2 in StatefulSet db successful/,
    );
  });

  test('a StatefulSet makes claims for its pods', async () => {
    const claims = `serviceName: store
  replicas: 2
  volumeClaimTemplates:
  - metadata: {name: data}
    spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}`;
    await apply('StatefulSet', 'store', claims);
    await eventually(
      'the first claim is there',
      async () => (await cluster.kubectl(['get', 'pvc', 'data-store-0'])).code === 0,
    );
    await cluster.mustKubectl('delete', 'statefulset', 'store', '--cascade=orphan');
    assert.match(await cluster.mustKubectl('get', 'pods', '-l', 'app=store'), /^store-0 /m);
    await apply('StatefulSet', 'store', claims);
    await eventually('the pod is adopted', async () => {
      const path = 'jsonpath={.metadata.ownerReferences[0].name}';
      return (await cluster.mustKubectl('get', 'pod', 'store-0', '-o', path)) === 'store';
    });
    await cluster.mustKubectl('delete', 'statefulset', 'store', '--cascade=foreground', '--timeout=30s');
    assert.match(await cluster.mustKubectl('get', 'pvc'), /^data-store-0 /m);
    await cluster.mustKubectl('delete', 'pvc', '--all');
  });

  test('a DaemonSet rolls forth and back, and follows the labels of nodes', async () => {
    await apply('DaemonSet', 'agent', '');
    await rollsForthAndBack('daemonset/agent', 'agent', 3);
    assert.match(await cluster.mustKubectl('get', 'daemonset', 'agent'), /^agent +3 +3 +3 +3 +3 +<none>/m);
    const [node = ''] = (await cluster.mustKubectl('get', 'nodes', '-o', 'name')).split('\n');
    await cluster.mustKubectl('label', node, 'role=edge');
    const nodeSelector = '{"spec":{"template":{"spec":{"nodeSelector":{"role":"edge"}}}}}';
    await cluster.mustKubectl('patch', 'daemonset', 'agent', '-p', nodeSelector);
    await cluster.mustKubectl('rollout', 'status', 'daemonset/agent', '--timeout=60s');
    await eventually('one pod is left', async () => (await versions('agent')).length === 1);
    await cluster.mustKubectl('drain', node.slice('node/'.length), '--ignore-daemonsets', '--force', '--timeout=30s');
    assert.equal((await versions('agent')).length, 1, 'a cordon does not concern it');
    await cluster.mustKubectl('delete', 'daemonset', 'agent', '--cascade=foreground', '--timeout=30s');
    await eventually(
      'its history is gone',
      async () => (await cluster.mustKubectl('get', 'controllerrevisions', '-l', 'app=agent')) === '',
    );
  });
});
