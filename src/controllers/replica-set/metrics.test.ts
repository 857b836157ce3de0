import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pod } from '../../api/schema/types/core-v1.ts';
import { formatTime } from '../../lib/clock.ts';
import { MetricRegistry } from '../../lib/metrics.ts';
import { ReplicaMetrics } from './metrics.ts';

const nowMs = Date.UTC(2026, 0, 2);

const pod = (ageSeconds: number, isReady = true): Pod => ({
  metadata: { creationTimestamp: formatTime(nowMs - ageSeconds * 1000) },
  spec: { containers: [] },
  status: { conditions: [{ type: 'Ready', status: isReady ? 'True' : 'False' }] },
});

test('the age of each ready pod that goes is told as a multiple of the youngest one, where there was a choice', () => {
  const registry = new MetricRegistry();
  const metrics = new ReplicaMetrics(registry);
  const [young, older, old, unready] = [pod(10), pod(19), pod(45), pod(1, false)];
  metrics.chosen([young, older, old, unready], [unready, young, older, old].slice(0, 3), nowMs);
  metrics.chosen([young, old], [old], nowMs);
  metrics.chosen([young, old], [young, old], nowMs);
  metrics.chosen([unready, pod(2, false)], [unready], nowMs);
  metrics.chosen([pod(0), old], [pod(0)], nowMs);
  const lines = registry.text().split('\n');
  const value = (name: string): string | undefined =>
    lines.find((line) => line.startsWith(`replicaset_controller_sorting_deletion_age_ratio_${name} `))?.split(' ')[1];
  assert.deepEqual([value('count'), value('sum')], ['3', '6'], '1 and 1, then 4');
});
