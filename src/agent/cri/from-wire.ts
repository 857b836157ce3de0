/** From the CRI's words to the agent's (`runtime.ts`). Pure. */
import type { ContainerState, ContainerStatus, ImageStatus, RuntimeInfo, SandboxStatus } from '../runtime.ts';
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
  };
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
  };
}

export function runtimeInfo(
  version: { readonly runtime_name: string; readonly runtime_version: string },
  conditions: readonly wire.RuntimeCondition[],
): RuntimeInfo {
  const problems = conditions
    .filter(({ type, status }) => !status && (type === 'RuntimeReady' || type === 'NetworkReady'))
    .map(({ type, reason, message }) => `${type} is false (${reason}): ${message}`);
  return { name: version.runtime_name, version: version.runtime_version, problem: problems.join('; ') };
}

function milliseconds(nanoseconds: number): number {
  return Math.floor(nanoseconds / 1e6);
}
