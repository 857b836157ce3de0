/** `CriRuntime` and `Containerd` on real containers: the contract of every runtime, and what only real ones can show. */
import assert from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { after, before, describe, test } from 'node:test';
import { Containerd } from '../../src/agent/containerd/containerd.ts';
import { findProcesses } from '../../src/agent/containerd/processes.ts';
import { isOurShim } from '../../src/agent/containerd/teardown.ts';
import { criNamespace } from '../../src/agent/cri/connection.ts';
import { shimSocket } from '../../src/agent/cri/shim-socket.ts';
import { type RuntimeHarness, runtimeContract } from '../../src/agent/runtime-contract.ts';
import { pauseImageName } from '../../src/images/pause-image.ts';
import { silentLogger } from '../../src/lib/log.ts';
import {
  ContainerdLab,
  clock,
  closedByHand,
  execute,
  type LabPod,
  needsContainers,
  shellImage,
  until,
} from './containerd-lab.ts';

const sleeps = ['/bin/sleep', '1000'];

/** The host's process ids of a sandbox's pause program. */
async function pausesOf(pod: LabPod): Promise<number[]> {
  const own = await findProcesses((argv) => argv.length === 1 && argv[0] === '/pause');
  return own.map(({ pid }) => pid).filter((pid) => readFileSync(`/proc/${pid}/cgroup`, 'utf8').includes(pod.uid));
}

describe('real containers', needsContainers, () => {
  const harness = async (plainCri: boolean): Promise<RuntimeHarness> => {
    const lab = await ContainerdLab.open(closedByHand, { plainCri });
    return {
      runtime: lab.runtime,
      image: shellImage,
      absentImage: 'localhost/no-such-image:1',
      annotations: () => ({}),
      logDirectory: (uid) => lab.logDirectory(uid),
      cgroupParent: (uid) => lab.cgroupParent(uid),
      until,
      during: (work) => work,
      close: async () => void (await lab.close()),
    };
  };
  runtimeContract('CRI on containerd', () => harness(false));
  runtimeContract('CRI, streams by the runtime’s own server', () => harness(true));

  describe('a pod on containerd', () => {
    let lab: ContainerdLab;
    before(async () => {
      lab = await ContainerdLab.open(closedByHand);
    });
    after(() => lab.close());

    test('environment, working directory, user, files, log and exit are as asked', async () => {
      const folder = mkdtempSync(path.join(os.tmpdir(), 'naru-mount-'));
      chmodSync(folder, 0o755);
      writeFileSync(path.join(folder, 'greeting'), 'from the host');
      const script =
        'echo "$GREETING from $(pwd), $(id -u):$(id -g)"; cat /data/greeting; touch /data/x || echo refused; exit 4';
      const pod = await lab.pod(['/bin/sh', '-c', script], {
        container: {
          env: [{ name: 'GREETING', value: 'grüße' }],
          workingDirectory: '/tmp',
          mounts: [{ hostPath: folder, containerPath: '/data', readOnly: true }],
          security: {
            privileged: false,
            runAsUser: 1000,
            runAsGroup: 1000,
            supplementalGroups: [],
            readOnlyRootFilesystem: true,
            noNewPrivileges: true,
            addCapabilities: [],
            dropCapabilities: ['ALL'],
            seccomp: 'runtime-default',
          },
        },
      });
      assert.equal((await lab.exited(pod)).exitCode, 4);
      const log = readFileSync(pod.logFile, 'utf8');
      assert.match(log, /stdout F grüße from \/tmp, 1000:1000/);
      assert.match(log, /from the host/);
      assert.match(log, /refused/);
      rmSync(folder, { recursive: true });
    });

    test('an unprivileged container cannot write kernel parameters nor read masked files', async () => {
      const pod = await lab.pod(sleeps);
      assert.match(await lab.shell(pod, 'echo 1 > /proc/sys/kernel/panic'), /Read-only file system/);
      assert.equal(await lab.shell(pod, 'cat /proc/timer_list /proc/keys | wc -c'), '0');
      const open = await lab.pod(sleeps, {
        container: {
          security: {
            privileged: false,
            supplementalGroups: [],
            readOnlyRootFilesystem: false,
            noNewPrivileges: false,
            addCapabilities: [],
            dropCapabilities: [],
            seccomp: 'unconfined',
            procMount: 'unmasked',
          },
        },
      });
      assert.notEqual(await lab.shell(open, 'cat /proc/timer_list | wc -c'), '0');
    });

    test('one that takes more memory than its limit is OOMKilled', async () => {
      const greedy = ['/bin/dd', 'if=/dev/zero', 'of=/dev/null', 'bs=100M', 'count=1'];
      const resources = {
        cpuShares: 2,
        cpuQuotaUs: 0,
        cpuPeriodUs: 100_000,
        memoryLimitBytes: 32 << 20,
        oomScoreAdj: 0,
      };
      const status = await lab.exited(await lab.pod(greedy, { container: { resources } }));
      assert.equal(status.exitCode, 137);
      assert.equal(status.reason, 'OOMKilled');
    });

    test('exec gives code and both outputs, and ends in time', async () => {
      const pod = await lab.pod(sleeps);
      const result = await lab.runtime.exec(
        pod.containerId,
        ['/bin/sh', '-c', 'echo out; echo err >&2; exit 7'],
        5_000,
      );
      assert.deepEqual([result.exitCode, result.stdout.toString(), result.stderr.toString()], [7, 'out\n', 'err\n']);
      const startMs = clock.monotonic();
      await assert.rejects(lab.runtime.exec(pod.containerId, ['/bin/sleep', '30'], 300), { kind: 'timeout' });
      assert.ok(clock.monotonic() - startMs < 2_000);
      await until('the command is killed', async () => !(await lab.shell(pod, 'ps')).includes('sleep 30'));
    });

    test('the pause program is pid 1 of a shared process namespace: it reaps orphans and ends on TERM at once', async () => {
      const pod = await lab.pod(sleeps, { sandbox: { shareProcessNamespace: true } });
      assert.match(await lab.shell(pod, 'cat /proc/1/cmdline | tr "\\0" " "'), /^\/pause$/);
      await lab.shell(pod, '(sleep 0.1 & sleep 0.15 & sleep 0.2 &) ; true');
      await clock.sleep(400);
      assert.doesNotMatch(await lab.shell(pod, 'cat /proc/[0-9]*/status'), /State:\s+Z/);
      const [pause] = await pausesOf(pod);
      assert.ok(pause);
      const startMs = clock.monotonic();
      process.kill(pause, 'SIGTERM');
      await until('the sandbox is seen ended', async () => !(await lab.runtime.state(pod.uid)).sandboxes[0]?.ready);
      assert.ok(clock.monotonic() - startMs < 1_000);
    });

    test('ephemeral containers see the processes of their target', async () => {
      const pod = await lab.pod(sleeps);
      const config = { targetContainerId: pod.containerId, name: 'debug', logPath: 'debug.log' };
      const image = { name: shellImage, id: lab.shellId };
      const { plainContainer } = await import('../../src/agent/runtime-contract.ts');
      const container = { ...plainContainer('debug', image, ['/bin/ps']), ...config };
      const id = await lab.runtime.createContainer(pod.sandboxId, container, pod.sandbox);
      await lab.runtime.startContainer(id);
      await until('it exits', async () => {
        const { containers } = await lab.runtime.state(pod.uid);
        return containers.some((each) => each.id === id && each.state === 'exited');
      });
      assert.match(readFileSync(path.join(pod.sandbox.logDirectory, 'debug.log'), 'utf8'), /sleep 1000/);
    });

    test('an image that is missing, or that no registry answers for, fails in the runtime’s words without gRPC’s prefix', async () => {
      await assert.rejects(lab.runtime.pullImage('127.0.0.1:1/none:1'), (error: Error) => {
        assert.doesNotMatch(error.message, /^\d+ [A-Z]+:/);
        assert.match(error.message, /127\.0\.0\.1:1/);
        return true;
      });
    });
  });

  describe('containerd under naru', () => {
    test('outlives a naru that ends, and is adopted with its pods by the next', async (t) => {
      const lab = await ContainerdLab.open(t);
      const pod = await lab.pod(sleeps);
      const pid = lab.containerd.pid;
      await lab.runtime.close();
      await lab.containerd.close();
      const next = new Containerd(lab.options);
      await next.start();
      assert.equal(next.facts?.adopted, true);
      assert.equal(next.pid, pid);
      await next.close();
      await lab.start(true);
      assert.equal((await lab.status(pod))?.state, 'running');
      await lab.close();
    });

    test('killed, it is started again; its pods run on, and exits are heard of again', async (t) => {
      const lab = await ContainerdLab.open(t);
      const pod = await lab.pod(['/bin/sh', '-c', 'while [ ! -e /go ]; do sleep 0.02; done; exit 9']);
      const heard: string[] = [];
      const watch = lab.runtime.watch((uid) => heard.push(uid));
      const first = lab.containerd.pid as number;
      process.kill(first, 'SIGKILL');
      await until('another containerd answers', async () => {
        const info = await lab.runtime.info().catch(() => undefined);
        return info !== undefined && lab.containerd.pid !== undefined && lab.containerd.pid !== first;
      });
      assert.equal((await lab.status(pod))?.state, 'running');
      await clock.sleep(300);
      await lab.shell(pod, 'touch /go');
      await until('the exit is heard of', () => heard.includes(pod.uid));
      assert.equal((await lab.status(pod))?.exitCode, 9);
      watch.cancel();
      await lab.close();
    });

    test('a changed configuration restarts it, and pods run on', async (t) => {
      const lab = await ContainerdLab.open(t);
      const pod = await lab.pod(sleeps);
      const pid = lab.containerd.pid;
      await lab.runtime.close();
      await lab.containerd.close();
      writeFileSync(lab.containerd.paths.config, '# another\n');
      await lab.start(true);
      assert.notEqual(lab.containerd.pid, pid);
      assert.equal((await lab.status(pod))?.state, 'running');
      await lab.close();
    });

    test('teardown leaves nothing, and says what it removed, while pods run', async (t) => {
      const lab = await ContainerdLab.open(t);
      for (let count = 0; count < 3; count++) await lab.pod(sleeps);
      const report = await lab.close();
      assert.equal(report.removed['pods'], 3);
      assert.equal(report.removed['containerd'], 1);
      assert.deepEqual((await lab.containerd.teardown()).removed, {});
    });

    test('teardown leaves nothing after a kill -9 of containerd and its shims', async (t) => {
      const lab = await ContainerdLab.open(t);
      const pod = await lab.pod(['/bin/sh', '-c', "trap '' TERM; while :; do sleep 0.02; done"]);
      await lab.containerd.close();
      const shims = await findProcesses((argv) => isOurShim(argv, lab.containerd.paths));
      assert.equal(shims.length, 1);
      for (const pid of [lab.containerd.pid as number, ...shims.map((shim) => shim.pid)]) process.kill(pid, 'SIGKILL');
      assert.equal((await pausesOf(pod)).length, 1, 'the pod runs on, an orphan');
      assert.ok((await lab.traces()).length > 3);
      const report = await lab.close();
      assert.ok((report.removed['processes'] ?? 0) >= 2);
      assert.ok((report.removed['mounts'] ?? 0) >= 3);
    });

    test('a shim that is killed leaves no socket once its pod is removed', async (t) => {
      const lab = await ContainerdLab.open(t);
      const pod = await lab.pod(sleeps);
      const socket = shimSocket(lab.containerd.address, criNamespace, pod.sandboxId);
      assert.ok(existsSync(socket));
      for (const shim of await findProcesses((argv) => isOurShim(argv, lab.containerd.paths)))
        process.kill(shim.pid, 'SIGKILL');
      await lab.exited(pod);
      await lab.runtime.removeSandbox(pod.sandboxId);
      assert.equal(existsSync(socket), false);
      await lab.close();
    });

    test('two homes run side by side, and the end of one leaves the other alone', async (t) => {
      const [one, other] = await Promise.all([ContainerdLab.open(t), ContainerdLab.open(t)]);
      const [ofOne, ofOther] = [await one.pod(sleeps), await other.pod(sleeps)];
      const state = await one.runtime.state();
      assert.deepEqual(
        state.containers.map(({ id }) => id),
        [ofOne.containerId],
      );
      await one.close();
      assert.equal((await other.status(ofOther))?.state, 'running');
      assert.equal(await other.shell(ofOther, 'echo alive'), 'alive');
      await other.close();
    });

    test('a home with a long path, spaces and a link in it works', async (t) => {
      const base = mkdtempSync(path.join(os.tmpdir(), 'naru-lab-'));
      const long = path.join(base, `a home with ${'x'.repeat(100)}`);
      mkdirSync(long);
      symlinkSync(long, path.join(base, 'link'));
      const lab = await ContainerdLab.open(t, { home: path.join(base, 'link') });
      assert.match(lab.containerd.address, /^\/run\/naru-[0-9a-f]{8}\/c\.sock$/);
      const pod = await lab.pod(sleeps);
      assert.equal(await lab.shell(pod, 'echo alive'), 'alive');
      await lab.close();
      rmSync(base, { recursive: true });
    });

    test('it holds the pause image, and says what this machine is', async (t) => {
      const lab = await ContainerdLab.open(t, { bare: true });
      assert.ok(await lab.runtime.imageStatus(pauseImageName));
      const { stdout } = await execute('stat', ['-c', '%a', lab.containerd.paths.config, lab.containerd.paths.folder]);
      assert.equal(stdout, '600\n700\n');
      assert.ok(lab.containerd.facts?.version.startsWith((await lab.runtime.info()).version.slice(0, 3)));
      await lab.close();
    });

    test('what is missing is named all at once, with the way out', async () => {
      const home = mkdtempSync(path.join(os.tmpdir(), 'naru-lab-'));
      const broken = new Containerd({ home, clock, log: silentLogger, searchPath: [home], cniFolders: [home] });
      await assert.rejects(broken.start(), (error: Error) => {
        assert.match(error.message, /containerd.*runc.*CNI plugins.*naru up.*apt-get install/s);
        return true;
      });
      rmSync(home, { recursive: true });
    });

    test('where containerd refuses to start, its last words are in the error', async () => {
      const home = mkdtempSync(path.join(os.tmpdir(), 'naru-lab-'));
      const blocked = new Containerd({ home, clock, log: silentLogger });
      mkdirSync(path.join(blocked.address, 'in-the-way'), { recursive: true });
      await assert.rejects(blocked.start(), (error: Error) => {
        assert.match(error.message, /containerd did not start: .*last words:/s);
        return true;
      });
      assert.deepEqual((await blocked.teardown()).left, []);
      rmSync(home, { recursive: true });
    });
  });
});
