/**
 * The steps of upstream's conformance suite that are about volumes ([sig-storage], [NodeConformance]), on real containers: exact permissions,
 * owners and contents of files, parts of volumes, what changes while a container runs, claims.
 *
 * Most are rows: a pod that looks at its volumes, leaves what it saw as its termination message, and ends. All rows' pods are made at once.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { testChanges } from './conformance-storage/changes.ts';
import { testClaims } from './conformance-storage/claims.ts';
import { folderRows, raceConfigMaps } from './conformance-storage/folders.ts';
import { testHostPaths } from './conformance-storage/host-paths.ts';
import { StorageLab } from './conformance-storage/lab.ts';
import { objectRows } from './conformance-storage/objects.ts';
import { testParts } from './conformance-storage/parts.ts';
import { configMap, secret } from './conformance-storage/row.ts';
import { create, podManifest } from './workload.ts';

const rows = [...objectRows, ...folderRows];

describe('volumes, as the conformance suite looks at them', { timeout: 600_000, concurrency: 100 }, () => {
  const lab = new StorageLab();

  before(async () => {
    await lab.open();
    await create(
      lab.cluster,
      configMap('source'),
      secret('source'),
      configMap('binary', { data: { 'data-1': 'value-1' }, binaryData: { 'dump.bin': '3sr+utD+/w==' } }),
      secret('namesake', { 'data-1': 'value-1' }),
      { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'elsewhere' } },
      { ...secret('namesake', { other: 'not to be seen' }), metadata: { name: 'namesake', namespace: 'elsewhere' } },
      ...raceConfigMaps.map((name) => configMap(name, { data: { 'data-1': 'value-1' } })),
      ...rows.map(({ pod, wishes }) => podManifest(pod, wishes)),
    );
  });

  after(() => lab.close());

  for (const { pod: name, about, says } of rows) {
    test(about, async () => {
      const pod = await lab.watch.ended(name);
      const lines = lab.said(pod);
      // A line that suits its pattern stands for it.
      const expected = says.map((line, index) =>
        typeof line === 'string' || !line.test(lines[index] ?? '') ? line : lines[index],
      );
      assert.deepEqual(lines, expected, JSON.stringify(pod.status?.containerStatuses));
    });
  }

  testParts(lab);
  testChanges(lab);
  testHostPaths(lab);
  testClaims(lab);
});
