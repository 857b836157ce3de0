import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Pod } from '../../api/schema/types/core-v1.ts';
import { refusalUnder, withPressures } from './pressure-conditions.ts';
import type { Pressure } from './signals.ts';
import { podOf } from './testing.ts';

const memory: readonly Pressure[] = ['MemoryPressure'];
const both: readonly Pressure[] = ['DiskPressure', 'MemoryPressure'];
const burstable = { requests: { memory: '1Mi' } };
const tolerant = (key: string): Pod =>
  podOf('web', { spec: { ...podOf('web').spec, tolerations: [{ key, operator: 'Exists' }] } });
const critical = podOf('web', { priority: 2_000_000_001 });

describe('pods that come to a node under pressure', () => {
  const cases: readonly (readonly [what: string, readonly Pressure[], Pod, message: string])[] = [
    ['none is refused where all is well', [], podOf('web'), ''],
    ['best effort, short of memory', memory, podOf('web'), 'The node had condition: [MemoryPressure]. '],
    ['burstable, short of memory', memory, podOf('web', burstable), ''],
    ['best effort that bears it', memory, tolerant('node.kubernetes.io/memory-pressure'), ''],
    [
      'best effort that bears something else',
      memory,
      tolerant('node.kubernetes.io/disk-pressure'),
      'The node had condition: [MemoryPressure]. ',
    ],
    ['critical', both, critical, ''],
    ['burstable, short of disk', ['DiskPressure'], podOf('web', burstable), 'The node had condition: [DiskPressure]. '],
    [
      'whoever bears it, short of disk',
      ['DiskPressure'],
      tolerant('node.kubernetes.io/disk-pressure'),
      'The node had condition: [DiskPressure]. ',
    ],
    ['short of both', both, podOf('web', burstable), 'The node had condition: [DiskPressure MemoryPressure]. '],
    ['short of PIDs', ['PIDPressure'], podOf('web', burstable), 'The node had condition: [PIDPressure]. '],
  ];
  for (const [what, pressures, pod, message] of cases) {
    test(what, () => {
      const refusal = refusalUnder(pressures, pod);
      assert.deepEqual(refusal, message === '' ? undefined : { reason: 'Evicted', message });
    });
  }
});

test('the Node says what it is short of, since when, and nothing else of it changes', () => {
  const good = {
    type: 'DiskPressure',
    status: 'False',
    reason: 'KubeletHasNoDiskPressure',
    lastTransitionTime: '2026-01-01T00:00:00Z',
  };
  const status = {
    conditions: [
      {
        type: 'MemoryPressure',
        status: 'False',
        reason: 'x',
        lastHeartbeatTime: '2026-01-01T00:01:00Z',
        lastTransitionTime: '2026-01-01T00:01:00Z',
      },
      good,
    ],
  };
  assert.deepEqual(withPressures(status, new Map([['MemoryPressure', Date.UTC(2026, 0, 1, 0, 0, 30)]])).conditions, [
    {
      type: 'MemoryPressure',
      status: 'True',
      reason: 'KubeletHasInsufficientMemory',
      message: 'kubelet has insufficient memory available',
      lastHeartbeatTime: '2026-01-01T00:01:00Z',
      lastTransitionTime: '2026-01-01T00:00:30Z',
    },
    good,
  ]);
  assert.equal(withPressures(status, new Map()), status);
});
