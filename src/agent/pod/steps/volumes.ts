/** A pod's volumes and what else lies on the node's disk for it: made before its sandbox, removed when nothing of it runs. */

import { cleanUpPod } from '../pod-hook.ts';
import type { PodHost } from '../pod-host.ts';
import { messageOf, type PodMemory } from '../pod-memory.ts';

export async function prepareVolumes(memory: PodMemory): Promise<boolean> {
  const pod = memory.lastPod;
  if (pod === undefined) return false;
  const { platform, source, hostIps, allocatable, clock, configuration } = memory.host;
  const { storage } = platform;
  // What is made of objects follows them; where one has no watch, it is asked for at intervals.
  const retryAtMs = clock.now() + configuration.syncFrequencyMs;
  try {
    const isFollowed = storage.isEmpty === true || source.follow(pod);
    memory.refreshAtMs = Number.POSITIVE_INFINITY;
    const nextAtMs = await storage.prepare({
      pod,
      podIps: memory.podIps,
      hostIps,
      allocatable,
      source,
      nowMs: clock.now(),
    });
    memory.volumes = 'ready';
    // An object may have changed meanwhile: then it is due already.
    memory.refreshAtMs = Math.min(
      memory.refreshAtMs,
      nextAtMs,
      isFollowed || source.follow(pod) ? nextAtMs : retryAtMs,
    );
    memory.failures.delete('');
    memory.retries.forget('volumes');
    return true;
  } catch (error) {
    memory.event('Warning', 'FailedMount', messageOf(error));
    memory.fail('', 'volumes', 'ContainerCreating', messageOf(error));
    memory.refreshAtMs = memory.failures.get('')?.retryAtMs ?? retryAtMs;
    return false;
  }
}

export async function removeVolumes(memory: PodMemory): Promise<boolean> {
  await removeTraces(memory.host, memory.identity.uid);
  memory.volumes = 'removed';
  return true;
}

/** And the cgroup, wherever it was: the pod's class may no longer be known. */
export async function removeTraces({ platform, source, hooks, cgroupRoot }: PodHost, uid: string): Promise<void> {
  source.forget(uid);
  await cleanUpPod(hooks, uid);
  for (const cgroup of await platform.cgroups.find(cgroupRoot, uid)) await platform.cgroups.remove(cgroup);
  await platform.storage.remove(uid);
}
