/**
 * What every `Runtime` must do, as a suite that each implementation runs: `runtimeContract('CRI', harness)`.
 *
 * The suite says what containers do in two languages at once: as a shell command, for runtimes that run processes, and as
 * a `ContainerBehaviour`, which a simulated runtime's harness turns into what its containers do. It waits only through the
 * harness, so that it runs in virtual time, too.
 */
import assert from 'node:assert/strict';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { after, before, describe, test } from 'node:test';
import {
  type ContainerConfig,
  type ContainerStatus,
  type PodIdentity,
  type Runtime,
  RuntimeError,
  type SandboxConfig,
} from './runtime.ts';

export interface ContractBehaviour {
  /** Exits by itself. */
  readonly exitAfterMs?: number;
  readonly exitCode?: number;
  /** Takes so long to end after TERM. */
  readonly stopMs?: number;
  /** Starting it fails. */
  readonly startError?: string;
}

export interface RuntimeHarness {
  readonly runtime: Runtime;
  /** The name of an image that is there, with a shell where processes are real. */
  readonly image: string;
  /** A well-formed name of an image that is not there and cannot be pulled. */
  readonly absentImage: string;
  /** Annotations for the sandbox that make its container `name` behave so; {} where commands do. */
  annotations(name: string, behaviour: ContractBehaviour): Readonly<Record<string, string>>;
  /** Where this harness wants the pod's files and processes. */
  logDirectory(uid: string): string;
  cgroupParent(uid: string): string;
  /** Resolves when `check` gives true; rejects with `what` after some 10 s (or lets virtual time pass). */
  until(what: string, check: () => Promise<boolean>): Promise<void>;
  /** Resolves with the work's result; where time is virtual, it lets time pass meanwhile. */
  during<T>(work: Promise<T>): Promise<T>;
  close(): Promise<void>;
}

const everyStream = { stdin: true, stdout: true, stderr: true, tty: false } as const;
const steady: ContractBehaviour = {};
const exitsWith3: ContractBehaviour = { exitAfterMs: 200, exitCode: 3 };
const ignoresTerm: ContractBehaviour = { stopMs: 24 * 60 * 60_000 };
const cannotStart: ContractBehaviour = { startError: 'no such file or directory' };

/** Without `exec sleep`: pid 1 of a namespace does not get the signals that it does not handle. */
function commandFor(behaviour: ContractBehaviour): string[] {
  if (behaviour.startError !== undefined) return ['/no/such/program'];
  if (behaviour.exitAfterMs !== undefined) {
    return ['/bin/sh', '-c', `sleep ${behaviour.exitAfterMs / 1000}; exit ${behaviour.exitCode ?? 0}`];
  }
  const trap = behaviour.stopMs === undefined ? "trap 'exit 0' TERM" : "trap '' TERM";
  return ['/bin/sh', '-c', `${trap}; while :; do sleep 0.02; done`];
}

/** A pod's sandbox with nothing special about it; tests and harnesses change what they need. */
export function plainSandbox(
  pod: PodIdentity,
  harness: Pick<RuntimeHarness, 'logDirectory' | 'cgroupParent'>,
): SandboxConfig {
  return {
    pod,
    attempt: 0,
    hostname: pod.name,
    hostNetwork: false,
    hostPid: false,
    hostIpc: false,
    shareProcessNamespace: false,
    logDirectory: harness.logDirectory(pod.uid),
    cgroupParent: harness.cgroupParent(pod.uid),
    dns: { servers: [], searches: [], options: [] },
    annotations: {},
    labels: {},
    privileged: false,
  };
}

export function plainContainer(
  name: string,
  image: { name: string; id: string },
  command: readonly string[],
): ContainerConfig {
  return {
    name,
    attempt: 0,
    imageId: image.id,
    image: image.name,
    command,
    args: [],
    workingDirectory: '',
    env: [],
    mounts: [],
    logPath: `${name}_0.log`,
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
      seccomp: 'runtime-default',
    },
    resources: { cpuShares: 2, cpuQuotaUs: 0, cpuPeriodUs: 100_000, memoryLimitBytes: 0, oomScoreAdj: 1000 },
  };
}

interface Pod {
  readonly identity: PodIdentity;
  readonly sandbox: SandboxConfig;
  readonly sandboxId: string;
  /** Creates the container `main`. */
  create(): Promise<string>;
  /** And starts it. */
  run(): Promise<string>;
  status(containerId: string): Promise<ContainerStatus | undefined>;
  remove(): Promise<void>;
}

export function runtimeContract(name: string, open: () => Promise<RuntimeHarness>): void {
  void describe(`a runtime (${name})`, () => {
    let harness: RuntimeHarness;
    let podCount = 0;

    before(async () => {
      harness = await open();
    });
    after(() => harness.close());

    async function makePod(behaviour: ContractBehaviour, changes: Partial<SandboxConfig> = {}): Promise<Pod> {
      const { runtime } = harness;
      const number = ++podCount;
      const uid = `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;
      const identity = { namespace: 'contract', name: `pod-${number}`, uid };
      const sandbox = {
        ...plainSandbox(identity, harness),
        annotations: harness.annotations('main', behaviour),
        ...changes,
      };
      const sandboxId = await harness.during(runtime.runSandbox(sandbox));
      const create = async (): Promise<string> => {
        const image = await runtime.imageStatus(harness.image);
        assert.ok(image, `${harness.image} is there`);
        const config = plainContainer('main', { name: harness.image, id: image.id }, commandFor(behaviour));
        return runtime.createContainer(sandboxId, config, sandbox);
      };
      return {
        identity,
        sandbox,
        sandboxId,
        create,
        run: async () => {
          const id = await create();
          await harness.during(runtime.startContainer(id));
          return id;
        },
        status: async (id) => (await runtime.state(uid)).containers.find((container) => container.id === id),
        remove: async () => harness.during(runtime.removeSandbox(sandboxId)),
      };
    }

    async function withPod(behaviour: ContractBehaviour, use: (pod: Pod) => Promise<void>): Promise<void> {
      const pod = await makePod(behaviour);
      try {
        await use(pod);
      } finally {
        await pod.remove();
      }
    }

    const exited = (pod: Pod, id: string): Promise<void> =>
      harness.until('the container exits', async () => (await pod.status(id))?.state === 'exited');

    void test('says who it is, and that nothing is wrong', async () => {
      const info = await harness.runtime.info();
      assert.notEqual(info.name, '');
      assert.notEqual(info.version, '');
      assert.equal(info.problem, '');
    });

    void test('a sandbox has its own address until it is stopped, and is gone when removed, each time again', async () => {
      const pod = await makePod(steady);
      const [status, ...more] = (await harness.runtime.state(pod.identity.uid)).sandboxes;
      assert.equal(more.length, 0);
      assert.deepEqual(status?.pod, pod.identity);
      assert.equal(status?.id, pod.sandboxId);
      assert.equal(status?.attempt, 0);
      assert.equal(status?.ready, true);
      assert.match(status?.ips[0] ?? '', /^\d+\.\d+\.\d+\.\d+$/);
      for (let round = 0; round < 2; round++) await harness.during(harness.runtime.stopSandbox(pod.sandboxId));
      const [stopped] = (await harness.runtime.state(pod.identity.uid)).sandboxes;
      assert.equal(stopped?.ready, false);
      assert.deepEqual(stopped?.ips, []);
      for (let round = 0; round < 2; round++) await pod.remove();
      assert.deepEqual(await harness.runtime.state(pod.identity.uid), { sandboxes: [], containers: [] });
    });

    void test('a sandbox on the host network has no address of its own', async () => {
      const pod = await makePod(steady, { hostNetwork: true });
      assert.deepEqual((await harness.runtime.state(pod.identity.uid)).sandboxes[0]?.ips, []);
      await pod.remove();
    });

    void test('a second sandbox of the same pod and attempt is refused; the next attempt is not', async () => {
      await withPod(steady, async (pod) => {
        await assert.rejects(harness.runtime.runSandbox(pod.sandbox), { name: 'RuntimeError', kind: 'failed' });
        const next = await harness.during(harness.runtime.runSandbox({ ...pod.sandbox, attempt: 1 }));
        const { sandboxes } = await harness.runtime.state(pod.identity.uid);
        assert.deepEqual(
          sandboxes.map(({ attempt }) => attempt).sort((a, b) => a - b),
          [0, 1],
        );
        await harness.during(harness.runtime.removeSandbox(next));
      });
    });

    void test('a container is created, runs, and exits with its code', async () => {
      await withPod(exitsWith3, async (pod) => {
        const id = await pod.create();
        const created = await pod.status(id);
        assert.equal(created?.state, 'created');
        assert.equal(created?.startedAtMs, 0);
        await harness.during(harness.runtime.startContainer(id));
        await exited(pod, id);
        const status = await pod.status(id);
        assert.deepEqual(status?.pod, pod.identity);
        assert.equal(status?.sandboxId, pod.sandboxId);
        assert.equal(status?.name, 'main');
        assert.equal(status?.image, harness.image);
        assert.equal(status?.exitCode, 3);
        assert.equal(status?.reason, 'Error');
        assert.notEqual(status?.imageRef, '');
        assert.ok(status.createdAtMs > 0 && status.startedAtMs >= status.createdAtMs);
        assert.ok(status.finishedAtMs >= status.startedAtMs + 150, 'it ran for its 200 ms');
      });
    });

    void test('a watcher hears of starts and exits, and finds the state changed', async () => {
      await withPod(exitsWith3, async (pod) => {
        const seen: (string | undefined)[] = [];
        const looks: Promise<void>[] = [];
        const id = await pod.create();
        const watch = harness.runtime.watch((uid) => {
          if (uid !== pod.identity.uid) return;
          looks.push(pod.status(id).then((status) => void seen.push(status?.state)));
        });
        await harness.during(harness.runtime.startContainer(id));
        await harness.until('a start is heard of', async () => seen.length > 0);
        await harness.until('the exit is heard of', async () => seen.includes('exited'));
        watch.cancel();
        await Promise.all(looks);
        assert.equal(seen[0], 'running');
      });
    });

    void test('a container that ends on TERM is stopped gently', async () => {
      await withPod(steady, async (pod) => {
        const id = await pod.run();
        assert.equal((await pod.status(id))?.state, 'running');
        await harness.during(harness.runtime.stopContainer(id, 10_000));
        const status = await pod.status(id);
        assert.equal(status?.state, 'exited');
        assert.equal(status?.exitCode, 0);
        assert.equal(status?.reason, 'Completed');
      });
    });

    void test('a container that ignores TERM is killed after its grace period', async () => {
      await withPod(ignoresTerm, async (pod) => {
        const id = await pod.run();
        await harness.during(harness.runtime.stopContainer(id, 1_000));
        const status = await pod.status(id);
        assert.equal(status?.exitCode, 137);
        assert.ok((status?.finishedAtMs ?? 0) - (status?.startedAtMs ?? 0) >= 900, 'it had its grace period');
      });
    });

    void test('a container that cannot start says why and counts as exited with 128', async () => {
      await withPod(cannotStart, async (pod) => {
        const id = await pod.create();
        await assert.rejects(harness.during(harness.runtime.startContainer(id)), (error: unknown) => {
          assert.ok(error instanceof RuntimeError);
          assert.equal(error.kind, 'failed');
          assert.match(error.message, /no such file or directory/);
          return true;
        });
        const status = await pod.status(id);
        assert.equal(status?.state, 'exited');
        assert.equal(status?.exitCode, 128);
        assert.equal(status?.reason, 'StartError');
      });
    });

    void test('the state of one pod shows nobody else; the state of all shows everybody', async () => {
      await withPod(steady, async (one) => {
        await withPod(steady, async (other) => {
          const containers = [await one.run(), await other.run()];
          const state = await harness.runtime.state(one.identity.uid);
          assert.deepEqual(
            state.containers.map(({ id }) => id),
            [containers[0]],
          );
          assert.deepEqual(
            state.sandboxes.map(({ id }) => id),
            [one.sandboxId],
          );
          const all = await harness.runtime.state();
          for (const id of containers) assert.ok(all.containers.some((container) => container.id === id));
        });
      });
    });

    void test('stopping a sandbox kills its containers, removing it removes them', async () => {
      const pod = await makePod(ignoresTerm);
      const id = await pod.run();
      await harness.during(harness.runtime.stopSandbox(pod.sandboxId));
      const status = await pod.status(id);
      assert.equal(status?.state, 'exited');
      assert.equal(status?.exitCode, 137);
      await pod.remove();
      assert.equal(await pod.status(id), undefined);
    });

    void test('a running container can be removed, and removed again', async () => {
      await withPod(ignoresTerm, async (pod) => {
        const id = await pod.run();
        for (let round = 0; round < 2; round++) await harness.during(harness.runtime.removeContainer(id));
        assert.equal(await pod.status(id), undefined);
      });
    });

    void test('ending what is not there is done at once; starting it is not found', async () => {
      const absent = 'f'.repeat(64);
      await harness.runtime.stopSandbox(absent);
      await harness.runtime.removeSandbox(absent);
      await harness.runtime.stopContainer(absent, 1_000);
      await harness.runtime.removeContainer(absent);
      await assert.rejects(harness.runtime.startContainer(absent), { kind: 'not-found' });
    });

    void test('a command runs in a running container, and is not found elsewhere', async () => {
      await withPod(steady, async (pod) => {
        const id = await pod.run();
        assert.equal((await harness.runtime.exec(id, ['/bin/true'], 5_000)).exitCode, 0);
        await harness.during(harness.runtime.stopContainer(id, 10_000));
        await assert.rejects(harness.runtime.exec(id, ['/bin/true'], 5_000), { kind: 'not-found' });
      });
    });

    void test('a command has streams of its own, or the runtime says why there are none', async () => {
      await withPod(steady, async (pod) => {
        const { runtime } = harness;
        const command = ['/bin/sh', '-c', 'cat; echo complaint >&2; exit 3'];
        const opening = runtime.openExec(await pod.run(), command, everyStream);
        if (runtime.noStreams !== undefined) return assert.rejects(opening, { message: runtime.noStreams });
        const session = await opening;
        const outputs = Promise.all([session.stdout, session.stderr].map((output) => text(output as Readable)));
        session.stdin?.end('question');
        assert.deepEqual(await outputs, ['question', 'complaint\n']);
        assert.deepEqual(await session.ended, { kind: 'exited', exitCode: 3 });
      });
    });

    void test('a container’s own streams end with it', async () => {
      await withPod(steady, async (pod) => {
        const { runtime } = harness;
        const id = await pod.run();
        const opening = runtime.attach(id, { ...everyStream, stdin: false });
        if (runtime.noStreams !== undefined) return assert.rejects(opening, { message: runtime.noStreams });
        const session = await opening;
        const output = text(session.stdout as Readable);
        session.stderr?.resume();
        await harness.during(runtime.stopContainer(id, 10_000));
        assert.equal((await session.ended).kind, 'exited');
        assert.equal(await output, '');
      });
    });

    void test('a port of the pod that nobody listens on refuses', async () => {
      await withPod(steady, async (pod) => {
        const { runtime } = harness;
        await pod.run();
        const message = runtime.noStreams ?? 'dial tcp 127.0.0.1:81: connect: connection refused';
        await assert.rejects(runtime.dialPod(pod.sandboxId, 81), { message });
      });
    });

    void test('an image is found by its name and by its id; one that is not there is undefined', async () => {
      const image = await harness.runtime.imageStatus(harness.image);
      assert.ok(image);
      assert.deepEqual((await harness.runtime.imageStatus(image.id))?.id, image.id);
      assert.ok((await harness.runtime.images()).some(({ id }) => id === image.id));
      assert.equal(await harness.runtime.imageStatus(harness.absentImage), undefined);
    });

    void test('a name that no image can have is refused as such', async () => {
      await assert.rejects(harness.runtime.pullImage('Not//A Name'), { kind: 'invalid-image-name' });
    });
  });
}
