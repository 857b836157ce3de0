/**
 * A node that is killed and comes back takes over what runs, as it is: the whole of naru, its containerd, both, and with a server that is away
 * meanwhile or a pod that was deleted.
 */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { after, before, describe, test } from 'node:test';
import type { Pod } from '../../src/api/schema/types/core-v1.ts';
import { eventually, freePort, leftSince, machineState, TestCluster } from '../harness.ts';
import { containerProcesses } from './containers.ts';
import { Foreground } from './foreground.ts';
import { create, isReady, podManifest, script, statusOf } from './workload.ts';

const forever = "trap 'exit 0' TERM; while :; do sleep 0.1; done";

describe('adoption after a crash', { timeout: 600_000 }, () => {
  let cluster: TestCluster;
  let port: number;
  let server: Foreground;
  let agent: Foreground;
  let before_: readonly string[];
  let manifests: string;
  let earlier: readonly Pod[];

  before(async () => {
    before_ = await machineState();
    manifests = mkdtempSync(path.join(os.tmpdir(), 'naru-manifests-'));
    cluster = await TestCluster.create();
    port = await freePort();
    mkdirSync(cluster.home, { recursive: true });
    const still = podManifest('still', { restartPolicy: 'Always', containers: [script(forever)] });
    writeFileSync(path.join(manifests, 'still.json'), JSON.stringify(still));
    await startServer();
    await startAgent();
    await cluster.mustNaru('image', 'pack', '/usr/bin/busybox', '--name', 'test/busybox:1');
    const probe = { exec: { command: ['true'] }, periodSeconds: 1 };
    const probed = script(forever, { livenessProbe: probe, readinessProbe: probe, startupProbe: probe });
    const sidecar = script(forever, { restartPolicy: 'Always' });
    await create(
      cluster,
      podManifest('plain', { restartPolicy: 'Always', containers: [script(forever)] }),
      podManifest('probed', {
        restartPolicy: 'Always',
        initContainers: [script('true'), sidecar],
        containers: [probed],
      }),
      podManifest('doomed', { restartPolicy: 'Always', containers: [script(forever)] }),
    );
    earlier = await Promise.all([...names, 'doomed'].map((name) => ready(name)));
    names.push((await staticName()) ?? '');
    earlier = await Promise.all([...names, 'doomed'].map((name) => ready(name)));
  });

  after(async () => {
    await Foreground.killAll();
    await TestCluster.closeAll();
    rmSync(manifests, { recursive: true, force: true });
    assert.deepEqual(await leftSince(before_), [], 'naru down leaves nothing behind on the machine');
  });

  const names = ['plain', 'probed'];

  const startServer = async (): Promise<void> => {
    server = new Foreground(cluster.home, ['server', '--port', String(port)]);
    await eventually('the API answers', async () => (await cluster.kubectl(['get', '--raw', '/readyz'])).code === 0);
  };

  const startAgent = async (): Promise<void> => {
    agent = new Foreground(cluster.home, ['agent', '--static-pods', manifests]);
    await eventually('the agent is connected', () => agent.text.includes('connected to the server'), 60_000);
  };

  const kill = async (half: Foreground): Promise<void> => {
    half.kill('SIGKILL');
    await half.ended;
  };

  /** containerd runs in a session of its own: its id stands in its file. */
  const killContainerd = (): void => {
    const file = path.join(cluster.home, 'containerd', 'containerd.pid');
    process.kill((JSON.parse(readFileSync(file, 'utf8')) as { pid: number }).pid, 'SIGKILL');
  };

  const staticName = async (): Promise<string | undefined> => {
    const { items } = await cluster.json<{ items: Pod[] }>('get', 'pods');
    return items.map(({ metadata }) => metadata?.name ?? '').find((name) => name.startsWith('still-'));
  };

  const ready = (name: string): Promise<Pod> =>
    eventually(
      `pod ${name} is Ready`,
      async () => {
        const pod = await cluster.json<Pod>('get', 'pod', name);
        return isReady(pod) ? pod : undefined;
      },
      60_000,
    );

  /** Of a static pod the processes go by the hash of its manifest. */
  const runtimeUid = ({ metadata }: Pod): string =>
    metadata?.annotations?.['kubernetes.io/config.hash'] ?? metadata?.uid ?? '';

  const identity = (pod: Pod): unknown => [
    pod.metadata?.uid,
    statusOf(pod)?.containerID,
    statusOf(pod)?.restartCount,
    pod.status?.podIP,
    containerProcesses(runtimeUid(pod)),
  ];

  const nothingRestarted = async (): Promise<void> => {
    // The agent has looked at everything once, and has probed.
    await eventually(
      'exec reaches the pod',
      async () => (await cluster.kubectl(['exec', 'plain', '--', 'true'])).code === 0,
    );
    const now = await Promise.all(names.map((name) => ready(name)));
    assert.deepEqual(now.map(identity), earlier.slice(0, names.length).map(identity));
  };

  test('the agent alone', async () => {
    await kill(agent);
    await startAgent();
    await nothingRestarted();
  });

  test('the agent and its containerd', async () => {
    await kill(agent);
    killContainerd();
    await startAgent();
    await nothingRestarted();
  });

  test('containerd alone, under a running agent', async () => {
    killContainerd();
    await eventually(
      'it is back',
      async () => (await cluster.kubectl(['exec', 'plain', '--', 'true'])).code === 0,
      60_000,
    );
    await nothingRestarted();
  });

  test('agent and server, with the agent back first', async () => {
    await kill(agent);
    await kill(server);
    agent = new Foreground(cluster.home, ['agent', '--static-pods', manifests]);
    await eventually('it misses the server', () => agent.text.includes('no connection to the server'), 60_000);
    const still = earlier.find(({ metadata }) => metadata?.name === names.at(-1));
    assert.deepEqual(containerProcesses(still === undefined ? '' : runtimeUid(still)).length, 1);
    await startServer();
    await nothingRestarted();
  });

  test('a pod that was deleted while the agent was away ends when it is back, and no other', async () => {
    const doomed = earlier.at(-1);
    assert.ok(doomed !== undefined);
    await kill(agent);
    await cluster.mustKubectl('delete', 'pod', 'doomed', '--wait=false', '--grace-period=1');
    assert.equal(containerProcesses(runtimeUid(doomed)).length, 1);
    await startAgent();
    await eventually('it is gone', async () => (await cluster.kubectl(['get', 'pod', 'doomed'])).code === 1, 60_000);
    assert.deepEqual(containerProcesses(runtimeUid(doomed)), []);
    await nothingRestarted();
  });
});
