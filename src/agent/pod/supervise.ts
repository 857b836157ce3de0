/** Whether a container that runs is to be stopped though its pod should run: another definition, or a probe that gives it up. Pure. */
import type { Container, Pod, Probe } from '../../api/schema/types/core-v1.ts';
import type { ContainerStatus } from '../runtime.ts';
import { containerHash, hashAnnotation } from './containers.ts';
import type { PlanBuilder, PodObservation } from './plan.ts';
import { restartsWhenKilled } from './restart.ts';

interface Cause {
  readonly text: string;
  /** The one that failed; absent: the definition changed, and it comes back whatever its policy says. */
  readonly probe?: Probe;
}

export function supervise(
  observation: PodObservation,
  pod: Pod,
  { container, run }: { readonly container: Container; readonly run: ContainerStatus },
  plan: PlanBuilder,
): void {
  if (observation.stops.has(run.id)) return;
  const cause = causeOf(observation, container, run);
  if (cause === undefined) return;
  const { text, probe } = cause;
  const restarts = probe === undefined || restartsWhenKilled(pod, container);
  const seconds = probe?.terminationGracePeriodSeconds ?? pod.spec?.terminationGracePeriodSeconds ?? 30;
  const message = restarts ? `${text}, will be restarted` : text;
  const gracePeriodMs = Math.max(0, seconds * 1000);
  plan.steps.push({
    kind: 'stop-container',
    container: container.name,
    containerId: run.id,
    gracePeriodMs,
    message,
    ...(probe === undefined && { renews: true as const }),
  });
  plan.wakeAt(observation.nowMs + gracePeriodMs + 1000);
}

function causeOf({ probes }: PodObservation, container: Container, run: ContainerStatus): Cause | undefined {
  const { name, livenessProbe, startupProbe } = container;
  const hash = run.annotations[hashAnnotation];
  if (hash !== undefined && hash !== containerHash(container)) return { text: `Container ${name} definition changed` };
  const { liveness, startup } = probes.get(run.id) ?? {};
  if (liveness === 'failure' && livenessProbe !== undefined) {
    return { text: `Container ${name} failed liveness probe`, probe: livenessProbe };
  }
  if (startup === 'failure' && startupProbe !== undefined) {
    return { text: `Container ${name} failed startup probe`, probe: startupProbe };
  }
  return undefined;
}
