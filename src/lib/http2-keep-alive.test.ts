import assert from 'node:assert/strict';
import type { Http2Session } from 'node:http2';
import { test } from 'node:test';
import { VirtualClock } from './clock.ts';
import { keepAlive } from './http2-keep-alive.ts';

function fakeSession() {
  const state = { destroyed: false, pings: 0, answer: undefined as ((error: null) => void) | undefined };
  const session = {
    get destroyed() {
      return state.destroyed;
    },
    ping(callback: (error: null) => void) {
      if (state.destroyed) throw new Error('the session has been destroyed');
      state.pings += 1;
      state.answer = callback;
    },
    destroy: () => {
      state.destroyed = true;
    },
    once: () => session,
  } as unknown as Http2Session;
  return { session, state };
}

const times = { intervalMs: 1000, answerMsMax: 500 };

test('a session whose peer is silent ends; one whose peer answers goes on', async () => {
  const clock = new VirtualClock();
  const { session, state } = fakeSession();
  keepAlive(session, { clock, ...times });
  await clock.advance(1000);
  state.answer?.(null);
  await clock.advance(999);
  assert.deepEqual([state.pings, state.destroyed], [1, false]);
  await clock.advance(501);
  assert.deepEqual([state.pings, state.destroyed], [2, true]);
});

test('a session that was destroyed, and has not told of its end, is not asked any more', async () => {
  const clock = new VirtualClock();
  const { session, state } = fakeSession();
  keepAlive(session, { clock, ...times });
  session.destroy();
  await clock.advance(5000);
  assert.equal(state.pings, 0);
});
