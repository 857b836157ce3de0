/** From a container of a pod to what the runtime is asked for. Pure. */
import type { Container, Pod } from '../../api/schema/types/core-v1.ts';
import type { ContainerConfig, ImageStatus, MountConfig } from '../runtime.ts';
import { containerHash, gracePeriodAnnotation, hashAnnotation, initContainers } from './containers.ts';
import { expandAll } from './expansion.ts';
import { containerResources, type ResourceRules } from './qos.ts';
import { isSidecar } from './restart.ts';
import { checkUser, securityConfig } from './security/security-config.ts';

export interface ContainerFacts extends ResourceRules {
  readonly pod: Pod;
  readonly attempt: number;
  readonly image: ImageStatus;
  readonly env: ReadonlyMap<string, string>;
  readonly mounts: readonly MountConfig[];
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
    security: securityConfig(pod, container),
    ...(targetContainerId !== undefined && { targetContainerId }),
    resources: containerResources(pod, container, facts),
  };
}

/** Relative to the pod's folder of logs. */
export function containerLogPath(name: string, attempt: number): string {
  return `${name}/${attempt}.log`;
}
