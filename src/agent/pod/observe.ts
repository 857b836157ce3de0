/** How a pod's worker sees: the runtime's state, the containers' last words, the probes' verdicts; put together for `decidePod`. */
import type { Container } from '../../api/schema/types/core-v1.ts';
import { hasProbes, Prober } from '../probes/prober.ts';
import type { ContainerStatus } from '../runtime.ts';
import { allContainers, findContainer } from './containers.ts';
import type { PodObservation } from './plan.ts';
import type { PodMemory } from './pod-memory.ts';
import { withForeignStatus } from './status-writer.ts';

const logTailBytes = 2048;
const noVerdicts: PodObservation['probes'] = new Map();

/** Looks at the runtime, and reads what ended since the last look. */
export async function look(memory: PodMemory): Promise<void> {
  memory.state = await memory.host.runtime.state(memory.identity.uid);
  await readMessages(memory);
}

/** Containers that run are probed from now on, those that ended no more. */
export function followProbes(memory: PodMemory): void {
  const containers: readonly Container[] = memory.lastPod === undefined ? [] : allContainers(memory.lastPod);
  if (memory.prober === undefined && !containers.some(hasProbes)) return;
  const { clock, prng, startedAtMs: agentStartedAtMs, runtime, platform, metrics } = memory.host;
  memory.prober ??= new Prober({
    clock,
    prng,
    agentStartedAtMs,
    runtime,
    transport: platform.probes,
    changed: () => memory.wake(),
    event: (reason, container, message) => memory.event('Warning', reason, message, container),
    ...(metrics && {
      probed: (probeType, container, result, ms) =>
        metrics.probed({ ...podLabels(memory), probeType, container }, result, ms),
    }),
  });
  if (memory.endingSinceMs !== undefined) memory.prober.podEnds();
  if (memory.lastPod === undefined) return;
  const runs = memory.state.containers.filter(({ id }) => !memory.postStarts.has(id));
  memory.prober.follow(containers, runs, memory.podIps[0] ?? '');
}

function podLabels({ identity: { namespace, name: pod, uid: podUid } }: PodMemory) {
  return { namespace, pod, podUid };
}

export function observationOf(memory: PodMemory): PodObservation {
  const { clock, hostIps, runtimeName } = memory.host;
  const { pod, lastPod, failed } = memory;
  const resize = memory.host.resizes.view(memory.identity.uid);
  const devices = lastPod && memory.host.deviceHealth?.(lastPod);
  const mustEnd = pod?.metadata?.deletionTimestamp !== undefined || pod === undefined || failed;
  // Whole milliseconds: sums and differences of deadlines are exact.
  const monotonicMs = Math.floor(clock.monotonic());
  if (mustEnd) memory.endingSinceMs ??= monotonicMs;
  return {
    identity: memory.identity,
    pod,
    lastPod,
    status: withForeignStatus(memory.status, lastPod?.status),
    ...memory.state,
    images: memory.images,
    failures: memory.failures,
    restarts: memory.restarts,
    restartWaitMsMax: memory.host.configuration.crashLoopBackOffMaxMs,
    probes: memory.prober?.verdicts() ?? noVerdicts,
    messages: memory.messages,
    postStarts: memory.postStarts,
    preStops: memory.preStops,
    stops: memory.stops,
    renewals: memory.renewals,
    volumes: memory.volumes,
    endingSinceMs: memory.endingSinceMs ?? monotonicMs,
    ...(failed !== undefined && { failed }),
    ...(resize !== undefined && { resize }),
    ...(devices !== undefined && { devices }),
    deleteSent: memory.deleteSent,
    hostIps,
    runtimeName,
    nowMs: clock.now(),
    monotonicMs,
  };
}

/** What containers left in their termination logs, read once. */
async function readMessages(memory: PodMemory): Promise<void> {
  for (const run of memory.state.containers) {
    if (run.state !== 'exited' || memory.messages.has(run.id)) continue;
    memory.messages.set(run.id, await lastWords(memory, run));
  }
}

async function lastWords({ host, identity, lastPod }: PodMemory, run: ContainerStatus): Promise<string> {
  const { storage, logs } = host.platform;
  const message = await storage.terminationMessage(identity.uid, run.name, run.attempt);
  const container = lastPod === undefined ? undefined : findContainer(lastPod, run.name);
  const wantsLog = container?.terminationMessagePolicy === 'FallbackToLogsOnError' && run.exitCode !== 0;
  return message === '' && wantsLog ? logs.tail(run, { lines: 80, bytes: logTailBytes }) : message;
}
