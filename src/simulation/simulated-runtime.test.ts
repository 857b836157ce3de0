import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type RuntimeHarness, runtimeContract } from '../agent/runtime-contract.ts';
import { VirtualClock } from '../lib/clock.ts';
import { SeededPrng } from '../lib/prng.ts';
import { AddressPool } from './address-pool.ts';
import { behaviourAnnotation } from './container-behaviour.ts';
import { SimulatedRuntime } from './simulated-runtime.ts';

async function harness(): Promise<RuntimeHarness> {
  const clock = new VirtualClock();
  const catalogue = { containers: new Map(), images: new Map([['example.com/absent:1', { absent: true }]]) };
  const runtime = new SimulatedRuntime({ clock, prng: new SeededPrng(1), podCidr: '10.42.1.0/24', catalogue });
  const during = async <T>(work: Promise<T>): Promise<T> => {
    const progress = { settled: false };
    const watched = work.finally(() => {
      progress.settled = true;
    });
    watched.catch(() => {});
    for (let round = 0; round < 1000 && !progress.settled; round++) await clock.advance(10);
    return watched;
  };
  return {
    runtime,
    image: 'busybox:1',
    absentImage: 'example.com/absent:1',
    annotations: (name, behaviour) => ({ [`${behaviourAnnotation}.${name}`]: JSON.stringify(behaviour) }),
    logDirectory: (uid) => `/logs/${uid}`,
    cgroupParent: (uid) => `/pods/${uid}`,
    during,
    until: async (what, check) => {
      for (let round = 0; round < 1000; round++) {
        if (await check()) return;
        await clock.advance(10);
      }
      throw new Error(`never: ${what}`);
    },
    close: () => runtime.close(),
  };
}

runtimeContract('simulated', harness);

test('the same seed makes the same cluster', async () => {
  const ids: string[] = [];
  for (let round = 0; round < 2; round++) {
    const world = await harness();
    const sandbox = {
      pod: { namespace: 'default', name: 'web', uid: 'u1' },
      attempt: 0,
      hostname: 'web',
      hostNetwork: false,
      hostPid: false,
      hostIpc: false,
      shareProcessNamespace: false,
      logDirectory: world.logDirectory('u1'),
      cgroupParent: world.cgroupParent('u1'),
      dns: { servers: [], searches: [], options: [] },
      annotations: {},
      labels: {},
      privileged: false,
    };
    ids.push(await world.runtime.runSandbox(sandbox));
  }
  assert.equal(ids[0], ids[1]);
});

test('an address is used again only after all others were', () => {
  const pool = new AddressPool('10.42.1.0/29');
  const first = pool.take();
  assert.deepEqual(first, ['10.42.1.2']);
  pool.give(first);
  const rest = [pool.take(), pool.take(), pool.take(), pool.take()].flat();
  assert.deepEqual(rest, ['10.42.1.3', '10.42.1.4', '10.42.1.5', '10.42.1.6']);
  assert.deepEqual(pool.take(), first);
  assert.throws(() => pool.take(), /no addresses are left/);
});

test('where there are two families, each pod has an address of both, and gives both back', () => {
  for (const cidrs of ['10.42.1.0/29,fd00:42:0:1::/64', 'fd00:42:0:1::/64,10.42.1.0/29']) {
    const pool = new AddressPool(cidrs);
    const all = Array.from({ length: 5 }, () => pool.take());
    const both = ['10.42.1.3', 'fd00:42:0:1::3'];
    assert.deepEqual(all[1], cidrs.startsWith('10') ? both : both.toReversed());
    assert.throws(() => pool.take(), /no addresses are left/);
    pool.give(all[3] ?? []);
    assert.deepEqual(pool.take(), all[3]);
  }
});
