/** Steps of the pod worker that need no memory of their own. All reject with what went wrong. */
import type { Pod } from '../../api/schema/types/core-v1.ts';
import type { PodIdentity, SandboxConfig } from '../runtime.ts';
import { cleanUpPod, sandboxWith } from './pod-hook.ts';
import type { PodHost } from './pod-host.ts';
import { podCgroup, podResources } from './qos.ts';
import { sandboxConfig } from './sandbox-config.ts';

export async function prepareVolumes(host: PodHost, pod: Pod, podIps: readonly string[]): Promise<void> {
  const { platform, source, hostIps, allocatable, clock } = host;
  await platform.storage.prepare({ pod, podIps, hostIps, allocatable, source, nowMs: clock.now() });
}

/** The cgroup first, so that its limits hold from the first process on. */
export async function makeSandbox(host: PodHost, pod: Pod, identity: PodIdentity, attempt: number): Promise<string> {
  const config = await sandboxConfigOf(host, pod, identity, attempt);
  await host.platform.logs.prepare(config.logDirectory);
  await host.platform.cgroups.prepare(config.cgroupParent, podResources(pod));
  return host.runtime.runSandbox(config);
}

export async function sandboxConfigOf(
  host: PodHost,
  pod: Pod,
  identity: PodIdentity,
  attempt: number,
): Promise<SandboxConfig> {
  const plain = sandboxConfig(pod, identity, {
    attempt,
    podLogs: host.podLogs,
    cgroupParent: podCgroup(host.cgroupRoot, pod),
    hostDns: await host.platform.hostDns(),
    clusterDns: host.clusterDns,
  });
  return sandboxWith(host.hooks, plain, pod);
}

/** And the cgroup, wherever it was: the pod's class may no longer be known. */
export async function removeVolumes({ platform, hooks, cgroupRoot }: PodHost, uid: string): Promise<void> {
  await cleanUpPod(hooks, uid);
  for (const cgroup of await platform.cgroups.find(cgroupRoot, uid)) await platform.cgroups.remove(cgroup);
  await platform.storage.remove(uid);
}
