/** `hostPath`: every type of it against every kind of thing, and folders that containers share. */
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { after, test } from 'node:test';
import type { HostPathVolumeSource } from '../../../src/api/schema/types/core-v1.ts';
import { eventually, run } from '../../harness.ts';
import { create, eventsOf, podManifest, script } from '../workload.ts';
import type { StorageLab } from './lab.ts';
import { at, one, saying } from './row.ts';

type HostPathType = NonNullable<HostPathVolumeSource['type']>;
const things = ['adir', 'afile', 'asocket', 'achardev', 'ablockdev'] as const;
const fits: Readonly<Record<(typeof things)[number], readonly HostPathType[]>> = {
  adir: ['', 'Directory', 'DirectoryOrCreate'],
  afile: ['', 'File', 'FileOrCreate'],
  asocket: ['', 'Socket'],
  achardev: ['', 'CharDevice'],
  ablockdev: ['', 'BlockDevice'],
};
const notFitting: readonly (readonly [thing: string, type: HostPathType, why: string])[] = [
  ['does-not-exist-dir', 'Directory', 'a directory'],
  ['does-not-exist-file', 'File', 'a file'],
  ['does-not-exist-socket', 'Socket', 'a socket file'],
  ['does-not-exist-char-dev', 'CharDevice', 'a character device'],
  ['does-not-exist-block-dev', 'BlockDevice', 'a block device'],
  ['adir', 'File', 'a file'],
  ['afile', 'Directory', 'a directory'],
  ['asocket', 'File', 'a file'],
  ['achardev', 'BlockDevice', 'a block device'],
  ['ablockdev', 'CharDevice', 'a character device'],
];

export function testHostPaths(lab: StorageLab): void {
  const socket = createServer();
  after(() => void socket.close());

  const makeThings = async (): Promise<void> => {
    mkdirSync(path.join(lab.host, 'adir'));
    writeFileSync(path.join(lab.host, 'afile'), '');
    socket.listen(path.join(lab.host, 'asocket'));
    await new Promise((resolve) => socket.once('listening', resolve));
    for (const [name, type] of [
      ['achardev', 'c'],
      ['ablockdev', 'b'],
    ] as const) {
      const { code, stderr } = await run('mknod', [path.join(lab.host, name), type, '89', '1']);
      assert.equal(code, 0, stderr);
    }
  };

  test('hostPath: what is of the type that the pod names is mounted; anything else is told', async () => {
    await makeThings();
    const fitting = things.flatMap((thing) =>
      fits[thing].map((type, index) => ({ thing, type, name: `${thing}-${index}` })),
    );
    const good = podManifest('host-types', {
      volumes: fitting.map(({ thing, type, name }) => ({ name, hostPath: { path: path.join(lab.host, thing), type } })),
      containers: [
        saying('stat -c "%F" /host/*', {
          volumeMounts: fitting.map(({ name }) => ({ name, mountPath: `/host/${name}` })),
        }),
      ],
    });
    const bad = notFitting.map(([thing, type], index) =>
      podManifest(`host-bad-${index}`, {
        volumes: one({ hostPath: { path: path.join(lab.host, thing), type } }),
        containers: [script('', { volumeMounts: [at('/v')] })],
      }),
    );
    await create(lab.cluster, good, ...bad);
    const kinds = ['block special file', 'character special file', 'directory', 'regular empty file', 'socket'];
    const counts = [2, 2, 3, 3, 2];
    assert.deepEqual(
      lab.said(await lab.watch.ended('host-types')),
      kinds.flatMap((kind, index) => Array(counts[index]).fill(kind)),
    );
    for (const [index, [thing, , why]] of notFitting.entries()) {
      const message = `MountVolume.SetUp failed for volume "v" : hostPath type check failed: ${path.join(lab.host, thing)} is not ${why}`;
      await eventually(
        message,
        async () =>
          (await eventsOf(lab.cluster, `host-bad-${index}`)).some((event) => event.message === message) || undefined,
      );
    }
  });

  test('hostPath: has the mode that it has, is written by one container and read by another, also in parts', async () => {
    const folder = path.join(lab.host, 'sticky');
    mkdirSync(folder);
    chmodSync(folder, 0o1777);
    await create(
      lab.cluster,
      podManifest('host-folder', {
        volumes: one({ hostPath: { path: folder } }),
        containers: [
          saying('stat -c %A /v; until cat /v/file /v/sub-path/file 2>/dev/null; do sleep 0.1; done', {
            volumeMounts: [at('/v')],
          }),
          script('echo one > /v/new; mv /v/new /v/file', { volumeMounts: [at('/v')] }),
          script('until [ -e /whole/file ]; do sleep 0.1; done; echo two > /v/new; mv /v/new /v/file', {
            volumeMounts: [at('/v', { subPath: 'sub-path' }), at('/whole')],
          }),
        ],
      }),
    );
    const lines = lab.said(await lab.watch.ended('host-folder'));
    // It may have looked when there was the one and not yet the other.
    assert.equal(lines[0], 'drwxrwxrwt');
    assert.deepEqual(lines.slice(-2), ['one', 'two']);
  });
}
