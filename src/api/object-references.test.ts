import assert from 'node:assert/strict';
import { test } from 'node:test';
import { apiReference, persistentVolumeSecrets, someSecret } from './object-references.ts';
import type { PersistentVolume } from './schema/types/core-v1.ts';

function secretsOf(spec: object): string[] {
  const names: string[] = [];
  someSecret({ containers: [], ...spec }, (name) => {
    names.push(name);
    return false;
  });
  return names;
}

test('every kind of volume that needs a secret names it', () => {
  const byReference = ['cephfs', 'cinder', 'flexVolume', 'rbd', 'scaleIO', 'iscsi', 'storageos'];
  for (const field of byReference) {
    assert.deepEqual(secretsOf({ volumes: [{ name: 'v', [field]: { secretRef: { name: field } } }] }), [field]);
    assert.deepEqual(secretsOf({ volumes: [{ name: 'v', [field]: {} }] }), []);
  }
  assert.deepEqual(secretsOf({ volumes: [{ name: 'v', csi: { nodePublishSecretRef: { name: 'c' } } }] }), ['c']);
  assert.deepEqual(secretsOf({ volumes: [{ name: 'v', azureFile: { secretName: 'a' } }] }), ['a']);
  assert.deepEqual(secretsOf({ volumes: [{ name: 'v', secret: { secretName: '' } }], imagePullSecrets: [{}] }), []);
});

test('a search ends with the first name that fits', () => {
  const seen: string[] = [];
  const spec = { containers: [], imagePullSecrets: [{ name: 'a' }, { name: 'b' }] };
  assert.equal(
    someSecret(spec, (name) => seen.push(name) > 0),
    true,
  );
  assert.deepEqual(seen, ['a']);
});

const claimRef = { namespace: 'home', name: 'claim' };
const key = (text: string) => ({ namespace: text.split('/')[0] ?? '', name: text.split('/')[1] ?? '' });

/** The source of a volume, and the secrets that a node needs for it. */
const sources: readonly (readonly [source: object, ...secrets: readonly string[]])[] = [
  [{ azureFile: { secretName: 'a', shareName: 's' } }, 'home/a'],
  [{ azureFile: { secretName: 'a', shareName: 's', secretNamespace: 'away' } }, 'away/a'],
  [{ cephfs: { monitors: [], secretRef: { name: 'a' } } }, 'home/a'],
  [{ flexVolume: { driver: 'd', secretRef: { name: 'a', namespace: 'away' } } }, 'away/a'],
  [{ rbd: { monitors: [], image: 'i', secretRef: { name: 'a' } } }, 'home/a'],
  [{ scaleIO: { secretRef: { name: 'a' } } }, 'home/a'],
  [{ iscsi: { secretRef: { name: 'a', namespace: 'away' } } }, 'away/a'],
  [{ cinder: { volumeID: 'v', secretRef: { name: 'a', namespace: 'away' } } }, 'away/a'],
  [{ storageos: { secretRef: { name: 'a', namespace: 'away' } } }, 'away/a'],
  [
    {
      csi: {
        driver: 'd',
        volumeHandle: 'h',
        nodePublishSecretRef: key('n/publish'),
        nodeStageSecretRef: key('n/stage'),
        nodeExpandSecretRef: key('n/expand'),
        controllerPublishSecretRef: key('n/control'),
        controllerExpandSecretRef: key('n/grow'),
      },
    },
    'n/publish',
    'n/stage',
    'n/expand',
  ],
  [{ hostPath: { path: '/' } }],
];

test('a volume names the secrets that a node needs, and where', () => {
  for (const [source, ...secrets] of sources) {
    const volume = { spec: { claimRef, ...source } } as PersistentVolume;
    assert.deepEqual(persistentVolumeSecrets(volume), secrets.map(key), JSON.stringify(source));
  }
  assert.deepEqual(persistentVolumeSecrets({}), []);
});

test('what a pod refers to is named as upstream names it', () => {
  const of = (spec: object) => apiReference({ spec: { containers: [], ...spec } });
  const projected = (source: object) => of({ volumes: [{ name: 'v', projected: { sources: [source] } }] });
  assert.equal(of({ serviceAccountName: 'a' }), 'serviceaccounts');
  assert.equal(
    of({ volumes: [{ name: 'v', azureFile: { shareName: 's', secretName: '' } }] }),
    'secrets (via azureFile volumes)',
  );
  assert.equal(projected({ serviceAccountToken: { path: 't' } }), 'serviceaccounts (via projected volumes)');
  assert.equal(projected({ podCertificate: {} }), 'podcertificates');
  assert.equal(projected({ downwardAPI: { items: [] } }), undefined);
  assert.equal(
    of({
      volumes: [
        { name: 'v', emptyDir: {} },
        { name: 'w', hostPath: { path: '/' } },
      ],
    }),
    undefined,
  );
  assert.equal(apiReference({}), undefined);
});
