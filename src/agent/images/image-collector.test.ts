import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../../lib/clock.ts';
import { silentLogger } from '../../lib/log.ts';
import { defaultKubeletConfiguration } from '../kubelet-configuration.ts';
import type { ContainerStatus, ImageStatus, Runtime } from '../runtime.ts';
import { make } from '../testing.ts';
import type { Disk } from './decide-image-gc.ts';
import { ImageCollector } from './image-collector.ts';
import { noPullRecords } from './pull-records.ts';

const minuteMs = 60_000;

/** A node with images of 100 bytes each, and a disk that they and `elsewhere` bytes lie on. */
function node(ids: readonly string[], options: { readonly capacityBytes?: number; readonly stuck?: string } = {}) {
  const clock = new VirtualClock();
  const images = new Map<string, ImageStatus>();
  for (const id of ids) images.set(id, { id, tags: [`${id}:1`], digests: [], sizeBytes: 100 });
  const state = { containers: [] as ContainerStatus[], elsewhere: 0, mounted: new Set<string>() };
  const events: string[] = [];
  const { capacityBytes = 1000, stuck } = options;
  const runtime = {
    images: async () => [...images.values()],
    state: async () => ({ sandboxes: [], containers: state.containers }),
    imageFilesystem: async () => ({ mountpoint: '/images', usedBytes: 0, inodesUsed: 0, timeMs: 0 }),
    removeImage: async (id: string) => {
      if (id === stuck) throw new Error(`${id} is stuck`);
      images.delete(id);
    },
  } as unknown as Runtime;
  const disk = async (folder: string): Promise<Disk> => {
    assert.equal(folder, '/images');
    return { capacityBytes, availableBytes: capacityBytes - state.elsewhere - images.size * 100 };
  };
  const collector = new ImageCollector({
    runtime,
    policy: defaultKubeletConfiguration,
    records: noPullRecords,
    mounted: async () => state.mounted,
    sandboxImages: ['pause:1'],
    event: (reason, message) => void events.push(`${reason}: ${message}`),
    disk,
    clock,
    log: silentLogger,
  });
  return { clock, images, state, events, collector };
}

test('a full disk is emptied to the low mark every five minutes, and used images, mounted ones and the sandbox’s stay', async (context) => {
  const { clock, images, state, collector, events } = node(['a', 'b', 'c', 'd', 'mounted', 'pause', 'used']);
  state.containers = [make.run('used', { image: 'used:1', imageRef: 'used@sha256:1', state: 'exited' })];
  state.mounted.add('mounted');
  await collector.start();
  context.after(() => collector.close());
  await clock.advance(minuteMs);
  assert.equal(images.size, 7, 'the disk is not full');
  state.elsewhere = 250;
  await clock.advance(5 * minuteMs);
  assert.deepEqual([...images.keys()], ['c', 'd', 'mounted', 'pause', 'used']);
  await clock.advance(5 * minuteMs);
  assert.equal(images.size, 5);
  assert.deepEqual(events, []);
});

test('a disk that images alone cannot empty is told to the node, and again as a failure the second time', async (context) => {
  const { clock, images, state, collector, events } = node(['a']);
  state.elsewhere = 850;
  await collector.start();
  context.after(() => collector.close());
  await clock.advance(minuteMs);
  const words =
    'Failed to garbage collect required amount of images. Attempted to free 150 bytes, but only found 100 bytes eligible to free.';
  assert.deepEqual(events, [`FreeDiskSpaceFailed: ${words}`]);
  assert.equal(images.size, 0);
  state.elsewhere = 950;
  await clock.advance(5 * minuteMs);
  const later = words.replace('150', '150').replace('found 100', 'found 0');
  assert.deepEqual(events.slice(1), [`FreeDiskSpaceFailed: ${later}`, `ImageGCFailed: ${later}`]);
});

test('a disk of no size is told', async () => {
  const { collector, events } = node([], { capacityBytes: 0 });
  await assert.rejects(collector.collect(), /invalid capacity 0 on image filesystem/);
  assert.deepEqual(events, ['InvalidDiskCapacity: invalid capacity 0 on image filesystem']);
});

test('eviction gets all unused images removed at once; what is stuck does not hold up the rest', async () => {
  const { images, collector } = node(['a', 'b', 'c', 'pause']);
  assert.equal(await collector.deleteUnused(), 300);
  assert.deepEqual([...images.keys()], ['pause']);
  const other = node(['a', 'b', 'c'], { stuck: 'b' });
  await assert.rejects(
    other.collector.deleteUnused(),
    /freed 200 bytes, and 1 images could not be removed: b is stuck/,
  );
  assert.deepEqual([...other.images.keys()], ['b']);
});
