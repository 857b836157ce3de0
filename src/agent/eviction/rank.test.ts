import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Pod } from '../../api/schema/types/core-v1.ts';
import { rank } from './rank.ts';
import type { Signal } from './signals.ts';
import { type PodUsage, type PodWishes, podOf, podStats } from './testing.ts';
import type { DiskLayout } from './thresholds.ts';

type Row = readonly [name: string, wishes: PodWishes, usage: PodUsage | undefined];

/** Rows stand in the order that is expected; the pods are ranked from the other end. */
function inOrder(signal: Signal, rows: readonly Row[], layout: DiskLayout = 'one-disk'): void {
  const pods = rows.map(([name, wishes]) => podOf(name, wishes));
  const stats = new Map(
    rows.flatMap(([name, , usage]) => (usage === undefined ? [] : [[name, podStats(name, usage)] as const])),
  );
  const ranked = rank(pods.toReversed(), signal, layout, (pod: Pod) => stats.get(pod.metadata?.uid ?? ''));
  assert.deepEqual(
    ranked.map(({ metadata }) => metadata?.name),
    rows.map(([name]) => name),
  );
}

const low = { priority: -1 };
const high = { priority: 1 };

describe('the order of eviction', () => {
  test('under memory pressure: beyond the request, then by priority, then by what is used beyond the request', () => {
    inOrder('memory.available', [
      ['above requests, low priority, high usage', { ...low, requests: { memory: '100Mi' } }, { memory: '900Mi' }],
      ['above requests, low priority, low usage', { ...low, requests: { memory: '100Mi' } }, { memory: '200Mi' }],
      ['best effort, high priority, high usage', high, { memory: '400Mi' }],
      ['above requests, high priority', { ...high, requests: { memory: '100Mi' } }, { memory: '400Mi' }],
      ['best effort, high priority, low usage', high, { memory: '100Mi' }],
      ['below requests, low priority, near them', { ...low, requests: { memory: '1Gi' } }, { memory: '900Mi' }],
      ['below requests, low priority, far from them', { ...low, requests: { memory: '1Gi' } }, { memory: '50Mi' }],
      ['below requests, high priority', { ...high, requests: { memory: '1Gi' } }, { memory: '1Gi' }],
    ]);
  });

  test('pods that nothing is known of go first, whatever their priority', () => {
    inOrder('memory.available', [
      ['unknown', high, undefined],
      ['known', low, { memory: '1Gi' }],
    ]);
    inOrder('nodefs.available', [
      ['unknown', high, undefined],
      ['known', low, { layer: '1Gi' }],
    ]);
  });

  test('overhead of the sandbox, and what the pod as a whole asks for, count as its request', () => {
    inOrder('memory.available', [
      ['no overhead', { requests: { memory: '100Mi' } }, { memory: '150Mi' }],
      ['as a whole', { spec: { resources: { requests: { memory: '200Mi' } } } }, { memory: '195Mi' }],
      ['overhead', { requests: { memory: '100Mi' }, spec: { overhead: { memory: '100Mi' } } }, { memory: '150Mi' }],
    ]);
  });

  test('under disk pressure: layers, logs and local volumes together, each against ephemeral-storage', () => {
    const volumes = [
      { name: 'scratch', emptyDir: {} },
      { name: 'memory', emptyDir: { medium: 'Memory' as const } },
    ];
    const requests = { 'ephemeral-storage': '300Mi' };
    inOrder('nodefs.available', [
      ['volume', { spec: { volumes } }, { volumes: { scratch: '500Mi' } }],
      ['layer and logs', {}, { layer: '200Mi', logs: '200Mi' }],
      ['asked for most of it', { requests }, { layer: '400Mi' }],
      ['above requests, high priority', high, { layer: '900Mi' }],
      ['below requests', { requests }, { layer: '200Mi', volumes: { memory: '900Mi' } }],
    ]);
  });

  test('where images lie apart, each disk counts what lies on it', () => {
    const spec = { volumes: [{ name: 'scratch', emptyDir: {} }] };
    const inLayer: Row = ['in its layer', {}, { layer: '900Mi', logs: '1Mi' }];
    const inVolume: Row = ['in a volume', { spec }, { layer: '1Mi', logs: '1Mi', volumes: { scratch: '900Mi' } }];
    inOrder('nodefs.available', [inVolume, inLayer], 'images-apart');
    inOrder('imagefs.available', [inLayer, inVolume], 'images-apart');
    inOrder('containerfs.available', [inLayer, inVolume], 'images-apart');
  });

  test('short of inodes, files count and not bytes', () => {
    inOrder('nodefs.inodesFree', [
      ['many files', {}, { layerInodes: '50000', layer: '1Mi' }],
      ['few files', {}, { layerInodes: '10', layer: '1Gi' }],
    ]);
  });

  test('under PID pressure: by priority, then by the number of processes', () => {
    inOrder('pid.available', [
      ['low priority, few', low, { processes: 2 }],
      ['many', {}, { processes: 900 }],
      ['few', {}, { processes: 3 }],
      ['high priority, many', high, { processes: 2000 }],
    ]);
  });
});
