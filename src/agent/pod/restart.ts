/**
 * When a container that exited runs again: the pod's (or its own) restart policy, and the crash-loop back-off with the kubelet's
 * figures: the first restart at once, then 10 s, doubled up to 5 min, forgotten when a run lasted 10 min. Pure.
 */
import type { Container, Pod } from '../../api/schema/types/core-v1.ts';

/** How long the next restart waits after the end of the run before, and when the last one was made. */
export interface RestartBackoff {
  readonly delayMs: number;
  readonly lastRestartMs: number;
}

const delayMsMin = 10_000;
const delayMsMax = 300_000;
const forgottenAfterMs = 2 * delayMsMax;

/** When the container may start again; never in the future for the first restart, or after a long run. */
export function restartAtMs(backoff: RestartBackoff | undefined, finishedAtMs: number): number {
  if (backoff === undefined || isForgotten(backoff, finishedAtMs)) return finishedAtMs;
  return finishedAtMs + backoff.delayMs;
}

/** The back-off after a restart made now. */
export function afterRestart(backoff: RestartBackoff | undefined, finishedAtMs: number, nowMs: number): RestartBackoff {
  const fresh = backoff === undefined || isForgotten(backoff, finishedAtMs);
  return { delayMs: fresh ? delayMsMin : Math.min(delayMsMax, backoff.delayMs * 2), lastRestartMs: nowMs };
}

function isForgotten(backoff: RestartBackoff, finishedAtMs: number): boolean {
  return finishedAtMs - backoff.lastRestartMs > forgottenAfterMs;
}

/** A restartable init container: it starts in its turn and runs beside the others to their end. */
export function isSidecar(container: Container): boolean {
  return container.restartPolicy === 'Always';
}

/** For an app container; and for an init container, whose success is its end (`Always` counts as `OnFailure`). */
export function shouldRestart(pod: Pod, container: Container, exitCode: number, isInit = false): boolean {
  for (const rule of container.restartPolicyRules ?? []) {
    const { operator, values = [] } = rule.exitCodes ?? {};
    if (rule.action === 'Restart' && values.includes(exitCode) === (operator === 'In')) return true;
  }
  const policy = container.restartPolicy ?? pod.spec?.restartPolicy ?? 'Always';
  if (policy === 'Always' && (!isInit || isSidecar(container))) return true;
  return policy !== 'Never' && exitCode !== 0;
}
