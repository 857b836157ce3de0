import assert from 'node:assert/strict';
import { chmod, stat } from 'node:fs/promises';
import { test } from 'node:test';
import { make } from '../../testing.ts';
import { hugePagesOf, memoryBytes } from './empty-dir.ts';
import { storageFixture } from './testing.ts';

const mebi = 2 ** 20;

test('a folder is anybody’s, or the group’s, and what programs make of it stays through restarts', async (context) => {
  const { prepare, restart, at } = await storageFixture(context);
  const { gid } = await stat('/proc/self');
  const spec = { volumes: [{ name: 'v', emptyDir: {} }], securityContext: { fsGroup: gid } };
  await prepare(spec);
  assert.equal((await stat(at('v'))).mode & 0o7777, 0o2777);
  await chmod(at('v'), 0o700);
  restart();
  await prepare(spec);
  assert.equal((await stat(at('v'))).mode & 0o7777, 0o700);
});

test('memory is as large as the least of node, pod and volume', () => {
  const limited = (...limits: (string | undefined)[]) =>
    make.pod({
      containers: limits.map((memory, index) =>
        make.container(`c${index}`, memory === undefined ? {} : { resources: { limits: { memory } } }),
      ),
    });
  const cases: readonly (readonly [ReturnType<typeof limited>, string | undefined, number])[] = [
    [limited(undefined), undefined, 1000 * mebi],
    [limited(undefined), '10Mi', 10 * mebi],
    [limited('64Mi', '36Mi'), undefined, 100 * mebi],
    [limited('64Mi', '36Mi'), '200Mi', 100 * mebi],
    [limited('64Mi', undefined), undefined, 1000 * mebi],
    [limited('4Gi'), '2Gi', 1000 * mebi],
  ];
  for (const [pod, sizeLimit, expected] of cases) {
    const source = { medium: 'Memory', ...(sizeLimit !== undefined && { sizeLimit }) };
    assert.equal(memoryBytes(pod, source, 1000 * mebi), expected);
  }
});

test('memory is mounted once, and again where a power cut took it', async (context) => {
  const { prepare, restart, mounter, at } = await storageFixture(context);
  const spec = {
    volumes: [{ name: 'v', emptyDir: { medium: 'Memory' as const, sizeLimit: '1Mi' } }],
    securityContext: { fsGroup: 7 },
  };
  await prepare(spec);
  assert.equal(mounter.mounted.get(at('v')), `tmpfs ${mebi} 3777:7`);
  restart();
  await prepare(spec);
  assert.equal(mounter.mounted.size, 1);
  mounter.mounted.clear();
  restart();
  await prepare(spec);
  assert.equal(mounter.mounted.size, 1);
});

test('huge pages: the size that is named, or the only one that is asked for', async (context) => {
  const asking = (...sizes: string[]) =>
    make.pod({
      containers: [
        make.container('app', {
          resources: { requests: Object.fromEntries(sizes.map((size) => [`hugepages-${size}`, '64Mi'])) },
        }),
      ],
    });
  assert.deepEqual(hugePagesOf(asking('2Mi'), 'HugePages'), { size: '2M', bytes: 64 * mebi });
  assert.deepEqual(hugePagesOf(asking('2Mi', '1Gi'), 'HugePages-1Gi'), { size: '1G', bytes: 64 * mebi });
  assert.throws(() => hugePagesOf(asking('2Mi', '1Gi'), 'HugePages'), /must name a page size/);
  assert.throws(() => hugePagesOf(asking(), 'HugePages'), /the pod requests none/);
  assert.throws(() => hugePagesOf(asking('2Mi'), 'HugePages-1Gi'), /is not among the resources that the pod requests/);
  const { prepare } = await storageFixture(context);
  await assert.rejects(prepare({ volumes: [{ name: 'v', emptyDir: { medium: 'Tape' } }] }), {
    message: 'MountVolume.SetUp failed for volume "v" : unknown storage medium "Tape"',
  });
});
