import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MetricRegistry } from '../lib/metrics.ts';
import { SchedulerMetrics } from './scheduler-metrics.ts';

test('decisions are counted by result, and waiting pods by place', () => {
  const registry = new MetricRegistry();
  const metrics = new SchedulerMetrics(registry, () => ({ active: 1, backoff: 2, unschedulable: 3, gated: 4 }));
  metrics.attempt('default-scheduler', 'scheduled', 2);
  metrics.attempt('default-scheduler', 'scheduled', 2);
  metrics.attempt('default-scheduler', 'unschedulable', 1);
  const text = registry.text();
  assert.match(text, /scheduler_schedule_attempts_total\{profile="default-scheduler",result="scheduled"\} 2\n/);
  assert.match(text, /scheduler_schedule_attempts_total\{profile="default-scheduler",result="unschedulable"\} 1\n/);
  assert.match(text, /scheduler_pending_pods\{queue="backoff"\} 2\n/);
});
