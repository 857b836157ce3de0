/** Upstream's conformance tests of pods, nodes and what pods refer to, as far as they are steps at the API. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { eventually } from '../../harness.ts';
import { assertHas, dynamic, mustRefuse, type ResourceClient, refusal, typed } from './client.ts';
import { ConformanceCluster } from './cluster.ts';
import { update } from './lifecycle.ts';
import type { Sent } from './wire.ts';

const image = 'registry.k8s.io/pause:3.10';
const podSpec = (more: object = {}): Sent => ({ containers: [{ name: 'c', image }], ...more });

describe('conformance: Pods', { timeout: 120_000 }, () => {
  let cluster: ConformanceCluster;
  const wire = () => cluster.wire;

  before(async () => {
    cluster = await ConformanceCluster.up();
  });
  after(() => cluster.close());

  const podsOf = async (base: string): Promise<ResourceClient> =>
    typed(wire(), 'v1', 'Pod', await cluster.namespace(base));
  const running = (pods: ResourceClient, name: string): Promise<unknown> =>
    eventually(`${name} runs`, async () => (await pods.get(name)).status.phase === 'Running');

  test('Pods should be submitted and removed', async () => {
    const pods = await podsOf('pods');
    const selector = { labelSelector: 'time=1' };
    const watch = await pods.watch({
      ...selector,
      resourceVersion: (await pods.list(selector)).metadata.resourceVersion,
    });
    await pods.create({ metadata: { name: 'pod-submit-remove', labels: { name: 'foo', time: '1' } }, spec: podSpec() });
    assert.equal((await pods.list(selector)).items.length, 1);
    assert.equal((await watch.next('the pod')).type, 'ADDED');
    await running(pods, 'pod-submit-remove');
    await pods.delete('pod-submit-remove', { gracePeriodSeconds: 30 });
    const last = await watch.until('the deletion', ({ type }) => type === 'DELETED');
    assert.ok(last.object.metadata.deletionTimestamp);
    assert.equal(last.object.spec.terminationGracePeriodSeconds, 30);
    assert.deepEqual((await pods.list(selector)).items, []);
    watch.stop();
  });

  test('Pods should be updated', async () => {
    const pods = await podsOf('pods');
    await pods.create({ metadata: { name: 'pod-update', labels: { time: '1' } }, spec: podSpec() });
    await running(pods, 'pod-update');
    await update(pods, 'pod-update', '', { metadata: { labels: { time: '2' } } });
    assert.equal((await pods.list({ labelSelector: 'time=2' })).items.length, 1);
  });

  test('Pods should allow activeDeadlineSeconds to be updated', async () => {
    const pods = await podsOf('pods');
    await pods.create({ metadata: { name: 'deadline' }, spec: podSpec() });
    await running(pods, 'deadline');
    await update(pods, 'deadline', '', { spec: { activeDeadlineSeconds: 1 } });
    const { status } = await eventually('the pod has failed', async () => {
      const pod = await pods.get('deadline');
      return pod.status.phase === 'Failed' ? pod : undefined;
    });
    assert.equal(status.reason, 'DeadlineExceeded');
  });

  test('Pods should delete a collection of pods', async () => {
    const pods = await podsOf('pods');
    const names = ['test-pod-1', 'test-pod-2', 'test-pod-3'];
    for (const name of names)
      await pods.create({
        metadata: { name, labels: { type: 'Testing' } },
        spec: podSpec({ terminationGracePeriodSeconds: 1, restartPolicy: 'Never' }),
      });
    for (const name of names) await running(pods, name);
    await pods.deleteCollection({ labelSelector: 'type=Testing' }, { gracePeriodSeconds: 1 });
    await eventually(
      'they are gone',
      async () => (await pods.list({ labelSelector: 'type=Testing' })).items.length === 0,
    );
  });

  test('Pods should run through the lifecycle of Pods and PodStatus', async () => {
    const namespace = await cluster.namespace('pods');
    const pods = typed(wire(), 'v1', 'Pod', namespace);
    const selector = { labelSelector: 'test-pod-static=true' };
    const name = 'pod-test';
    const { metadata } = await typed(wire(), 'v1', 'Pod').list(selector);
    const watch = await pods.watch({ ...selector, resourceVersion: metadata.resourceVersion });
    const containers = [{ name, image }];
    await pods.create({
      metadata: { name, labels: { 'test-pod-static': 'true' } },
      spec: { terminationGracePeriodSeconds: 1, containers },
    });
    await watch.until('the pod runs', ({ object }) => object.status.phase === 'Running');
    // As Go writes a Pod of which little is set.
    const patch =
      '{"metadata":{"labels":{"test-pod":"patched"}},"spec":{"containers":[{"name":"pod-test","image":"httpd",' +
      '"resources":{}}],"terminationGracePeriodSeconds":1},"status":{}}';
    await pods.patch(name, 'strategic', patch);
    const patched = await pods.get(name);
    assert.deepEqual([patched.metadata.labels['test-pod'], patched.spec.containers[0].image], ['patched', 'httpd']);
    const unready = await eventually('the conditions are replaced', async () => {
      const pod = await dynamic(wire(), 'v1', 'Pod', namespace).get(name, 'status');
      const ours = pod.status.conditions.filter(({ type }: Sent) => ['Ready', 'ContainersReady'].includes(type));
      if (!ours.every(({ status }: Sent) => status === 'True')) return undefined;
      for (const condition of ours) condition.status = 'False';
      const written = pods.update(pod, 'status');
      return (await refusal(written, 409)) === undefined ? written : undefined;
    });
    const falses = unready.status.conditions.filter(
      ({ type, status }: Sent) => type.endsWith('Ready') && status === 'False',
    );
    assert.equal(falses.length, 2);
    await pods.deleteCollection(selector, { gracePeriodSeconds: 1 });
    await watch.until('the deletion', ({ type }) => type === 'DELETED');
    assert.ok(await pods.isGone(name));
    watch.stop();
  });

  test('Pods should patch a pod status', async () => {
    const namespace = await cluster.namespace('pods');
    const pods = typed(wire(), 'v1', 'Pod', namespace);
    await pods.create({ metadata: { name: 'pod', labels: { name: 'pod' } }, spec: podSpec() });
    await running(pods, 'pod');
    const patch = {
      metadata: { annotations: { 'patched-pod-status': 'true' } },
      status: { message: 'Patched by e2e test', reason: 'E2E' },
    };
    assertHas(await pods.patch('pod', 'strategic', patch, 'status'), patch, 'patched');
    const read = await dynamic(wire(), 'v1', 'Pod', namespace).get('pod', 'status');
    assert.equal(read.metadata.annotations['patched-pod-status'], 'true');
  });

  test('Pod InPlace Resize: a patch of /resize changes what a running pod asks for', async () => {
    const pods = await podsOf('resize');
    const resources = { requests: { cpu: '100m', memory: '100Mi' }, limits: { cpu: '100m', memory: '100Mi' } };
    await pods.create({ metadata: { name: 'pod' }, spec: { containers: [{ name: 'c', image, resources }] } });
    await running(pods, 'pod');
    const wanted = {
      ...resources,
      requests: { cpu: '200m', memory: '100Mi' },
      limits: { cpu: '200m', memory: '100Mi' },
    };
    const patch = { spec: { containers: [{ name: 'c', resources: wanted }] } };
    assertHas(await pods.patch('pod', 'strategic', patch, 'resize'), patch, 'resized');
    await mustRefuse(pods.patch('pod', 'strategic', { spec: { containers: [{ name: 'c', resources }] } }), 422);
  });

  test('Pods Extended Pods Set QOS Class should be set on Pods with matching resource requests and limits', async () => {
    const pods = await podsOf('pods');
    const resources = { requests: { cpu: '100m', memory: '100Mi' }, limits: { cpu: '100m', memory: '100Mi' } };
    const made = await pods.create({
      metadata: { name: 'qos' },
      spec: { containers: [{ name: 'c', image, resources }] },
    });
    assert.equal(made.status.qosClass, 'Guaranteed');
    assert.equal((await pods.get('qos')).status.qosClass, 'Guaranteed');
  });

  test('Ephemeral Containers will start an ephemeral container in an existing pod, and update it', async () => {
    const pods = await podsOf('ephemeral');
    await pods.create({ metadata: { name: 'ephemeral' }, spec: podSpec() });
    await running(pods, 'ephemeral');
    const debuggerOf = (name: string): Sent => ({ name, image, stdin: true, tty: true });
    const patch = { spec: { ephemeralContainers: [debuggerOf('debugger')] } };
    const patched = await pods.patch('ephemeral', 'strategic', patch, 'ephemeralcontainers');
    assert.equal(patched.spec.ephemeralContainers[0].name, 'debugger');
    const ephemeralContainers = [...patched.spec.ephemeralContainers, debuggerOf('debugger2')];
    const updated = await update(pods, 'ephemeral', 'ephemeralcontainers', { spec: { ephemeralContainers } });
    assert.equal(updated.spec.ephemeralContainers.length, 2);
  });

  test('Sysctls should reject invalid sysctls', async () => {
    const pods = await podsOf('sysctl');
    const sysctls = ['foo-', 'kernel.shmmax', 'safe-and-unsafe', 'bar..'].map((name) => ({ name, value: '1' }));
    const spec = podSpec({ securityContext: { sysctls } });
    const { message } = await mustRefuse(pods.create({ metadata: { name: 'sysctl' }, spec }), 422);
    for (const [index, name] of ['foo-', 'bar..'].entries())
      assert.match(
        message,
        new RegExp(`spec\\.securityContext\\.sysctls\\[${index * 3}\\]\\.name: Invalid value: "${name}"`),
      );
    assert.doesNotMatch(message, /kernel\.shmmax"/);
  });

  test('RuntimeClass should reject a Pod requesting a non-existent, or a deleted, RuntimeClass', async () => {
    const pods = await podsOf('runtimeclass');
    const classes = typed(wire(), 'node.k8s.io/v1', 'RuntimeClass');
    await classes.create({ metadata: { name: 'test-runtimeclass-gone' }, handler: 'test-handler' });
    await classes.delete('test-runtimeclass-gone');
    for (const runtimeClassName of ['test-runtimeclass-none', 'test-runtimeclass-gone']) {
      const refused = pods.create({ metadata: { name: 'none' }, spec: podSpec({ runtimeClassName }) });
      const { message } = await mustRefuse(refused, 403);
      assert.match(message, new RegExp(`pod rejected: RuntimeClass "${runtimeClassName}" not found`));
    }
  });

  test('RuntimeClass should schedule a Pod requesting a RuntimeClass and initialize its Overhead', async () => {
    const pods = await podsOf('runtimeclass');
    const classes = typed(wire(), 'node.k8s.io/v1', 'RuntimeClass');
    const podFixed = { cpu: '10m', memory: '1Mi' };
    await classes.create({ metadata: { name: 'overhead' }, handler: 'test-handler', overhead: { podFixed } });
    await classes.create({ metadata: { name: 'no-overhead' }, handler: 'test-handler' });
    for (const [runtimeClassName, overhead] of [
      ['overhead', podFixed],
      ['no-overhead', undefined],
    ] as const) {
      const metadata = { name: runtimeClassName };
      const pod = await pods.create({ metadata, spec: podSpec({ runtimeClassName }) });
      assert.deepEqual(pod.spec.overhead, overhead);
      await eventually('it is scheduled', async () => (await pods.get(runtimeClassName)).spec.nodeName !== undefined);
    }
    for (const name of ['overhead', 'no-overhead']) await classes.delete(name);
  });

  test('ConfigMap and Secret should fail to create with an empty key', async () => {
    const namespace = await cluster.namespace('data');
    for (const kind of ['ConfigMap', 'Secret']) {
      const object = { metadata: { name: 'emptykey' }, data: { '': 'dmFsdWU=' } };
      await mustRefuse(typed(wire(), 'v1', kind, namespace).create(object), 422);
    }
  });

  test('ConfigMap and Secret should be immutable if `immutable` field is set', async () => {
    const namespace = await cluster.namespace('data');
    for (const kind of ['ConfigMap', 'Secret']) {
      const client = typed(wire(), 'v1', kind, namespace);
      const created = await client.create({ metadata: { name: 'immutable' }, data: { key: 'b25l' } });
      const changed = await client.update({ ...created, data: { key: 'dHdv' } });
      const frozen = await client.update({ ...changed, immutable: true });
      await mustRefuse(client.update({ ...frozen, immutable: false }), 422);
      await mustRefuse(client.update({ ...frozen, data: { key: 'dGhyZWU=' } }), 422);
      const labelled = { ...frozen, metadata: { ...frozen.metadata, labels: { a: 'b' } } };
      assert.equal((await client.update(labelled)).metadata.labels.a, 'b');
      await client.delete('immutable');
    }
  });

  test('PriorityClass endpoints verify the value of a PriorityClass cannot be changed', async () => {
    const classes = typed(wire(), 'scheduling.k8s.io/v1', 'PriorityClass');
    const p1 = await classes.create({ metadata: { name: 'p1' }, value: 1 });
    await classes.create({ metadata: { name: 'p2' }, value: 2 });
    await mustRefuse(classes.update({ ...p1, value: 10 }), 422);
    await mustRefuse(classes.patch('p2', 'json', [{ op: 'replace', path: '/value', value: 20 }]), 422);
    assert.equal((await classes.update({ ...p1, description: 'updated' })).description, 'updated');
    const patched = await classes.patch('p2', 'json', [{ op: 'add', path: '/description', value: 'patched' }]);
    assert.equal(patched.description, 'patched');
    for (const name of ['p1', 'p2']) await classes.delete(name);
  });

  test('Node Lifecycle should run through the lifecycle of a node', async () => {
    const nodes = typed(wire(), 'v1', 'Node');
    const name = 'e2e-fake-node';
    await nodes.create({
      metadata: { name },
      status: {
        phase: 'Running',
        conditions: [{ status: 'True', message: 'Set from e2e test', reason: 'E2E', type: 'Ready' }],
      },
    });
    assert.equal((await nodes.get(name)).metadata.name, name);
    const patched = await nodes.patch(name, 'strategic', { metadata: { labels: { [name]: 'patched' } } });
    assert.equal(patched.metadata.labels[name], 'patched');
    assert.equal((await nodes.list({ labelSelector: `${name}=patched` })).items.length, 1);
    await update(nodes, name, '', { metadata: { labels: { [name]: 'updated' } } });
    const watch = await nodes.watch({ labelSelector: `${name}=updated` });
    await nodes.deleteCollection({ labelSelector: `${name}=updated` });
    await watch.until('the deletion', ({ type }) => type === 'DELETED');
    assert.equal((await nodes.list()).items.length, 2);
    watch.stop();
  });

  test('Services should provide secure master service', async () => {
    const { spec } = await typed(wire(), 'v1', 'Service', 'default').get('kubernetes');
    assert.equal(spec.ports[0].name, 'https');
    assert.equal(spec.ports[0].port, 443);
  });

  test('Services should be able to change the type from ExternalName to ClusterIP and NodePort, and back', async () => {
    const services = typed(wire(), 'v1', 'Service', await cluster.namespace('services'));
    const ports = [{ port: 80, name: 'http', protocol: 'TCP', targetPort: 9376 }];
    const external = { type: 'ExternalName', externalName: 'foo.example.com' };
    await services.create({ metadata: { name: 'web' }, spec: external });
    for (const type of ['ClusterIP', 'NodePort']) {
      const before = await services.get('web');
      const changed = await services.update({ ...before, spec: { ...before.spec, type, externalName: '', ports } });
      assert.match(changed.spec.clusterIP, /^[0-9.]+$/);
      assert.equal(changed.spec.ports[0].nodePort !== undefined, type === 'NodePort');
      const back = await services.update({ ...changed, spec: { ...changed.spec, ...external } });
      assert.deepEqual([back.spec.clusterIP ?? '', back.spec.externalTrafficPolicy], ['', undefined]);
    }
  });

  test('Services should find a service from listing all namespaces', async () => {
    const { items } = await typed(wire(), 'v1', 'Service').list();
    const found = items.find(
      ({ metadata }: Sent) => metadata.name === 'kubernetes' && metadata.namespace === 'default',
    );
    assert.ok(found);
  });

  test('Conformance Tests should have at least two untainted nodes', async () => {
    const { items } = await typed(wire(), 'v1', 'Node').list();
    assert.ok(items.filter(({ spec }: Sent) => (spec?.taints ?? []).length === 0).length >= 2);
  });
});
