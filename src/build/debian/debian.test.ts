import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ImageRoot } from '../../images/image-root.ts';
import { addAccounts, userOf } from './accounts.ts';
import { explainApt, isLeftOut, parseChoices } from './debian-packages.ts';

test("apt's choice is read with its versions, and nothing else of what apt prints", () => {
  const output = `Reading package lists...
'http://deb.debian.org/debian/pool/main/z/zlib/zlib1g_1.2.13.dfsg-1_amd64.deb' zlib1g_1%3a1.2.13.dfsg-1_amd64.deb 86684 SHA256:0
'http://deb.debian.org/debian/pool/main/r/redis/redis-server_7.0.15-1_amd64.deb' redis-server_5%3a7.0.15-1_amd64.deb 73908 SHA256:0
`;
  assert.deepEqual(parseChoices(output), [
    { name: 'zlib1g', version: '1:1.2.13.dfsg-1', file: 'zlib1g_1%3a1.2.13.dfsg-1_amd64.deb' },
    { name: 'redis-server', version: '5:7.0.15-1', file: 'redis-server_5%3a7.0.15-1_amd64.deb' },
  ]);
});

test('an image does without what only installing needs, and without what its recipe names', () => {
  const left = (name: string) => isLeftOut(name, ['libllvm*', 'libstdc++6']);
  for (const name of ['debconf', 'adduser', 'libllvm14', 'libstdc++6']) assert.ok(left(name), name);
  for (const name of ['libc6', 'xlibllvm14', 'libstdc++60', 'postgresql-15']) assert.ok(!left(name), name);
});

test('why apt failed is told in a sentence', () => {
  assert.match(explainApt("Err:1 http://d Temporary failure resolving 'deb'"), /mirror cannot be reached/);
  assert.match(explainApt('E: Unable to locate package nothere'), /have no package nothere$/);
  assert.match(explainApt("E: Package 'old' has no installation candidate"), /have no package old$/);
  assert.equal(explainApt('E: broken\n'), 'apt-get failed: E: broken');
});

test('an image has the user whom it is for, always with the same number', () => {
  assert.deepEqual(userOf('redis'), { name: 'redis', uid: 999, gid: 999 });
  assert.deepEqual(userOf('1000:50'), { name: 'user', uid: 1000, gid: 50 });
  assert.deepEqual(userOf(undefined), { name: 'root', uid: 0, gid: 0 });
  assert.throws(() => userOf('a b'), /user must be a name or a number/);
  const root = new ImageRoot(new Map());
  addAccounts(root, userOf('redis'));
  const passwd = root.entries().find(({ path }) => path === 'etc/passwd');
  assert.ok(passwd?.type === 'file' && 'content' in passwd);
  assert.match(passwd.content.toString(), /^root:.*\nredis:x:999:999::\/tmp:\/bin\/sh\nnobody:.*\n$/);
});

test('folders that others are links to bring the links, also where they are named themselves', () => {
  const root = new ImageRoot(new Map([['bin', 'usr/bin']]));
  root.add('usr/bin', { type: 'directory', mode: 0o755 });
  root.add('/bin/sh', { type: 'symlink', mode: 0o777, target: 'busybox' });
  const paths = root.entries().map(({ path, type }) => `${path} ${type}`);
  assert.ok(paths.includes('bin symlink') && paths.includes('usr/bin/sh symlink'), paths.join());
});
