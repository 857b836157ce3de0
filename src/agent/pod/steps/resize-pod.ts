/** Carries a resize out: containers that run get other limits, and the pod's cgroup with them, in an order in which nothing is ever too small. */
import {
  type ContainerChange,
  type MemoryCut,
  memoryInTheWay,
  type PodChange,
  resizeActions,
  shrinkingMemory,
} from '../../resources/decide-resize.ts';
import type { PodHost } from '../pod-host.ts';
import { messageOf, type PodMemory } from '../pod-memory.ts';
import { podCgroup, podResources } from '../qos.ts';
import type { StepOf } from './step.ts';

const backoffKey = 'resize';

export async function resizePod(memory: PodMemory, step: StepOf<'resize-pod'>): Promise<boolean> {
  const { host, identity, retries } = memory;
  try {
    await host.resizes.persisted();
    await resize(memory, step);
    retries.forget(backoffKey);
    host.resizes.acted(identity.uid, step.isLast);
  } catch (error) {
    host.resizes.failed(identity.uid, messageOf(error), host.clock.now() + retries.next(backoffKey));
  }
  return true;
}

async function resize(memory: PodMemory, { update, isLast }: StepOf<'resize-pod'>): Promise<void> {
  const { host, identity, lastPod, state } = memory;
  const wanted = host.resizes.view(identity.uid)?.wanted;
  if (lastPod === undefined || wanted === undefined) return;
  const cgroup = podCgroup(host.cgroupRoot, lastPod);
  const pod = { now: await host.platform.cgroups.read(cgroup), wanted: podResources(lastPod, host.rules), isLast };
  const containers = state.containers.flatMap(({ id, name, resources }): readonly ContainerChange[] => {
    const limits = wanted.get(name);
    return limits !== undefined && update.includes(id) ? [{ id, name, now: resources, wanted: limits }] : [];
  });
  const problem = memoryInTheWay(await memoryCuts(host, cgroup, pod, containers));
  if (problem !== undefined) throw new Error(problem);
  for (const action of resizeActions(pod, containers)) {
    if (action.kind === 'pod') await host.platform.cgroups.set(cgroup, action.limits);
    else await host.runtime.updateContainer(action.id, action.limits);
  }
}

/** Containers have their cgroups, named by their ids, in the pod's. */
async function memoryCuts(
  { platform }: PodHost,
  cgroup: string,
  pod: PodChange,
  containers: readonly ContainerChange[],
): Promise<readonly MemoryCut[]> {
  return Promise.all(
    shrinkingMemory(pod, containers).map(async ({ container, limitBytes }) => ({
      ...(container !== undefined && { container: container.name }),
      limitBytes,
      usedBytes: await platform.cgroups.memoryUsage(container === undefined ? cgroup : `${cgroup}/${container.id}`),
    })),
  );
}
