import assert from 'node:assert/strict';
import { chmod, lstat, mkdir, mkdtemp, rm, stat, symlink, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { test } from 'node:test';
import { giveToGroup } from './ownership.ts';

/** Only root gives files to other groups; for others the permissions alone change. */
const gid = process.getuid?.() === 0 ? 4242 : (process.getgid?.() ?? 0);

test('a volume becomes its group’s, all of it, and nothing behind a link', async (context) => {
  const root = await mkdtemp(path.join(os.tmpdir(), 'naru-ownership-'));
  context.after(() => rm(root, { recursive: true, force: true }));
  const at = (...parts: string[]) => path.join(root, ...parts);
  await mkdir(at('volume', 'deep'), { recursive: true, mode: 0o755 });
  await writeFile(at('volume', 'deep', 'file'), 'x', { mode: 0o600 });
  await writeFile(at('secret'), 'x', { mode: 0o600 });
  await symlink(at('secret'), at('volume', 'link'));
  await giveToGroup(at('volume'), { gid, policy: 'Always' });
  const of = async (...parts: string[]) => {
    const { mode, gid: group } = await lstat(at(...parts));
    return [mode & 0o7777, group];
  };
  assert.deepEqual(await of('volume'), [0o2775, gid]);
  assert.deepEqual(await of('volume', 'deep'), [0o2775, gid]);
  assert.deepEqual(await of('volume', 'deep', 'file'), [0o660, gid]);
  assert.equal((await of('volume', 'link'))[1], gid);
  assert.equal((await stat(at('secret'))).mode & 0o777, 0o600);
  assert.notEqual((await stat(at('secret'))).gid, 4242);

  await chmod(at('volume', 'deep', 'file'), 0o600);
  await giveToGroup(at('volume'), { gid, policy: 'OnRootMismatch' });
  assert.equal((await of('volume', 'deep', 'file'))[0], 0o600);
  await chmod(at('volume'), 0o700);
  await giveToGroup(at('volume'), { gid, policy: 'OnRootMismatch' });
  assert.equal((await of('volume', 'deep', 'file'))[0], 0o660);
});
