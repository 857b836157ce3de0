/** One run of a container: started, and its postStart hook beside the other steps; where that fails, it is stopped. */

import type { Container, Pod } from '../../../api/schema/types/core-v1.ts';
import type { ContainerType } from '../../metrics/agent-metrics.ts';
import type { SandboxStatus } from '../../runtime.ts';
import { ephemeralContainers, findContainer, initContainers } from '../containers.ts';
import { runHook } from '../lifecycle-hooks.ts';
import { podIpsOf } from '../pod-ips.ts';
import { messageOf, type PodMemory } from '../pod-memory.ts';
import { StepFailure, startContainer } from '../start-container.ts';
import type { StepOf } from './step.ts';
import { stopInBackground } from './stop-container.ts';

/** Upstream sets no limit to the hook of a start; neither may it hold a worker for ever. */
const postStartMs = 600_000;

export async function runContainer(memory: PodMemory, step: StepOf<'start-container'>): Promise<boolean> {
  const { pod, sandbox, host, identity } = memory;
  const container = pod === undefined ? undefined : findContainer(pod, step.container);
  if (pod === undefined || container === undefined || sandbox?.id !== step.sandboxId) return true;
  const { name } = container;
  const event = (type: 'Normal' | 'Warning', reason: string, message: string): void =>
    memory.event(type, reason, message, name);
  const { attempt, imageId } = step;
  const { containers } = memory.state;
  const target = { pod, container, identity, sandbox, sandboxId: sandbox.id, attempt, imageId, containers, event };
  // Whatever comes of it: the next start asks for the image again, which a policy of Always needs.
  memory.images.delete(name);
  try {
    const id = await host.starts.run(() => startContainer(host, target));
    host.metrics?.containerStarted(containerType(pod, name));
    memory.failures.delete(name);
    memory.retries.forget(name);
    if (step.backoff !== undefined) memory.restarts.set(name, step.backoff);
    // The containers after it wait for its hook.
    return !postStart(memory, container, id, sandbox);
  } catch (error) {
    const reason = error instanceof StepFailure ? error.reason : 'CreateContainerError';
    host.metrics?.containerStarted(containerType(pod, name), reason);
    event('Warning', 'Failed', `Error: ${messageOf(error)}`);
    memory.fail(name, name, reason, messageOf(error));
    if (reason === 'RunContainerError' && step.backoff !== undefined) memory.restarts.set(name, step.backoff);
  }
  return true;
}

/** As the metrics name them. */
function containerType(pod: Pod, name: string): ContainerType {
  if (initContainers(pod).some((one) => one.name === name)) return 'init_container';
  return ephemeralContainers(pod).some((one) => one.name === name) ? 'ephemeral_container' : 'container';
}

/** True: there is one. Until it has ended, the container does not count as running. */
function postStart(memory: PodMemory, container: Container, containerId: string, sandbox: SandboxStatus): boolean {
  const hook = container.lifecycle?.postStart;
  if (hook === undefined) return false;
  const { host } = memory;
  const podIp = podIpsOf(memory.lastPod, sandbox.ips, host.hostIps)[0] ?? host.hostIps[0] ?? '';
  memory.postStarts.set(containerId, true);
  memory.inBackground(async () => {
    try {
      await runHook(host, hook, { container, containerId, podIp, timeoutMs: postStartMs });
      memory.postStarts.delete(containerId);
    } catch (error) {
      // It never counts as running.
      failedPostStart(memory, container, containerId, error);
    }
  });
  return true;
}

/** What the hook's target answered may be a secret: the pod's owner sees it in the status, and readers of events do not. */
function failedPostStart(memory: PodMemory, { name }: Container, containerId: string, error: unknown): void {
  if (memory.stops.has(containerId) || memory.preStops.has(containerId)) return;
  memory.event('Warning', 'FailedPostStartHook', 'PostStartHook failed', name);
  memory.log.warn('a postStart hook failed', { container: name, error });
  const reason = 'PostStartHookError';
  // The next start waits for the end of this run, and then a moment, in which the status says why.
  memory.failures.set(name, { reason, message: messageOf(error), retryAtMs: Number.POSITIVE_INFINITY });
  const gracePeriodMs = (memory.pod?.spec?.terminationGracePeriodSeconds ?? 30) * 1000;
  const message = 'FailedPostStartHook';
  const stop = { kind: 'stop-container', container: name, containerId, gracePeriodMs, message } as const;
  const ended = (): void => memory.fail(name, name, reason, messageOf(error));
  stopInBackground(memory, stop, Math.floor(memory.host.clock.monotonic()), ended);
}
