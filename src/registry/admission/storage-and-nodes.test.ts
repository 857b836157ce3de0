import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { make, rejection, startRegistry, type TestRegistry, text } from '../testing.ts';

const storageClass = (name: string, marked: boolean, more: object = {}, annotation = 'storageclass.kubernetes.io') => ({
  metadata: { name, annotations: { [`${annotation}/is-default-class`]: String(marked) } },
  provisioner: 'example.com/disk',
  ...more,
});
const ingressClass = (name: string, marked = true) => ({
  metadata: { name, annotations: { 'ingressclass.kubernetes.io/is-default-class': String(marked) } },
  spec: { controller: 'example.com/one' },
});
const ingress = (fields: object = {}, metadata: object = {}) => ({
  metadata: { name: 'web', ...metadata },
  spec: { defaultBackend: { service: { name: 'web', port: { number: 80 } } }, ...fields },
});

interface Classed {
  readonly spec: { readonly storageClassName?: string; readonly ingressClassName?: string };
}

describe('the class that nobody asked for', () => {
  const classOf = async (registry: TestRegistry, body: object): Promise<string | undefined> =>
    ((await registry.create('persistentvolumeclaims', body, { dryRun: true })) as unknown as Classed).spec
      .storageClassName;

  test('of a claim is the newest default, the first by name of those of one second', async () => {
    const registry = await startRegistry();
    assert.equal(await classOf(registry, make.claim()), 'naru-local');
    await registry.delete('storageclasses.storage.k8s.io', 'naru-local');
    assert.equal(await classOf(registry, make.claim()), undefined);
    await registry.create('storageclasses.storage.k8s.io', storageClass('old', true));
    await registry.create('storageclasses.storage.k8s.io', storageClass('other', false));
    assert.equal(await classOf(registry, make.claim()), 'old');
    await registry.clock.advance(2_000);
    await registry.create('storageclasses.storage.k8s.io', storageClass('new-b', true));
    await registry.create(
      'storageclasses.storage.k8s.io',
      storageClass('new-a', true, {}, 'storageclass.beta.kubernetes.io'),
    );
    assert.equal(await classOf(registry, make.claim()), 'new-a');
  });

  test('of a claim is none where it asked for none, or for one in the old way', async () => {
    const registry = await startRegistry();
    await registry.create('storageclasses.storage.k8s.io', storageClass('disk', true));
    assert.equal(await classOf(registry, make.claim({ spec: { storageClassName: '' } })), '');
    const annotations = { 'volume.beta.kubernetes.io/storage-class': '' };
    assert.equal(await classOf(registry, make.claim({ metadata: { annotations } })), undefined);
  });

  test('of an ingress is the newest default, unless it says one by field or annotation', async () => {
    const registry = await startRegistry();
    const classes = async (...bodies: object[]): Promise<(string | undefined)[]> => {
      const made = bodies.map((body) => registry.create('ingresses.networking.k8s.io', body, { dryRun: true }));
      return (await Promise.all(made)).map((one) => (one as unknown as Classed).spec.ingressClassName);
    };
    assert.deepEqual(await classes(ingress()), ['naru'], 'of every cluster');
    await registry.create('ingressclasses.networking.k8s.io', ingressClass('old'));
    await registry.create('ingressclasses.networking.k8s.io', ingressClass('not', false));
    await registry.clock.advance(2_000);
    await registry.create('ingressclasses.networking.k8s.io', ingressClass('new'));
    const annotated = ingress({}, { annotations: { 'kubernetes.io/ingress.class': 'x' } });
    assert.deepEqual(await classes(ingress(), ingress({ ingressClassName: 'mine' }), annotated), [
      'new',
      'mine',
      undefined,
    ]);
  });
});

describe('a claim that grows', () => {
  /** A claim of the class `disk` in this phase. */
  async function withClaim(phase: string, allowVolumeExpansion?: boolean): Promise<TestRegistry> {
    const registry = await startRegistry();
    const more = allowVolumeExpansion === undefined ? {} : { allowVolumeExpansion };
    await registry.create('storageclasses.storage.k8s.io', storageClass('disk', true, more));
    await registry.create('persistentvolumeclaims', make.claim({ spec: { volumeName: 'v' } }));
    await registry.patch('persistentvolumeclaims', 'data', { status: { phase } }, { subresource: 'status' });
    return registry;
  }
  const grow = (registry: TestRegistry, storage: string) =>
    registry.patch('persistentvolumeclaims', 'data', { spec: { resources: { requests: { storage } } } });
  const cannot =
    'persistentvolumeclaims "data" is forbidden: only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize';

  test('must be of a class that says it may', async () => {
    for (const allowed of [undefined, false])
      assert.equal((await rejection(grow(await withClaim('Bound', allowed), '2Gi'), 'Forbidden')).message, cannot);
    const registry = await withClaim('Bound', true);
    await grow(registry, '2Gi');
    await registry.delete('storageclasses.storage.k8s.io', 'disk');
    assert.equal((await rejection(grow(registry, '3Gi'), 'Forbidden')).message, cannot);
  });

  test('may say the same size in other words', async () => {
    await grow(await withClaim('Bound', false), '1024Mi');
  });
});

describe('what is protected from its birth', () => {
  const finalizersOf = async (registry: TestRegistry, resource: string, body: object): Promise<unknown> =>
    (await registry.create(resource, body)).metadata.finalizers;

  test('claims, volumes and classes of attributes have a finalizer each, once', async () => {
    const registry = await startRegistry();
    assert.deepEqual(await finalizersOf(registry, 'persistentvolumeclaims', make.claim()), [
      'kubernetes.io/pvc-protection',
    ]);
    const finalizers = ['example.com/mine', 'kubernetes.io/pvc-protection'];
    const own = make.claim({ metadata: { finalizers } }, 'own');
    assert.deepEqual(await finalizersOf(registry, 'persistentvolumeclaims', own), finalizers);
    const spec = { capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'], hostPath: { path: '/a' } };
    assert.deepEqual(await finalizersOf(registry, 'persistentvolumes', { metadata: { name: 'v' }, spec }), [
      'kubernetes.io/pv-protection',
    ]);
    const attributes = { metadata: { name: 'fast' }, driverName: 'example.com', parameters: { a: 'b' } };
    assert.deepEqual(await finalizersOf(registry, 'volumeattributesclasses.storage.k8s.io', attributes), [
      'kubernetes.io/vac-protection',
    ]);
  });

  test('a claim that is deleted waits', async () => {
    const registry = await startRegistry();
    await registry.create('persistentvolumeclaims', make.claim());
    const deleted = await registry.delete('persistentvolumeclaims', 'data');
    assert.match(text(deleted.metadata.deletionTimestamp), /^20/);
    await registry.get('persistentvolumeclaims', 'data');
  });
});

describe('a new node', () => {
  const taintsOf = (node: unknown) => (node as { readonly spec: { readonly taints: unknown } }).spec.taints;
  const notReady = { key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule' };

  test('takes no pods before it is ready', async () => {
    const registry = await startRegistry();
    assert.deepEqual(taintsOf(await registry.create('nodes', make.node())), [notReady]);
    const own = { key: 'example.com/gpu', effect: 'NoSchedule' };
    const tainted = await registry.create('nodes', make.node({ spec: { taints: [own] } }, 'n2'));
    assert.deepEqual(taintsOf(tainted), [own, notReady]);
    const both = await registry.create('nodes', make.node({ spec: { taints: [{ ...notReady, value: 'x' }] } }, 'n3'));
    assert.deepEqual(taintsOf(both), [{ ...notReady, value: 'x' }]);
  });
});
