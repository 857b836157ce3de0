import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../../lib/clock.ts';
import { silentLogger as log } from '../../lib/log.ts';
import { noCgroups } from '../pod/cgroups.ts';
import { make } from '../testing.ts';
import { QosTiers } from './qos-tiers.ts';

const burstable = (uid: string) =>
  make.pod({ containers: [make.container('app', { resources: { requests: { cpu: '1' } } })] }, { uid });

test('shares that could not be written keep no pod from starting, and are written later', async () => {
  const written: (number | undefined)[] = [];
  let isRefused = false;
  const cgroups = {
    ...noCgroups,
    prepare: async (_: string, { cpuShares }: { readonly cpuShares?: number }) => {
      if (isRefused) throw new Error('read-only file system');
      written.push(cpuShares);
    },
  };
  const clock = new VirtualClock();
  const tiers = new QosTiers({ cgroups, cgroupRoot: '/naru', enforced: {}, events: { record() {} }, clock, log });
  await tiers.start();
  isRefused = true;
  tiers.admit(burstable('a'));
  await tiers.prepare();
  isRefused = false;
  await clock.advance(60_000);
  assert.equal(written.at(-1), 1024, 'tried again by itself');
  tiers.admit(burstable('b'));
  await tiers.prepare();
  assert.equal(written.at(-1), 2048);
  await tiers.close();
  assert.equal(clock.pending, 0);
});
