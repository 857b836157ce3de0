/**
 * What the agent asks of whatever runs containers: CRI v1 in our words, without its wire forms.
 *
 * Two implementations pass one contract (`runtime-contract.ts`): `CriRuntime` over containerd's socket, and
 * `SimulatedRuntime`, which keeps containers in memory under a `Clock`. The pod worker cannot tell them apart.
 * Times are milliseconds since the epoch, memory is bytes.
 */

import type { Duplex } from 'node:stream';
import type { ExecOptions, Session, StreamOptions } from './streaming/session.ts';

export type ContainerState = 'created' | 'running' | 'exited' | 'unknown';

/** Carried as labels on sandboxes and containers, so that a restarted agent finds its own again. */
export interface PodIdentity {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

export interface SandboxConfig {
  readonly pod: PodIdentity;
  /** Counts the sandboxes made for this pod. */
  readonly attempt: number;
  readonly hostname: string;
  readonly hostNetwork: boolean;
  readonly hostPid: boolean;
  readonly hostIpc: boolean;
  readonly shareProcessNamespace: boolean;
  /** The folder for the containers' log files. */
  readonly logDirectory: string;
  /** The pod's cgroup, from the root of the hierarchy. */
  readonly cgroupParent: string;
  readonly dns: {
    readonly servers: readonly string[];
    readonly searches: readonly string[];
    readonly options: readonly string[];
  };
  readonly annotations: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly privileged: boolean;
  /** Namespaced kernel parameters, by their dotted name. */
  readonly sysctls?: Readonly<Record<string, string>>;
  /** Of the runtime class (`RuntimeClass.handler`); absent: the runtime's default. */
  readonly runtimeHandler?: string;
  /** Of the sandbox's own process; absent: as the runtime wants. A group only with a user. */
  readonly runAsUser?: number;
  readonly runAsGroup?: number;
  readonly supplementalGroups?: readonly number[];
  /** Of the sandbox itself; absent: the runtime's default profile, and none where it is privileged. */
  readonly seccomp?: SeccompProfile;
  /** Ids of a user namespace of the pod's own; absent: the host's. Only where `RuntimeFeatures.userNamespaces`. */
  readonly userNamespace?: { readonly hostId: number; readonly containerId: number; readonly length: number };
  /** For runtimes that set a pod's limits themselves (virtual machines): overhead, and the sum of its containers. */
  readonly overhead?: ResourceLimits;
  readonly resources?: ResourceLimits;
}

export interface SandboxStatus {
  readonly id: string;
  readonly pod: PodIdentity;
  readonly attempt: number;
  readonly ready: boolean;
  readonly createdAtMs: number;
  /** Empty on the host's network, and when it is not ready. */
  readonly ips: readonly string[];
}

export interface MountConfig {
  /** Must exist: runtimes make a missing one as a folder of root's, which hides the mistake. */
  readonly hostPath: string;
  readonly containerPath: string;
  readonly readOnly: boolean;
  /** How mounts made later inside it travel; absent: not at all. */
  readonly propagation?: 'private' | 'host-to-container' | 'bidirectional';
  /** Read-only with all that is mounted below it. Only where `RuntimeFeatures.recursiveReadOnlyMounts`. */
  readonly recursiveReadOnly?: boolean;
}

/** A seccomp or AppArmor profile; `localhost` is the path (seccomp) or the name (AppArmor) of one that the node has. */
export type SeccompProfile = 'runtime-default' | 'unconfined' | { readonly localhost: string };
export type AppArmorProfile = SeccompProfile;

/** Limits of a cgroup. 0: no limit. */
export interface ResourceLimits {
  readonly cpuShares: number;
  /** Per `cpuPeriodUs`. */
  readonly cpuQuotaUs: number;
  readonly cpuPeriodUs: number;
  readonly memoryLimitBytes: number;
  readonly oomScoreAdj: number;
  /** Memory and swap together; absent: as much as memory, so that nothing is swapped. */
  readonly memorySwapLimitBytes?: number;
  /** Absent: any. As in `0-3,8`. */
  readonly cpusetCpus?: string;
  readonly cpusetMems?: string;
  /** By page size as the kernel names it: `2MB`, `1GB`. */
  readonly hugepageLimits?: readonly { readonly pageSize: string; readonly limitBytes: number }[];
  /** Files of cgroup v2, by name: `memory.high`. */
  readonly unified?: Readonly<Record<string, string>>;
}

export interface DeviceConfig {
  readonly hostPath: string;
  readonly containerPath: string;
  /** Of `r`, `w` and `m` (may make the node). */
  readonly permissions: string;
}

export interface SecurityConfig {
  readonly privileged: boolean;
  readonly runAsUser?: number;
  readonly runAsGroup?: number;
  readonly supplementalGroups: readonly number[];
  readonly readOnlyRootFilesystem: boolean;
  readonly noNewPrivileges: boolean;
  readonly addCapabilities: readonly string[];
  readonly dropCapabilities: readonly string[];
  readonly seccomp: SeccompProfile;
  /** Absent: nothing is said of it, as where the machine has no AppArmor. */
  readonly appArmor?: AppArmorProfile;
  /** `strict`: the image's groups of the user are not added. Only where `RuntimeFeatures.supplementalGroupsPolicy`. */
  readonly supplementalGroupsPolicy?: 'merge' | 'strict';
  /** Absent: the usual parts of /proc and /sys are masked or read-only. */
  readonly procMount?: 'default' | 'unmasked';
}

export interface ContainerConfig {
  readonly name: string;
  /** Counts the runs of this container in this pod: its `restartCount` when started. */
  readonly attempt: number;
  /** An init container that must end before the next one starts. Real programs know that by themselves; simulated ones are told. */
  readonly isInit?: boolean;
  /** The image's id, as `imageStatus` or `pullImage` returned it. */
  readonly imageId: string;
  /** The image as the pod names it. */
  readonly image: string;
  /** Replaces the image's entrypoint where not empty. */
  readonly command: readonly string[];
  readonly args: readonly string[];
  readonly workingDirectory: string;
  readonly env: readonly { readonly name: string; readonly value: string }[];
  readonly mounts: readonly MountConfig[];
  /** Relative to the sandbox's log directory. */
  readonly logPath: string;
  readonly stdin: boolean;
  readonly stdinOnce: boolean;
  readonly tty: boolean;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly security: SecurityConfig;
  /** The container whose processes this one sees (an ephemeral container's target). */
  readonly targetContainerId?: string;
  readonly resources: ResourceLimits;
  readonly devices?: readonly DeviceConfig[];
  /** Names of the Container Device Interface: `vendor.com/class=name`. */
  readonly cdiDevices?: readonly string[];
  /** Instead of the image's: `SIGUSR1`. */
  readonly stopSignal?: string;
}

export interface ContainerStatus {
  readonly id: string;
  readonly sandboxId: string;
  readonly pod: PodIdentity;
  readonly name: string;
  readonly attempt: number;
  readonly state: ContainerState;
  readonly createdAtMs: number;
  /** 0 until it happened. */
  readonly startedAtMs: number;
  readonly finishedAtMs: number;
  readonly exitCode: number;
  /** The runtime's word for it: `Completed`, `Error`, `OOMKilled`, … */
  readonly reason: string;
  readonly message: string;
  readonly image: string;
  /** The digest form that status shows as `imageID`. */
  readonly imageRef: string;
  readonly annotations: Readonly<Record<string, string>>;
  readonly logPath: string;
  /** The limits that hold, as the runtime tells them; absent where it does not. */
  readonly resources?: Pick<ResourceLimits, 'cpuShares' | 'cpuQuotaUs' | 'cpuPeriodUs' | 'memoryLimitBytes'>;
  /** Who its first process runs as; absent where the runtime does not tell. */
  readonly user?: { readonly uid: number; readonly gid: number; readonly supplementalGroups: readonly number[] };
}

export interface ImageStatus {
  readonly id: string;
  readonly tags: readonly string[];
  readonly digests: readonly string[];
  readonly sizeBytes: number;
  /** The user that the image names, by number or else by name (for `runAsNonRoot`). Neither: root. */
  readonly userId?: number;
  readonly userName?: string;
  /** The runtime needs it: never to be removed. */
  readonly pinned?: boolean;
}

/** What a container wrote to its own layer of the file system, as old as the runtime's last look (some 10 s). */
export interface LayerUsage {
  readonly containerId: string;
  readonly pod: PodIdentity;
  readonly name: string;
  readonly usedBytes: number;
  readonly inodesUsed: number;
  readonly timeMs: number;
}

/** Where images, or layers of containers, lie. */
export interface ImageFilesystem {
  readonly mountpoint: string;
  readonly usedBytes: number;
  readonly inodesUsed: number;
  readonly timeMs: number;
}

/** One call of mount(2). */
export interface ViewMount {
  readonly type: string;
  readonly source: string;
  readonly options: readonly string[];
}

/** Read-only views of images' files, to be mounted. */
export interface ImageViews {
  /** The view `key` of the image, made where there is none: what to mount, in order. It stays until it is removed. @throws RuntimeError */
  make(key: string, imageId: string): Promise<readonly ViewMount[]>;
  /** Once nothing mounts it any more. Idempotent. */
  remove(key: string): Promise<void>;
}

/** How to sign in to the registry of an image. */
export interface RegistryCredentials {
  readonly username: string;
  readonly password: string;
}

export interface ExecResult {
  readonly exitCode: number;
  /** Each cut at 16 MiB. */
  readonly stdout: Buffer;
  readonly stderr: Buffer;
}

export interface RuntimeInfo {
  readonly name: string;
  readonly version: string;
  /** Why pods cannot be started now; empty when they can. */
  readonly problem: string;
  /** Of the default handler; absent: none. */
  readonly features?: RuntimeFeatures;
  /** Beside the default: what `RuntimeClass.handler` may name, with what each can do. */
  readonly handlers?: readonly { readonly name: string; readonly features: RuntimeFeatures }[];
}

/** What not every runtime can do, and those that cannot ignore in silence: the agent refuses what needs it. */
export interface RuntimeFeatures {
  readonly userNamespaces: boolean;
  readonly recursiveReadOnlyMounts: boolean;
  readonly supplementalGroupsPolicy: boolean;
}

export const noFeatures: RuntimeFeatures = {
  userNamespaces: false,
  recursiveReadOnlyMounts: false,
  supplementalGroupsPolicy: false,
};

/** Everything that the runtime holds for this agent, in one look. */
export interface RuntimeState {
  readonly sandboxes: readonly SandboxStatus[];
  readonly containers: readonly ContainerStatus[];
}

/** An error of the runtime, in its own words. `kind` is what the agent decides on. */
export class RuntimeError extends Error {
  override name = 'RuntimeError';
  /**
   * `unavailable`: the runtime does not answer; try again later. `timeout`: it did not finish in time, and may yet have
   * done what was asked. `failed`: it said no, and `message` says why.
   */
  readonly kind: 'not-found' | 'invalid-image-name' | 'unavailable' | 'timeout' | 'failed';

  constructor(kind: RuntimeError['kind'], message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }
}

export interface Runtime {
  info(): Promise<RuntimeInfo>;
  /** Sandboxes and containers of all pods; with `uid`, of one. */
  state(uid?: string): Promise<RuntimeState>;
  /** Makes and starts the sandbox; resolves with its id when the pod has its network. */
  runSandbox(config: SandboxConfig): Promise<string>;
  /** Kills what still runs in it and takes the network away. Idempotent. */
  stopSandbox(sandboxId: string): Promise<void>;
  /** Removes its containers, too. Idempotent. */
  removeSandbox(sandboxId: string): Promise<void>;
  createContainer(sandboxId: string, config: ContainerConfig, sandbox: SandboxConfig): Promise<string>;
  startContainer(containerId: string): Promise<void>;
  /**
   * Sends the image's stop signal (TERM), or `signal` (`SIGUSR1`) instead, and KILL after `gracePeriodMs`. Resolves when the container has
   * exited.
   */
  stopContainer(containerId: string, gracePeriodMs: number, signal?: string): Promise<void>;
  /** Other limits for a container that runs. @throws RuntimeError where they cannot hold: less memory than it uses */
  updateContainer(containerId: string, resources: ResourceLimits): Promise<void>;
  /** After its log was renamed: it writes a new one from now on, and loses no line. */
  reopenLog(containerId: string): Promise<void>;
  /**
   * Runs a command in a running container and waits for its end: for probes and life-cycle hooks.
   * @throws RuntimeError `timeout` when it did not end within `timeoutMs` (it is killed), `not-found` where nothing runs
   */
  exec(containerId: string, command: readonly string[], timeoutMs: number): Promise<ExecResult>;
  /** Why containers here can neither be entered nor attached nor forwarded to; absent where they can. */
  readonly noStreams?: string;
  /**
   * Starts a command in a running container, for somebody who stays with it.
   * @throws RuntimeError where it cannot be started, in the runtime's words
   */
  openExec(containerId: string, command: readonly string[], options: ExecOptions): Promise<Session>;
  /** The streams of the container's own first process. @throws RuntimeError */
  attach(containerId: string, options: StreamOptions): Promise<Session>;
  /** A connection to a port, as a program in the pod would make to `localhost`. @throws Error, with why there is none */
  dialPod(sandboxId: string, port: number): Promise<Duplex>;
  /** Kills it where it still runs. Idempotent. */
  removeContainer(containerId: string): Promise<void>;
  /** Undefined where the image is not there. */
  imageStatus(image: string): Promise<ImageStatus | undefined>;
  images(): Promise<readonly ImageStatus[]>;
  /** Resolves with the image's id. */
  pullImage(image: string, credentials?: RegistryCredentials): Promise<string>;
  /** All tags of it. Containers that run from it go on. Idempotent. */
  removeImage(imageId: string): Promise<void>;
  /** Absent where it has none. */
  readonly imageViews?: ImageViews;
  /** The disk that images lie on. */
  imageFilesystem(): Promise<ImageFilesystem>;
  /** Of all containers, those that have exited included. Costs 2 ms a container and more. */
  layerUsage(): Promise<readonly LayerUsage[]>;
  /** Calls `changed` with the pod's uid as soon as one of its containers started or exited (at best effort: the caller lists, too). */
  watch(changed: (uid: string) => void): { cancel(): void };
  /** Lets go of the runtime; what runs, runs on. */
  close(): Promise<void>;
}
