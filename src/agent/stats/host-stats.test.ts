import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { VirtualClock } from '../../lib/clock.ts';
import type { VolumePlace } from '../pod/volumes/pod-storage.ts';
import type { ContainerStatus, Runtime } from '../runtime.ts';
import { make } from '../testing.ts';
import { HostStats } from './host-stats.ts';
import type { StatsPod } from './stats-facts.ts';
import { FakeMachine } from './testing.ts';

const mib = 2 ** 20;
const podCgroup = '/naru/kubepods/besteffort/podu-1';
const started = '2026-01-01T11:59:00Z';

function world(context: TestContext, version: 1 | 2, limits: Readonly<Record<string, string>> = {}) {
  const machine = new FakeMachine(version);
  context.after(() => machine.remove());
  const clock = new VirtualClock();
  const volumes = [
    { name: 'data', emptyDir: {} },
    { name: 'claim', persistentVolumeClaim: { claimName: 'disk' } },
  ];
  const log = path.join(machine.home, 'logs/app/0.log');
  mkdirSync(path.dirname(log), { recursive: true });
  writeFileSync(log, Buffer.alloc(10_000, 1));
  const data = path.join(machine.home, 'data');
  mkdirSync(data);
  writeFileSync(path.join(data, 'file'), Buffer.alloc(100_000, 1));
  const runs: ContainerStatus[] = [make.run('app', { id: 'c1', logPath: log }), make.exited('old', 1)];
  const pod: StatsPod = {
    identity: { namespace: 'default', name: 'web', uid: 'u-1' },
    lastPod: make.pod({ volumes, containers: [make.container('app', { resources: { limits } })] }),
    status: { phase: 'Running', startTime: started },
    containers: runs,
  };
  const ended: StatsPod = { ...pod, identity: { ...pod.identity, uid: 'u-2' }, status: { phase: 'Failed' } };
  const asked: string[] = [];
  const layer = { containerId: 'c1', pod: pod.identity, name: 'app', usedBytes: 30 * mib, inodesUsed: 4, timeMs: 0 };
  const runtime = {
    layerUsage: async () => (asked.push('layers'), [layer]),
    imageFilesystem: async () => (
      asked.push('images'), { mountpoint: machine.home, usedBytes: 5 * mib, inodesUsed: 50, timeMs: 0 }
    ),
  } as unknown as Runtime;
  const places: readonly VolumePlace[] = [
    { name: 'data', path: data, usage: 'disk' },
    { name: 'claim', path: machine.home, usage: 'foreign', claim: 'disk' },
  ];
  machine.cgroup('/naru/kubepods', 3_000_000_000, 500 * mib);
  machine.cgroup(podCgroup, 2_000_000_000, 200 * mib);
  machine.cgroup(`${podCgroup}/c1`, 1_000_000_000);
  machine.cgroup(`${podCgroup}/s0`, 1000);
  machine.process(`${podCgroup}/s0`, 77, 111, 222);
  const stats = new HostStats(
    {
      nodeName: 'node-1',
      pods: () => [pod, ended],
      places: () => places,
      runtime,
      clock,
      cgroupRoot: '/naru',
      home: machine.home,
      volumePeriodMs: 60_000,
      memoryBytes: 1,
      ephemeralStorageBytes: 1,
    },
    machine,
  );
  return { machine, clock, stats, asked, data };
}

for (const version of [1, 2] as const) {
  test(`a summary over cgroup v${version} has the fields that upstream's readers know`, async (context) => {
    const { machine, clock, stats } = world(context, version);
    await stats.summary(0);
    await stats.idle();
    await clock.advance(10_000);
    machine.cgroup(`${podCgroup}/c1`, 6_000_000_000);
    machine.cpuTicks(600);
    const { node, pods } = await stats.summary(0);
    const time = new Date(clock.now()).toISOString().replace('.000', '');

    assert.deepEqual(node.cpu, { time, usageNanoCores: 500_000_000, usageCoreNanoSeconds: 6_000_000_000 });
    assert.deepEqual(node.memory, {
      time,
      availableBytes: 500 * 1024,
      usageBytes: 600 * 1024,
      workingSetBytes: 500 * 1024,
      rssBytes: 50 * 1024,
      pageFaults: 100,
      majorPageFaults: 7,
    });
    assert.deepEqual(node.swap, { time, swapAvailableBytes: 150 * 1024, swapUsageBytes: 50 * 1024 });
    assert.deepEqual(node.rlimit, { time, maxpid: 15_000, curproc: 94 });
    assert.deepEqual([node.network?.name, node.network?.rxBytes, node.network?.txBytes], ['ens3', 1000, 2000]);
    assert.equal(node.runtime?.imageFs?.usedBytes, 5 * mib);
    assert.ok((node.fs?.capacityBytes ?? 0) > (node.fs?.availableBytes ?? 0));
    const system = new Map(node.systemContainers?.map((one) => [one.name, one]));
    assert.deepEqual([...system.keys()], ['kubelet', 'pods']);
    assert.equal(system.get('pods')?.memory?.availableBytes, 430 * mib);

    assert.equal(pods.length, 1, 'a pod that has ended uses nothing');
    const [pod] = pods;
    const [container] = pod?.containers ?? [];
    assert.deepEqual(pod?.podRef, { name: 'web', namespace: 'default', uid: 'u-1' });
    assert.equal(pod?.startTime, started);
    assert.deepEqual(
      pod?.containers.map(({ name }) => name),
      ['app'],
    );
    assert.deepEqual(container?.cpu, { time, usageNanoCores: 500_000_000, usageCoreNanoSeconds: 6_000_000_000 });
    assert.deepEqual(container?.memory, {
      time,
      usageBytes: 100 * mib,
      workingSetBytes: 70 * mib,
      rssBytes: 40 * mib,
      pageFaults: 60,
      majorPageFaults: 6,
    });
    assert.equal(pod?.memory?.availableBytes, 130 * mib);
    assert.deepEqual([pod?.network?.name, pod?.network?.rxBytes, pod?.network?.txBytes], ['eth0', 111, 222]);
    assert.deepEqual(pod?.process_stats, { process_count: 3 });
    assert.equal(container?.rootfs?.usedBytes, 30 * mib);
    const logs = container?.logs?.usedBytes ?? 0;
    const [data, claim] = pod?.volume ?? [];
    assert.ok(logs >= 10_000 && logs < 30_000, `${logs}`);
    assert.equal(data?.name, 'data');
    assert.ok((data?.usedBytes ?? 0) >= 100_000);
    assert.deepEqual(claim?.pvcRef, { name: 'disk', namespace: 'default' });
    assert.equal(pod?.['ephemeral-storage']?.usedBytes, 30 * mib + logs + (data?.usedBytes ?? 0));
  });
}

test('a light look asks neither the runtime nor the disk', async (context) => {
  const { stats, asked } = world(context, 1);
  const { node, pods } = await stats.summary(0, 'cpu-and-memory');
  assert.deepEqual(asked, []);
  assert.deepEqual(Object.keys(node), ['nodeName', 'systemContainers', 'startTime', 'cpu', 'memory', 'swap']);
  assert.equal(pods[0]?.containers[0]?.memory?.workingSetBytes, 70 * mib);
  assert.equal(pods[0]?.containers[0]?.cpu?.usageNanoCores, undefined, 'a rate takes two looks');
  assert.deepEqual(Object.keys(pods[0] ?? {}), ['podRef', 'startTime', 'containers', 'cpu', 'memory', 'swap']);
});

test('layers are asked for once a minute where no pod has a limit of disk, every ten seconds where one has', async (context) => {
  for (const [limits, times] of [
    [{}, 1],
    [{ 'ephemeral-storage': '1Gi' }, 3],
  ] as const) {
    const { stats, asked, clock } = world(context, 1, limits);
    for (let look = 0; look < 3; look++) {
      await stats.summary(0);
      await clock.advance(15_000);
    }
    assert.equal(asked.filter((what) => what === 'layers').length, times);
  }
});

test('the runtime is asked every ten seconds at most, folders are walked once a minute, and a look is kept as long as is wished', async (context) => {
  const { stats, asked, clock, data } = world(context, 1);
  const first = await stats.summary(0);
  assert.equal(await stats.summary(1000), first);
  await clock.advance(2000);
  assert.notEqual(await stats.summary(1000), first);
  assert.deepEqual(asked.toSorted(), ['images', 'layers']);
  await clock.advance(10_000);
  await stats.summary(0);
  assert.equal(asked.length, 3);

  const used = async () =>
    (await stats.summary(0)).pods[0]?.volume?.find(({ name }) => name === 'data')?.usedBytes ?? 0;
  await stats.idle();
  const before = await used();
  writeFileSync(path.join(data, 'more'), Buffer.alloc(500_000, 1));
  await clock.advance(40_000);
  await used();
  await stats.idle();
  assert.equal(await used(), before);
  await clock.advance(30_000);
  await used();
  await stats.idle();
  assert.ok((await used()) >= before + 500_000);
});

test('a runtime that is away hides only what it alone knows', async (context) => {
  const { machine, clock } = world(context, 1);
  const away = {
    layerUsage: () => Promise.reject(new Error('away')),
    imageFilesystem: () => Promise.reject(new Error('away')),
  };
  const facts = {
    nodeName: 'node-1',
    pods: () => [],
    places: () => [],
    runtime: away as unknown as Runtime,
    clock,
    cgroupRoot: '/naru',
    home: machine.home,
    volumePeriodMs: 60_000,
    memoryBytes: 1,
    ephemeralStorageBytes: 1,
  };
  const { node } = await new HostStats(facts, machine).summary(0);
  assert.equal(node.runtime, undefined);
  assert.ok(node.memory !== undefined && node.fs !== undefined);
});

test('cgroups tell pod, sandbox with its network, and containers', async (context) => {
  const { stats } = world(context, 2);
  const readings = await stats.cgroups();
  assert.deepEqual(
    readings.map(({ id, name }) => [id, name]),
    [
      [podCgroup, undefined],
      [`${podCgroup}/s0`, 'POD'],
      [`${podCgroup}/c1`, 'app'],
    ],
  );
  assert.equal(readings[1]?.interfaces?.[0]?.rxBytes, 111);
  assert.equal(readings[2]?.layer?.usedBytes, 30 * mib);
  assert.equal(readings[2]?.details.oomKills, 2);
});
