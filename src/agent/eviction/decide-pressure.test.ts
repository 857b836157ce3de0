import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { defaultKubeletConfiguration, type KubeletConfiguration } from '../kubelet-configuration.ts';
import { decidePressure, isRelieved, noPressure, type PressureMemory } from './decide-pressure.ts';
import { observe } from './signals.ts';
import { type NodeUsage, summary } from './testing.ts';
import { thresholdsOf } from './thresholds.ts';

const minute = 60_000;
const startMs = Date.UTC(2026, 0, 1);

/** One node, look after look. */
function watch(settings: Partial<KubeletConfiguration>) {
  const thresholds = thresholdsOf({
    ...defaultKubeletConfiguration,
    evictionHard: {},
    enforceNodeAllocatable: [],
    ...settings,
  });
  let memory: PressureMemory = noPressure;
  return {
    thresholds,
    at(minutes: number, usage: Omit<NodeUsage, 'timeMs'>, measuredAt = minutes) {
      const observations = observe(summary({ timeMs: startMs + measuredAt * minute, ...usage }));
      const nowMs = minutes * minute;
      const verdict = decidePressure(memory, { thresholds, observations, transitionPeriodMs: 5 * minute, nowMs });
      memory = verdict.memory;
      return [
        verdict.pressures.join(),
        verdict.due.map(({ signal, gracePeriodMs }) => `${signal}/${gracePeriodMs}`).join(),
      ];
    },
  };
}

const memory = (free: string) => ({ memory: [free, '4Gi'] as const });
const nodefs = (free: string) => ({ nodefs: [free, '100Gi'] as const });

describe('pressure', () => {
  test('soft thresholds call for action when they have held for their grace period, hard ones at once', () => {
    const node = watch({
      evictionHard: { 'memory.available': '1Gi' },
      evictionSoft: { 'memory.available': '2Gi' },
      evictionSoftGracePeriodMs: { 'memory.available': 2 * minute },
    });
    assert.deepEqual(node.at(0, memory('3Gi')), ['', '']);
    assert.deepEqual(node.at(1, memory('1500Mi')), ['MemoryPressure', '']);
    assert.deepEqual(node.at(2, memory('1500Mi')), ['MemoryPressure', '']);
    assert.deepEqual(node.at(4, memory('1500Mi')), ['MemoryPressure', 'memory.available/120000']);
    assert.deepEqual(node.at(24, memory('3Gi')), ['', ''], 'long over');
    assert.deepEqual(node.at(25, memory('500Mi')), ['MemoryPressure', 'memory.available/0']);
    assert.deepEqual(node.at(26, memory('3Gi')), ['MemoryPressure', '']);
    assert.deepEqual(
      node.at(29, memory('3Gi')),
      ['MemoryPressure', ''],
      'four minutes are less than the transition period',
    );
    assert.deepEqual(node.at(30, memory('3Gi')), ['', '']);
  });

  test('a soft threshold that was not met in between waits anew', () => {
    const node = watch({
      evictionSoft: { 'memory.available': '2Gi' },
      evictionSoftGracePeriodMs: { 'memory.available': 2 * minute },
    });
    node.at(0, memory('1Gi'));
    node.at(1, memory('3Gi'));
    assert.deepEqual(node.at(2, memory('1Gi')), ['MemoryPressure', '']);
    assert.deepEqual(node.at(4, memory('1Gi')), ['MemoryPressure', 'memory.available/120000']);
  });

  test('until the minimum reclaim is free, too, the threshold stays met', () => {
    const node = watch({
      evictionHard: { 'memory.available': '1Gi' },
      evictionMinimumReclaim: { 'memory.available': '500Mi' },
    });
    assert.deepEqual(node.at(0, memory('1200Mi')), ['', ''], 'it was never below');
    assert.deepEqual(node.at(1, memory('500Mi')), ['MemoryPressure', 'memory.available/0']);
    assert.deepEqual(node.at(2, memory('1200Mi')), ['MemoryPressure', 'memory.available/0']);
    assert.deepEqual(node.at(3, memory('2Gi')), ['MemoryPressure', '']);
    assert.deepEqual(node.at(4, memory('1200Mi')), ['MemoryPressure', ''], 'it was resolved');
    assert.deepEqual(node.at(7, memory('2Gi')), ['', '']);
  });

  test('figures that were not measured anew call for nothing: they say nothing of the last eviction', () => {
    const node = watch({ evictionHard: { 'nodefs.available': '10Gi' } });
    assert.deepEqual(node.at(1, nodefs('1Gi')), ['DiskPressure', 'nodefs.available/0']);
    assert.deepEqual(node.at(2, nodefs('1Gi'), 1), ['DiskPressure', '']);
    assert.deepEqual(node.at(3, nodefs('1Gi')), ['DiskPressure', 'nodefs.available/0']);
  });

  test('memory comes before all else', () => {
    const node = watch({
      evictionHard: { 'nodefs.available': '10Gi', 'pid.available': '100', 'memory.available': '1Gi' },
      enforceNodeAllocatable: ['pods'],
    });
    const usage = { ...nodefs('1Gi'), ...memory('1Mi'), memoryOfPods: ['1Mi', '4Gi'], pids: ['99', '1000'] } as const;
    assert.deepEqual(node.at(0, usage), [
      'DiskPressure,MemoryPressure,PIDPressure',
      'memory.available/0,allocatableMemory.available/0,nodefs.available/0,pid.available/0',
    ]);
  });

  test('what is not observed is not under pressure; a file system without a count of inodes has enough', () => {
    const node = watch({ evictionHard: defaultKubeletConfiguration.evictionHard, enforceNodeAllocatable: ['pods'] });
    assert.deepEqual(node.at(0, { nodefsInodes: ['0', '0'] }), ['', '']);
    assert.deepEqual(node.at(1, { nodefsInodes: ['1', '1000'] }), ['DiskPressure', 'nodefs.inodesFree/0']);
  });

  test('giving back is enough when every threshold has its minimum reclaim free', () => {
    const { thresholds } = watch({
      evictionHard: { 'nodefs.available': '10Gi' },
      evictionMinimumReclaim: { 'nodefs.available': '5Gi' },
    });
    const relieved = (free: string) => isRelieved(thresholds, observe(summary({ timeMs: 0, ...nodefs(free) })));
    assert.deepEqual(['9Gi', '12Gi', '15Gi'].map(relieved), [false, false, true]);
  });
});
