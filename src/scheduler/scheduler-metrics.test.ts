import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MetricRegistry } from '../lib/metrics.ts';
import { SchedulerMetrics } from './scheduler-metrics.ts';

test('decisions are counted by result, and waiting pods by place', () => {
  const registry = new MetricRegistry();
  const metrics = new SchedulerMetrics(registry, () => ({ active: 1, backoff: 2, unschedulable: 3 }));
  metrics.attempt('scheduled');
  metrics.attempt('scheduled');
  metrics.attempt('unschedulable');
  const text = registry.text();
  assert.match(text, /scheduler_schedule_attempts_total\{profile="default-scheduler",result="scheduled"\} 2\n/);
  assert.match(text, /scheduler_schedule_attempts_total\{profile="default-scheduler",result="unschedulable"\} 1\n/);
  assert.match(text, /scheduler_pending_pods\{queue="backoff"\} 2\n/);
});
