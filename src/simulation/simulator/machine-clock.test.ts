import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../../lib/clock.ts';
import { MachineClock } from './machine-clock.ts';

test('a machine may be ahead of the world, and the time it shows is set at a stroke', () => {
  const world = new VirtualClock();
  const clock = new MachineClock(world, { offsetMs: 5000, driftPpm: 0 });
  assert.equal(clock.now() - world.now(), 5000);
  clock.jump(-2000);
  assert.equal(clock.now() - world.now(), -2000);
  assert.equal(clock.monotonic(), world.monotonic());
});

test('a fast crystal gains on the world, and its timers are due sooner', async () => {
  const world = new VirtualClock();
  const clock = new MachineClock(world, { offsetMs: 0, driftPpm: 500 });
  let atMs = 0;
  clock.after(1_000_000, () => {
    atMs = world.monotonic();
  });
  await world.advance(2_000_000);
  assert.equal(atMs, 999_501);
  assert.equal(clock.now() - world.now(), 1000);
});

test('no timer is early by the machine’s own count, however it drifts and whenever it is set', async () => {
  const world = new VirtualClock();
  for (const driftPpm of [-400, -3, 3, 400]) {
    const clock = new MachineClock(world, { offsetMs: 0, driftPpm });
    for (const delayMs of [0, 1, 7, 10, 999.5, 12_345]) {
      const dueMs = clock.monotonic() + delayMs;
      await world.advance(1);
      let lateMs = Number.NaN;
      const setMs = clock.monotonic();
      clock.after(delayMs, () => {
        lateMs = clock.monotonic() - Math.max(dueMs, setMs + delayMs);
      });
      await world.advance(20_000);
      assert.ok(lateMs >= 0 && lateMs <= 1, `${driftPpm} ppm, ${delayMs} ms: ${lateMs} ms late`);
    }
  }
});
