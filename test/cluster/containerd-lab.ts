/**
 * A containerd of its own for a test: in a temporary home, with an image that has a shell, and with `close`, which fails
 * where anything is left on the machine that names this home.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, globSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { promisify } from 'node:util';
import { Containerd, type ContainerdOptions } from '../../src/agent/containerd/containerd.ts';
import { defaultSearchPath } from '../../src/agent/containerd/machine.ts';
import { findProcesses } from '../../src/agent/containerd/processes.ts';
import type { TeardownReport } from '../../src/agent/containerd/teardown.ts';
import { CriRuntime } from '../../src/agent/cri/cri-runtime.ts';
import type { ContainerConfig, ContainerStatus, SandboxConfig } from '../../src/agent/runtime.ts';
import { plainContainer, plainSandbox } from '../../src/agent/runtime-contract.ts';
import { packImage } from '../../src/images/pack-image.ts';
import { RealClock } from '../../src/lib/clock.ts';
import { type Logger, silentLogger } from '../../src/lib/log.ts';
import { claimHome } from '../harness.ts';

export const clock = new RealClock({ keepsAlive: true });
export const execute = promisify(execFile);
export const shellImage = 'docker.io/library/naru-test-shell:1';

/** For `describe`'s options: these tests need root and containers, and skip only where that was said. */
export const needsContainers =
  process.env['NARU_TEST_NO_CONTAINERS'] === '1' ? { skip: 'NARU_TEST_NO_CONTAINERS=1' } : {};

function requireRoot(): void {
  if (process.getuid?.() === 0) return;
  throw new Error(
    'these tests start real containers, as root; without root set NARU_TEST_NO_CONTAINERS=1 to skip them',
  );
}

export interface LabOptions extends Partial<ContainerdOptions> {
  /** Without the image; for tests that never come to run it. */
  readonly bare?: boolean;
  /** The runtime knows of containerd only what the CRI says, as of any other. */
  readonly plainCri?: boolean;
}

let shellArchive: Promise<string> | undefined;

/** Made once a test process: busybox with its applets. */
function packShell(): Promise<string> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'naru-lab-image-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  const output = path.join(folder, 'shell.tar');
  return packImage({ name: shellImage, programs: ['busybox'], entrypoint: [], command: ['/bin/sh'], output }).then(
    () => output,
  );
}

/** Another containerd than the machine's own may stand in the folders of this variable, as in a PATH. */
const otherVersion = process.env['NARU_TEST_CONTAINERD_PATH']?.split(':') ?? [];

/** A test's context; it ends what the test began, even where that failed. */
export interface Ending {
  after(end: () => Promise<void>): void;
}

/** For labs that a suite opens in `before`, and closes in `after`. */
export const closedByHand: Ending = { after() {} };

let labCount = 0;

export class ContainerdLab {
  readonly home: string;
  readonly containerd: Containerd;
  readonly log: Logger;
  readonly options: ContainerdOptions;
  runtime!: CriRuntime;
  shellId = '';
  readonly #isPlainCri: boolean;
  #pods = 0;
  readonly #sandboxes: string[] = [];
  #report: TeardownReport | undefined;

  private constructor(home: string, options: LabOptions) {
    this.home = home;
    claimHome(home);
    this.log = options.log ?? silentLogger;
    this.#isPlainCri = options.plainCri ?? false;
    const number = ++labCount;
    // Each lab its own addresses: a host's routes must not name one twice.
    const podCidr = `10.${100 + (process.pid % 100)}.${number}.0/24`;
    this.options = {
      podCidr,
      clock,
      searchPath: [...otherVersion, ...defaultSearchPath()],
      ...options,
      home,
      log: this.log,
    };
    this.containerd = new Containerd(this.options);
  }

  /** Closed with the test, at the latest. */
  static async open(test: Ending, options: LabOptions = {}): Promise<ContainerdLab> {
    requireRoot();
    const home = options.home ?? mkdtempSync(path.join(os.tmpdir(), 'naru-lab-'));
    const lab = new ContainerdLab(home, options);
    test.after(async () => void (await lab.close()));
    try {
      await lab.start(options.bare ?? false);
    } catch (error) {
      await lab.close();
      throw error;
    }
    return lab;
  }

  async start(bare = false): Promise<void> {
    await this.containerd.start();
    const fifos = this.#isPlainCri ? {} : { fifoFolder: path.join(this.home, 'fifos') };
    this.runtime = new CriRuntime({ address: this.containerd.address, clock, log: this.log, ...fifos });
    if (bare) return;
    shellArchive ??= packShell();
    await this.containerd.importImage(await shellArchive);
    this.shellId = (await this.runtime.imageStatus(shellImage))?.id ?? '';
  }

  logDirectory(uid: string): string {
    return path.join(this.home, 'logs', uid);
  }

  cgroupParent(uid: string): string {
    return `${this.containerd.cgroupRoot}/kubepods/pod${uid}`;
  }

  /** A running pod with one container, `main`. */
  async pod(command: readonly string[], changes: PodChanges = {}): Promise<LabPod> {
    const number = ++this.#pods;
    const uid = `10000000-0000-4000-8000-${String(number).padStart(12, '0')}`;
    const identity = { namespace: 'lab', name: `pod-${number}`, uid };
    const sandbox = { ...plainSandbox(identity, this), ...changes.sandbox };
    const sandboxId = await this.runtime.runSandbox(sandbox);
    this.#sandboxes.push(sandboxId);
    const config = { ...plainContainer('main', { name: shellImage, id: this.shellId }, command), ...changes.container };
    const containerId = await this.runtime.createContainer(sandboxId, config, sandbox);
    await this.runtime.startContainer(containerId);
    return { uid, sandboxId, containerId, sandbox, logFile: path.join(sandbox.logDirectory, config.logPath) };
  }

  async shell(pod: LabPod, script: string): Promise<string> {
    const { stdout, stderr, exitCode } = await this.runtime.exec(pod.containerId, ['/bin/sh', '-c', script], 10_000);
    return `${stdout.toString()}${stderr.toString()}${exitCode === 0 ? '' : `[exit ${exitCode}]`}`.trim();
  }

  async status(pod: LabPod): Promise<ContainerStatus | undefined> {
    return (await this.runtime.state(pod.uid)).containers.find(({ id }) => id === pod.containerId);
  }

  async exited(pod: LabPod): Promise<ContainerStatus> {
    await until('the container exits', async () => (await this.status(pod))?.state === 'exited');
    return (await this.status(pod)) as ContainerStatus;
  }

  /** Ends everything; fails where teardown says that something is left, or where something is. */
  async close(): Promise<TeardownReport> {
    this.#report ??= await this.#close();
    return this.#report;
  }

  async #close(): Promise<TeardownReport> {
    await this.runtime?.close();
    const report = await this.containerd.teardown();
    const traces = await this.traces();
    rmSync(this.home, { recursive: true, force: true });
    assert.deepEqual(report.left, []);
    assert.deepEqual(traces, []);
    return report;
  }

  /** What on this machine names this lab, home's files aside. */
  async traces(): Promise<string[]> {
    const { paths } = this.containerd;
    const mounts = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
    const named = (word: string): boolean =>
      [paths.home, paths.network, ...this.#sandboxes].some((trace) => word.includes(trace));
    const processes = await findProcesses((argv) => argv[0] !== process.execPath && argv.some(named));
    const routes = (await execute('ip', ['route'])).stdout.split('\n');
    const subnet = (this.options.podCidr ?? '').replace(/\.0\/24$/, '.');
    return [
      ...mounts.filter((line) => named(line)).map((line) => `mount ${line}`),
      ...processes.map(({ pid }) => `process ${pid}`),
      ...globSync(`/sys/fs/cgroup/{.,*}${paths.cgroupRoot}`).map((folder) => `cgroup ${folder}`),
      ...list('/var/lib/cni/results').filter(named),
      ...routes.filter((line) => line.startsWith(subnet)),
      ...(paths.socketFolder !== paths.folder && existsSync(paths.socketFolder) ? [paths.socketFolder] : []),
    ];
  }
}

export interface PodChanges {
  readonly sandbox?: Partial<SandboxConfig>;
  readonly container?: Partial<ContainerConfig>;
}

export interface LabPod {
  readonly uid: string;
  readonly sandboxId: string;
  readonly containerId: string;
  readonly sandbox: SandboxConfig;
  readonly logFile: string;
}

function list(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder) : [];
}

export async function until(what: string, check: () => Promise<boolean> | boolean, timeoutMs = 10_000): Promise<void> {
  const endMs = clock.monotonic() + timeoutMs;
  while (!(await check())) {
    if (clock.monotonic() > endMs) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await clock.sleep(10);
  }
}
