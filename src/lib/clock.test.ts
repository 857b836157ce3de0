import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatMicroTime, formatTime, RealClock, settlePromises, VirtualClock } from './clock.ts';

test('timers of a virtual clock fire in order of time, then in the order they were set', async () => {
  const clock = new VirtualClock(0);
  const fired: string[] = [];
  clock.after(20, () => fired.push(`c@${clock.now()}`));
  clock.after(10, () => fired.push(`a@${clock.now()}`));
  clock.after(10, () => fired.push(`b@${clock.now()}`));
  await clock.advance(15);
  assert.deepEqual(fired, ['a@10', 'b@10']);
  assert.equal(clock.now(), 15);
  await clock.advance(5);
  assert.deepEqual(fired, ['a@10', 'b@10', 'c@20']);
});

test('a timer set by a timer fires in the same advance when it falls due in it', async () => {
  const clock = new VirtualClock(0);
  let firedAt = 0;
  clock.after(5, () => clock.after(5, () => (firedAt = clock.now())));
  await clock.advance(10);
  assert.equal(firedAt, 10);
});

test('a cancelled timer never fires and is not pending', async () => {
  const clock = new VirtualClock(0);
  let fired = false;
  clock.after(5, () => (fired = true)).cancel();
  assert.equal(clock.pending, 0);
  await clock.advance(10);
  assert.equal(fired, false);
});

test('a virtual timer is never early, not by the rounding of a fraction either', async () => {
  const clock = new VirtualClock();
  const dueMs = 5.331357493414544;
  let rounds = 0;
  const wake = (): void => {
    if (clock.monotonic() < dueMs && rounds++ < 10) clock.after(dueMs - clock.monotonic(), wake);
  };
  clock.after(dueMs, wake);
  await clock.advance(10);
  assert.equal(rounds, 0);
});

test('promises that follow one another settle before the next timer, also without the event loop', async () => {
  const clock = new VirtualClock(0, settlePromises);
  const order: string[] = [];
  clock.after(1, () => {
    let chain = Promise.resolve();
    for (let i = 0; i < 100; i++) chain = chain.then(() => {});
    void chain.then(() => order.push('chain'));
  });
  clock.after(1, () => order.push('timer'));
  await clock.advance(1);
  assert.deepEqual(order, ['chain', 'timer']);
});

test('an aborted sleep rejects with the reason and leaves no timer', async () => {
  const clock = new VirtualClock(0);
  const abort = new AbortController();
  const sleeping = clock.sleep(1000, abort.signal);
  abort.abort(new Error('no longer needed'));
  await assert.rejects(sleeping, /no longer needed/);
  assert.equal(clock.pending, 0);
});

test('code between two timers sees the time at which it runs', async () => {
  const clock = new VirtualClock(0);
  const times: number[] = [];
  const loop = (async () => {
    for (let i = 0; i < 3; i++) {
      await clock.sleep(10);
      times.push(clock.now());
    }
  })();
  await clock.advance(100);
  await loop;
  assert.deepEqual(times, [10, 20, 30]);
});

test('the real clock fires after a delay and not when cancelled', async () => {
  const clock = new RealClock({ keepsAlive: true });
  let cancelledFired = false;
  clock.after(1, () => (cancelledFired = true)).cancel();
  await clock.sleep(5);
  assert.equal(cancelledFired, false);
});

test('times have the forms of metav1.Time and metav1.MicroTime', () => {
  assert.equal(formatTime(Date.UTC(2026, 10, 21, 1, 2, 3, 987)), '2026-11-21T01:02:03Z');
  assert.equal(formatTime(Date.UTC(2026, 10, 21, 1, 2, 4, 0)), '2026-11-21T01:02:04Z');
  assert.equal(formatTime(Date.UTC(2026, 10, 21, 1, 2, 3, 0)), '2026-11-21T01:02:03Z');
  assert.throws(() => formatTime(Number.NaN), RangeError);
  assert.equal(formatMicroTime(Date.UTC(2026, 10, 21, 1, 2, 3, 987)), '2026-11-21T01:02:03.987000Z');
});

test('a delay below a millisecond still moves time on', async () => {
  const clock = new VirtualClock(0);
  let rounds = 0;
  const again = (): void => {
    rounds += 1;
    clock.after(0.0001, again);
  };
  again();
  await clock.advance(10);
  assert.equal(rounds, 11);
});
