import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { defaultKubeletConfiguration, type KubeletConfiguration } from '../kubelet-configuration.ts';
import { simulatedNodeFacts } from '../node-facts.ts';
import { resourcesOf } from '../node-status.ts';
import { readKernelLimits } from './kernel-limits.ts';
import { NodeAllocatable } from './node-allocatable.ts';

const gibibyte = 2 ** 30;
const facts = {
  ...simulatedNodeFacts('node-1', '192.0.2.1', { memoryBytes: 16 * gibibyte, ephemeralStorageBytes: 100 * gibibyte }),
  hugepageBytes: { '2Mi': gibibyte },
  pidsMax: 30_000,
};
const allocatable = (changes: Partial<KubeletConfiguration> = {}) =>
  new NodeAllocatable({ ...defaultKubeletConfiguration, ...changes });

test('what is kept back, what hard thresholds leave free, and memory in huge pages is not for pods', () => {
  const left = allocatable({
    kubeReserved: { cpu: '100m', memory: '1Gi' },
    systemReserved: { cpu: '400m', memory: '512Mi', 'ephemeral-storage': '10Gi' },
  }).of(resourcesOf(facts));
  assert.deepEqual(left, {
    cpu: '3500m',
    // 16Gi less 1Gi, 512Mi, the threshold's 100Mi and the pages' 1Gi.
    memory: `${16 * 1024 - 1024 - 512 - 100 - 1024}Mi`,
    pods: '110',
    // A tenth of it stays free: in the precision that upstream counts percentages in.
    'ephemeral-storage': String(90 * gibibyte - Math.trunc(100 * gibibyte * Math.fround(0.1))),
    'hugepages-2Mi': '1Gi',
  });
});

test('the cgroup of all pods is held to what is not kept back; thresholds are for eviction to keep', () => {
  const reserved = { kubeReserved: { cpu: '1', memory: '1Gi', pid: '1000' } };
  assert.deepEqual(allocatable(reserved).enforced(facts), {
    cpuShares: 3 * 1024,
    memoryLimitBytes: 14 * gibibyte,
    pidsMax: 29_000,
    isSwapOff: true,
  });
  const free = allocatable({ ...reserved, enforceNodeAllocatable: [] }).enforced(facts);
  assert.deepEqual([free.cpuShares, free.memoryLimitBytes, free.pidsMax], [4 * 1024, 16 * gibibyte, 30_000]);
});

test('what cannot be kept back is refused, with what to do', () => {
  assert.throws(
    () => allocatable({ kubeReserved: { gpu: '1' } }),
    /^Error: kubeReserved: cannot reserve gpu; only cpu, memory/,
  );
  assert.throws(
    () => allocatable({ systemReserved: { cpu: 'x' } }),
    /^Error: systemReserved\[cpu\]: "x": quantities must match/,
  );
  assert.throws(() => allocatable({ systemReserved: { cpu: '-1' } }), /must not be negative/);
  assert.throws(
    () => allocatable({ kubeReserved: { memory: '32Gi' } }).check(facts),
    /32868Mi of memory is kept back, and the node has 16Gi; lower kubeReserved, systemReserved or evictionHard/,
  );
});

test('huge pages and bounds on processes are read from the kernel', async (context) => {
  const root = mkdtempSync(path.join(os.tmpdir(), 'naru-kernel-'));
  context.after(() => rmSync(root, { recursive: true }));
  assert.deepEqual(await readKernelLimits(root), {});
  const write = (file: string, text: string): void => {
    mkdirSync(path.dirname(path.join(root, file)), { recursive: true });
    writeFileSync(path.join(root, file), text);
  };
  write('sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages', '3\n');
  write('sys/kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages', '0\n');
  write('proc/sys/kernel/pid_max', '32768\n');
  write('proc/sys/kernel/threads-max', '4000\n');
  assert.deepEqual(await readKernelLimits(root), { hugepageBytes: { '1Gi': 0, '2Mi': 6 * 2 ** 20 }, pidsMax: 4000 });
});
