/**
 * The main job, on real containers, as a person does it with kubectl: a Deployment that heals, scales, rolls out and back, is seen,
 * and goes without a trace. One cluster, in the order in which a person would try these things.
 */
import assert from 'node:assert/strict';
import { lstatSync, readdirSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { after, before, describe, test } from 'node:test';
import type { Deployment } from '../../src/api/schema/types/apps-v1.ts';
import type { Pod, PodList } from '../../src/api/schema/types/core-v1.ts';
import { elapsedMs, eventually, leftSince, machineState, TestCluster } from '../harness.ts';
import { containerProcesses, podTraces } from './containers.ts';

describe('a Deployment in real containers', { timeout: 600_000 }, () => {
  let cluster: TestCluster;
  let before_: readonly string[];

  before(async () => {
    before_ = await machineState();
    cluster = await TestCluster.up();
    await cluster.mustNaru('image', 'pack', '/usr/bin/busybox', '--name', 'test/busybox:1');
    await cluster.mustNaru('image', 'pack', '/usr/bin/busybox', '--name', 'test/busybox:2');
  });

  after(async () => {
    await TestCluster.closeAll();
    assert.deepEqual(await leftSince(before_), [], 'naru down leaves nothing behind on the machine');
  });

  const pods = async (): Promise<readonly Pod[]> => (await cluster.json<PodList>('get', 'pods', '-l', 'app=web')).items;

  const isReady = (pod: Pod): boolean =>
    pod.metadata?.deletionTimestamp === undefined &&
    pod.status?.phase === 'Running' &&
    pod.status.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True') === true;

  const readyPods = (count: number): Promise<readonly Pod[]> =>
    eventually(`${count} pods Running and Ready, and no other`, async () => {
      const all = await pods();
      return all.length === count && all.every(isReady) ? all : undefined;
    });

  const nameOf = (pod: Pod | undefined): string => pod?.metadata?.name ?? '';
  const imagesOf = (some: readonly Pod[]): (string | undefined)[] => [
    ...new Set(some.map((pod) => pod.spec?.containers[0]?.image)),
  ];

  test('kubectl create deployment gives three pods, Running and Ready, each with an address', async () => {
    const args = [
      '--image=test/busybox:1',
      '--replicas=3',
      '--',
      'sh',
      '-c',
      'trap exit TERM; i=0; while :; do echo tick $i; i=$((i+1)); sleep 0.2; done',
    ];
    await cluster.mustKubectl('create', 'deployment', 'web', ...args);
    const running = await readyPods(3);
    assert.equal(new Set(running.map((pod) => pod.status?.podIP)).size, 3);
    const wide = await cluster.mustKubectl('get', 'pods', '-o', 'wide');
    assert.match(
      wide.split('\n')[0] ?? '',
      /^NAME +READY +STATUS +RESTARTS +AGE +IP +NODE +NOMINATED NODE +READINESS GATES/,
    );
    assert.equal([...wide.matchAll(/1\/1 +Running +0 /g)].length, 3);
  });

  test('kill -9 of a container is answered by a new one, before any back-off, with restartCount 1', async (t) => {
    const pod = (await pods())[0];
    const since = elapsedMs();
    const [victim] = containerProcesses(pod?.metadata?.uid ?? '');
    assert.ok(victim !== undefined);
    process.kill(victim, 'SIGKILL');
    const back = await eventually(
      'the container runs again',
      async () => {
        const now = await cluster.json<Pod>('get', 'pod', nameOf(pod));
        return isReady(now) && now.status?.containerStatuses?.[0]?.restartCount === 1 ? now : undefined;
      },
      9000,
    );
    t.diagnostic(`back after ${since()} ms (asking takes part of it)`);
    const terminated = back.status?.containerStatuses?.[0]?.lastState?.terminated;
    assert.deepEqual([terminated?.exitCode, terminated?.reason], [137, 'Error']);
    assert.equal(back.metadata?.uid, pod?.metadata?.uid);
  });

  test('a deleted pod is replaced by a new one', async () => {
    const victim = nameOf((await pods())[0]);
    await cluster.mustKubectl('delete', 'pod', victim, '--wait=false', '--grace-period=1');
    const replaced = await eventually('three pods without the deleted one', async () => {
      const all = await readyPods(3);
      return all.every((pod) => nameOf(pod) !== victim) ? all : undefined;
    });
    assert.equal(replaced.length, 3);
  });

  test('kubectl scale goes up and down', async () => {
    await cluster.mustKubectl('scale', 'deployment/web', '--replicas=5');
    await readyPods(5);
    await cluster.mustKubectl('scale', 'deployment/web', '--replicas=2');
    await readyPods(2);
  });

  test('set image rolls out, rollout status waits for it, and rollout undo goes back', async () => {
    await cluster.mustKubectl('set', 'image', 'deployment/web', 'busybox=test/busybox:2');
    const waited = await cluster.mustKubectl('rollout', 'status', 'deployment/web', '--timeout=120s');
    assert.match(waited, /deployment "web" successfully rolled out/);
    assert.deepEqual(imagesOf((await pods()).filter(isReady)), ['test/busybox:2']);
    await cluster.mustKubectl('rollout', 'undo', 'deployment/web');
    await cluster.mustKubectl('rollout', 'status', 'deployment/web', '--timeout=120s');
    assert.deepEqual(imagesOf(await readyPods(2)), ['test/busybox:1']);
    const deployment = await cluster.json<Deployment>('get', 'deployment', 'web');
    assert.equal(deployment.metadata?.annotations?.['deployment.kubernetes.io/revision'], '3');
    assert.match(await cluster.mustKubectl('rollout', 'history', 'deployment/web'), /^2 .*\n3 /m);
  });

  test('kubectl logs shows the past and -f follows', async () => {
    const name = nameOf((await pods())[0]);
    assert.match(await cluster.mustKubectl('logs', name, '--tail=1'), /^tick \d+\n$/);
    const following = cluster.stream('logs', '-f', name, '--tail=1');
    await eventually('ten lines', () => following.text().split('\n').length > 10);
    following.child.kill();
    const numbers = [...following.text().matchAll(/tick (\d+)\n/g)].map((match) => Number(match[1]));
    numbers.forEach((value, index) => assert.equal(value, (numbers[0] ?? 0) + index, 'no line is lost or doubled'));
  });

  test('kubectl get pods -o wide -w shows each change as it comes', async () => {
    const watching = cluster.stream('get', 'pods', '-o', 'wide', '-w');
    await eventually('the first rows', () => watching.text().includes('Running'));
    await cluster.mustKubectl('scale', 'deployment/web', '--replicas=3');
    for (const word of ['Pending', 'ContainerCreating', 'Running']) {
      await eventually(`a row that says ${word}`, () =>
        watching
          .text()
          .split('\n')
          .slice(3)
          .some((row) => row.includes(word)),
      );
    }
    watching.child.kill();
  });

  test('nothing in the home can be read by others: what containers must read lies in folders that are closed', () => {
    const open: string[] = [];
    const look = (folder: string): void => {
      for (const name of readdirSync(folder)) {
        const file = path.join(folder, name);
        const { mode } = lstatSync(file);
        if ((mode & 0o077) !== 0) open.push(`${(mode & 0o777).toString(8)} ${file}`);
      }
    };
    look(cluster.home);
    look(path.join(cluster.home, 'certificates'));
    assert.deepEqual(open, []);
    assert.equal(lstatSync(cluster.home).mode & 0o077, 0);
  });

  test('kill -9 of naru leaves the containers running, and the next up takes them over as they are', async () => {
    const earlier = await readyPods(3);
    const processes = earlier.map((pod) => containerProcesses(pod.metadata?.uid ?? ''));
    process.kill(cluster.pid, 'SIGKILL');
    await cluster.mustNaru('up', '--wait');
    const later = await readyPods(3);
    const identity = (pod: Pod): unknown => [
      pod.metadata?.uid,
      pod.status?.containerStatuses?.map((status) => [status.containerID, status.restartCount]),
    ];
    assert.deepEqual(later.map(identity), earlier.map(identity));
    assert.deepEqual(
      later.map((pod) => containerProcesses(pod.metadata?.uid ?? '')),
      processes,
    );
    await cluster.mustKubectl('scale', 'deployment/web', '--replicas=4');
    await readyPods(4);
  });

  test('kubectl delete deployment leaves no container, mount, network namespace or cgroup', async () => {
    const uids = (await pods()).map((pod) => pod.metadata?.uid ?? '');
    await cluster.mustKubectl('delete', 'deployment', 'web');
    await eventually('all pods gone', async () => (await pods()).length === 0, 60_000);
    await eventually('no trace of them on the machine', () => {
      const traces = podTraces(cluster.home, uids);
      if (traces.length > 0) throw new Error(traces.join('\n'));
      return true;
    });
  });
});
