/** Starting one run of a container: its variables, its mounts, then create and start. What fails is named as the kubelet names it. */

import type { Container, EphemeralContainer, Pod } from '../../api/schema/types/core-v1.ts';
import {
  type ContainerConfig,
  type ContainerStatus,
  noFeatures,
  type PodIdentity,
  type RuntimeFeatures,
  type SandboxStatus,
} from '../runtime.ts';
import { ConfigError, VolumeError } from './config-error.ts';
import { containerConfig } from './container-config.ts';
import { environmentOf } from './environment.ts';
import { containerWith } from './pod-hook.ts';
import type { PodHost } from './pod-host.ts';
import { podIpsOf } from './pod-ips.ts';
import { sandboxConfigOf } from './steps/sandbox.ts';
import { withVolumes } from './volumes/with-volumes.ts';

export class StepFailure extends Error {
  override name = 'StepFailure';
  /** The waiting reason that the status shows. */
  readonly reason: string;

  constructor(reason: string, cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    this.reason = reason;
  }
}

export interface StartTarget {
  readonly pod: Pod;
  readonly container: Container;
  readonly identity: PodIdentity;
  readonly sandbox: SandboxStatus;
  readonly sandboxId: string;
  readonly attempt: number;
  readonly imageId: string;
  /** Those of the pod, to find the target of an ephemeral container. */
  readonly containers: readonly ContainerStatus[];
  readonly event: (type: 'Normal' | 'Warning', reason: string, message: string) => void;
}

/** Resolves with the container's id. @throws StepFailure */
export async function startContainer(host: PodHost, target: StartTarget): Promise<string> {
  const { runtime, platform } = host;
  const { pod, identity, sandbox, event } = target;
  const config = await named('CreateContainerConfigError', () => configOf(host, target), isConfigError);
  const id = await named('CreateContainerError', async () => {
    const sandboxConfig = await sandboxConfigOf(host, pod, identity, sandbox.attempt);
    await platform.logs.prepare(`${sandboxConfig.logDirectory}/${config.name}`);
    return runtime.createContainer(sandbox.id, config, sandboxConfig);
  });
  event('Normal', 'Created', 'Container created');
  await named('RunContainerError', () => runtime.startContainer(id));
  event('Normal', 'Started', 'Container started');
  return id;
}

async function configOf(host: PodHost, target: StartTarget): Promise<ContainerConfig> {
  const { pod, container, attempt, imageId, sandbox, containers } = target;
  const { runtime, platform, source, hostIps, allocatable, rules } = host;
  const podIps = podIpsOf(pod, sandbox.ips, hostIps);
  const image = await runtime.imageStatus(imageId);
  if (image === undefined) throw new Error(`image "${container.image}" is no longer there`);
  const base = await host.environment(pod);
  const { storage } = platform;
  const file = (volume: string, path: string, bytesMax: number) => storage.readFile(pod, volume, path, bytesMax);
  const env = await environmentOf({ pod, podIps, hostIps, allocatable, source, base, file }, container);
  const clusterDomain = host.clusterDns?.domain ?? 'cluster.local';
  const features = await featuresFor(host, container);
  const volumes = await storage.containerVolumes({ pod, container, attempt, podIps, env, clusterDomain, features });
  const { targetContainerName } = container as EphemeralContainer;
  const shared = containers.find(({ name, state }) => name === targetContainerName && state === 'running');
  const facts = { pod, attempt, image, env, mounts: volumes.mounts, ...rules };
  const plain = containerConfig(container, { ...facts, ...(shared !== undefined && { targetContainerId: shared.id }) });
  return containerWith(host.hooks, withVolumes(plain, volumes), { ...target, podIps });
}

/** The runtime is asked only where a mount wants more than each can do. */
async function featuresFor({ runtime }: PodHost, { volumeMounts = [] }: Container): Promise<RuntimeFeatures> {
  const wants = volumeMounts.some(({ recursiveReadOnly = 'Disabled' }) => recursiveReadOnly !== 'Disabled');
  return wants ? ((await runtime.info()).features ?? noFeatures) : noFeatures;
}

function isConfigError(error: unknown): boolean {
  return error instanceof ConfigError || error instanceof VolumeError;
}

/** Errors that are not of the expected kind are the container's creation that failed. */
async function named<T>(
  reason: string,
  act: () => Promise<T>,
  isExpected: (error: unknown) => boolean = () => true,
): Promise<T> {
  try {
    return await act();
  } catch (error) {
    throw new StepFailure(isExpected(error) ? reason : 'CreateContainerError', error);
  }
}
