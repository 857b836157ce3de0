/** Parts of volumes (`subPath`) that are refused, that change, or that go while they are in use. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create, forever, podManifest, script, statusOf } from '../workload.ts';
import type { StorageLab } from './lab.ts';
import { at, configMap, one, saying } from './row.ts';

/** Parts that lead out of their volume: how the link is made. */
const escapes = {
  'out-folder': 'ln -s /bin /v/sub',
  'out-file': 'ln -s /bin/sh /v/sub',
  'out-absent': 'ln -s /bin/notanexistingpath /v/sub',
  'out-back': 'ln -s ../ /v/sub',
};

export function testParts(lab: StorageLab): void {
  test('subPath: a link that leads out of the volume is refused, whatever it leads to', async () => {
    const pods = Object.entries(escapes).map(([name, link]) =>
      podManifest(name, {
        volumes: one({ emptyDir: {} }),
        initContainers: [script(link, { volumeMounts: [at('/v')] })],
        containers: [script('ls /part', { volumeMounts: [at('/part', { subPath: 'sub' })] })],
      }),
    );
    await create(lab.cluster, ...pods);
    await Promise.all(
      Object.keys(escapes).map((name) =>
        lab.watch.until(name, 'it is refused', (pod) => {
          const { reason, message = '' } = statusOf(pod, 'app')?.state?.waiting ?? {};
          return reason === 'CreateContainerConfigError' && message.includes('subPath');
        }),
      ),
    );
  });

  test('subPath: one that is absolute, or goes up, is refused by the API', async () => {
    for (const subPath of ['/etc', '../up', 'a/../../up']) {
      const pod = podManifest('bad-sub-path', {
        volumes: one({ emptyDir: {} }),
        containers: [script('', { volumeMounts: [at('/part', { subPath })] })],
      });
      const { code, stderr } = await lab.cluster.kubectl(['create', '-f', '-'], { input: JSON.stringify(pod) });
      assert.notEqual(code, 0);
      assert.match(stderr, /must not contain '\.\.'|must be a relative path/);
    }
  });

  test('subPath: a file of a ConfigMap that changed is the new one after a restart', async () => {
    await create(
      lab.cluster,
      configMap('modified', { data: { key: 'old' } }),
      podManifest('modified', {
        restartPolicy: 'OnFailure',
        volumes: [
          { name: 'v', configMap: { name: 'modified' } },
          { name: 'state', emptyDir: {} },
        ],
        containers: [
          saying(
            `[ -e /state/again ] && { cat /part /v/key; exit 0; }
            touch /state/again; until grep -q new /v/key; do sleep 0.1; done; exit 1`,
            { volumeMounts: [at('/v'), at('/part', { subPath: 'key' }), { name: 'state', mountPath: '/state' }] },
          ),
        ],
      }),
    );
    await lab.watch.until('modified', 'it runs', (pod) => statusOf(pod)?.state?.running !== undefined);
    await lab.cluster.mustKubectl('patch', 'configmap', 'modified', '-p', '{"data":{"key":"new"}}');
    assert.deepEqual(lab.said(await lab.watch.ended('modified')), ['newnew']);
  });

  test('subPath: a pod ends well, too, where the folder of the part is deleted', async () => {
    const volumeMounts = [at('/v'), at('/part', { subPath: 'sub' })];
    await create(
      lab.cluster,
      podManifest('deleted-part', {
        volumes: one({ emptyDir: {} }),
        containers: [script(`rm -r /v/sub && ${forever}`, { volumeMounts })],
      }),
    );
    await lab.watch.ready('deleted-part');
    await lab.cluster.mustKubectl('delete', 'pod', 'deleted-part', '--wait=false');
    await lab.watch.gone('deleted-part');
  });
}
