/**
 * From a created pod to a Ready one, through API, scheduler, agent and containerd; beside the same CRI calls made alone (sandbox, container,
 * start) in the same run, in turns, on a second containerd of the same kind: an agent would end pods there that its API does not know.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Containerd } from '../src/agent/containerd/containerd.ts';
import { CriRuntime } from '../src/agent/cri/cri-runtime.ts';
import type { ContainerConfig, SandboxConfig } from '../src/agent/runtime.ts';
import type { Pod } from '../src/api/schema/types/core-v1.ts';
import { type HttpsClient, httpsClient } from '../src/client/https-client.ts';
import { readKubeconfig } from '../src/client/kubeconfig.ts';
import { pods } from '../src/client/resources.ts';
import { packImage } from '../src/images/pack-image.ts';
import { RealClock } from '../src/lib/clock.ts';
import { silentLogger } from '../src/lib/log.ts';
import { elapsedMs, eventually, TestCluster } from '../test/harness.ts';
import type { Benchmark, Figure } from './figure.ts';

const image = 'docker.io/bench/busybox:1';
const clock = new RealClock({ keepsAlive: true });

/** Creates a pod, waits by a watch until it is Ready, and removes it. Returns the milliseconds in between. */
async function podReadyMs(client: HttpsClient, name: string): Promise<number> {
  const reference = { namespace: 'default', name };
  const { metadata } = await client.list(pods, { namespace: 'default' });
  const since = elapsedMs();
  const ready = new Promise<number>((resolve, reject) => {
    const watch = client.watch(
      pods,
      { namespace: 'default', resourceVersion: metadata.resourceVersion ?? '' },
      {
        event: ({ object }) => {
          if (object.metadata?.name !== name || !isReady(object)) return;
          resolve(since());
          watch.cancel();
        },
        end: (error) => reject(error ?? new Error('the watch ended')),
      },
    );
  });
  await client.create(pods, {
    metadata: reference,
    spec: {
      terminationGracePeriodSeconds: 0,
      containers: [{ name: 'main', image, imagePullPolicy: 'Never', command: ['sleep', '1000'] }],
    },
  });
  const readyMs = await ready;
  await client.delete(pods, reference, { gracePeriodSeconds: 0 });
  return readyMs;
}

function isReady(pod: Pod): boolean {
  return pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') === true;
}

interface Alone {
  readonly home: string;
  readonly containerd: Containerd;
  readonly runtime: CriRuntime;
}

async function startAlone(): Promise<Alone> {
  const home = mkdtempSync(path.join(os.tmpdir(), 'naru-bench-'));
  const containerd = new Containerd({ home, podCidr: '10.42.255.0/24', clock, log: silentLogger });
  await containerd.start();
  const archive = path.join(home, 'image.tar');
  await packImage({ name: image, programs: ['/usr/bin/busybox'], output: archive });
  await containerd.importImage(archive);
  return { home, containerd, runtime: new CriRuntime({ address: containerd.address, clock, log: silentLogger }) };
}

async function endAlone({ home, containerd, runtime }: Alone): Promise<void> {
  await runtime.close();
  await containerd.teardown();
  rmSync(home, { recursive: true, force: true });
}

/** The same calls alone. */
async function criMs({ containerd, runtime, home }: Alone, index: number): Promise<number> {
  const uid = `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`;
  const cgroupParent = `${containerd.cgroupRoot}/bench/pod${uid}`;
  const sandbox: SandboxConfig = {
    pod: { namespace: 'bench', name: `alone-${index}`, uid },
    attempt: 0,
    hostname: `alone-${index}`,
    hostNetwork: false,
    hostPid: false,
    hostIpc: false,
    shareProcessNamespace: false,
    logDirectory: path.join(home, 'logs', uid),
    cgroupParent,
    dns: { servers: [], searches: [], options: [] },
    annotations: {},
    labels: {},
    privileged: false,
  };
  const found = await runtime.imageStatus(image);
  const since = elapsedMs();
  const sandboxId = await runtime.runSandbox(sandbox);
  const containerId = await runtime.createContainer(sandboxId, containerOf(found?.id ?? image), sandbox);
  await runtime.startContainer(containerId);
  const startedMs = since();
  await runtime.stopSandbox(sandboxId);
  await runtime.removeSandbox(sandboxId);
  return startedMs;
}

function containerOf(imageId: string): ContainerConfig {
  return {
    name: 'main',
    attempt: 0,
    imageId,
    image,
    command: ['sleep', '1000'],
    args: [],
    workingDirectory: '',
    env: [],
    mounts: [],
    logPath: 'main/0.log',
    stdin: false,
    stdinOnce: false,
    tty: false,
    labels: {},
    annotations: {},
    security: {
      privileged: false,
      supplementalGroups: [],
      readOnlyRootFilesystem: false,
      noNewPrivileges: false,
      addCapabilities: [],
      dropCapabilities: [],
      seccomp: 'unconfined',
    },
    resources: { cpuShares: 2, cpuQuotaUs: 0, cpuPeriodUs: 100_000, memoryLimitBytes: 0, oomScoreAdj: 1000 },
  };
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

const benchmark: Benchmark = {
  name: 'pods',
  async run({ small }): Promise<readonly Figure[]> {
    const rounds = small ? 7 : 30;
    const cluster = await TestCluster.up();
    const alone = await startAlone();
    const client = httpsClient({ config: await readKubeconfig(cluster.kubeconfig), clock });
    const readyTimes: number[] = [];
    const aloneTimes: number[] = [];
    try {
      await cluster.mustNaru('image', 'pack', '/usr/bin/busybox', '--name', image);
      for (let round = 0; round < rounds + 1; round++) {
        const aloneMs = await criMs(alone, round);
        const readyMs = await podReadyMs(client, `bench-${round}`);
        await eventually('the pod is gone', async () => (await client.list(pods)).items.length === 0 || undefined);
        // The first round warms up both.
        if (round > 0) aloneTimes.push(aloneMs);
        if (round > 0) readyTimes.push(readyMs);
      }
    } finally {
      client.close();
      await endAlone(alone);
      await cluster.close();
    }
    const baseline = median(aloneTimes);
    const value = median(readyTimes);
    return [{ bench: 'pods', figure: 'pod created to Ready', value, unit: 'ms', baseline, ratio: value / baseline }];
  },
};

export default benchmark;
