/** The follower without a server; with one, test/cluster/upgrade.test.ts shows the whole way. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { unreachable } from '../../../client/errors.ts';
import type { HttpsClient } from '../../../client/https-client.ts';
import { homeOf } from '../../../home.ts';
import { VirtualClock } from '../../../lib/clock.ts';
import { silentLogger } from '../../../lib/log.ts';
import { SeededPrng } from '../../../lib/prng.ts';
import { ProgramFollower } from './follower.ts';

function makeFollower(): ProgramFollower {
  const client = { list: () => Promise.reject(unreachable('nobody answers')) } as unknown as HttpsClient;
  return new ProgramFollower({
    home: homeOf('/nonexistent'),
    node: 'n1',
    client,
    command: { kubeconfig: '' },
    end: () => assert.fail('nobody asked for another program'),
    clock: new VirtualClock(),
    prng: new SeededPrng(1),
    log: silentLogger,
  });
}

test('ends, also where it never heard of its Node', async () => {
  const follower = makeFollower();
  await follower.start();
  await follower.close();
});

test('ends, also where it was told to before it began, or while it did', async () => {
  const follower = makeFollower();
  await Promise.all([follower.close(), follower.start()]);
  await follower.close();
  const other = makeFollower();
  await Promise.all([other.start(), other.close()]);
  await other.close();
});
