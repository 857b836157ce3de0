/** What is read from the files of a machine: cgroups of both versions, /proc, folders. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { linkSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { VirtualClock } from '../../lib/clock.ts';
import { CgroupFiles } from './cgroup-files.ts';
import { diskUsage, noUsage } from './disk-usage.ts';
import { Kept } from './kept.ts';
import { mainInterface, parseBootMs, parseCpuNs, parseInterfaces, parseTasks } from './proc-usage.ts';
import { CpuRates } from './rates.ts';
import { FakeMachine, netText } from './testing.ts';

const mib = 2 ** 20;

for (const version of [1, 2] as const) {
  test(`a cgroup of v${version} tells the same figures`, async (context) => {
    const machine = new FakeMachine(version);
    context.after(() => machine.remove());
    machine.cgroup('/k/pod1', 2_000_000, 200 * mib);
    machine.cgroup('/k/free', 1000);
    const files = new CgroupFiles(machine.cgroupMount);
    const usage = await files.usage('/k/pod1');
    assert.deepEqual(usage, {
      cpuNs: 2_000_000,
      processes: 3,
      memory: {
        usageBytes: 100 * mib,
        workingSetBytes: 70 * mib,
        rssBytes: 40 * mib,
        cacheBytes: 50 * mib,
        mappedBytes: 8,
        pageFaults: 60,
        majorPageFaults: 6,
        limitBytes: 200 * mib,
        swapBytes: 16,
        swapLimitBytes: 0,
      },
    });
    assert.equal((await files.usage('/k/free')).memory?.limitBytes, undefined);
    assert.deepEqual(await files.details('/k/pod1'), {
      userNs: 1_000_000,
      systemNs: 1_000_000,
      periods: 10,
      throttledPeriods: 4,
      throttledNs: 5000,
      cpuShares: version === 1 ? 512 : 500,
      cpuPeriodUs: 100_000,
      memoryFailures: 9,
      memoryPeakBytes: 120 * mib,
      oomKills: 2,
      processes: 2,
      threads: 3,
    });
    assert.deepEqual(await files.usage('/k/gone'), {});
    assert.deepEqual(await files.details('/k/gone'), {});
    machine.process('/k/pod1/s', 77, 1, 2);
    assert.equal(await files.process('/k/pod1/s'), 77);
    assert.equal(await files.process('/k/gone'), undefined);
  });
}

test('the machine’s processor time is what was worked, not what was waited', () => {
  assert.equal(parseCpuNs('cpu  10 20 30 1000 2000 40 50 9999 7 7\n'), 150 * 10_000_000);
  assert.equal(parseBootMs('cpu 1\nbtime 12\n'), 12_000);
  assert.equal(parseBootMs('cpu 1\n'), undefined);
  assert.equal(parseTasks('0.06 0.30 1.13 1/94 6378\n'), 94);
});

test('interfaces are told without the loopback and those of pods, the one of the default route first', () => {
  const text = `${netText('ens3', 5, 6)}vethabc: 1 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0\n  eth1:7 1 0 0 0 0 0 0 8 1 0 0 0 0 0 0\n`;
  const interfaces = parseInterfaces(text);
  assert.deepEqual(
    interfaces.map(({ name }) => name),
    ['ens3', 'eth1'],
  );
  assert.deepEqual(interfaces[0], {
    name: 'ens3',
    rxBytes: 5,
    rxPackets: 11,
    rxErrors: 1,
    rxDropped: 2,
    txBytes: 6,
    txPackets: 22,
    txErrors: 3,
    txDropped: 4,
  });
  assert.equal(mainInterface(interfaces, 'eth1')?.name, 'eth1');
  assert.equal(mainInterface(interfaces, undefined)?.name, 'ens3');
  assert.equal(mainInterface([], 'eth0'), undefined);
});

test('a rate takes two looks; close looks share it, and a counter that went back has none', () => {
  const rates = new CpuRates();
  assert.equal(rates.rate('a', 1_000_000_000, 0), undefined);
  assert.equal(rates.rate('a', 1_100_000_000, 500), undefined, 'too close');
  assert.equal(rates.rate('a', 2_000_000_000, 2000), 500_000_000);
  assert.equal(rates.rate('a', 2_500_000_000, 2500), 500_000_000, 'too close: the one before');
  assert.equal(rates.rate('a', 0, 10_000), undefined, 'another cgroup of that name');
  assert.equal(rates.rate('a', 9_000_000_000, 1_000_000), undefined, 'too long ago');
  assert.equal(rates.rate('a', 9_100_000_000, 500_000), undefined, 'the clock was set back');
  assert.equal(rates.rate('a', 9_600_000_000, 501_000), 500_000_000, 'and goes on from there');
  rates.forgetOlderThan(2_000_000);
  assert.equal(rates.size, 0);
});

test('what is kept is asked for once, also by many at once, and errors are not kept', async () => {
  const clock = new VirtualClock();
  let asked = 0;
  const kept = new Kept(clock, async () => {
    await clock.sleep(10);
    asked++;
    if (asked === 2) throw new Error('away');
    return asked;
  });
  const both = Promise.all([kept.get(1000), kept.get(1000)]);
  await clock.advance(10);
  assert.deepEqual(await both, [1, 1]);
  assert.equal(await kept.get(1000), 1);
  await clock.advance(2000);
  const failed = assert.rejects(kept.get(1000), /away/);
  await clock.advance(10);
  await failed;
  const again = kept.get(1000);
  await clock.advance(10);
  assert.equal(await again, 3);
});

test('a folder takes what du says: files with several names once, links not followed', async (context) => {
  const root = mkdtempSync(path.join(os.tmpdir(), 'naru-du-'));
  context.after(() => rmSync(root, { recursive: true, force: true }));
  mkdirSync(path.join(root, 'a/b'), { recursive: true });
  writeFileSync(path.join(root, 'a/b/large'), Buffer.alloc(300_000, 1));
  linkSync(path.join(root, 'a/b/large'), path.join(root, 'a/again'));
  symlinkSync('/usr', path.join(root, 'a/link'));
  const du = Number(execFileSync('du', ['-s', '-B1', root], { encoding: 'utf8' }).split('\t')[0]);
  assert.deepEqual(await diskUsage(root), { usedBytes: du, inodesUsed: 5, isPartial: false });
  assert.ok(du >= 300_000);
  const partial = await diskUsage(root, 2);
  assert.equal(partial.isPartial, true);
  assert.ok(partial.usedBytes < du);
  assert.deepEqual(await diskUsage(path.join(root, 'none')), noUsage);
});
