/** Containers that end again and again: how they ended, who ended them, and what they wrote last. */
import type { ContainerStateTerminated, Pod } from '../../api/schema/types/core-v1.ts';
import { argumentOf, type Finding, finding, type Remedy, remedy, subjectOf } from '../finding.ts';
import { eventLine, type Inquiry } from '../inquiry.ts';
import { exitText, sinceText, timeOf } from '../words.ts';
import { commandFinding } from './command.ts';
import { containersOf, containerText, type SeenContainer } from './containers.ts';
import { probeText } from './probe-words.ts';

/** A restart longer ago than this is history. */
const recentMs = 10 * 60_000;
const logLinesMax = 8;

export async function crashes(pod: Pod, inquiry: Inquiry): Promise<readonly Finding[]> {
  if (pod.metadata?.deletionTimestamp !== undefined || pod.status?.phase === 'Succeeded') return [];
  const findings: Finding[] = [];
  for (const seen of containersOf(pod)) {
    const end = badEnd(pod, seen, inquiry.nowMs);
    if (end !== undefined) findings.push(await ofEnd(pod, seen, end, inquiry));
  }
  return findings;
}

interface End {
  readonly terminated: ContainerStateTerminated;
  /** It runs again; what is told is its past. */
  readonly isPast: boolean;
}

function badEnd(pod: Pod, { status, role }: SeenContainer, nowMs: number): End | undefined {
  const { state, lastState, restartCount = 0, ready } = status ?? {};
  const never = pod.spec?.restartPolicy === 'Never';
  const now = state?.terminated;
  if (now !== undefined) {
    const isDone = now.exitCode === 0 && (role === 'init' || pod.spec?.restartPolicy !== 'Always');
    return isDone || (now.exitCode === 0 && never) ? undefined : { terminated: now, isPast: false };
  }
  const last = lastState?.terminated;
  if (last === undefined || restartCount === 0) return undefined;
  if (state?.waiting !== undefined) return { terminated: last, isPast: false };
  // Its node was stopped meanwhile: nobody saw an end, and it runs again.
  if (last.reason === 'ContainerStatusUnknown') return undefined;
  const finishedMs = timeOf(last.finishedAt) ?? 0;
  const counts = ready !== true || (last.exitCode !== 0 && nowMs - finishedMs < recentMs);
  return counts ? { terminated: last, isPast: ready === true } : undefined;
}

async function ofEnd(pod: Pod, seen: SeenContainer, { terminated, isPast }: End, inquiry: Inquiry): Promise<Finding> {
  const { exitCode, signal, reason, message, finishedAt } = terminated;
  const restarts = seen.status?.restartCount ?? 0;
  const why = [
    `${containerText(seen)} ended with ${exitText(exitCode, signal)}${finishedAt ? `, ${sinceText(finishedAt, inquiry.nowMs)} ago` : ''}`,
    reason && reason !== 'Error' && reason !== 'Completed' ? `the runtime calls it ${reason}` : undefined,
    restarts > 0 ? `it was restarted ${restarts === 1 ? 'once' : `${restarts} times`}` : undefined,
    seen.status?.state?.waiting?.reason === 'CrashLoopBackOff'
      ? 'between two starts the node waits longer each time (CrashLoopBackOff)'
      : undefined,
  ];
  if (reason === 'StartError' || reason === 'ContainerCannotRun') {
    return commandFinding(
      pod,
      seen,
      message ?? '',
      why.filter((line) => line !== undefined && line !== '') as string[],
    );
  }
  const killing = await killedByProbe(pod, seen, inquiry);
  const kind = kindOf(pod, seen, terminated, killing !== undefined);
  const log = kind.needsLog ? await lastLines(pod, seen, inquiry) : [];
  return finding(pod, kind.code, kind.what, {
    severity: isPast ? 'warning' : 'problem',
    why: [
      ...why,
      killing,
      message && `it left the message: ${message.trim().slice(-400)}`,
      ...(log.length === 0 ? [] : ['the last lines that it wrote:', ...log.map((line) => `  | ${line.slice(0, 200)}`)]),
    ],
    fix: kind.fix,
  });
}

interface CrashKind {
  readonly code: string;
  readonly what: string;
  readonly needsLog: boolean;
  readonly fix: readonly Remedy[];
}

function kindOf(
  pod: Pod,
  seen: SeenContainer,
  { exitCode, signal, reason }: ContainerStateTerminated,
  byProbe: boolean,
): CrashKind {
  const who = containerText(seen);
  const { container } = seen;
  const logs = remedy(
    'Read all that it wrote',
    `naru logs ${argumentOf(subjectOf(pod))} -c ${container.name} --previous`,
  );
  if (reason === 'OOMKilled') {
    const limit = container.resources?.limits?.['memory'];
    const than = limit === undefined ? 'its node had left' : `its limit of ${limit}`;
    return {
      code: 'OutOfMemory',
      what: `${who} was killed because it used more memory than ${than}`,
      needsLog: true,
      fix: [
        remedy(
          limit === undefined
            ? 'Give it requests.memory, so that a node with room is chosen'
            : `Raise resources.limits.memory (now ${limit}) in the template, or let the program use less (its heap, caches, workers)`,
        ),
        remedy('See what it uses', `naru top pods -n ${pod.metadata?.namespace}`),
        logs,
      ],
    };
  }
  if (byProbe) {
    const { livenessProbe, startupProbe } = container;
    const probe = livenessProbe ?? startupProbe;
    return {
      code: 'KilledByProbe',
      what: `${who} is restarted because its ${livenessProbe === undefined ? 'startup' : 'liveness'} probe fails${probe === undefined ? '' : ` (${probeText(probe)})`}`,
      needsLog: true,
      fix: [
        remedy(
          'Look whether the program answers there at all: path, port, and the address that it listens on (0.0.0.0, not 127.0.0.1)',
        ),
        remedy('If it is only slow: a startupProbe, or larger timeoutSeconds, periodSeconds, failureThreshold'),
        logs,
      ],
    };
  }
  if (exitCode === 127 || exitCode === 126) {
    const what =
      exitCode === 127 ? 'a command that it calls is not in the image' : 'a command that it calls may not be run';
    return {
      code: exitCode === 127 ? 'CommandNotFound' : 'CommandNotAllowed',
      what: `${who} ends at once: ${what}`,
      needsLog: true,
      fix: [remedy('Correct command and args in the template, or the image'), logs],
    };
  }
  if (exitCode === 0) {
    return {
      code: 'EndsByItself',
      what: `${who} ends by itself, without an error, and is started again and again`,
      needsLog: true,
      fix: [
        remedy(
          'What runs in a Deployment must not end: let its command stay in the foreground; for work that ends use a Job',
        ),
        logs,
      ],
    };
  }
  return {
    code: 'Crash',
    what: `${who} ends with ${exitText(exitCode, signal)}`,
    needsLog: true,
    fix: [
      logs,
      remedy('See with which command, variables and volumes it runs', `naru describe ${argumentOf(subjectOf(pod))}`),
    ],
  };
}

/** The node says so when it ends a container for its probe. */
async function killedByProbe(pod: Pod, { container }: SeenContainer, inquiry: Inquiry): Promise<string | undefined> {
  const events = await inquiry.events(pod);
  const killing = events.find(
    ({ reason, message = '' }) =>
      reason === 'Killing' &&
      new RegExp(`[Cc]ontainer ${container.name}\\b.*failed (liveness|startup) probe`).test(message),
  );
  return killing && eventLine(killing, inquiry.nowMs);
}

async function lastLines(
  pod: Pod,
  { container, status }: SeenContainer,
  { look }: Inquiry,
): Promise<readonly string[]> {
  const reference = { namespace: pod.metadata?.namespace ?? '', name: pod.metadata?.name ?? '' };
  const isOver = status?.state?.terminated !== undefined;
  const lines = await look.logs(reference, container.name, !isOver && (status?.restartCount ?? 0) > 0);
  return lines.slice(-logLinesMax);
}
