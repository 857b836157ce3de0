/**
 * Upstream's conformance tests of what stands behind a Service (`sig-network`: EndpointSlice, EndpointSliceMirroring, Endpoints), step by
 * step, where no traffic is needed. A test is named after upstream's.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { eventually } from '../../harness.ts';
import { type ResourceClient, typed } from './client.ts';
import { ConformanceCluster } from './cluster.ts';
import type { Sent } from './wire.ts';

const sliceApi = 'discovery.k8s.io/v1';
const pause = 'registry.k8s.io/pause:3.10';

interface Behind {
  readonly services: ResourceClient;
  readonly endpoints: ResourceClient;
  readonly slices: ResourceClient;
  readonly pods: ResourceClient;
}

describe('conformance: what stands behind Services', { timeout: 120_000 }, () => {
  let cluster: ConformanceCluster;

  before(async () => {
    cluster = await ConformanceCluster.up();
  });
  after(() => cluster.close());

  const clientsIn = (namespace: string): Behind => ({
    services: typed(cluster.wire, 'v1', 'Service', namespace),
    endpoints: typed(cluster.wire, 'v1', 'Endpoints', namespace),
    slices: typed(cluster.wire, sliceApi, 'EndpointSlice', namespace),
    pods: typed(cluster.wire, 'v1', 'Pod', namespace),
  });

  const slicesOf = async (slices: ResourceClient, service: string): Promise<readonly Sent[]> =>
    (await slices.list({ labelSelector: `kubernetes.io/service-name=${service}` })).items;

  const addressesOf = (slices: readonly Sent[]): readonly string[] =>
    slices.flatMap((slice) => (slice.endpoints ?? []).flatMap((each: Sent) => each.addresses)).toSorted();

  test('EndpointSlice should have Endpoints and EndpointSlices pointing to API Server', async () => {
    const { endpoints, slices } = clientsIn('default');
    let old: Sent;
    await eventually('the Endpoints of the API', async () => {
      if (await endpoints.isGone('kubernetes')) return false;
      old = await endpoints.get('kubernetes');
      return (await slicesOf(slices, 'kubernetes')).length > 0;
    });
    assert.equal(old?.subsets?.length, 1);
    const ready = old.subsets[0].addresses.map(({ ip }: { ip: string }) => ip);
    const found = await slicesOf(slices, 'kubernetes');
    assert.deepEqual(addressesOf(found), ready);
    assert.deepEqual(found[0]?.ports, old.subsets[0].ports);
  });

  test('EndpointSlice should create and delete Endpoints and EndpointSlices for a Service with a selector specified', async () => {
    const { services, endpoints, slices } = clientsIn(await cluster.namespace('endpointslice'));
    const ports = [{ name: 'example', port: 80, protocol: 'TCP' }];
    const spec = {
      selector: { 'does-not-match-anything': 'endpoints-and-endpoint-slices-should-still-be-created' },
      ports,
    };
    await services.create({ metadata: { name: 'example-empty-selector' }, spec });
    await eventually('Endpoints and one slice', async () => {
      if (await endpoints.isGone('example-empty-selector')) return false;
      return (await slicesOf(slices, 'example-empty-selector')).length === 1;
    });
    await services.delete('example-empty-selector');
    await eventually('Endpoints and slices are gone', async () => {
      if (!(await endpoints.isGone('example-empty-selector'))) return false;
      return (await slicesOf(slices, 'example-empty-selector')).length === 0;
    });
  });

  test('EndpointSlice should create Endpoints and EndpointSlices for Pods matching a Service', async () => {
    const { services, endpoints, slices, pods } = clientsIn(await cluster.namespace('endpointslice'));
    const labelsOf = { pod1: { foo: 'bar', shared: 'label' }, pod2: { shared: 'label' } };
    for (const [name, labels] of Object.entries(labelsOf)) {
      const containerPorts = [{ name: 'example-name', containerPort: 3000, protocol: 'TCP' }];
      const more = name === 'pod1' ? [] : [{ name: 'other-port', containerPort: 8080, protocol: 'TCP' }];
      const ports = name === 'pod1' ? containerPorts : [{ ...containerPorts[0], containerPort: 3001 }, ...more];
      const containers = [{ name: 'container1', image: pause, ports }];
      await pods.create({ metadata: { name, labels }, spec: { containers, terminationGracePeriodSeconds: 0 } });
    }
    const named = { name: 'example', port: 80, targetPort: 'example-name', protocol: 'TCP' };
    await services.create({
      metadata: { name: 'example-int-port' },
      spec: { selector: { foo: 'bar' }, ports: [{ ...named, targetPort: 3000 }], publishNotReadyAddresses: true },
    });
    await services.create({
      metadata: { name: 'example-named-port' },
      spec: { selector: { shared: 'label' }, ports: [named], publishNotReadyAddresses: true },
    });
    const ips = async (names: readonly string[]): Promise<readonly string[]> =>
      (await Promise.all(names.map(async (name) => (await pods.get(name)).status.podIP))).toSorted();
    await eventually('both pods have addresses', async () => (await ips(['pod1', 'pod2'])).every(Boolean));
    for (const [service, names, sliceCount, portNumbers] of [
      ['example-int-port', ['pod1'], 1, [3000]],
      // A name that means another number in each pod: a slice for each.
      ['example-named-port', ['pod1', 'pod2'], 2, [3000, 3001]],
    ] as const) {
      const wanted = await ips(names);
      let found: readonly Sent[] = [];
      await eventually(`the slices of ${service}`, async () => {
        found = await slicesOf(slices, service);
        return found.length === sliceCount && addressesOf(found).join() === wanted.join();
      });
      assert.deepEqual(found.map((slice) => slice.ports[0].port).toSorted(), portNumbers);
      for (const slice of found) {
        for (const { conditions, targetRef, nodeName } of slice.endpoints) {
          assert.equal(conditions.ready, true);
          const pod = await pods.get(targetRef.name);
          assert.deepEqual([targetRef.kind, targetRef.uid, nodeName], ['Pod', pod.metadata.uid, pod.spec.nodeName]);
        }
      }
      await eventually(`the Endpoints of ${service}`, async () => {
        const { subsets = [] } = await endpoints.get(service);
        const all = subsets.flatMap(({ addresses = [] }: Sent) => addresses.map(({ ip }: Sent) => ip));
        return all.toSorted().join() === wanted.join();
      });
    }
  });

  test('EndpointSliceMirroring should mirror a custom Endpoints resource through create update and delete', async () => {
    const { services, endpoints, slices } = clientsIn(await cluster.namespace('endpointslicemirroring'));
    const ports = [{ name: 'example', port: 80, protocol: 'TCP' }];
    const name = 'example-custom-endpoints';
    await services.create({ metadata: { name }, spec: { ports } });
    await endpoints.create({ metadata: { name }, subsets: [{ ports, addresses: [{ ip: '10.1.2.3' }] }] });
    const shows = (what: string, port: number, address: string) =>
      eventually(what, async () => {
        const [slice, ...others] = await slicesOf(slices, name);
        return others.length === 0 && slice?.ports?.[0]?.port === port && addressesOf([slice])[0] === address;
      });
    await shows('the mirror', 80, '10.1.2.3');
    const standing = await endpoints.get(name);
    await endpoints.update({
      ...standing,
      subsets: [{ ports: [{ ...ports[0], port: 81 }], addresses: [{ ip: '10.2.3.4' }] }],
    });
    await shows('the changed mirror', 81, '10.2.3.4');
    await endpoints.delete(name);
    await eventually('the mirror is gone', async () => (await slicesOf(slices, name)).length === 0);
  });

  test('ReplicationController should test the lifecycle of a ReplicationController', async () => {
    const namespace = await cluster.namespace('replication-controller');
    const controllers = typed(cluster.wire, 'v1', 'ReplicationController', namespace);
    const labels = { 'test-rc-static': 'true' };
    const containers = [{ name: 'main', image: pause }];
    await controllers.create({
      metadata: { name: 'rc-test', labels },
      spec: {
        replicas: 1,
        selector: labels,
        template: { metadata: { labels }, spec: { containers, terminationGracePeriodSeconds: 0 } },
      },
    });
    const ready = (count: number) =>
      eventually(`${count} ready replicas`, async () => {
        const { status } = await controllers.get('rc-test');
        return (status.readyReplicas ?? 0) === count && (status.replicas ?? 0) === count;
      });
    await ready(1);
    await controllers.patch('rc-test', 'strategic', { metadata: { labels: { 'test-rc': 'patched' } } });
    await controllers.patch('rc-test', 'strategic', { status: { readyReplicas: 0, availableReplicas: 0 } }, 'status');
    await ready(1);
    assert.equal((await controllers.get('rc-test', 'status')).metadata.labels['test-rc'], 'patched');
    await controllers.patch('rc-test', 'strategic', { spec: { replicas: 2 } }, 'scale');
    await ready(2);
    assert.equal((await controllers.get('rc-test', 'scale')).status.replicas, 2);
    const list = await controllers.list({ labelSelector: 'test-rc-static=true' });
    assert.deepEqual(
      list.items.map(({ metadata }: Sent) => metadata.name),
      ['rc-test'],
    );
    // Where nobody says how, this kind leaves its pods behind.
    const options = { propagationPolicy: 'Background' };
    await controllers.deleteCollection({ labelSelector: 'test-rc-static=true' }, options);
    await eventually('it is gone', () => controllers.isGone('rc-test'));
    const pods = typed(cluster.wire, 'v1', 'Pod', namespace);
    await eventually('its pods are gone', async () => (await pods.list()).items.length === 0);
  });
});
