import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MetricRegistry } from '../lib/metrics.ts';
import { SchedulerMetrics } from './scheduler-metrics.ts';

test('decisions are counted by result, and waiting pods by place', () => {
  const registry = new MetricRegistry();
  const metrics = new SchedulerMetrics(
    registry,
    () => ({ active: 1, backoff: 2, unschedulable: 3, gated: 4 }),
    () => [{ plugin: 'NodePorts', profile: 'a', count: 5 }],
  );
  metrics.attempt('default-scheduler', 'scheduled', 2);
  metrics.attempt('default-scheduler', 'scheduled', 2);
  metrics.attempt('default-scheduler', 'unschedulable', 1);
  const text = registry.text();
  assert.match(text, /scheduler_schedule_attempts_total\{profile="default-scheduler",result="scheduled"\} 2\n/);
  assert.match(text, /scheduler_schedule_attempts_total\{profile="default-scheduler",result="unschedulable"\} 1\n/);
  assert.match(text, /scheduler_pending_pods\{queue="backoff"\} 2\n/);
  assert.match(text, /scheduler_unschedulable_pods\{plugin="NodePorts",profile="a"\} 5\n/);
});

test('the time until a pod was bound is told by attempts, up to fifteen', () => {
  const registry = new MetricRegistry();
  const metrics = new SchedulerMetrics(
    registry,
    () => ({ active: 0, backoff: 0, unschedulable: 0, gated: 0 }),
    () => [],
  );
  for (const attempts of [1, 14, 15, 16]) metrics.bound(20, attempts);
  const counts = [...registry.text().matchAll(/sli_duration_seconds_count\{attempts="(.*?)"\} (\d+)/g)];
  assert.deepEqual(
    counts.map(([, attempts, count]) => [attempts, count]),
    [
      ['1', '1'],
      ['14', '1'],
      ['15+', '2'],
    ],
  );
});
