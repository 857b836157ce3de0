import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { ImageMounts, mountedImageIds, shortened } from './image-mounts.ts';

async function fixture(context: TestContext) {
  const root = await mkdtemp(path.join(os.tmpdir(), 'naru-mounts-'));
  context.after(() => rm(root, { recursive: true, force: true }));
  const mounted: { readonly source: string; readonly target: string }[] = [];
  const views = new Set<string>();
  const notes = path.join(root, 'notes');
  const folderOf = (uid: string, name: string) => path.join(root, uid, name);
  /** As after a restart of the agent: the kernel and containerd are the same. */
  const open = () =>
    new ImageMounts({
      notes,
      folderOf,
      views: {
        make: async (key) => {
          views.add(key);
          return [{ type: 'bind', source: key, options: ['ro'] }];
        },
        remove: async (key) => void views.delete(key),
      },
      system: {
        mountPoints: async () => mounted.map(({ target }) => target),
        mount: async ({ source }, target) => void mounted.push({ source, target }),
        unmount: async (target) => {
          mounted.splice(
            mounted.findLastIndex((one) => one.target === target),
            1,
          );
          return true;
        },
      },
    });
  return { open, mounted, views, notes, folderOf };
}

const volume = { uid: 'u-1', name: 'data', imageId: 'sha256:aaa' };

test('an image is mounted once for all containers of a pod, also over a restart, and goes with the pod', async (context) => {
  const { open, mounted, views, notes, folderOf } = await fixture(context);
  const mounts = open();
  await Promise.all([mounts.mount(volume), mounts.mount(volume)]);
  await open().mount(volume);
  assert.deepEqual(mounted, [{ source: 'naru-volume/u-1/data@aaa', target: folderOf('u-1', 'data') }]);
  assert.deepEqual(await mountedImageIds(notes), new Set(['sha256:aaa']));
  await open().cleanUp('u-1');
  assert.deepEqual([mounted, [...views], await readdir(notes)], [[], [], []]);
  await mounts.cleanUp('u-1');
});

test('after a reboot it is mounted anew', async (context) => {
  const { open, mounted } = await fixture(context);
  await open().mount(volume);
  mounted.length = 0;
  await open().mount(volume);
  assert.equal(mounted.length, 1);
});

test('a newer image goes over the older one, and both go with the pod', async (context) => {
  const { open, mounted, views, notes } = await fixture(context);
  const mounts = open();
  await mounts.mount(volume);
  await mounts.mount({ ...volume, imageId: 'sha256:bbb' });
  await mounts.mount({ ...volume, name: 'other' });
  assert.deepEqual(
    mounted.map(({ source }) => source.split('/').at(-1)),
    ['data@aaa', 'data@bbb', 'other@aaa'],
  );
  assert.deepEqual(await mountedImageIds(notes), new Set(['sha256:aaa', 'sha256:bbb']));
  await open().cleanUp('u-1');
  assert.deepEqual([mounted, [...views]], [[], []]);
});

test('the layers of a large image are named from the folder that they share', () => {
  const options = ['ro', 'lowerdir=/root/snapshots/12/fs:/root/snapshots/3/fs'];
  assert.deepEqual(shortened(options), { folder: '/root/snapshots', options: ['ro', 'lowerdir=12/fs:3/fs'] });
  assert.deepEqual(shortened(['ro', 'rbind']), { options: ['ro', 'rbind'] });
  const apart = ['lowerdir=/a/1/fs:/b/2/fs'];
  assert.deepEqual(shortened(apart), { options: apart });
});
