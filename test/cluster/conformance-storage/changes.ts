/** Volumes made from objects, while the objects come, change and go, or where they never come. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually } from '../../harness.ts';
import { create, eventsOf, podManifest, script, statusOf } from '../workload.ts';
import type { StorageLab } from './lab.ts';
import { at, configMap, keyed, looks, one, projected, type Source, secret } from './row.ts';

/** Volumes that cannot be made, and the event that says why. */
const missing: Readonly<Record<string, readonly [source: Source, why: string]>> = {
  'no-configmap': [{ configMap: { name: 'nothing' } }, 'configmap "nothing" not found'],
  'no-secret': [{ secret: { secretName: 'nothing' } }, 'secret "nothing" not found'],
  'no-configmap-key': [
    { configMap: { name: 'source', items: [{ key: 'data-4', path: 'x' }] } },
    'configmap references non-existent config key: data-4',
  ],
  'no-secret-key': [
    { secret: { secretName: 'source', items: [{ key: 'data-4', path: 'x' }] } },
    'references non-existent secret key: data-4',
  ],
  'no-projected-key': [
    projected({ configMap: { name: 'source', items: [{ key: 'data-4', path: 'x' }] } }),
    'configmap references non-existent config key: data-4',
  ],
};

export function testChanges(lab: StorageLab): void {
  test('a running container sees objects come, change and go, and changes of its own labels and annotations', async () => {
    const kinds = Object.entries(keyed);
    const volumes = Object.fromEntries([
      ...kinds.flatMap(([kind, source]) =>
        ['deleted', 'updated', 'created'].map((what) => [`${kind}-${what}`, source(what, { optional: true })]),
      ),
      [
        'self',
        {
          downwardAPI: {
            items: ['labels', 'annotations'].map((name) => ({
              path: name,
              fieldRef: { fieldPath: `metadata.${name}` },
            })),
          },
        },
      ],
    ]) as Record<string, Source>;
    const text = `
      cat /*-deleted/data-1 /*-updated/data-1; ls /*-created/data-1 2>/dev/null | wc -l
      until [ $(ls /*-deleted/data-1 /*-updated/data-1 2>/dev/null | wc -l) = 0 ] &&
        [ $(cat /*-updated/data-3 /*-created/data-1 2>/dev/null | grep -o value | wc -l) = 8 ] &&
        grep -q 'key3="value3"' /self/labels && grep -q 'builder="foo"' /self/annotations
      do sleep 0.2; done
      cat /*-updated/data-3 /*-created/data-1; echo; cat /self/labels; echo; grep builder /self/annotations`;
    const first = { 'data-1': 'value-1' };
    const pod = podManifest('follows', {
      ...looks(volumes, text),
      labels: { key1: 'value1' },
      annotations: { builder: 'bar' },
    });
    await create(
      lab.cluster,
      ...['deleted', 'updated'].flatMap((name) => [configMap(name, { data: first }), secret(name, first)]),
      pod,
    );
    await lab.watch.until('follows', 'it runs', (seen) => statusOf(seen)?.state?.running !== undefined);
    // Base64 of value-3, for the Secret.
    const updates = {
      configmap: '{"data":{"data-1":null,"data-3":"value-3"}}',
      secret: '{"data":{"data-1":null,"data-3":"dmFsdWUtMw=="}}',
    };
    await lab.cluster.mustKubectl('delete', 'configmap/deleted', 'secret/deleted');
    for (const [kind, patch] of Object.entries(updates))
      await lab.cluster.mustKubectl('patch', kind, 'updated', '-p', patch);
    await create(lab.cluster, configMap('created', { data: first }), secret('created', first));
    await lab.cluster.mustKubectl('label', 'pod', 'follows', 'key3=value3');
    await lab.cluster.mustKubectl('annotate', 'pod', 'follows', 'builder=foo', '--overwrite');
    assert.deepEqual(lab.said(await lab.watch.ended('follows')), [
      `${'value-1'.repeat(8)}0`,
      'value-3'.repeat(4) + 'value-1'.repeat(4),
      'key1="value1"',
      'key3="value3"',
      'builder="foo"',
    ]);
  });

  test('objects and keys that must be there and are not: the pod waits, and an event says for what', async () => {
    const names = Object.keys(missing);
    await create(
      lab.cluster,
      ...names.map((name) =>
        podManifest(name, {
          volumes: one(missing[name]?.[0] ?? {}),
          containers: [script('', { volumeMounts: [at('/v')] })],
        }),
      ),
    );
    for (const [name, [, why]] of Object.entries(missing)) {
      const message = `MountVolume.SetUp failed for volume "v" : ${why}`;
      await eventually(`${name}: ${message}`, async () => {
        const events = await eventsOf(lab.cluster, name);
        return events.some((event) => event.reason === 'FailedMount' && event.message === message) || undefined;
      });
      const status = lab.watch.history(name).at(-1)?.status;
      assert.equal(status?.phase, 'Pending');
      assert.equal(status.containerStatuses?.[0]?.state?.waiting?.reason, 'ContainerCreating');
    }
  });
}
