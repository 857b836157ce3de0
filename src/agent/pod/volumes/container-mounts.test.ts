import assert from 'node:assert/strict';
import { chmod, mkdir, readdir, stat, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { openInside, pathOf } from './safe-path.ts';
import { storageFixture } from './testing.ts';

const volumes = [{ name: 'v', emptyDir: {} }];
const mount = (subPath: string) => ({ volumeMounts: [{ name: 'v', mountPath: '/v', subPath }] });

test('a path inside a volume never leads out of it', async (context) => {
  const { root, prepare, container, at } = await storageFixture(context);
  await prepare({ volumes });
  await mkdir(path.join(root, 'outside'));
  await symlink(path.join(root, 'outside'), at('v', 'link'));
  await symlink('../../../outside', at('v', 'up'));
  const cases: readonly (readonly [string, RegExp])[] = [
    ['../x', /^unable to provision SubPath `..\/x`: must not contain '..'$/],
    ['/etc', /^error SubPath `\/etc` must not be an absolute path$/],
    ['link', /^failed to prepare subPath for volumeMount "v" of container "app"$/],
    ['link/new', /^failed to create subPath directory for volumeMount "v" of container "app"$/],
    ['up/new/deep', /^failed to create subPath directory for volumeMount "v" of container "app"$/],
  ];
  for (const [subPath, message] of cases) {
    await assert.rejects(container({ volumes }, mount(subPath)), { name: 'ConfigError', message });
  }
  assert.deepEqual(await readdir(path.join(root, 'outside')), []);
});

test('a part of a volume may be reached through links that stay inside, and is held by what it is, not by its name', async (context) => {
  const { root, prepare, container, at, mounter } = await storageFixture(context);
  await prepare({ volumes });
  await mkdir(at('v', 'real', 'deep'), { recursive: true });
  await symlink('real', at('v', 'alias'));
  await writeFile(at('v', 'file'), 'x');
  await container({ volumes }, mount('alias/deep'));
  const target = path.join(root, 'u-1', 'volume-subpaths', 'v', 'app', '0');
  assert.equal(mounter.mounted.get(target), at('v', 'real', 'deep'));
  assert.ok((await stat(target)).isDirectory());
  const handle = await openInside(at('v'), 'file');
  assert.ok((await stat(pathOf(handle))).isFile());
  await handle.close();
});

test('a missing part is made with the permissions of the volume’s root', async (context) => {
  const { prepare, container, at } = await storageFixture(context);
  await prepare({ volumes });
  await chmod(at('v'), 0o2770);
  await container({ volumes }, mount('a/b'));
  assert.equal((await stat(at('v', 'a'))).mode & 0o7777, 0o2770);
  assert.equal((await stat(at('v', 'a', 'b'))).mode & 0o7777, 0o2770);
});

test('a part named by a variable that is not there is refused', async (context) => {
  const { prepare, container } = await storageFixture(context);
  await prepare({ volumes });
  const volumeMounts = [{ name: 'v', mountPath: '/v', subPathExpr: '$(DIR)/$(NONE)' }];
  await assert.rejects(container({ volumes }, { volumeMounts }), { message: 'missing value for "NONE"' });
});

test('a volume into which mounts travel is a shared mount, and others are not', async (context) => {
  const { prepare, container, at, mounter } = await storageFixture(context);
  const two = [...volumes, { name: 'w', emptyDir: {} }];
  const volumeMounts = [
    { name: 'v', mountPath: '/v', mountPropagation: 'Bidirectional' as const },
    { name: 'w', mountPath: '/w' },
  ];
  const spec = { volumes: two, containers: [{ name: 'app', image: 'app:1', volumeMounts }] };
  await prepare(spec);
  assert.deepEqual([...mounter.shared], [at('v')]);
  const { mounts } = await container(spec, { volumeMounts });
  assert.deepEqual(
    mounts.slice(0, 2).map(({ propagation }) => propagation),
    ['bidirectional', undefined],
  );
});

test('read-only with all below it: where the runtime can, and where it must', async (context) => {
  const { prepare, container } = await storageFixture(context);
  await prepare({ volumes });
  const of = async (recursiveReadOnly: string, recursiveReadOnlyMounts: boolean) => {
    const volumeMounts = [{ name: 'v', mountPath: '/v', readOnly: true, recursiveReadOnly }];
    return (await container({ volumes }, { volumeMounts }, { recursiveReadOnlyMounts })).mounts[0]?.recursiveReadOnly;
  };
  assert.equal(await of('Disabled', true), undefined);
  assert.equal(await of('IfPossible', true), true);
  assert.equal(await of('IfPossible', false), undefined);
  assert.equal(await of('Enabled', true), true);
  await assert.rejects(of('Enabled', false), {
    name: 'ConfigError',
    message:
      'failed to resolve recursive read-only mode: volume "v" requested recursive read-only mode, but it is not supported by the runtime',
  });
});
