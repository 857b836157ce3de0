/**
 * The agent's `Runtime` over a CRI v1 socket: containerd's, or any other's.
 *
 * Every call has a deadline, every error is a `RuntimeError` in the runtime's own words, and all endings are idempotent:
 * what is gone already counts as ended. It starts no containerd (`../containerd`) and decides nothing: `../` does.
 */
import os from 'node:os';
import type { Duplex } from 'node:stream';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/log.ts';
import {
  type ContainerConfig,
  type ContainerStatus,
  type ExecResult,
  type ImageFilesystem,
  type ImageStatus,
  type ImageViews,
  type LayerUsage,
  type RegistryCredentials,
  type ResourceLimits,
  type Runtime,
  RuntimeError,
  type RuntimeInfo,
  type RuntimeState,
  type SandboxConfig,
  type SandboxStatus,
} from '../runtime.ts';
import type { ExecOptions, Session, StreamOptions } from '../streaming/session.ts';
import { CriConnection, criNamespace } from './connection.ts';
import { EventWatch } from './event-watch.ts';
import { FifoFolder } from './fifos.ts';
import {
  containerState,
  containerStatus,
  imageFilesystem,
  imageStatus,
  layerUsage,
  runtimeInfo,
  sandboxIps,
  sandboxStatus,
} from './from-wire.ts';
import { CriImageViews } from './image-views.ts';
import type { Container, CriMethods, PodSandbox } from './messages.ts';
import { PodNetworks } from './pod-network.ts';
import { removeShimSocket } from './shim-socket.ts';
import { StatusCache } from './status-cache.ts';
import { openStreamingSession } from './streaming-session.ts';
import { startTaskSession } from './task-session.ts';
import { containerConfig, labelKeys, linuxResources, podSandboxConfig } from './to-wire.ts';

/** How long a call may take, in milliseconds. Beyond it the call ends with `timeout`, and the agent looks again. */
const deadlines = {
  /** What only reads the runtime's memory. */
  read: 10_000,
  /** What makes or ends processes, networks and mounts; kubelet gives it as much. */
  write: 120_000,
  /** containerd itself gives up on a pull that makes no progress. */
  pull: 60 * 60_000,
} as const;

/** Beyond it, ids of what is gone are forgotten at the next full list. */
const podUidsMax = 1_000;

export class CriRuntime implements Runtime {
  readonly #address: string;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #cache = new StatusCache();
  /** Whose a sandbox or container is, for events, which name only ids. */
  readonly #podUids = new Map<string, string>();
  readonly #listeners = new Set<(uid: string) => void>();
  /** Absent: commands run by way of the runtime's streaming server. */
  readonly #fifos: FifoFolder | undefined;
  readonly #networks: PodNetworks;
  readonly #execPrefix: string;
  /** containerd's alone. */
  readonly imageViews?: ImageViews;
  #execCount = 0;
  #connecting: Promise<CriConnection> | undefined;
  #events: EventWatch | undefined;
  #closed = false;

  /**
   * `address` is the absolute path of the runtime's socket; nothing connects before the first call. `fifoFolder` is for containerd alone, and
   * this process's own: where commands get the pipes of their streams.
   */
  constructor(options: { address: string; clock: Clock; log: Logger; fifoFolder?: string }) {
    const { address, clock, log, fifoFolder } = options;
    this.#address = address;
    this.#clock = clock;
    this.#log = log;
    this.#fifos = fifoFolder === undefined ? undefined : new FifoFolder(fifoFolder);
    this.#networks = new PodNetworks({ clock, log, namespaceOf: (id) => this.#networkNamespace(id) });
    if (fifoFolder !== undefined) this.imageViews = new CriImageViews(() => this.#connect(), clock);
    this.#execPrefix = `naru-${clock.now().toString(36)}`;
  }

  async info(): Promise<RuntimeInfo> {
    const [version, status] = await Promise.all([
      this.#call('Version', {}, deadlines.read),
      this.#call('Status', {}, deadlines.read),
    ]);
    return runtimeInfo(version, status);
  }

  async state(uid?: string): Promise<RuntimeState> {
    const request = uid === undefined ? {} : { filter: { label_selector: { [labelKeys.podUid]: uid } } };
    // Containers first: one made in between then lacks its sandbox in neither list.
    const { containers } = await this.#call('ListContainers', request, deadlines.read);
    const { items } = await this.#call('ListPodSandbox', request, deadlines.read);
    this.#remember(items, containers, uid === undefined);
    const [sandboxes, statuses] = await Promise.all([
      Promise.all(items.map((item) => this.#sandbox(item))),
      Promise.all(containers.map((container) => this.#container(container))),
    ]);
    return { sandboxes, containers: statuses.filter((status) => status !== undefined) };
  }

  async runSandbox(config: SandboxConfig): Promise<string> {
    const { pod_sandbox_id: id } = await this.#call(
      'RunPodSandbox',
      { config: podSandboxConfig(config), runtime_handler: config.runtimeHandler ?? '' },
      deadlines.write,
    );
    this.#podUids.set(id, config.pod.uid);
    return id;
  }

  async stopSandbox(sandboxId: string): Promise<void> {
    await this.#end('StopPodSandbox', { pod_sandbox_id: sandboxId }, deadlines.write);
  }

  /** containerd refuses to remove what still has its network, so it is stopped first. */
  async removeSandbox(sandboxId: string): Promise<void> {
    await this.stopSandbox(sandboxId);
    await this.#end('RemovePodSandbox', { pod_sandbox_id: sandboxId }, deadlines.write);
    if (this.#fifos !== undefined) await removeShimSocket(this.#address, criNamespace, sandboxId);
    this.#podUids.delete(sandboxId);
  }

  async createContainer(sandboxId: string, config: ContainerConfig, sandbox: SandboxConfig): Promise<string> {
    const request = {
      pod_sandbox_id: sandboxId,
      config: containerConfig(config, sandbox),
      sandbox_config: podSandboxConfig(sandbox),
    };
    const { container_id: id } = await this.#call('CreateContainer', request, deadlines.write);
    this.#podUids.set(id, sandbox.pod.uid);
    return id;
  }

  async startContainer(containerId: string): Promise<void> {
    await this.#call('StartContainer', { container_id: containerId }, deadlines.write);
    this.#changed(containerId);
  }

  async stopContainer(containerId: string, gracePeriodMs: number, signal?: string): Promise<void> {
    const isSignalled = signal !== undefined && gracePeriodMs > 0;
    if (isSignalled) await this.#signal(containerId, gracePeriodMs, signal);
    const timeout = isSignalled ? 0 : Math.ceil(gracePeriodMs / 1000);
    await this.#end('StopContainer', { container_id: containerId, timeout }, timeout * 1000 + deadlines.write);
  }

  /** The CRI's call knows only the image's signal, so containerd is asked itself. Resolves when the container has ended, or its time is over. */
  async #signal(containerId: string, gracePeriodMs: number, name: string): Promise<void> {
    const signal = os.constants.signals[name as NodeJS.Signals] ?? os.constants.signals.SIGTERM;
    const connection = await this.#connect();
    const target = { container_id: containerId, exec_id: '' };
    try {
      await connection.containerd('Kill', { ...target, signal }, deadlines.write);
      await connection.containerd('Wait', target, gracePeriodMs);
    } catch (error) {
      if (!(error instanceof RuntimeError) || error.kind === 'unavailable') throw error;
    }
  }

  async updateContainer(containerId: string, resources: ResourceLimits): Promise<void> {
    const request = { container_id: containerId, linux: linuxResources(resources) };
    await this.#call('UpdateContainerResources', request, deadlines.write);
    this.#cache.forgetContainer(containerId);
    this.#changed(containerId);
  }

  async reopenLog(containerId: string): Promise<void> {
    await this.#call('ReopenContainerLog', { container_id: containerId }, deadlines.write);
  }

  async exec(containerId: string, command: readonly string[], timeoutMs: number): Promise<ExecResult> {
    const timeout = Math.max(1, Math.ceil(timeoutMs / 1000));
    const request = { container_id: containerId, cmd: command, timeout };
    try {
      const { exit_code: exitCode, stdout, stderr } = await this.#call('ExecSync', request, timeoutMs);
      return { exitCode, stdout, stderr };
    } catch (error) {
      throw await this.#execError(containerId, error as RuntimeError);
    }
  }

  async openExec(containerId: string, command: readonly string[], options: ExecOptions): Promise<Session> {
    const connection = await this.#connect();
    if (this.#fifos === undefined) {
      const request = { container_id: containerId, cmd: command, ...streams(options) };
      const { url } = await connection.call('Exec', request, deadlines.write);
      return openStreamingSession(url, options, this.#clock);
    }
    const execId = `${this.#execPrefix}-${this.#execCount++}`;
    const surroundings = { connection, clock: this.#clock, fifos: this.#fifos, execId };
    return startTaskSession(surroundings, containerId, command, options);
  }

  async attach(containerId: string, options: StreamOptions): Promise<Session> {
    const { url } = await this.#call('Attach', { container_id: containerId, ...streams(options) }, deadlines.write);
    return openStreamingSession(url, options, this.#clock);
  }

  dialPod(sandboxId: string, port: number): Promise<Duplex> {
    return this.#networks.dial(sandboxId, port);
  }

  async removeContainer(containerId: string): Promise<void> {
    await this.#end('RemoveContainer', { container_id: containerId }, deadlines.write);
    this.#podUids.delete(containerId);
  }

  async imageStatus(image: string): Promise<ImageStatus | undefined> {
    const { image: found } = await this.#call('ImageStatus', { image: { image } }, deadlines.read);
    return found === null ? undefined : imageStatus(found);
  }

  async images(): Promise<readonly ImageStatus[]> {
    const { images } = await this.#call('ListImages', {}, deadlines.read);
    return images.map(imageStatus);
  }

  async pullImage(image: string, credentials?: RegistryCredentials): Promise<string> {
    const request = { image: { image }, ...(credentials === undefined ? {} : { auth: credentials }) };
    return (await this.#call('PullImage', request, deadlines.pull)).image_ref;
  }

  async removeImage(imageId: string): Promise<void> {
    await this.#end('RemoveImage', { image: { image: imageId } }, deadlines.write);
  }

  async imageFilesystem(): Promise<ImageFilesystem> {
    const [first] = (await this.#call('ImageFsInfo', {}, deadlines.read)).image_filesystems;
    if (first === undefined) throw new RuntimeError('failed', 'the container runtime does not tell where images lie');
    return imageFilesystem(first);
  }

  async layerUsage(): Promise<readonly LayerUsage[]> {
    const { stats } = await this.#call('ListContainerStats', {}, deadlines.write);
    return stats.map(layerUsage).filter((usage) => usage !== undefined);
  }

  watch(changed: (uid: string) => void): { cancel(): void } {
    // Wrapped, so that the same function may listen twice.
    const listener = (uid: string): void => changed(uid);
    this.#listeners.add(listener);
    void this.#startEvents();
    return {
      cancel: () => {
        this.#listeners.delete(listener);
        if (this.#listeners.size > 0) return;
        this.#events?.close();
        this.#events = undefined;
      },
    };
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#listeners.clear();
    this.#events?.close();
    this.#events = undefined;
    this.#fifos?.close();
    await this.#networks.close();
    const connection = await this.#connecting?.catch(() => undefined);
    connection?.close();
  }

  #connect(): Promise<CriConnection> {
    if (this.#closed) return Promise.reject(new RuntimeError('unavailable', 'the connection to the runtime is closed'));
    this.#connecting ??= CriConnection.open(this.#address, this.#clock);
    return this.#connecting;
  }

  async #call<M extends keyof CriMethods>(
    method: M,
    request: CriMethods[M]['request'],
    timeoutMs: number,
  ): Promise<CriMethods[M]['response']> {
    const connection = await this.#connect();
    return connection.call(method, request, timeoutMs);
  }

  /** A call whose purpose is fulfilled when its object is gone. */
  async #end<M extends keyof CriMethods>(
    method: M,
    request: CriMethods[M]['request'],
    timeoutMs: number,
  ): Promise<void> {
    try {
      await this.#call(method, request, timeoutMs);
    } catch (error) {
      if (!(error instanceof RuntimeError && error.kind === 'not-found')) throw error;
    }
  }

  /** From what the runtime tells of a sandbox beyond the CRI; undefined where it is on the host's network. */
  async #networkNamespace(sandboxId: string): Promise<string | undefined> {
    const request = { pod_sandbox_id: sandboxId, verbose: true };
    const { info } = await this.#call('PodSandboxStatus', request, deadlines.read);
    const details = JSON.parse(info['info'] ?? '{}') as SandboxDetails;
    const namespaces = details.runtimeSpec?.linux?.namespaces;
    if (namespaces === undefined)
      throw new RuntimeError('failed', 'the container runtime does not tell the network of the pod');
    const network = namespaces.find(({ type }) => type === 'network');
    return network === undefined ? undefined : (network.path ?? `/proc/${details.pid}/ns/net`);
  }

  /** Runtimes refuse an exec where nothing runs, with no code of its own. */
  async #execError(containerId: string, error: RuntimeError): Promise<RuntimeError> {
    if (error.kind !== 'failed') return error;
    const answer = await this.#find('ContainerStatus', { container_id: containerId }).catch(() => undefined);
    if (answer?.status?.state === 'CONTAINER_RUNNING') return error;
    return new RuntimeError('not-found', error.message, { cause: error });
  }

  #remember(sandboxes: readonly PodSandbox[], containers: readonly Container[], all: boolean): void {
    for (const { id, metadata } of sandboxes) this.#podUids.set(id, metadata.uid);
    for (const { id, labels } of containers) this.#podUids.set(id, labels[labelKeys.podUid] ?? '');
    if (!all) return;
    if (this.#podUids.size > podUidsMax && this.#podUids.size > 2 * (sandboxes.length + containers.length)) {
      this.#podUids.clear();
      this.#remember(sandboxes, containers, false);
    }
    this.#cache.retain(new Set(sandboxes.map(({ id }) => id)), new Set(containers.map(({ id }) => id)));
  }

  async #sandbox(listed: PodSandbox): Promise<SandboxStatus> {
    if (listed.state !== 'SANDBOX_READY') return sandboxStatus(listed, []);
    const known = this.#cache.ips(listed.id);
    if (known !== undefined) return sandboxStatus(listed, known);
    const answer = await this.#find('PodSandboxStatus', { pod_sandbox_id: listed.id });
    const ips = sandboxIps(answer?.status ?? null);
    if (answer !== undefined) this.#cache.keepIps(listed.id, ips);
    return sandboxStatus(listed, ips);
  }

  /** Undefined where it was removed since it was listed. */
  async #container(listed: Container): Promise<ContainerStatus | undefined> {
    const known = this.#cache.container(listed.id, containerState(listed.state));
    if (known !== undefined) return known;
    const answer = await this.#find('ContainerStatus', { container_id: listed.id });
    if (!answer?.status) return undefined;
    const status = containerStatus(listed, answer.status);
    this.#cache.keepContainer(status);
    return status;
  }

  async #find<M extends keyof CriMethods>(
    method: M,
    request: CriMethods[M]['request'],
  ): Promise<CriMethods[M]['response'] | undefined> {
    try {
      return await this.#call(method, request, deadlines.read);
    } catch (error) {
      if (error instanceof RuntimeError && error.kind === 'not-found') return undefined;
      throw error;
    }
  }

  async #startEvents(): Promise<void> {
    const connection = await this.#connect().catch(() => undefined);
    if (connection === undefined || this.#listeners.size === 0) return;
    this.#events ??= new EventWatch({
      connection,
      clock: this.#clock,
      log: this.#log,
      changed: (id, podUid) => this.#changed(id, podUid),
      ended: (id) => this.#ended(id),
    });
  }

  #changed(id: string, podUid?: string): void {
    const uid = podUid || this.#podUids.get(id);
    if (uid) for (const listener of this.#listeners) listener(uid);
    else void this.#identify(id);
  }

  /** An event of something that this process neither made nor listed: it is looked up once. */
  async #identify(id: string): Promise<void> {
    const answer = await this.#call('ListContainers', { filter: { id } }, deadlines.read).catch(() => undefined);
    const uid = answer?.containers[0]?.labels[labelKeys.podUid];
    if (!uid) return;
    this.#podUids.set(id, uid);
    for (const listener of this.#listeners) listener(uid);
  }

  async #ended(id: string): Promise<boolean> {
    const [containers, sandboxes] = await Promise.all([
      this.#call('ListContainers', { filter: { id } }, deadlines.read),
      this.#call('ListPodSandbox', { filter: { id } }, deadlines.read),
    ]);
    const runs = containers.containers.some(({ state }) => state === 'CONTAINER_RUNNING');
    return !runs && !sandboxes.items.some(({ state }) => state === 'SANDBOX_READY');
  }
}

interface SandboxDetails {
  readonly pid?: number;
  readonly runtimeSpec?: {
    readonly linux?: { readonly namespaces?: readonly { readonly type: string; readonly path?: string }[] };
  };
}

function streams({ stdin, stdout, stderr, tty }: StreamOptions): StreamOptions {
  return { stdin, stdout, stderr: stderr && !tty, tty };
}
