/**
 * The CRI's messages as they cross the wire, as far as naru uses them: the TypeScript side of `cri.proto`, with its field
 * names. Requests may leave fields out; in answers all of them are there, with their defaults, except messages, which are
 * null when absent. Numbers of 64 bits come as JavaScript numbers.
 */

export type NamespaceMode = 'POD' | 'CONTAINER' | 'NODE' | 'TARGET';

export interface NamespaceOption {
  readonly network: NamespaceMode;
  readonly pid: NamespaceMode;
  readonly ipc: NamespaceMode;
  readonly target_id?: string;
  readonly userns_options?: {
    readonly mode: 'POD' | 'NODE';
    readonly uids: readonly IdMapping[];
    readonly gids: readonly IdMapping[];
  };
}

export interface IdMapping {
  readonly host_id: number;
  readonly container_id: number;
  readonly length: number;
}

export interface SecurityProfile {
  readonly profile_type: 'RuntimeDefault' | 'Unconfined' | 'Localhost';
  readonly localhost_ref?: string;
}

export interface PodSandboxMetadata {
  readonly name: string;
  readonly uid: string;
  readonly namespace: string;
  readonly attempt: number;
}

export interface PodSandboxConfig {
  readonly metadata: PodSandboxMetadata;
  readonly hostname: string;
  readonly log_directory: string;
  readonly dns_config: {
    readonly servers: readonly string[];
    readonly searches: readonly string[];
    readonly options: readonly string[];
  };
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly linux: {
    readonly cgroup_parent: string;
    readonly sysctls: Readonly<Record<string, string>>;
    readonly security_context: {
      readonly namespace_options: NamespaceOption;
      readonly privileged: boolean;
      readonly run_as_user?: { readonly value: number };
      readonly run_as_group?: { readonly value: number };
      readonly supplemental_groups?: readonly number[];
      readonly seccomp: SecurityProfile;
    };
    readonly overhead?: LinuxContainerResources;
    readonly resources?: LinuxContainerResources;
  };
}

export interface PodSandbox {
  readonly id: string;
  readonly metadata: PodSandboxMetadata;
  readonly state: 'SANDBOX_READY' | 'SANDBOX_NOTREADY';
  readonly created_at: number;
}

export interface PodSandboxStatus {
  readonly id: string;
  readonly metadata: PodSandboxMetadata | null;
  readonly network: { readonly ip: string; readonly additional_ips: readonly { readonly ip: string }[] } | null;
}

export interface ContainerMetadata {
  readonly name: string;
  readonly attempt: number;
}

export interface ImageSpec {
  readonly image: string;
  readonly user_specified_image?: string;
}

export interface ContainerConfig {
  readonly metadata: ContainerMetadata;
  readonly image: ImageSpec;
  readonly command: readonly string[];
  readonly args: readonly string[];
  readonly working_dir: string;
  readonly envs: readonly { readonly key: string; readonly value: string }[];
  readonly mounts: readonly Mount[];
  readonly devices: readonly {
    readonly container_path: string;
    readonly host_path: string;
    readonly permissions: string;
  }[];
  readonly CDI_devices: readonly { readonly name: string }[];
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly log_path: string;
  readonly stdin: boolean;
  readonly stdin_once: boolean;
  readonly tty: boolean;
  readonly linux: {
    readonly resources: LinuxContainerResources;
    readonly security_context: LinuxContainerSecurityContext;
  };
}

export interface Mount {
  readonly container_path: string;
  readonly host_path: string;
  readonly readonly: boolean;
  readonly propagation: 'PROPAGATION_PRIVATE' | 'PROPAGATION_HOST_TO_CONTAINER' | 'PROPAGATION_BIDIRECTIONAL';
  readonly recursive_read_only?: boolean;
}

export interface LinuxContainerResources {
  readonly cpu_period: number;
  readonly cpu_quota: number;
  readonly cpu_shares: number;
  readonly memory_limit_in_bytes: number;
  readonly oom_score_adj: number;
  readonly memory_swap_limit_in_bytes?: number;
  readonly cpuset_cpus?: string;
  readonly cpuset_mems?: string;
  readonly hugepage_limits?: readonly { readonly page_size: string; readonly limit: number }[];
  readonly unified?: Readonly<Record<string, string>>;
}

export interface LinuxContainerSecurityContext {
  readonly capabilities: {
    readonly add_capabilities: readonly string[];
    readonly drop_capabilities: readonly string[];
  };
  readonly privileged: boolean;
  readonly namespace_options: NamespaceOption;
  readonly run_as_user?: { readonly value: number };
  readonly run_as_group?: { readonly value: number };
  readonly readonly_rootfs: boolean;
  readonly supplemental_groups: readonly number[];
  readonly no_new_privs: boolean;
  readonly masked_paths: readonly string[];
  readonly readonly_paths: readonly string[];
  readonly seccomp: SecurityProfile;
  readonly apparmor?: SecurityProfile;
  readonly supplemental_groups_policy?: 'Merge' | 'Strict';
}

export type WireContainerState = 'CONTAINER_CREATED' | 'CONTAINER_RUNNING' | 'CONTAINER_EXITED' | 'CONTAINER_UNKNOWN';

export interface Container {
  readonly id: string;
  readonly pod_sandbox_id: string;
  readonly metadata: ContainerMetadata;
  readonly state: WireContainerState;
  readonly labels: Readonly<Record<string, string>>;
}

export interface ContainerStatus {
  readonly id: string;
  readonly metadata: ContainerMetadata;
  readonly state: WireContainerState;
  readonly created_at: number;
  readonly started_at: number;
  readonly finished_at: number;
  readonly exit_code: number;
  readonly image: ImageSpec | null;
  readonly image_ref: string;
  readonly reason: string;
  readonly message: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly log_path: string;
  readonly resources: { readonly linux: LinuxContainerResources | null } | null;
  readonly user: {
    readonly linux: {
      readonly uid: number;
      readonly gid: number;
      readonly supplemental_groups: readonly number[];
    } | null;
  } | null;
}

export interface FilesystemUsage {
  readonly timestamp: number;
  readonly fs_id: { readonly mountpoint: string } | null;
  readonly used_bytes: { readonly value: number } | null;
  readonly inodes_used: { readonly value: number } | null;
}

export interface ContainerStats {
  readonly attributes: {
    readonly id: string;
    readonly metadata: ContainerMetadata | null;
    readonly labels: Readonly<Record<string, string>>;
  } | null;
  readonly writable_layer: FilesystemUsage | null;
}

export interface RuntimeHandler {
  readonly name: string;
  readonly features: { readonly recursive_read_only_mounts: boolean; readonly user_namespaces: boolean } | null;
}

export interface StatusResponse {
  readonly status: { readonly conditions: readonly RuntimeCondition[] } | null;
  readonly runtime_handlers: readonly RuntimeHandler[];
  readonly features: { readonly supplemental_groups_policy: boolean } | null;
}

export interface Image {
  readonly id: string;
  readonly repo_tags: readonly string[];
  readonly repo_digests: readonly string[];
  readonly size: number;
  readonly uid: { readonly value: number } | null;
  readonly username: string;
  readonly pinned: boolean;
}

export interface RuntimeCondition {
  readonly type: string;
  readonly status: boolean;
  readonly reason: string;
  readonly message: string;
}

interface LabelFilter {
  readonly filter?: { readonly id?: string; readonly label_selector?: Readonly<Record<string, string>> };
}

type SandboxRequest = { readonly pod_sandbox_id: string };
type ContainerRequest = { readonly container_id: string };
type ImageRequest = { readonly image: ImageSpec };
type StreamsRequest = ContainerRequest & {
  readonly tty: boolean;
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
};
type Empty = Readonly<Record<string, never>>;

interface Method<Request, Response> {
  readonly request: Request;
  readonly response: Response;
}

/** Every call that naru makes, by name. */
export interface CriMethods {
  readonly Version: Method<Empty, { readonly runtime_name: string; readonly runtime_version: string }>;
  readonly Status: Method<Empty, StatusResponse>;
  readonly RunPodSandbox: Method<
    { readonly config: PodSandboxConfig; readonly runtime_handler: string },
    SandboxRequest
  >;
  readonly StopPodSandbox: Method<SandboxRequest, Empty>;
  readonly RemovePodSandbox: Method<SandboxRequest, Empty>;
  readonly PodSandboxStatus: Method<
    SandboxRequest & { readonly verbose?: boolean },
    { readonly status: PodSandboxStatus | null; readonly info: Readonly<Record<string, string>> }
  >;
  readonly ListPodSandbox: Method<LabelFilter, { readonly items: readonly PodSandbox[] }>;
  readonly CreateContainer: Method<
    { readonly pod_sandbox_id: string; readonly config: ContainerConfig; readonly sandbox_config: PodSandboxConfig },
    ContainerRequest
  >;
  readonly StartContainer: Method<ContainerRequest, Empty>;
  readonly StopContainer: Method<{ readonly container_id: string; readonly timeout: number }, Empty>;
  readonly RemoveContainer: Method<ContainerRequest, Empty>;
  readonly ListContainers: Method<LabelFilter, { readonly containers: readonly Container[] }>;
  readonly ContainerStatus: Method<ContainerRequest, { readonly status: ContainerStatus | null }>;
  readonly UpdateContainerResources: Method<ContainerRequest & { readonly linux: LinuxContainerResources }, Empty>;
  readonly ReopenContainerLog: Method<ContainerRequest, Empty>;
  readonly ListContainerStats: Method<Empty, { readonly stats: readonly ContainerStats[] }>;
  readonly ExecSync: Method<
    { readonly container_id: string; readonly cmd: readonly string[]; readonly timeout: number },
    { readonly stdout: Buffer; readonly stderr: Buffer; readonly exit_code: number }
  >;
  readonly Exec: Method<StreamsRequest & { readonly cmd: readonly string[] }, { readonly url: string }>;
  readonly Attach: Method<StreamsRequest, { readonly url: string }>;
  readonly ListImages: Method<Empty, { readonly images: readonly Image[] }>;
  readonly ImageStatus: Method<
    ImageRequest & { readonly verbose?: boolean },
    { readonly image: Image | null; readonly info: Readonly<Record<string, string>> }
  >;
  readonly PullImage: Method<
    ImageRequest & { readonly auth?: { readonly username: string; readonly password: string } },
    { readonly image_ref: string }
  >;
  readonly RemoveImage: Method<ImageRequest, Empty>;
  readonly ImageFsInfo: Method<Empty, { readonly image_filesystems: readonly FilesystemUsage[] }>;
}

/** What `GetContainerEvents` streams. */
export interface ContainerEvent {
  readonly container_id: string;
  readonly container_event_type:
    | 'CONTAINER_CREATED_EVENT'
    | 'CONTAINER_STARTED_EVENT'
    | 'CONTAINER_STOPPED_EVENT'
    | 'CONTAINER_DELETED_EVENT';
  readonly pod_sandbox_status: PodSandboxStatus | null;
}

/** What containerd's `Events/Subscribe` streams (`events.proto`). */
export interface TaskEnvelope {
  readonly namespace: string;
  readonly topic: string;
  readonly event: { readonly value: { readonly container_id: string; readonly id: string } | null } | null;
}

type SnapshotRequest = { readonly snapshotter: string; readonly key: string };

interface SnapshotMounts {
  readonly mounts: readonly { readonly type: string; readonly source: string; readonly options: readonly string[] }[];
}

type ProcessRequest = { readonly container_id: string; readonly exec_id: string };

/** Every call of containerd's own services that naru makes, beside the CRI's (`containers.proto`, `tasks.proto`, `snapshots.proto`). */
export interface ContainerdMethods {
  readonly Get: Method<
    { readonly id: string },
    { readonly container: { readonly spec: { readonly value: Buffer } | null } | null }
  >;
  readonly Exec: Method<
    ProcessRequest & {
      readonly terminal: boolean;
      readonly stdin: string;
      readonly stdout: string;
      readonly stderr: string;
      readonly spec: { readonly type_url: string; readonly value: Buffer };
    },
    Empty
  >;
  readonly View: Method<
    SnapshotRequest & { readonly parent: string; readonly labels: Readonly<Record<string, string>> },
    SnapshotMounts
  >;
  readonly Mounts: Method<SnapshotRequest, SnapshotMounts>;
  readonly Remove: Method<SnapshotRequest, Empty>;
  readonly Start: Method<ProcessRequest, { readonly pid: number }>;
  readonly Wait: Method<ProcessRequest, { readonly exit_status: number }>;
  readonly Kill: Method<ProcessRequest & { readonly signal: number }, Empty>;
  readonly ResizePty: Method<ProcessRequest & { readonly width: number; readonly height: number }, Empty>;
  readonly CloseIO: Method<ProcessRequest & { readonly stdin: boolean }, Empty>;
  readonly DeleteProcess: Method<ProcessRequest, Empty>;
}
