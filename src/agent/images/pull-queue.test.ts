import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../../lib/clock.ts';
import { PullQueue, type PullSettings } from './pull-queue.ts';

const free: PullSettings = { serializeImagePulls: false, registryPullQPS: 0, registryBurst: 0 };

/** When each of `count` pulls of a second began, and how many ran at once at most. */
async function began(settings: PullSettings, count: number) {
  const clock = new VirtualClock();
  const queue = new PullQueue(settings, clock);
  const startMs = clock.now();
  const times: number[] = [];
  let running = 0;
  let most = 0;
  const pulls = Array.from({ length: count }, () =>
    queue.run(async () => {
      times.push(clock.now() - startMs);
      most = Math.max(most, ++running);
      await clock.sleep(1000);
      running--;
    }),
  );
  await clock.advance(60_000);
  await Promise.all(pulls);
  return { times, most };
}

test('one at a time, so many at a time, or all at once', async () => {
  assert.deepEqual(await began({ ...free, serializeImagePulls: true, maxParallelImagePulls: 3 }, 3), {
    times: [0, 1000, 2000],
    most: 1,
  });
  assert.deepEqual(await began({ ...free, maxParallelImagePulls: 2 }, 3), { times: [0, 0, 1000], most: 2 });
  assert.equal((await began(free, 30)).most, 30);
});

test('a burst goes at once, the rest at the rate, in order', async () => {
  const { times } = await began({ ...free, registryPullQPS: 5, registryBurst: 3 }, 6);
  assert.deepEqual(times, [0, 0, 0, 200, 400, 600]);
});

test('a pull that fails lets the next one begin', async () => {
  const queue = new PullQueue({ ...free, serializeImagePulls: true }, new VirtualClock());
  await assert.rejects(
    queue.run(() => Promise.reject(new Error('no'))),
    /no/,
  );
  assert.equal(await queue.run(() => Promise.resolve('yes')), 'yes');
});
