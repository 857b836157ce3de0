import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { defaultKubeletConfiguration } from '../kubelet-configuration.ts';
import type { ImageStatus } from '../runtime.ts';
import { bytesToFree, type ImageRecords, observeImages, outdatedImages, removableImages } from './decide-image-gc.ts';

const minuteMs = 60_000;
const nowMs = 1_000 * minuteMs;
const policy = defaultKubeletConfiguration;

const image = (id: string, changes: Partial<ImageStatus> = {}): ImageStatus => ({
  id,
  tags: [`registry/${id}:1`],
  digests: [`registry/${id}@sha256:${id}`],
  sizeBytes: 100,
  ...changes,
});

describe('the image garbage collector', () => {
  test('frees nothing below the high mark, and above it down to the low one', () => {
    const rows: readonly (readonly [available: number, freed: number])[] = [
      [1000, 0],
      [160, 0],
      [159, 41],
      [151, 49],
      [150, 50],
      [140, 60],
      [0, 200],
      [2000, 0],
    ];
    for (const [availableBytes, freed] of rows) {
      assert.equal(bytesToFree({ capacityBytes: 1000, availableBytes }, policy), freed, String(availableBytes));
    }
  });

  test('what is used by id, by digest or by name stays, and so does what is pinned', () => {
    const images = ['id', 'digest', 'name', 'free'].map((id) => image(id)).concat(image('pinned', { pinned: true }));
    const used = new Set(['id', 'registry/digest@sha256:digest', 'registry/name:1']);
    const records = observeImages(undefined, images, used, nowMs);
    assert.deepEqual(
      removableImages(records, policy, nowMs).map(({ id }) => id),
      ['free'],
    );
  });

  test('the one unused for longest goes first; of those never used, the one that was here first', () => {
    const all = [image('new'), image('old'), image('used-late'), image('used-early')];
    let records: ImageRecords = observeImages(undefined, [all[1] as ImageStatus], new Set(), nowMs);
    records = observeImages(records, all, new Set(['used-early', 'used-late']), nowMs + minuteMs);
    records = observeImages(records, all, new Set(['used-late']), nowMs + 2 * minuteMs);
    records = observeImages(records, all, new Set(), nowMs + 3 * minuteMs);
    const order = removableImages(records, policy, nowMs + 9 * minuteMs).map(({ id }) => id);
    assert.deepEqual(order, ['old', 'new', 'used-early', 'used-late']);
  });

  test('a clock that was set back makes no image young for long', () => {
    const first = observeImages(undefined, [], new Set(), nowMs);
    let records = observeImages(first, [image('here')], new Set(['id']), nowMs);
    const backMs = nowMs - 500 * minuteMs;
    records = observeImages(records, [image('here')], new Set(), backMs);
    assert.deepEqual(
      removableImages(records, policy, backMs + policy.imageMinimumGCAgeMs).map(({ id }) => id),
      ['here'],
    );
  });

  test('an image that came just now stays for its minimum age; those found at the start have none', () => {
    const first = observeImages(undefined, [image('before')], new Set(), nowMs);
    const records = observeImages(first, [image('before'), image('young')], new Set(), nowMs);
    const ids = (atMs: number) => removableImages(records, policy, atMs).map(({ id }) => id);
    assert.deepEqual(ids(nowMs), ['before']);
    assert.deepEqual(ids(nowMs + policy.imageMinimumGCAgeMs - 1), ['before']);
    assert.deepEqual(ids(nowMs + policy.imageMinimumGCAgeMs), ['before', 'young']);
  });

  test('images unused for too long go only where that was asked for, and not before the agent ran for as long', () => {
    const before = observeImages(new Map(), [image('a'), image('b')], new Set(), nowMs);
    const used = observeImages(before, [image('a'), image('b')], new Set(['b']), nowMs + minuteMs);
    const records = observeImages(used, [image('a'), image('b')], new Set(), nowMs + 2 * minuteMs);
    const ids = (afterMs: number, imageMaximumGCAgeMs: number) =>
      outdatedImages(records, { ...policy, imageMaximumGCAgeMs }, { startedAtMs: nowMs, nowMs: nowMs + afterMs }).map(
        ({ id }) => id,
      );
    assert.deepEqual(ids(1e9, 0), []);
    assert.deepEqual(ids(10 * minuteMs, 10 * minuteMs), []);
    assert.deepEqual(ids(10 * minuteMs + 1, 10 * minuteMs), ['a']);
    assert.deepEqual(ids(11 * minuteMs, 5 * minuteMs), ['a', 'b']);
  });
});
