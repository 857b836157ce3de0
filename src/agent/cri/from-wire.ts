/** From the CRI's words to the agent's (`runtime.ts`). Pure. */
import {
  type ContainerState,
  type ContainerStatus,
  type ImageFilesystem,
  type ImageStatus,
  type LayerUsage,
  noFeatures,
  type RuntimeFeatures,
  type RuntimeInfo,
  type SandboxStatus,
} from '../runtime.ts';
import type * as wire from './messages.ts';
import { labelKeys } from './to-wire.ts';

const containerStates: Readonly<Record<wire.WireContainerState, ContainerState>> = {
  CONTAINER_CREATED: 'created',
  CONTAINER_RUNNING: 'running',
  CONTAINER_EXITED: 'exited',
  CONTAINER_UNKNOWN: 'unknown',
};

export function containerState(state: wire.WireContainerState): ContainerState {
  return containerStates[state] ?? 'unknown';
}

export function sandboxStatus(sandbox: wire.PodSandbox, ips: readonly string[]): SandboxStatus {
  const { name, namespace, uid, attempt } = sandbox.metadata;
  return {
    id: sandbox.id,
    pod: { name, namespace, uid },
    attempt,
    ready: sandbox.state === 'SANDBOX_READY',
    createdAtMs: milliseconds(sandbox.created_at),
    ips,
  };
}

export function sandboxIps(status: wire.PodSandboxStatus | null): readonly string[] {
  const network = status?.network;
  if (!network?.ip) return [];
  return [network.ip, ...network.additional_ips.map(({ ip }) => ip)];
}

export function containerStatus(listed: wire.Container, status: wire.ContainerStatus): ContainerStatus {
  return {
    id: status.id,
    sandboxId: listed.pod_sandbox_id,
    pod: {
      namespace: status.labels[labelKeys.podNamespace] ?? '',
      name: status.labels[labelKeys.podName] ?? '',
      uid: status.labels[labelKeys.podUid] ?? '',
    },
    name: status.metadata.name,
    attempt: status.metadata.attempt,
    state: containerState(status.state),
    createdAtMs: milliseconds(status.created_at),
    startedAtMs: milliseconds(status.started_at),
    finishedAtMs: milliseconds(status.finished_at),
    exitCode: status.exit_code,
    reason: exitReason(status),
    message: status.message,
    image: status.image?.user_specified_image || (status.image?.image ?? ''),
    imageRef: status.image_ref,
    annotations: status.annotations,
    logPath: status.log_path,
    ...resourcesOf(status.resources?.linux ?? null),
    ...userOf(status.user?.linux ?? null),
  };
}

function resourcesOf(linux: wire.LinuxContainerResources | null): Pick<ContainerStatus, 'resources'> {
  if (linux === null) return {};
  const resources = {
    cpuShares: linux.cpu_shares,
    cpuQuotaUs: linux.cpu_quota,
    cpuPeriodUs: linux.cpu_period,
    memoryLimitBytes: linux.memory_limit_in_bytes,
  };
  return { resources };
}

function userOf(
  linux: { readonly uid: number; readonly gid: number; readonly supplemental_groups: readonly number[] } | null,
): Pick<ContainerStatus, 'user'> {
  if (linux === null) return {};
  return { user: { uid: linux.uid, gid: linux.gid, supplementalGroups: linux.supplemental_groups } };
}

/**
 * A child killed for memory, or the pod's own limit, marks every container of the pod `OOMKilled` on cgroup v1, the running
 * and the innocent ones included. Only one that ended by KILL is taken at its word.
 */
function exitReason(status: wire.ContainerStatus): string {
  if (status.reason !== 'OOMKilled') return status.reason;
  if (status.state !== 'CONTAINER_EXITED') return '';
  if (status.exit_code === 137) return 'OOMKilled';
  return status.exit_code === 0 ? 'Completed' : 'Error';
}

export function imageStatus(image: wire.Image): ImageStatus {
  return {
    id: image.id,
    tags: image.repo_tags,
    digests: image.repo_digests,
    sizeBytes: image.size,
    ...(image.uid === null ? {} : { userId: image.uid.value }),
    ...(image.username === '' ? {} : { userName: image.username }),
    ...(image.pinned && { pinned: true }),
  };
}

export function runtimeInfo(
  version: { readonly runtime_name: string; readonly runtime_version: string },
  status: wire.StatusResponse,
): RuntimeInfo {
  const problems = (status.status?.conditions ?? [])
    .filter(({ type, status: isTrue }) => !isTrue && (type === 'RuntimeReady' || type === 'NetworkReady'))
    .map(({ type, reason, message }) => {
      const what = type === 'NetworkReady' ? 'container runtime network' : 'container runtime';
      return `${what} not ready: ${type}=false reason:${reason} message:${message}`;
    });
  const supplementalGroupsPolicy = status.features?.supplemental_groups_policy ?? false;
  const handlers = status.runtime_handlers.map(({ name, features }) => ({
    name,
    features: {
      userNamespaces: features?.user_namespaces ?? false,
      recursiveReadOnlyMounts: features?.recursive_read_only_mounts ?? false,
      supplementalGroupsPolicy,
    } satisfies RuntimeFeatures,
  }));
  return {
    name: version.runtime_name,
    version: version.runtime_version,
    problem: problems.join('; '),
    // The handler without a name is the default one.
    features: handlers.find(({ name }) => name === '')?.features ?? { ...noFeatures, supplementalGroupsPolicy },
    handlers: handlers.filter(({ name }) => name !== ''),
  };
}

/** Undefined where the runtime has not looked yet, or does not say whose it is. */
export function layerUsage({ attributes, writable_layer: layer }: wire.ContainerStats): LayerUsage | undefined {
  if (attributes === null || layer === null) return undefined;
  const { labels } = attributes;
  return {
    containerId: attributes.id,
    pod: {
      namespace: labels[labelKeys.podNamespace] ?? '',
      name: labels[labelKeys.podName] ?? '',
      uid: labels[labelKeys.podUid] ?? '',
    },
    name: attributes.metadata?.name ?? '',
    usedBytes: layer.used_bytes?.value ?? 0,
    inodesUsed: layer.inodes_used?.value ?? 0,
    timeMs: milliseconds(layer.timestamp),
  };
}

export function imageFilesystem(usage: wire.FilesystemUsage): ImageFilesystem {
  return {
    mountpoint: usage.fs_id?.mountpoint ?? '',
    usedBytes: usage.used_bytes?.value ?? 0,
    inodesUsed: usage.inodes_used?.value ?? 0,
    timeMs: milliseconds(usage.timestamp),
  };
}

function milliseconds(nanoseconds: number): number {
  return Math.floor(nanoseconds / 1e6);
}
