/** Finding things in a `PodObservation`. Pure. */
import { createHash } from 'node:crypto';
import type { Container, Pod } from '../../api/schema/types/core-v1.ts';
import type { ContainerStatus, SandboxStatus } from '../runtime.ts';
import type { PodObservation } from './plan.ts';

/** On each container: which definition it was made from. */
export const hashAnnotation = 'io.kubernetes.container.hash';
/** On each container: its grace period, for when the pod is no longer known. */
export const gracePeriodAnnotation = 'io.kubernetes.pod.terminationGracePeriod';

/** A container whose hash differs is killed and started anew. As upstream's: what cannot change in place has no part in it. */
export function containerHash(container: Container): string {
  const definition = JSON.stringify({ name: container.name, image: container.image ?? '' });
  return createHash('sha256').update(definition).digest('hex').slice(0, 8);
}

export function newestSandbox(sandboxes: readonly SandboxStatus[]): SandboxStatus | undefined {
  return sandboxes.reduce<SandboxStatus | undefined>(
    (newest, sandbox) => (newest === undefined || isNewer(sandbox, newest) ? sandbox : newest),
    undefined,
  );
}

function isNewer(a: SandboxStatus, b: SandboxStatus): boolean {
  return a.attempt > b.attempt || (a.attempt === b.attempt && a.createdAtMs > b.createdAtMs);
}

/** The runs of a container, newest first. */
export function runsOf(observation: PodObservation, name: string): readonly ContainerStatus[] {
  return observation.containers
    .filter((container) => container.name === name)
    .sort((a, b) => b.attempt - a.attempt || b.createdAtMs - a.createdAtMs);
}

export function newestRun(observation: PodObservation, name: string): ContainerStatus | undefined {
  return runsOf(observation, name)[0];
}

export function initContainers(pod: Pod): readonly Container[] {
  return pod.spec?.initContainers ?? [];
}

export function appContainers(pod: Pod): readonly Container[] {
  return pod.spec?.containers ?? [];
}

export function ephemeralContainers(pod: Pod): readonly Container[] {
  return pod.spec?.ephemeralContainers ?? [];
}

export function allContainers(pod: Pod): readonly Container[] {
  return [...initContainers(pod), ...appContainers(pod), ...ephemeralContainers(pod)];
}

export function findContainer(pod: Pod, name: string): Container | undefined {
  return allContainers(pod).find((container) => container.name === name);
}

/** `spec.containers{app}`: how an event names the container that it is about. */
export function containerFieldPath(pod: Pod, name: string): string {
  const has = (containers: readonly Container[]): boolean => containers.some((container) => container.name === name);
  if (has(initContainers(pod))) return `spec.initContainers{${name}}`;
  if (has(ephemeralContainers(pod))) return `spec.ephemeralContainers{${name}}`;
  return `spec.containers{${name}}`;
}

/** `web_default(1234-…)`: how the kubelet names a pod in messages. */
export function describePod({ identity }: { readonly identity: PodObservation['identity'] }): string {
  return `${identity.name}_${identity.namespace}(${identity.uid})`;
}
