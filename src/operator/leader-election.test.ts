import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Client } from '../client/client.ts';
import { unreachable } from '../client/errors.ts';
import { leases } from '../client/resources.ts';
import { startTestApi, type TestApi } from '../client/testing.ts';
import { LeaderElection } from './leader-election.ts';

const reference = { namespace: 'default', name: 'lock' };

interface Candidate {
  readonly election: LeaderElection;
  readonly stop: AbortController;
  readonly over: Promise<'stopped' | 'lost'>;
  /** The client answers no more. */
  cutOff(): void;
}

function candidate({ client, clock, prng, log }: TestApi, identity: string): Candidate {
  let isCutOff = false;
  const cut = {
    ...client,
    get: (...args: Parameters<Client['get']>) =>
      isCutOff ? Promise.reject(unreachable('cut off')) : client.get(...args),
  } as Client;
  const election = new LeaderElection({ client: cut, clock, prng, log, ...reference, identity });
  const stop = new AbortController();
  const lead = (signal: AbortSignal): Promise<void> =>
    new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
  return { election, stop, over: election.run(lead, stop.signal), cutOff: () => void (isCutOff = true) };
}

const leaders = (...all: readonly Candidate[]): readonly boolean[] => all.map(({ election }) => election.isLeading);

describe('leader election', () => {
  test('one of two leads, for as long as it renews its lease', async () => {
    const api = await startTestApi();
    const [a, b] = [candidate(api, 'a'), candidate(api, 'b')];
    for (let round = 0; round < 60; round++) {
      await api.clock.advance(1_000);
      assert.equal(leaders(a, b).filter(Boolean).length, 1);
    }
    const { spec } = await api.client.get(leases, reference);
    assert.equal(spec?.holderIdentity, leaders(a)[0] ? 'a' : 'b');
    assert.equal(spec?.leaseDurationSeconds, 15);
    a.stop.abort();
    b.stop.abort();
    await api.clock.advance(5_000);
    assert.deepEqual(await Promise.all([a.over, b.over]), ['stopped', 'stopped']);
  });

  test('who stops gives the lease back, and the other need not wait for its end', async () => {
    const api = await startTestApi();
    const a = candidate(api, 'a');
    await api.clock.advance(3_000);
    const b = candidate(api, 'b');
    await api.clock.advance(3_000);
    a.stop.abort();
    await api.clock.advance(3_000);
    assert.deepEqual(leaders(a, b), [false, true]);
    assert.equal((await api.client.get(leases, reference)).spec?.leaseTransitions, 1);
    b.stop.abort();
    await api.clock.advance(3_000);
  });

  test('who cannot renew stops leading before another begins', async () => {
    const api = await startTestApi();
    const a = candidate(api, 'a');
    await api.clock.advance(3_000);
    const b = candidate(api, 'b');
    await api.clock.advance(5_000);
    a.cutOff();
    let stoppedAt = 0;
    let begunAt = 0;
    for (let second = 1; second <= 40; second++) {
      await api.clock.advance(1_000);
      const [isA, isB] = leaders(a, b);
      assert.ok(!(isA && isB), `both lead after ${second} s`);
      if (!isA && stoppedAt === 0) stoppedAt = second;
      if (isB && begunAt === 0) begunAt = second;
    }
    assert.equal(await a.over, 'lost');
    assert.ok(stoppedAt <= 13 && begunAt > stoppedAt && begunAt <= 20, `${stoppedAt}, ${begunAt}`);
    b.stop.abort();
    await api.clock.advance(3_000);
  });

  test('a clock that is an hour off does not matter: what counts is how long ago the lease changed', async () => {
    const api = await startTestApi();
    const renewTime = '2000-01-01T00:00:00.000000Z';
    await api.client.create(leases, {
      metadata: reference,
      spec: { holderIdentity: 'other', leaseDurationSeconds: 15, acquireTime: renewTime, renewTime },
    });
    const a = candidate(api, 'a');
    await api.clock.advance(10_000);
    assert.deepEqual(leaders(a), [false], 'it was just seen for the first time');
    await api.clock.advance(10_000);
    assert.deepEqual(leaders(a), [true]);
    a.stop.abort();
    await api.clock.advance(3_000);
  });

  test('times that do not fit each other are refused', async () => {
    const { client, clock, prng, log } = await startTestApi();
    const common = { client, clock, prng, log, ...reference, identity: 'a' };
    assert.throws(() => new LeaderElection({ ...common, leaseMs: 5_000 }), /leaseMs/);
  });

  test('who sees that another holds the lease stops leading at once', async () => {
    const api = await startTestApi();
    const a = candidate(api, 'a');
    await api.clock.advance(3_000);
    assert.deepEqual(leaders(a), [true]);
    const body = { spec: { holderIdentity: 'other' } };
    await api.client.patch(leases, reference, { type: 'merge', body });
    await api.clock.advance(3_000);
    assert.deepEqual(leaders(a), [false]);
    assert.equal(await a.over, 'lost');
  });

  test('who leads no more says so while its work still ends', async () => {
    const { client, clock, prng, log } = await startTestApi();
    const election = new LeaderElection({ client, clock, prng, log, ...reference, identity: 'a' });
    const ended = Promise.withResolvers<void>();
    const over = election.run(() => ended.promise, new AbortController().signal);
    await clock.advance(3_000);
    await client.patch(leases, reference, { type: 'merge', body: { spec: { holderIdentity: 'other' } } });
    await clock.advance(3_000);
    assert.equal(election.isLeading, false);
    ended.resolve();
    assert.equal(await over, 'lost');
  });

  test('a holder that promised itself more time than we would gets it', async () => {
    const api = await startTestApi();
    const renewTime = '2000-01-01T00:00:00.000000Z';
    await api.client.create(leases, {
      metadata: reference,
      spec: { holderIdentity: 'other', leaseDurationSeconds: 60, acquireTime: renewTime, renewTime },
    });
    const a = candidate(api, 'a');
    await api.clock.advance(50_000);
    assert.deepEqual(leaders(a), [false]);
    await api.clock.advance(20_000);
    assert.deepEqual(leaders(a), [true]);
    a.stop.abort();
    await api.clock.advance(3_000);
  });

  test('slow answers do not lengthen the lead: the time of a renewal counts from its request', async () => {
    const { client, clock, prng, log } = await startTestApi();
    let isSlow = false;
    let isCut = false;
    const slow = {
      ...client,
      get: (...args: Parameters<Client['get']>) =>
        isCut ? Promise.reject(unreachable('cut off')) : client.get(...args),
      update: async (...args: Parameters<Client['update']>) => {
        const answer = await client.update(...args);
        if (isSlow) {
          isCut = true;
          await clock.sleep(7_000);
        }
        return answer;
      },
    } as Client;
    const election = new LeaderElection({ client: slow, clock, prng, log, ...reference, identity: 'a' });
    const lead = (signal: AbortSignal): Promise<void> =>
      new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
    const over = election.run(lead, new AbortController().signal);
    await clock.advance(3_000);
    isSlow = true;
    // One more renewal within 2.4 s; 13 s after it is 10 s and a look after the request, and not after the answer.
    for (let second = 0; second < 15; second++) await clock.advance(1_000);
    assert.equal(election.isLeading, false);
    assert.equal(await over, 'lost');
  });
});
