/** What of the agent itself makes a node not ready, in the words of upstream's kubelet. Pure. */
import { goDuration } from '../lib/go-duration.ts';

/** The last look at all pods: upstream's "pod lifecycle event generator". On the clock that never jumps. */
export interface RelistState {
  readonly lastMs: number;
}

const relistMsMax = 180_000;

/** Undefined: it looked lately, or did not look yet. */
export function relistProblem(relist: RelistState | undefined, nowMs: number): string | undefined {
  const agoMs = relist === undefined ? 0 : nowMs - relist.lastMs;
  if (agoMs <= relistMsMax) return undefined;
  return `pleg was last seen active ${goDuration(agoMs)} ago; threshold is ${goDuration(relistMsMax)}`;
}

export interface NodeConcerns {
  readonly relist: RelistState | undefined;
  readonly nowMs: number;
  readonly isShuttingDown?: boolean;
}

/** For the message of the Ready condition. */
export function nodeProblems({ relist, nowMs, isShuttingDown }: NodeConcerns): readonly string[] {
  const stale = relistProblem(relist, nowMs);
  return [
    ...(stale === undefined ? [] : [`PLEG is not healthy: ${stale}`]),
    ...(isShuttingDown === true ? ['node is shutting down'] : []),
  ];
}
