/**
 * A container runtime in memory, under a `Clock`: what stands in where containers cannot run, and what whole clusters are
 * tested with. It passes the contract of real runtimes (`agent/runtime-contract.ts`).
 *
 * Kept true: the same seed, the same calls and the same clock give the same ids, addresses and times; containers of a stopped
 * sandbox do not run; what the agent forgets, runs on. Images are there unless the catalogue says otherwise.
 * It runs no processes: `exec` answers as the behaviour's health says, logs are the behaviour's lines, and streams are refused.
 */
import { createHash } from 'node:crypto';
import {
  type ContainerConfig,
  type ContainerStatus,
  type ExecResult,
  type ImageFilesystem,
  type ImageStatus,
  type LayerUsage,
  type PodIdentity,
  type RegistryCredentials,
  type ResourceLimits,
  type Runtime,
  RuntimeError,
  type RuntimeInfo,
  type RuntimeState,
  type SandboxConfig,
  type SandboxStatus,
} from '../agent/runtime.ts';
import type { Clock, Timer } from '../lib/clock.ts';
import type { Prng } from '../lib/prng.ts';
import { AddressPool } from './address-pool.ts';
import {
  type BehaviourCatalogue,
  type ContainerBehaviour,
  containerBehaviour,
  emptyCatalogue,
  imageBehaviour,
  randomId,
  steadyBehaviour,
} from './container-behaviour.ts';

export interface SimulatedRuntimeOptions {
  readonly clock: Clock;
  readonly prng: Prng;
  /** Where pod addresses come from, as `10.42.1.0/24`; one range of a family, with a comma between. */
  readonly podCidr: string;
  readonly catalogue?: BehaviourCatalogue;
  /** The node evicts the pod: a stage of one of its containers says so. */
  readonly evict?: (pod: PodIdentity, message: string) => void;
}

/** One line of a container's log. */
export interface SimulatedLogLine {
  readonly timeMs: number;
  readonly stream: 'stdout' | 'stderr';
  readonly text: string;
}

/** CPU since its start, and now. */
export interface ContainerUsage {
  readonly cpuNanoCores: number;
  readonly cpuNs: number;
  readonly memoryBytes: number;
}

interface Sandbox {
  status: SandboxStatus;
}

interface Container {
  status: ContainerStatus;
  readonly behaviour: ContainerBehaviour;
  readonly lines: SimulatedLogLine[];
  /** Woken when it has exited. */
  exited: (() => void)[];
  timer: Timer | undefined;
  eviction: Timer | undefined;
}

const killedExitCode = 137;
const noStreams = 'this node is simulated, and no program runs in its containers';

export class SimulatedRuntime implements Runtime {
  readonly noStreams = noStreams;
  readonly #clock: Clock;
  readonly #prng: Prng;
  readonly #catalogue: BehaviourCatalogue;
  readonly #evict: (pod: PodIdentity, message: string) => void;
  readonly #addresses: AddressPool;
  readonly #sandboxes = new Map<string, Sandbox>();
  readonly #containers = new Map<string, Container>();
  readonly #images = new Map<string, ImageStatus>();
  readonly #removedImages = new Set<string>();
  readonly #watchers = new Set<(uid: string) => void>();
  readonly #logWatchers = new Map<string, Set<() => void>>();
  #problem = '';

  constructor(options: SimulatedRuntimeOptions) {
    this.#clock = options.clock;
    this.#prng = options.prng;
    this.#catalogue = options.catalogue ?? emptyCatalogue;
    this.#evict = options.evict ?? (() => {});
    this.#addresses = new AddressPool(options.podCidr);
  }

  info(): Promise<RuntimeInfo> {
    const problem = this.#problem === '' ? '' : `container runtime is down: ${this.#problem}`;
    const features = { userNamespaces: true, recursiveReadOnlyMounts: true, supplementalGroupsPolicy: true };
    return Promise.resolve({ name: 'simulated', version: '1.0.0', problem, features });
  }

  state(uid?: string): Promise<RuntimeState> {
    return Promise.resolve({
      sandboxes: statusesOf(this.#sandboxes, uid),
      containers: statusesOf(this.#containers, uid),
    });
  }

  async runSandbox(config: SandboxConfig): Promise<string> {
    this.#check();
    const same = [...this.#sandboxes.values()].find(
      ({ status }) => status.pod.uid === config.pod.uid && status.attempt === config.attempt,
    );
    if (same !== undefined) throw new RuntimeError('failed', `sandbox ${same.status.id} has the same name`);
    const id = randomId(this.#prng);
    const ips = config.hostNetwork ? [] : this.#addresses.take();
    const { pod, attempt } = config;
    const status: SandboxStatus = { id, pod, attempt, ready: true, createdAtMs: this.#clock.now(), ips };
    this.#sandboxes.set(id, { status });
    return Promise.resolve(id);
  }

  stopSandbox(sandboxId: string): Promise<void> {
    const sandbox = this.#sandboxes.get(sandboxId);
    if (sandbox?.status.ready) {
      for (const container of this.#containersOf(sandboxId)) this.#exit(container, killedExitCode);
      this.#addresses.give(sandbox.status.ips);
      sandbox.status = { ...sandbox.status, ready: false, ips: [] };
      this.#changed(sandbox.status.pod.uid);
    }
    return Promise.resolve();
  }

  async removeSandbox(sandboxId: string): Promise<void> {
    await this.stopSandbox(sandboxId);
    for (const container of this.#containersOf(sandboxId)) this.#containers.delete(container.status.id);
    this.#sandboxes.delete(sandboxId);
  }

  async createContainer(sandboxId: string, config: ContainerConfig, sandboxConfig: SandboxConfig): Promise<string> {
    this.#check();
    const sandbox = this.#sandboxes.get(sandboxId);
    if (sandbox === undefined) throw new RuntimeError('not-found', `sandbox ${sandboxId} not found`);
    if (!sandbox.status.ready) throw new RuntimeError('failed', `sandbox ${sandboxId} is not running`);
    const same = this.#containersOf(sandboxId).find(
      ({ status }) => status.name === config.name && status.attempt === config.attempt,
    );
    if (same !== undefined) throw new RuntimeError('failed', `container ${same.status.id} has the same name`);
    const image = await this.imageStatus(config.image);
    if (image === undefined) throw new RuntimeError('not-found', `image "${config.image}": not found`);
    const id = randomId(this.#prng);
    const behaviour = containerBehaviour(this.#catalogue, sandboxConfig.annotations, config, this.#prng);
    const status: ContainerStatus = {
      id,
      sandboxId,
      pod: sandbox.status.pod,
      name: config.name,
      attempt: config.attempt,
      state: 'created',
      createdAtMs: this.#clock.now(),
      startedAtMs: 0,
      finishedAtMs: 0,
      exitCode: 0,
      reason: '',
      message: '',
      image: config.image,
      imageRef: image.digests[0] ?? image.id,
      annotations: config.annotations,
      logPath: `${sandboxConfig.logDirectory}/${config.logPath}`,
    };
    this.#containers.set(id, { status, behaviour, lines: [], exited: [], timer: undefined, eviction: undefined });
    return id;
  }

  async startContainer(containerId: string): Promise<void> {
    this.#check();
    const { behaviour } = this.#container(containerId);
    if (behaviour.startDelayMs > 0) await this.#clock.sleep(behaviour.startDelayMs);
    const container = this.#container(containerId);
    if (container.status.state !== 'created') {
      throw new RuntimeError('failed', `container ${containerId} is in state ${container.status.state}`);
    }
    if (behaviour.startError !== '') {
      this.#finish(container, 128, 'StartError', behaviour.startError);
      throw new RuntimeError('failed', behaviour.startError);
    }
    this.#run(container);
  }

  async stopContainer(containerId: string, gracePeriodMs: number): Promise<void> {
    const container = this.#containers.get(containerId);
    if (container === undefined || container.status.state !== 'running') return;
    const { stopMs, stopExitCode } = container.behaviour;
    const inTime = stopMs <= gracePeriodMs;
    const exitCode = inTime ? stopExitCode : killedExitCode;
    const delayMs = inTime ? stopMs : Math.max(0, gracePeriodMs);
    if (delayMs === 0) {
      this.#exit(container, exitCode);
      return;
    }
    const exited = new Promise<void>((resolve) => container.exited.push(resolve));
    const timer = this.#clock.after(delayMs, () => this.#exit(container, exitCode));
    await exited;
    timer.cancel();
  }

  exec(containerId: string, _command: readonly string[], _timeoutMs: number): Promise<ExecResult> {
    if (this.#containers.get(containerId)?.status.state !== 'running') {
      return Promise.reject(new RuntimeError('not-found', `container ${containerId} is not running`));
    }
    const exitCode = this.healthy(containerId) ? 0 : 1;
    return Promise.resolve({ exitCode, stdout: Buffer.alloc(0), stderr: Buffer.alloc(0) });
  }

  openExec(): Promise<never> {
    return Promise.reject(new RuntimeError('failed', noStreams));
  }

  attach(): Promise<never> {
    return Promise.reject(new RuntimeError('failed', noStreams));
  }

  dialPod(): Promise<never> {
    return Promise.reject(new RuntimeError('failed', noStreams));
  }

  removeContainer(containerId: string): Promise<void> {
    const container = this.#containers.get(containerId);
    if (container?.status.state === 'running') this.#exit(container, killedExitCode);
    this.#containers.delete(containerId);
    return Promise.resolve();
  }

  imageStatus(image: string): Promise<ImageStatus | undefined> {
    const known = this.#images.get(image);
    if (known !== undefined) return Promise.resolve(known);
    const byId = [...this.#images.values()].find((status) => status.id === image);
    if (byId !== undefined) return Promise.resolve(byId);
    const removed = this.#removedImages.has(image) || image.startsWith('sha256:');
    if (removed || imageBehaviour(this.#catalogue, image, this.#prng).absent) return Promise.resolve(undefined);
    return Promise.resolve(this.#addImage(image));
  }

  images(): Promise<readonly ImageStatus[]> {
    return Promise.resolve([...this.#images.values()]);
  }

  async pullImage(image: string, _credentials?: RegistryCredentials): Promise<string> {
    this.#check();
    const { pullMs, pullError } = imageBehaviour(this.#catalogue, image, this.#prng);
    if (!validReference(image)) throw new RuntimeError('invalid-image-name', `invalid reference format: "${image}"`);
    if (pullMs > 0) await this.#clock.sleep(pullMs);
    if (pullError !== '') throw new RuntimeError('failed', pullError);
    return this.#addImage(image).id;
  }

  removeImage(imageId: string): Promise<void> {
    for (const [name, image] of this.#images) {
      if (image.id !== imageId && name !== imageId) continue;
      this.#images.delete(name);
      this.#removedImages.add(name);
    }
    return Promise.resolve();
  }

  async updateContainer(containerId: string, resources: ResourceLimits): Promise<void> {
    this.#check();
    const container = this.#container(containerId);
    if (container.status.state !== 'running') {
      throw new RuntimeError('failed', `container ${containerId} is in state ${container.status.state}`);
    }
    const { cpuShares, cpuQuotaUs, cpuPeriodUs, memoryLimitBytes } = resources;
    container.status = { ...container.status, resources: { cpuShares, cpuQuotaUs, cpuPeriodUs, memoryLimitBytes } };
    this.#changed(container.status.pod.uid);
    return Promise.resolve();
  }

  /** Its logs are no files. */
  reopenLog(): Promise<void> {
    return Promise.resolve();
  }

  imageFilesystem(): Promise<ImageFilesystem> {
    const usedBytes = [...this.#images.values()].reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    return Promise.resolve({ mountpoint: '/', usedBytes, inodesUsed: 0, timeMs: this.#clock.now() });
  }

  /** Nothing is written. */
  layerUsage(): Promise<readonly LayerUsage[]> {
    return Promise.resolve([]);
  }

  watch(changed: (uid: string) => void): { cancel(): void } {
    const watcher = (uid: string): void => changed(uid);
    this.#watchers.add(watcher);
    return { cancel: () => void this.#watchers.delete(watcher) };
  }

  /** Nothing to let go of: what runs, runs on. */
  close(): Promise<void> {
    return Promise.resolve();
  }

  // What a test or a fault injector does to it.

  /** The runtime is down while `problem` is not empty: nothing new can be made, what runs goes on. */
  setProblem(problem: string): void {
    this.#problem = problem;
  }

  /** As `kill -9` of the container's first process. */
  killContainer(containerId: string, exitCode = killedExitCode): void {
    this.#exit(this.#container(containerId), exitCode);
  }

  /** As a power cut: nothing runs any more, no sandbox is ready; the records stay, as containerd's do. */
  powerCut(): void {
    for (const container of this.#containers.values()) this.#exit(container, 255, 'Unknown');
    for (const sandbox of this.#sandboxes.values()) {
      this.#addresses.give(sandbox.status.ips);
      sandbox.status = { ...sandbox.status, ready: false, ips: [] };
    }
  }

  /** The containers that run now. */
  running(): readonly ContainerStatus[] {
    return [...this.#containers.values()].map(({ status }) => status).filter(({ state }) => state === 'running');
  }

  /** Whether the container answers its probes now. */
  healthy(containerId: string): boolean {
    const container = this.#containers.get(containerId);
    if (container?.status.state !== 'running') return false;
    const { healthyAfterMs = Infinity, unhealthyAfterMs = Infinity, unhealthyForMs = Infinity } = container.behaviour;
    const ageMs = this.#clock.now() - container.status.startedAtMs;
    return ageMs >= healthyAfterMs && (ageMs < unhealthyAfterMs || ageMs >= unhealthyAfterMs + unhealthyForMs);
  }

  /** What a running container uses; nothing where it does not run. */
  usage(containerId: string): ContainerUsage | undefined {
    const container = this.#containers.get(containerId);
    if (container?.status.state !== 'running') return undefined;
    const cpuMilli = figureOf(container.behaviour, 'cpuMilli');
    const memoryBytes = figureOf(container.behaviour, 'memoryBytes');
    const ageMs = Math.max(0, this.#clock.now() - container.status.startedAtMs);
    // A thousandth of a processor for a millisecond are a thousand nanoseconds.
    return { cpuNanoCores: cpuMilli * 1_000_000, cpuNs: cpuMilli * ageMs * 1000, memoryBytes };
  }

  /** The container's address finder for probes: the running containers behind `ip`. */
  containersAt(ip: string): readonly ContainerStatus[] {
    const sandbox = [...this.#sandboxes.values()].find(({ status }) => status.ips.includes(ip));
    return sandbox === undefined ? [] : this.#containersOf(sandbox.status.id).map(({ status }) => status);
  }

  writeLog(containerId: string, text: string, stream: 'stdout' | 'stderr' = 'stdout'): void {
    const container = this.#container(containerId);
    container.lines.push({ timeMs: this.#clock.now(), stream, text });
    for (const wake of this.#logWatchers.get(containerId) ?? []) wake();
  }

  logLines(containerId: string): readonly SimulatedLogLine[] {
    return this.#containers.get(containerId)?.lines ?? [];
  }

  /** Calls `wake` when the container writes a line or exits. */
  watchLog(containerId: string, wake: () => void): { cancel(): void } {
    const wakers = this.#logWatchers.get(containerId) ?? new Set();
    this.#logWatchers.set(containerId, wakers.add(wake));
    return { cancel: () => void wakers.delete(wake) };
  }

  #check(): void {
    if (this.#problem !== '') throw new RuntimeError('unavailable', this.#problem);
  }

  #container(containerId: string): Container {
    const container = this.#containers.get(containerId);
    if (container === undefined) throw new RuntimeError('not-found', `container ${containerId} not found`);
    return container;
  }

  #containersOf(sandboxId: string): Container[] {
    return [...this.#containers.values()].filter(({ status }) => status.sandboxId === sandboxId);
  }

  #run(container: Container): void {
    container.status = { ...container.status, state: 'running', startedAtMs: this.#clock.now() };
    for (const line of container.behaviour.logLines) this.writeLog(container.status.id, line);
    const { exitAfterMs, exitCode, evictAfterMs, evictMessage = '' } = container.behaviour;
    if (exitAfterMs !== undefined) {
      container.timer = this.#clock.after(exitAfterMs, () => this.#exit(container, exitCode));
    }
    if (evictAfterMs !== undefined) {
      const { pod } = container.status;
      container.eviction = this.#clock.after(evictAfterMs, () => this.#evict(pod, evictMessage));
    }
    this.#changed(container.status.pod.uid);
  }

  #exit(container: Container, exitCode: number, reason = exitCode === 0 ? 'Completed' : 'Error'): void {
    if (container.status.state === 'running') this.#finish(container, exitCode, reason, '');
  }

  #finish(container: Container, exitCode: number, reason: string, message: string): void {
    container.timer?.cancel();
    container.eviction?.cancel();
    const finishedAtMs = this.#clock.now();
    container.status = { ...container.status, state: 'exited', finishedAtMs, exitCode, reason, message };
    for (const resolve of container.exited.splice(0)) resolve();
    for (const wake of this.#logWatchers.get(container.status.id) ?? []) wake();
    this.#changed(container.status.pod.uid);
  }

  #changed(uid: string): void {
    for (const watcher of this.#watchers) watcher(uid);
  }

  #addImage(image: string): ImageStatus {
    const digest = `sha256:${createHash('sha256').update(image).digest('hex')}`;
    const id = `sha256:${createHash('sha256').update(`config of ${image}`).digest('hex')}`;
    const name = image.replace(/@.*$/, '').replace(/:[^/:]*$/, '');
    // Not root's, so that pods which refuse root run, too.
    const userId = 65_532;
    const status: ImageStatus = { id, tags: [image], digests: [`${name}@${digest}`], sizeBytes: 10_000_000, userId };
    this.#images.set(image, status);
    this.#removedImages.delete(image);
    return status;
  }
}

/** What stands in an annotation may be anything. */
function figureOf(behaviour: ContainerBehaviour, name: 'cpuMilli' | 'memoryBytes'): number {
  const value: unknown = behaviour[name];
  return typeof value === 'number' && value >= 0 ? value : steadyBehaviour[name];
}

/** Of one pod, or of all. Each worker asks in each round: nothing is copied that is not its own. */
function statusesOf<Status extends { readonly pod: PodIdentity }>(
  items: ReadonlyMap<string, { readonly status: Status }>,
  uid: string | undefined,
): readonly Status[] {
  const statuses: Status[] = [];
  for (const { status } of items.values()) if (uid === undefined || status.pod.uid === uid) statuses.push(status);
  return statuses;
}

/** Enough of the grammar of image references to tell a typing error. */
function validReference(image: string): boolean {
  return /^[a-z0-9]+([._-]+[a-z0-9]+)*(:\d+)?(\/[a-z0-9]+([._-]+[a-z0-9]+)*)*(:[\w][\w.-]{0,127})?(@[a-z0-9]+:[0-9a-f]{32,})?$/.test(
    image,
  );
}
