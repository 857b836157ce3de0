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

test('ends, also where it never heard of its Node', async () => {
  const client = { list: () => Promise.reject(unreachable('nobody answers')) } as unknown as HttpsClient;
  const follower = new ProgramFollower({
    home: homeOf('/nonexistent'),
    node: 'n1',
    client,
    command: { kubeconfig: '' },
    end: () => assert.fail('nobody asked for another program'),
    clock: new VirtualClock(),
    prng: new SeededPrng(1),
    log: silentLogger,
  });
  await follower.start();
  await follower.close();
});
