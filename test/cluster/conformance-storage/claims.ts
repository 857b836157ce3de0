/** The life of claims of storage: bound, used, protected, released; and those that are made for one pod. */
import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import type { Container, PersistentVolume, PersistentVolumeClaim } from '../../../src/api/schema/types/core-v1.ts';
import { eventually } from '../../harness.ts';
import { condition, create, forever, type Manifest, podManifest, script } from '../workload.ts';
import type { StorageLab } from './lab.ts';
import { at, one } from './row.ts';

export function testClaims(lab: StorageLab): void {
  const volume = (name: string, storageClassName: string): Manifest => ({
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name },
    spec: {
      capacity: { storage: '1Gi' },
      accessModes: ['ReadWriteOnce'],
      persistentVolumeReclaimPolicy: 'Retain',
      storageClassName,
      hostPath: { path: path.join(lab.host, name), type: 'DirectoryOrCreate' },
    },
  });
  const claimSpec = (storageClassName: string) => ({
    accessModes: ['ReadWriteOnce' as const],
    storageClassName,
    resources: { requests: { storage: '1Gi' } },
  });
  const claim = (name: string, storageClassName: string): Manifest => ({
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name },
    spec: claimSpec(storageClassName),
  });
  const ofClaim = (name: string, claimName: string, container: Partial<Container>): Manifest =>
    podManifest(name, { volumes: one({ persistentVolumeClaim: { claimName } }), containers: [container] });
  const claimIs = (
    name: string,
    what: string,
    holds: (claim: PersistentVolumeClaim) => boolean,
  ): Promise<PersistentVolumeClaim> =>
    eventually(`claim ${name} ${what}`, async () => {
      const found = await lab.cluster.json<PersistentVolumeClaim>('get', 'pvc', name);
      return holds(found) ? found : undefined;
    });
  const claimIsGone = (name: string): Promise<boolean> =>
    eventually(
      `claim ${name} is gone`,
      async () => (await lab.cluster.kubectl(['get', 'pvc', name])).code !== 0 || undefined,
    );

  test('claims: bound, used by one pod after the other, and kept until the last that uses it is gone', async () => {
    await create(lab.cluster, volume('kept', 'kept'), claim('kept', 'kept'));
    const bound = await claimIs('kept', 'is bound', ({ status }) => status?.phase === 'Bound');
    assert.deepEqual(bound.metadata?.finalizers, ['kubernetes.io/pvc-protection']);
    assert.deepEqual(
      [bound.spec?.volumeName, bound.status?.capacity, bound.status?.accessModes],
      ['kept', { storage: '1Gi' }, ['ReadWriteOnce']],
    );
    const volumeMounts = [at('/v')];
    await create(lab.cluster, ofClaim('writes', 'kept', script('echo kept > /v/file', { volumeMounts })));
    assert.equal((await lab.watch.ended('writes')).status?.phase, 'Succeeded');
    await create(lab.cluster, ofClaim('holds', 'kept', script(`grep kept /v/file && ${forever}`, { volumeMounts })));
    await lab.watch.ready('holds');
    await lab.cluster.mustKubectl('delete', 'pvc', 'kept', '--wait=false');
    await create(lab.cluster, ofClaim('late', 'kept', script('', { volumeMounts })));
    const late = await lab.watch.until(
      'late',
      'it cannot be scheduled',
      (pod) => condition(pod, 'PodScheduled')?.status === 'False',
    );
    assert.match(condition(late, 'PodScheduled')?.message ?? '', /persistentvolumeclaim "kept" is being deleted/);
    assert.equal(
      (await claimIs('kept', 'is still there', () => true)).metadata?.deletionTimestamp === undefined,
      false,
    );
    await lab.cluster.mustKubectl('delete', 'pod', 'late', 'holds', 'writes', '--wait=false');
    await claimIsGone('kept');
    await eventually('the volume is released', async () => {
      const { status } = await lab.cluster.json<PersistentVolume>('get', 'pv', 'kept');
      return status?.phase === 'Released' || undefined;
    });
  });

  test('claims: one that nobody uses goes at once', async () => {
    await create(lab.cluster, volume('unused', 'unused'), claim('unused', 'unused'));
    await claimIs('unused', 'is bound', ({ status }) => status?.phase === 'Bound');
    await lab.cluster.mustKubectl('delete', 'pvc', 'unused', '--wait=false');
    await claimIsGone('unused');
  });

  test('claims: one that is made for a pod belongs to it, and goes with it', async () => {
    await create(
      lab.cluster,
      volume('scratch', 'scratch'),
      podManifest('ephemeral', {
        volumes: one({
          ephemeral: { volumeClaimTemplate: { metadata: { labels: { made: 'so' } }, spec: claimSpec('scratch') } },
        }),
        containers: [script(`echo x > /v/file && ${forever}`, { volumeMounts: [at('/v')] })],
      }),
    );
    const pod = await lab.watch.ready('ephemeral');
    const made = await claimIs('ephemeral-v', 'is bound', ({ status }) => status?.phase === 'Bound');
    const [owner] = made.metadata?.ownerReferences ?? [];
    assert.deepEqual([owner?.kind, owner?.uid, owner?.controller], ['Pod', pod.metadata?.uid, true]);
    assert.equal(made.metadata?.labels?.['made'], 'so');
    await lab.cluster.mustKubectl('delete', 'pod', 'ephemeral', '--wait=false');
    await claimIsGone('ephemeral-v');
  });
}
