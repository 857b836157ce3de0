/**
 * naru dies under all of the workloads at once, and comes back: none of them may notice, and all stay in its hands. Then all dies
 * with it, and all must come back.
 */
import assert from 'node:assert/strict';
import path from 'node:path';
import process from 'node:process';
import { test } from 'node:test';
import { findProcesses } from '../../../src/agent/containerd/processes.ts';
import type { Pod, PodList } from '../../../src/api/schema/types/core-v1.ts';
import { eventually } from '../../harness.ts';
import { containerProcesses, pauseProcess } from '../containers.ts';
import { isReady, PodWatch, statusOf } from '../workload.ts';
import { deleteAndSeeEnd, endpointsOf, kubectl, type Lab, nameOf, request, shell, until, visited } from './lab.ts';

/** `revive` starts naru again, and gives the lab with a new watch. */
export function crashTests(lab: () => Lab, revive: () => Promise<void>): void {
  const identity = (pod: Pod): unknown => [
    nameOf(pod),
    pod.status?.podIP,
    ...(pod.status?.containerStatuses ?? []).map(({ containerID, restartCount }) => [containerID, restartCount]),
    containerProcesses(pod.metadata?.uid ?? ''),
  ];

  const allPods = async (): Promise<readonly Pod[]> => (await lab().cluster.json<PodList>('get', 'pods')).items;

  const allReady = async (): Promise<readonly Pod[]> => {
    let pods: readonly Pod[] = [];
    const look = async (): Promise<readonly Pod[] | undefined> => {
      pods = await allPods();
      return pods.length === 5 && pods.every(isReady) ? pods : undefined;
    };
    return eventually('all pods are ready, and none is going', look, 90_000).catch((error: Error) => {
      const seen = pods.filter((pod) => !isReady(pod)).map((pod) => `${nameOf(pod)} ${JSON.stringify(pod.status)}`);
      throw new Error(`${error.message}; of ${pods.length}, not ready: ${seen.join('\n')}`, { cause: error });
    });
  };

  const rowCount = (): Promise<string> =>
    kubectl(lab(), 'exec', 'postgres-0', '-c', 'postgres', '--', 'psql', '-AtqX', '-c', 'select count(*) from rows');

  test('naru is killed and started again: clients do not notice, no container is another, data and limits are there', async () => {
    const earlier = await allReady();
    const crash = async (): Promise<void> => {
      process.kill(lab().cluster.pid, 'SIGKILL');
      await revive();
      // An exec answers only when the node has taken the pod over.
      await until(
        'exec reaches a pod',
        async () => (await shell(lab(), 'redis-0', 'redis-cli get greeting')) === 'hello',
      );
    };
    let crashing: Promise<void> | undefined;
    const once = (): Promise<void> => (crashing ??= crash());
    const served = await Promise.all(['nginx', 'web'].map((app) => visited(lab(), app, '/', once)));
    assert.deepEqual(
      served.map((pods) => pods.length),
      [2, 1],
    );
    const later = await allReady();
    assert.deepEqual(later.map(identity), earlier.map(identity));
    const redis = later.find((pod) => nameOf(pod) === 'redis-0');
    assert.equal(redis && statusOf(redis)?.resources?.limits?.['memory'], '512Mi');
    const limit = 'cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max 2>/dev/null; true';
    assert.equal(await shell(lab(), 'redis-0', limit), String(512 * 1024 * 1024));
    assert.equal(await rowCount(), '50000\n');
  });

  test('what they are told reaches them still: a changed page, an orderly end', async () => {
    await kubectl(lab(), 'patch', 'configmap', 'nginx-page', '--patch', '{"data":{"index.html":"<h1>three</h1>\\n"}}');
    for (const pod of endpointsOf(lab(), 'nginx')) {
      await until('the new page is served', async () => (await request(pod, '/')).body === '<h1>three</h1>\n');
    }
    const ends = await Promise.all(['redis-0', 'postgres-0'].map((name) => deleteAndSeeEnd(lab(), name)));
    assert.deepEqual(
      ends.map(({ exitCode, reason }) => ({ exitCode, reason })),
      ends.map(() => ({ exitCode: 0, reason: 'Completed' })),
    );
    await allReady();
  });

  test('everything is killed at once, as when the power fails: all of it comes back by itself, with its data', async () => {
    const earlier = await allReady();
    await killEverything(lab(), earlier);
    const left = (): readonly number[] => earlier.flatMap(({ metadata }) => containerProcesses(metadata?.uid ?? ''));
    await until('no process of theirs is left', () => left().length === 0);
    await revive();
    const restarts = (pod: Pod): number => pod.status?.containerStatuses?.[0]?.restartCount ?? 0;
    const later = await eventually(
      'all pods run again, and are ready',
      async () => {
        const pods = await allReady();
        return pods.every((pod, index) => restarts(pod) > restarts(earlier[index] ?? pod)) ? pods : undefined;
      },
      120_000,
    );
    assert.deepEqual(
      later.map(({ metadata }) => metadata?.uid),
      earlier.map(({ metadata }) => metadata?.uid),
    );
    assert.equal(await shell(lab(), 'redis-0', 'redis-cli get greeting'), 'hello');
    assert.equal(await rowCount(), '50000\n');
    for (const pod of later.filter(({ metadata }) => metadata?.labels?.['app'] === 'nginx')) {
      assert.equal((await request(pod, '/')).body, '<h1>three</h1>\n');
    }
  });
}

/** Everything of the cluster that runs, from the top down, so that nothing can react to anything's end. Mounts and files stay. */
async function killEverything({ cluster }: Lab, pods: readonly Pod[]): Promise<void> {
  process.kill(cluster.pid, 'SIGKILL');
  const isContainerd = (argv: readonly string[]): boolean =>
    path.basename(argv[0] ?? '').startsWith('containerd') && argv.some((word) => word.includes(cluster.home));
  for (const { pid } of await findProcesses(isContainerd)) process.kill(pid, 'SIGKILL');
  for (const { metadata } of pods) {
    const uid = metadata?.uid ?? '';
    const pause = pauseProcess(uid);
    for (const pid of containerProcesses(uid)) process.kill(pid, 'SIGKILL');
    if (pause !== undefined) process.kill(pause, 'SIGKILL');
  }
}

/** The one before ended with the server. */
export function withNewWatch(lab: Lab): Lab {
  lab.watch.close();
  return { ...lab, watch: new PodWatch(lab.cluster) };
}
