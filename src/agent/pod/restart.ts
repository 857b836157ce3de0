/**
 * When a container that exited runs again: its rules, its policy, the pod's policy, in this order; and the crash-loop back-off with the
 * kubelet's figures: the first restart at once, then 10 s, doubled up to the longest wait, forgotten when a run lasted 10 min. Pure.
 */
import type { Container, ContainerRestartRule, Pod } from '../../api/schema/types/core-v1.ts';

/** How long the next restart waits after the end of the run before, and when the last one was made. */
export interface RestartBackoff {
  readonly delayMs: number;
  readonly lastRestartMs: number;
  /** Of the definition that kept failing: another one begins anew. */
  readonly hash: string;
}

/** The end of a run, as far as it decides about the next. */
export interface RunEnd {
  readonly exitCode: number;
  readonly reason?: string;
}

/** Why a container ended that another one's rule restarts together with all. */
export const restartingAllContainers = 'RestartingAllContainers';

const delayMsMin = 10_000;
const forgottenAfterMs = 600_000;
/** A run that ended in the future tells that the wall clock was set back. */
const clockSlackMs = 1000;

/** When the container may start again; never in the future for the first restart, or after a long run. */
export function restartAtMs(backoff: RestartBackoff | undefined, finishedAtMs: number, nowMs: number): number {
  if (finishedAtMs > nowMs + clockSlackMs) return nowMs;
  if (backoff === undefined || isForgotten(backoff, finishedAtMs)) return finishedAtMs;
  return finishedAtMs + backoff.delayMs;
}

/** The back-off after a restart made now. */
export function afterRestart(
  backoff: RestartBackoff | undefined,
  facts: {
    readonly finishedAtMs: number;
    readonly nowMs: number;
    readonly waitMsMax: number;
    readonly hash: string;
  },
): RestartBackoff {
  const { finishedAtMs, nowMs, waitMsMax, hash } = facts;
  const fresh = backoff === undefined || isForgotten(backoff, finishedAtMs);
  const delayMs = Math.min(waitMsMax, fresh ? delayMsMin : backoff.delayMs * 2);
  return { delayMs, lastRestartMs: nowMs, hash };
}

function isForgotten(backoff: RestartBackoff, finishedAtMs: number): boolean {
  return finishedAtMs - backoff.lastRestartMs > forgottenAfterMs;
}

/** A restartable init container: it starts in its turn and runs beside the others to their end. */
export function isSidecar(container: Container): boolean {
  return container.restartPolicy === 'Always';
}

/** For an app container; and for an init container, whose success is its end (a pod's `Always` counts as `OnFailure`). */
export function shouldRestart(pod: Pod, container: Container, exitCode: number, isInit = false): boolean {
  if (matchingRule(container, exitCode)?.action === 'Restart') return true;
  const policy = container.restartPolicy ?? pod.spec?.restartPolicy ?? 'Always';
  if (policy === 'Always' && (!isInit || isSidecar(container))) return true;
  return policy !== 'Never' && exitCode !== 0;
}

/** It runs again, by itself or because all containers of its pod do. */
export function willRunAgain(pod: Pod, container: Container, end: RunEnd, isInit = false): boolean {
  if (end.reason === restartingAllContainers || restartsAll(container, end.exitCode)) return true;
  return shouldRestart(pod, container, end.exitCode, isInit);
}

/** A container that is killed for its probe: its rules are about ends of its own making, and are not asked. */
export function restartsWhenKilled(pod: Pod, container: Container): boolean {
  return (container.restartPolicy ?? pod.spec?.restartPolicy) !== 'Never';
}

/** With this exit code, all containers of the pod start from the beginning. */
export function restartsAll(container: Container, exitCode: number): boolean {
  return matchingRule(container, exitCode)?.action === 'RestartAllContainers';
}

/** Some container of the pod could make all restart. */
export function mayRestartAll({ spec }: Pod): boolean {
  const speaks = ({ restartPolicyRules }: Container): boolean =>
    restartPolicyRules?.some(({ action }) => action === 'RestartAllContainers') ?? false;
  return (spec?.containers.some(speaks) ?? false) || (spec?.initContainers?.some(speaks) ?? false);
}

/** The first rule that speaks of the exit code. Rules hold only beside a policy of the container's own. */
function matchingRule(container: Container, exitCode: number): ContainerRestartRule | undefined {
  if (container.restartPolicy === undefined) return undefined;
  return container.restartPolicyRules?.find(({ exitCodes }) => {
    const isListed = exitCodes?.values?.includes(exitCode) ?? false;
    if (exitCodes?.operator === 'In') return isListed;
    return exitCodes?.operator === 'NotIn' && !isListed;
  });
}
