import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonValue } from '../../api/object.ts';
import { startRegistry } from '../testing.ts';
import { pullPolicyOf } from './pod.ts';

const main = { name: 'main', image: 'registry.example/app:1' };

async function podOf(spec: object): Promise<Record<string, JsonValue>> {
  const cluster = await startRegistry();
  const pod = await cluster.create('pods', { metadata: { name: 'pod' }, spec: { containers: [main], ...spec } });
  return pod.spec;
}

type Seen = { readonly resources?: object; readonly resizePolicy?: object; readonly ports?: object };

test('what a container asks for follows from its limits, and may be resized without a restart', async () => {
  const resources = { limits: { cpu: '1', memory: '1Gi' }, requests: { cpu: '500m' } };
  const resizePolicy = [{ resourceName: 'memory', restartPolicy: 'RestartContainer' }];
  const { containers } = await podOf({ containers: [{ ...main, resources, resizePolicy }] });
  const [made] = containers as readonly Seen[];
  assert.deepEqual(made?.resources, { ...resources, requests: { cpu: '500m', memory: '1Gi' } });
  assert.deepEqual(made?.resizePolicy, [...resizePolicy, { resourceName: 'cpu', restartPolicy: 'NotRequired' }]);
});

test('a container that asks for nothing has no resize policy, and an init container none by default', async () => {
  const init = { ...main, name: 'init', resources: { requests: { cpu: '1' } } };
  const { containers, initContainers } = await podOf({ initContainers: [init] });
  assert.equal((containers as readonly Seen[])[0]?.resizePolicy, undefined);
  assert.equal((initContainers as readonly Seen[])[0]?.resizePolicy, undefined);
});

test('amounts finer than a thousandth are rounded up', async () => {
  const requests = { cpu: '1500u', memory: '1' };
  const { containers } = await podOf({ containers: [{ ...main, resources: { requests } }] });
  assert.deepEqual((containers as readonly Seen[])[0]?.resources, { requests: { cpu: '2m', memory: '1' } });
});

test('what a pod asks for as a whole follows from its containers, and else from its limits', async () => {
  const containers = [{ ...main, resources: { requests: { cpu: '250m' } } }];
  const { resources } = await podOf({ containers, resources: { limits: { cpu: '1', memory: '1Gi' } } });
  assert.deepEqual(resources, { limits: { cpu: '1', memory: '1Gi' }, requests: { cpu: '250m', memory: '1Gi' } });
});

test('huge pages of the containers are those of the pod', async () => {
  const pages = { 'hugepages-2Mi': '4Mi', memory: '1Gi' };
  const containers = [{ ...main, resources: { limits: pages } }];
  const { resources } = await podOf({ containers, resources: { limits: { memory: '2Gi' } } });
  const limits = { 'hugepages-2Mi': '4Mi', memory: '2Gi' };
  assert.deepEqual(resources, { limits, requests: { 'hugepages-2Mi': '4Mi', memory: '1Gi' } });
});

test('on the network of the node, ports are the node’s', async () => {
  const ports = [{ containerPort: 80 }];
  const init = { ...main, name: 'init', ports };
  const made = await podOf({ hostNetwork: true, containers: [{ ...main, ports }], initContainers: [init] });
  const expected = [{ containerPort: 80, hostPort: 80, protocol: 'TCP' }];
  for (const list of ['containers', 'initContainers']) {
    assert.deepEqual((made[list] as readonly Seen[])[0]?.ports, expected);
  }
});

test('volumes of drivers get their drivers’ defaults', async () => {
  const { volumes } = await podOf({
    volumes: [
      { name: 'a', rbd: { monitors: ['m'], image: 'i' } },
      { name: 'b', iscsi: { targetPortal: 'p', iqn: 'iqn.2015-02.a:b', lun: 0 } },
      { name: 'c', image: { reference: 'a:latest' } },
      { name: 'd', hostPath: { path: '/x' } },
      {
        name: 'e',
        ephemeral: {
          volumeClaimTemplate: {
            spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
          },
        },
      },
    ],
  });
  const [rbd, iscsi, image, hostPath, ephemeral] = volumes as unknown as Record<string, Record<string, unknown>>[];
  assert.deepEqual(rbd?.['rbd'], {
    monitors: ['m'],
    image: 'i',
    pool: 'rbd',
    user: 'admin',
    keyring: '/etc/ceph/keyring',
  });
  assert.equal(iscsi?.['iscsi']?.['iscsiInterface'], 'default');
  assert.equal(image?.['image']?.['pullPolicy'], 'Always');
  assert.equal(hostPath?.['hostPath']?.['type'], '');
  const template = ephemeral?.['ephemeral']?.['volumeClaimTemplate'] as { spec: { volumeMode: string } };
  assert.equal(template.spec.volumeMode, 'Filesystem');
});

test('a tag beside a digest decides whether an image is pulled', () => {
  assert.equal(pullPolicyOf('a:latest@sha256:00'), 'Always');
  assert.equal(pullPolicyOf('r:5000/a:1@sha256:00'), 'IfNotPresent');
  assert.equal(pullPolicyOf('r:5000/a@sha256:00'), 'IfNotPresent');
});
