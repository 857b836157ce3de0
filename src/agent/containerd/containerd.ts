/**
 * naru's own containerd: one for each home, configured, started, watched and, at `teardown`, removed without a trace.
 *
 * It outlives naru: `close` lets go of it and its containers run on; the next `start` adopts it. Where it dies, it is
 * started again with back-off; the containers do not notice. A real answer of the CRI counts as running, nothing less: the
 * socket's file is there before anybody listens, and survives who listened.
 */
import { mkdir, readFile, realpath, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pauseImageName, writePauseImage } from '../../images/pause-image.ts';
import { architectureOf } from '../../images/platform.ts';
import { Backoff } from '../../lib/backoff.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/log.ts';
import { isRunning, signal } from '../../lib/process-identity.ts';
import type { Service } from '../../lib/service.ts';
import { CriConnection, loadCri } from '../cri/connection.ts';
import { RuntimeError } from '../runtime.ts';
import { cniConfig, cniConfigName, containerdConfig } from './config.ts';
import { findDaemon, lastWords, limitLog, type RunningDaemon, startDaemon, stopDaemon } from './daemon.ts';
import { importArchive, seesImages } from './import-archive.ts';
import {
  containerdVersion,
  defaultSearchPath,
  findPrograms,
  type MachineFacts,
  machineFacts,
  overlayProblem,
  type Programs,
} from './machine.ts';
import { type ContainerdPaths, containerdPaths } from './paths.ts';
import { argumentsOf, findProcesses } from './processes.ts';
import { stayAlive } from './stay-alive.ts';
import { type Shim, type ShimWorld, StrayShims } from './stray-shims.ts';
import { isOurShim, type TeardownReport, tearDown } from './teardown.ts';

export interface ContainerdOptions {
  /** naru's home folder: absolute. containerd gets a folder in it. */
  readonly home: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** For the log. */
  readonly nodeName?: string;
  /** The addresses of this node's pods, one range of a family, with a comma between. Absent: those that `usePodCidrs` names; before the first time no pod gets a network. */
  readonly podCidr?: string;
  /** The pods' largest packet, where it must be smaller than the machine's; asked at the start. */
  readonly mtu?: () => Promise<number | undefined>;
  /** Where programs are looked for, first folder first. */
  readonly searchPath?: readonly string[];
  readonly cniFolders?: readonly string[];
  /** How long containerd may take to answer after its start. */
  readonly readyMsMax?: number;
}

/** What `start` found out and decided. */
export interface ContainerdFacts extends MachineFacts {
  readonly version: string;
  readonly snapshotter: 'overlayfs' | 'native';
  readonly programs: Programs;
  /** An already running containerd was taken over. */
  readonly adopted: boolean;
}

const watchMs = 500;
const strayLookMs = 60_000;

export class Containerd implements Service {
  readonly name = 'containerd';
  readonly #options: ContainerdOptions;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #backoff = new Backoff({ baseMs: 100, maxMs: 10_000 });
  #paths: ContainerdPaths;
  #facts: ContainerdFacts | undefined;
  #daemon: RunningDaemon | undefined;
  #connection: CriConnection | undefined;
  #stopping = new AbortController();
  #watching: Promise<void> | undefined;
  /** Whether containerd may have forgotten shims: it does so only when it starts among those of an earlier one. */
  #mayHaveStrays = false;
  #strayLookAtMs = 0;
  #podCidrs: readonly string[] = [];
  #podMtu: number | undefined;
  #writing: Promise<void> = Promise.resolve();

  constructor(options: ContainerdOptions) {
    this.#options = options;
    this.#clock = options.clock;
    this.#log = options.log.with({ part: 'containerd', ...(options.nodeName ? { node: options.nodeName } : {}) });
    this.#paths = containerdPaths(options.home);
  }

  /** The CRI socket, for `CriRuntime`. */
  get address(): string {
    return this.#paths.address;
  }

  /** Under it the agent makes the cgroups of its pods: `${cgroupRoot}/kubepods/…`. */
  get cgroupRoot(): string {
    return this.#paths.cgroupRoot;
  }

  get paths(): ContainerdPaths {
    return this.#paths;
  }

  /** Known from `start` on. */
  get facts(): ContainerdFacts | undefined {
    return this.#facts;
  }

  get pid(): number | undefined {
    return this.#daemon?.process.pid;
  }

  /** @throws Error that says what is missing or broken on this machine, and the way out */
  start(): Promise<void> {
    return stayAlive(() => this.#start());
  }

  async #start(): Promise<void> {
    this.#stopping = new AbortController();
    await this.#prepareFolders();
    const loading = loadCri();
    loading.catch(() => undefined);
    const { facts, changed } = await this.#prepare();
    const running = await findDaemon(this.#paths);
    if (running !== undefined && changed) await stopDaemon(this.#paths, running, this.#clock);
    const adopted = running !== undefined && !changed;
    this.#facts = { ...facts, adopted };
    this.#mayHaveStrays = adopted;
    this.#connection = await CriConnection.open(this.#paths.address, this.#clock);
    try {
      this.#daemon = adopted ? running : await startDaemon(this.#paths, facts.programs);
      await this.#ready(this.#daemon);
      await this.#importPause();
    } catch (error) {
      this.#connection.close();
      throw error;
    }
    this.#log.info(adopted ? 'adopted running containerd' : 'started containerd', {
      version: facts.version,
      pid: this.pid,
      snapshotter: facts.snapshotter,
    });
    this.#watching = this.#watch();
  }

  /** Lets go; containerd and its containers run on. */
  async close(): Promise<void> {
    this.#stopping.abort(new Error('closed'));
    await this.#watching;
    this.#connection?.close();
  }

  destroy(): void {
    this.#stopping.abort(new Error('destroyed'));
    this.#connection?.close();
  }

  /** Ends every pod, containerd, and all that they made outside home; images stay. Works without `start`, and twice. */
  async teardown(): Promise<TeardownReport> {
    await this.close();
    await this.#resolveHome();
    const report = await stayAlive(() => tearDown(this.#paths, { clock: this.#clock, log: this.#log }));
    if (report.left.length > 0) this.#log.warn('teardown left something behind', { left: report.left });
    return report;
  }

  /** Mounts are known to the kernel by their real path. */
  async #resolveHome(): Promise<void> {
    const home = await realpath(this.#options.home).catch(() => this.#options.home);
    this.#paths = containerdPaths(home);
  }

  async #prepareFolders(): Promise<void> {
    await mkdir(this.#options.home, { recursive: true, mode: 0o700 });
    await this.#resolveHome();
    const paths = this.#paths;
    const { folder, root, state, runtimeRoot, socketFolder, cniConfigFolder, cniStateFolder, registryFolder } = paths;
    for (const each of [
      folder,
      root,
      state,
      runtimeRoot,
      socketFolder,
      cniConfigFolder,
      cniStateFolder,
      registryFolder,
    ]) {
      await mkdir(each, { recursive: true, mode: 0o700 });
    }
  }

  async #prepare(): Promise<{ facts: Omit<ContainerdFacts, 'adopted'>; changed: boolean }> {
    const searchPath = this.#options.searchPath ?? defaultSearchPath();
    const findVersioned = async () => {
      const programs = await findPrograms(searchPath, this.#options.cniFolders);
      return { programs, version: await containerdVersion(programs.containerd) };
    };
    const [{ programs, version }, machine, problem] = await Promise.all([
      findVersioned(),
      machineFacts(),
      overlayProblem(this.#paths.root),
    ]);
    if (problem !== undefined) {
      this.#log.warn('overlayfs does not work here: images are copied for each container', { problem });
    }
    const snapshotter = problem === undefined ? 'overlayfs' : 'native';
    const config = containerdConfig({
      paths: this.#paths,
      majorVersion: version.major,
      sandboxImage: pauseImageName,
      snapshotter,
      ociRuntime: programs.ociRuntime,
      handlers: programs.handlers,
      cniBinFolder: programs.cniBinFolder,
      restrictOomScoreAdj: !machine.mayLowerOomScore,
      appArmor: machine.appArmor,
    });
    const changed = await this.#writeConfigs(config);
    return { facts: { ...machine, programs, version: version.text, snapshotter }, changed };
  }

  /** Whether containerd must be started anew to see the change. The pod network's file it watches itself. */
  async #writeConfigs(config: string): Promise<boolean> {
    this.#podMtu ??= await this.#options.mtu?.();
    if (this.#options.podCidr !== undefined) await this.usePodCidrs(this.#options.podCidr.split(','));
    return writeIfChanged(this.#paths.config, config);
  }

  /** From now on pods get their addresses from there; those that run keep theirs. It is remembered in home. Idempotent. */
  async usePodCidrs(podCidrs: readonly string[]): Promise<void> {
    this.#podCidrs = podCidrs;
    await this.#writePodNetwork();
  }

  /** From now on pods have this largest packet; undefined: what the kernel takes. Idempotent. */
  async usePodMtu(mtu: number | undefined): Promise<void> {
    this.#podMtu = mtu;
    if (this.#podCidrs.length > 0) await this.#writePodNetwork();
  }

  /** One after another: two who write the same file at a time would lose one's. */
  #writePodNetwork(): Promise<void> {
    const written = this.#writing.then(() => this.#writePodNetworkNow());
    this.#writing = written.catch(() => {});
    return written;
  }

  async #writePodNetworkNow(): Promise<void> {
    const { network, cniStateFolder: stateFolder, cniConfigFolder } = this.#paths;
    const [podCidrs, mtu] = [this.#podCidrs, this.#podMtu];
    const text = cniConfig({ network, podCidrs, stateFolder, mtu });
    const isNew = await writeIfChanged(join(cniConfigFolder, cniConfigName), text);
    if (isNew) this.#log.info('pods get their addresses from', { podCidrs, mtu });
  }

  /** Waits until the CRI answers that it can run pods. @throws Error with containerd's last words */
  async #ready(daemon: RunningDaemon): Promise<void> {
    const endMs = this.#clock.monotonic() + (this.#options.readyMsMax ?? 30_000);
    let hasExited = false;
    void daemon.exited.then(() => {
      hasExited = true;
    });
    let problem = 'it gave no answer';
    for (let waitMs = 5; this.#clock.monotonic() < endMs; waitMs = Math.min(waitMs * 1.2, 200)) {
      const failure = await this.#criProblem();
      if (failure === undefined) return;
      problem = failure;
      if (hasExited || !isRunning(daemon.process)) return this.#failed(daemon, 'it exited');
      await this.#clock.sleep(waitMs, this.#stopping.signal);
    }
    return this.#failed(daemon, problem);
  }

  async #criProblem(): Promise<string | undefined> {
    try {
      const { status } = (await this.#connection?.call('Status', {}, 2_000)) ?? { status: null };
      const bad = status?.conditions.find(({ type, status }) => type === 'RuntimeReady' && !status);
      return bad === undefined ? undefined : `${bad.reason}: ${bad.message}`;
    } catch (error) {
      return (error as Error).message;
    }
  }

  async #failed(daemon: RunningDaemon, problem: string): Promise<never> {
    const words = await lastWords(this.#paths, daemon);
    await stopDaemon(this.#paths, daemon, this.#clock);
    const quoted = words === '' ? '' : `. Its last words:\n${words}\n`;
    const wayOut = 'mend what it complains of, and run the same command again';
    throw new Error(`containerd did not start: ${problem}; its log is ${this.#paths.logFile}; ${wayOut}${quoted}`);
  }

  async #importPause(): Promise<void> {
    if (this.#connection !== undefined && (await seesImages(this.#connection, [pauseImageName]))) return;
    const archive = join(this.#paths.folder, 'pause.tar');
    await writePauseImage(architectureOf(process.arch), archive);
    await this.importImage(archive);
    await rm(archive, { force: true });
  }

  /**
   * Brings the image of an archive in, and resolves with its names when pods can use it. After `start`.
   * @throws Error that says what is wrong with the archive
   */
  importImage(archive: string, name?: string): Promise<readonly string[]> {
    const { programs, snapshotter } = this.#facts ?? {};
    const connection = this.#connection;
    if (programs === undefined || snapshotter === undefined || connection === undefined) {
      throw new Error('containerd is not started');
    }
    const into = { address: this.#paths.address, ctr: programs.ctr, snapshotter, connection, clock: this.#clock };
    return importArchive(into, archive, name);
  }

  /** Until `close`: sees containerd die and starts it again. */
  async #watch(): Promise<void> {
    const signal = this.#stopping.signal;
    const strays = new StrayShims(this.#shimWorld());
    while (!signal.aborted) {
      const daemon = this.#daemon;
      const pause = this.#clock.sleep(watchMs, signal).catch(() => undefined);
      await (daemon === undefined ? pause : Promise.race([pause, daemon.exited]));
      if (signal.aborted) return;
      if (daemon !== undefined && isRunning(daemon.process)) {
        this.#backoff.forget('');
        await limitLog(this.#paths).catch((error: unknown) => this.#log.warn('containerd log is not cut', { error }));
        await this.#endStrays(strays);
      } else if (!signal.aborted) await this.#restart(daemon);
    }
  }

  async #endStrays(strays: StrayShims): Promise<void> {
    const nowMs = this.#clock.monotonic();
    if (!this.#mayHaveStrays || nowMs < this.#strayLookAtMs) return;
    this.#strayLookAtMs = nowMs + strayLookMs;
    try {
      const ended = await strays.look();
      for (const { pid, container } of ended) this.#log.warn('ended a shim that containerd forgot', { pid, container });
    } catch (error) {
      this.#log.warn('which shims containerd has forgotten is not known', { error });
    }
  }

  #shimWorld(): ShimWorld {
    return {
      shims: () => shimsOf(this.#paths),
      isKnown: async (id) => {
        try {
          await this.#connection?.containerd('Get', { id }, 5_000);
          return true;
        } catch (error) {
          if (error instanceof RuntimeError && error.kind === 'not-found') return false;
          throw error;
        }
      },
      end: (shim) => signal(shim, 'SIGKILL'),
    };
  }

  async #restart(dead: RunningDaemon | undefined): Promise<void> {
    const waitMs = this.#backoff.next('');
    const words = dead === undefined ? '' : await lastWords(this.#paths, dead);
    this.#log.error('containerd is not running; starting it again', { waitMs, words });
    await this.#clock.sleep(waitMs, this.#stopping.signal).catch(() => undefined);
    const programs = this.#facts?.programs;
    if (this.#stopping.signal.aborted || programs === undefined) return;
    this.#daemon = undefined;
    try {
      const daemon = (await findDaemon(this.#paths)) ?? (await startDaemon(this.#paths, programs));
      await this.#ready(daemon);
      this.#daemon = daemon;
      this.#mayHaveStrays = true;
      this.#log.info('containerd runs again', { pid: daemon.process.pid });
    } catch (error) {
      if (!this.#stopping.signal.aborted) this.#log.error('containerd could not be started again', { error });
    }
  }
}

/** Replaces the file in one step, for its owner only. Returns whether its content is new. */
async function writeIfChanged(file: string, content: string): Promise<boolean> {
  if ((await readFile(file, 'utf8').catch(() => undefined)) === content) return false;
  await writeFile(`${file}.new`, content, { mode: 0o600 });
  await rename(`${file}.new`, file);
  return true;
}

async function shimsOf(paths: ContainerdPaths): Promise<Shim[]> {
  const found = await findProcesses((argv) => isOurShim(argv, paths));
  const shims = found.map(async (shim) => {
    const argv = await argumentsOf(shim.pid);
    return { ...shim, container: argv[argv.indexOf('-id') + 1] ?? '' };
  });
  // One that ended meanwhile has no arguments any more.
  return (await Promise.all(shims)).filter(({ container }) => container !== '');
}
