import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { silentLogger as log } from '../../lib/log.ts';
import { cpuWeight, sharesOfWeight } from './cgroup-limits.ts';
import { SystemCgroups } from './cgroups.ts';

const limits = {
  cpuShares: 512,
  cpuQuotaUs: 50_000,
  cpuPeriodUs: 100_000,
  memoryLimitBytes: 2 ** 26,
  pidsMax: 20,
  hugepageLimits: [{ pageSize: '2MB', limitBytes: 0 }],
  isSwapOff: true,
};

/** A folder that looks like a mount of cgroups; files that kernels make by themselves are made with `present`. */
function mountOf(context: TestContext, version: 'v1' | 'v2') {
  const mount = mkdtempSync(path.join(os.tmpdir(), 'naru-cgroups-'));
  context.after(() => rmSync(mount, { recursive: true }));
  const names = version === 'v2' ? ['cgroup.controllers', 'cgroup.subtree_control'] : [];
  for (const name of names) writeFileSync(path.join(mount, name), '');
  const hierarchies = version === 'v1' ? ['cpu', 'memory', 'pids', 'cpuset'] : [];
  for (const name of hierarchies) {
    mkdirSync(path.join(mount, name));
    writeFileSync(path.join(mount, name, 'cgroup.procs'), '');
  }
  const write = (file: string, text = ''): void => {
    mkdirSync(path.dirname(path.join(mount, file)), { recursive: true });
    writeFileSync(path.join(mount, file), text);
  };
  const read = (file: string): string => readFileSync(path.join(mount, file), 'utf8');
  return { mount, write, read, cgroups: new SystemCgroups({ log, mount }) };
}

test('v1: each controller has its folder and its files; cpuset is left to runtimes, and what a kernel lacks is passed over', async (context) => {
  const { mount, cgroups, write, read } = mountOf(context, 'v1');
  write('pids/a/pod1/pids.max', 'max');
  await cgroups.prepare('/a/pod1', limits);
  assert.deepEqual(
    [
      'cpu/a/pod1/cpu.shares',
      'cpu/a/pod1/cpu.cfs_quota_us',
      'memory/a/pod1/memory.limit_in_bytes',
      'pids/a/pod1/pids.max',
    ].map(read),
    ['512', '50000', '67108864', '20'],
  );
  for (const absent of ['cpuset/a', 'hugetlb']) assert.equal(existsSync(path.join(mount, absent)), false);
  assert.deepEqual(await cgroups.read('/a/pod1'), { cpuShares: 512, cpuQuotaUs: 50_000, memoryLimitBytes: 2 ** 26 });
});

test('v2: controllers are passed on from level to level, and one folder has it all', async (context) => {
  const { mount, cgroups, write, read } = mountOf(context, 'v2');
  for (const file of ['pids.max', 'memory.swap.max', 'hugetlb.2MB.max']) write(`a/pod1/${file}`, 'max');
  await cgroups.prepare('/a/pod1', limits);
  assert.deepEqual(
    ['cpu.weight', 'cpu.max', 'memory.max', 'pids.max', 'memory.swap.max', 'hugetlb.2MB.max'].map((name) =>
      read(`a/pod1/${name}`),
    ),
    [String(cpuWeight(512)), '50000 100000', '67108864', '20', '0', '0'],
  );
  assert.match(read('a/cgroup.subtree_control'), /^\+/);
  assert.equal(existsSync(path.join(mount, 'a/pod1/cgroup.subtree_control')), false);
  const known = await cgroups.read('/a/pod1');
  assert.deepEqual([known?.cpuQuotaUs, known?.memoryLimitBytes], [50_000, 2 ** 26]);
});

test('no limit is written, and read, as such', async (context) => {
  const none = { cpuQuotaUs: 0, memoryLimitBytes: 0 };
  const v1 = mountOf(context, 'v1');
  await v1.cgroups.prepare('/a', none);
  assert.deepEqual(['cpu/a/cpu.cfs_quota_us', 'memory/a/memory.limit_in_bytes'].map(v1.read), ['-1', '-1']);
  v1.write('memory/a/memory.limit_in_bytes', '9223372036854771712\n');
  assert.deepEqual(await v1.cgroups.read('/a'), none);
  const v2 = mountOf(context, 'v2');
  await v2.cgroups.prepare('/a', none);
  assert.deepEqual(['a/cpu.max', 'a/memory.max'].map(v2.read), ['max 100000', 'max']);
  assert.deepEqual(await v2.cgroups.read('/a'), none);
});

test('a value that the kernel refuses is an error that names it; usage is told where it is known', async (context) => {
  const { mount, cgroups, write } = mountOf(context, 'v1');
  mkdirSync(path.join(mount, 'memory/a/memory.limit_in_bytes'), { recursive: true });
  await assert.rejects(
    cgroups.set('/a', { memoryLimitBytes: 1 }),
    /failed to write memory\.limit_in_bytes of cgroup \/a: /,
  );
  write('memory/a/memory.usage_in_bytes', '4096\n');
  assert.equal(await cgroups.memoryUsage('/a'), 4096);
  assert.equal(await cgroups.memoryUsage('/b'), undefined);
  assert.equal(await cgroups.read('/nowhere'), undefined);
});

test('shares and weights go over into each other', () => {
  assert.deepEqual([2, 1024, 262_144].map(cpuWeight), [1, 39, 10_000]);
  assert.deepEqual([1, 10_000].map(sharesOfWeight), [2, 262_144]);
});
