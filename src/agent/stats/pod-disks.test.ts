import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../../lib/clock.ts';
import { MachineClock } from '../../simulation/simulator/machine-clock.ts';
import { make } from '../testing.ts';
import { noUsage } from './disk-usage.ts';
import { PodDiskLooks } from './pod-disks.ts';
import type { ShownPod } from './stats-facts.ts';

const shown: ShownPod = {
  pod: make.pod(),
  identity: { namespace: 'default', name: 'web', uid: 'u-1' },
  startTime: '',
  running: [],
  sandboxId: 's0',
};

test('a folder that could not be walked, and a clock that was set back, end no looks for good', async () => {
  const clock = new MachineClock(new VirtualClock());
  let walks = 0;
  const walk = async () => {
    walks++;
    if (walks === 1) throw new Error('the disk is sick');
    return { ...noUsage, usedBytes: walks };
  };
  const looks = new PodDiskLooks({ clock, periodMs: 60_000, places: () => [], podFolder: (uid) => `/${uid}`, walk });
  assert.equal(looks.of(shown), undefined);
  await looks.idle();
  assert.equal(looks.of(shown), undefined);
  await looks.idle();
  const first = looks.of(shown)?.timeMs ?? 0;
  await looks.idle();
  assert.equal(looks.of(shown)?.timeMs, first, 'young enough');
  clock.jump(-86_400_000);
  looks.of(shown);
  await looks.idle();
  assert.equal(looks.of(shown)?.timeMs, first - 86_400_000);
});
