import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from './clock.ts';
import { MetricRegistry } from './metrics.ts';
import { SeededPrng } from './prng.ts';
import { WorkQueue } from './work-queue.ts';

test('a queue tells what waits, how long it waited, and what is under way', async () => {
  const clock = new VirtualClock();
  const metrics = new MetricRegistry();
  const queue = new WorkQueue({ clock, prng: new SeededPrng(1), name: 'replicaset', metrics });
  const value = (name: string): string =>
    new RegExp(`${name}\\{name="replicaset"\\} (.*)`).exec(metrics.text())?.[1] ?? '';
  queue.add('a');
  queue.add('a');
  queue.add('b');
  assert.equal(value('workqueue_depth'), '2');
  assert.equal(value('workqueue_adds_total'), '2');
  await clock.advance(2_000);
  assert.equal(await queue.take(), 'a');
  await clock.advance(3_000);
  assert.equal(value('workqueue_depth'), '1');
  assert.equal(value('workqueue_queue_duration_seconds_sum'), '2');
  assert.equal(value('workqueue_longest_running_processor_seconds'), '3');
  assert.equal(value('workqueue_unfinished_work_seconds'), '3');
  queue.addRateLimited('a');
  queue.done('a');
  assert.equal(value('workqueue_work_duration_seconds_sum'), '3');
  assert.equal(value('workqueue_longest_running_processor_seconds'), '0');
  assert.equal(value('workqueue_retries_total'), '1');
  await clock.advance(1_000);
  assert.equal(value('workqueue_adds_total'), '3');
  await queue.take();
  queue.done('b');
  await queue.shutDown();
});
