import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import type { HostPathVolumeSource } from '../../../api/schema/types/core-v1.ts';
import { checkHostPath } from './host-path.ts';

type HostPathType = NonNullable<HostPathVolumeSource['type']>;

test('each type of hostPath takes what it names, makes what it may, and refuses the rest in upstream’s words', async (context) => {
  const root = await mkdtemp(path.join(os.tmpdir(), 'naru-host-path-'));
  context.after(() => rm(root, { recursive: true, force: true }));
  const at = (name: string) => path.join(root, name);
  await mkdir(at('folder'));
  await writeFile(at('file'), '');
  await symlink('folder', at('link'));
  const server = createServer().listen(at('socket'));
  context.after(() => void server.close());
  await new Promise((resolve) => server.once('listening', resolve));
  const cases: readonly (readonly [type: HostPathType, name: string, wrong?: string])[] = [
    ['', at('file')],
    ['', at('made')],
    ['Directory', at('folder')],
    ['Directory', at('link')],
    ['Directory', at('file'), 'a directory'],
    ['Directory', at('none'), 'a directory'],
    ['DirectoryOrCreate', at('new/deep')],
    ['DirectoryOrCreate', at('file'), 'a directory'],
    ['File', at('file')],
    ['File', at('folder'), 'a file'],
    ['File', at('none'), 'a file'],
    ['FileOrCreate', at('new-file')],
    ['FileOrCreate', at('folder'), 'a file'],
    ['Socket', at('socket')],
    ['Socket', at('file'), 'a socket file'],
    ['CharDevice', '/dev/null'],
    ['CharDevice', at('file'), 'a character device'],
    ['BlockDevice', '/dev/null', 'a block device'],
    ['BlockDevice', at('none'), 'a block device'],
  ];
  for (const [type, name, wrong] of cases) {
    const checking = checkHostPath({ path: name, type });
    if (wrong === undefined) await checking;
    else await assert.rejects(checking, { message: `hostPath type check failed: ${name} is not ${wrong}` });
  }
  assert.ok((await stat(at('made'))).isDirectory());
  assert.ok((await stat(at('new/deep'))).isDirectory());
  assert.ok((await stat(at('new-file'))).isFile());
  await assert.rejects(checkHostPath({ path: at('no/parent'), type: 'FileOrCreate' }), /ENOENT/);
});
