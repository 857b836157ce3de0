/** From a container of a pod to what the runtime is asked for. Pure. */
import type { Container, Pod, SecurityContext } from '../../api/schema/types/core-v1.ts';
import type { ContainerConfig, ImageStatus, MountConfig, SecurityConfig } from '../runtime.ts';
import { ConfigError } from './config-error.ts';
import { containerHash, gracePeriodAnnotation, hashAnnotation, initContainers } from './containers.ts';
import { expandAll } from './expansion.ts';
import { containerResources } from './qos.ts';
import { isSidecar } from './restart.ts';

export interface ContainerFacts {
  readonly pod: Pod;
  readonly attempt: number;
  readonly image: ImageStatus;
  readonly env: ReadonlyMap<string, string>;
  readonly mounts: readonly MountConfig[];
  readonly memoryCapacityBytes: number;
  readonly targetContainerId?: string;
}

/** @throws ConfigError where its user is not one that it may run as */
export function containerConfig(container: Container, facts: ContainerFacts): ContainerConfig {
  const { pod, attempt, image, env, mounts, targetContainerId } = facts;
  checkUser(pod, container, image);
  return {
    name: container.name,
    attempt,
    ...(initContainers(pod).includes(container) && !isSidecar(container) && { isInit: true }),
    imageId: image.id,
    image: container.image ?? '',
    command: expandAll(container.command, env),
    args: expandAll(container.args, env),
    workingDirectory: container.workingDir ?? '',
    env: [...env].map(([name, value]) => ({ name, value })),
    mounts,
    logPath: containerLogPath(container.name, attempt),
    stdin: container.stdin ?? false,
    stdinOnce: container.stdinOnce ?? false,
    tty: container.tty ?? false,
    labels: {},
    annotations: {
      [hashAnnotation]: containerHash(container),
      [gracePeriodAnnotation]: String(pod.spec?.terminationGracePeriodSeconds ?? 30),
    },
    security: securityConfig(pod, container.securityContext ?? {}),
    ...(targetContainerId !== undefined && { targetContainerId }),
    resources: containerResources(pod, container, facts.memoryCapacityBytes),
  };
}

/** Relative to the pod's folder of logs. */
export function containerLogPath(name: string, attempt: number): string {
  return `${name}/${attempt}.log`;
}

/** The container's own settings win over the pod's. */
function securityConfig(pod: Pod, own: SecurityContext): SecurityConfig {
  const ofPod = pod.spec?.securityContext ?? {};
  const runAsUser = own.runAsUser ?? ofPod.runAsUser;
  const runAsGroup = own.runAsGroup ?? ofPod.runAsGroup;
  const seccomp = (own.seccompProfile ?? ofPod.seccompProfile)?.type;
  if (seccomp === 'Localhost') throw new ConfigError('seccomp profiles of type Localhost are not supported');
  return {
    privileged: own.privileged ?? false,
    ...(runAsUser !== undefined && { runAsUser }),
    ...(runAsGroup !== undefined && { runAsGroup }),
    supplementalGroups: [...(ofPod.supplementalGroups ?? []), ...(ofPod.fsGroup === undefined ? [] : [ofPod.fsGroup])],
    readOnlyRootFilesystem: own.readOnlyRootFilesystem ?? false,
    noNewPrivileges: own.allowPrivilegeEscalation === false,
    addCapabilities: own.capabilities?.add ?? [],
    dropCapabilities: own.capabilities?.drop ?? [],
    seccomp: seccomp === 'RuntimeDefault' ? 'runtime-default' : 'unconfined',
    ...(own.procMount === 'Unmasked' && { procMount: 'unmasked' as const }),
  };
}

function checkUser(pod: Pod, container: Container, image: ImageStatus): void {
  const own = container.securityContext ?? {};
  const ofPod = pod.spec?.securityContext ?? {};
  if (!(own.runAsNonRoot ?? ofPod.runAsNonRoot)) return;
  const where = `(pod: "${pod.metadata?.name}_${pod.metadata?.namespace}(${pod.metadata?.uid})", container: ${container.name})`;
  const user = own.runAsUser ?? ofPod.runAsUser;
  if (user === 0) throw new ConfigError(`container's runAsUser breaks non-root policy ${where}`);
  if (user !== undefined) return;
  if (image.userName) {
    const problem = `image has non-numeric user (${image.userName}), cannot verify user is non-root`;
    throw new ConfigError(`container has runAsNonRoot and ${problem} ${where}`);
  }
  if ((image.userId ?? 0) === 0) {
    throw new ConfigError(`container has runAsNonRoot and image will run as root ${where}`);
  }
}
