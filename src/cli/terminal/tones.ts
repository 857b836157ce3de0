/** What a word in a table means to the reader: well, not yet, or wrong. Data: the words of `kubectl get`'s columns. Whatever stands here in no list is plain. */

export type Tone = 'good' | 'warning' | 'bad' | 'plain';

const words: Readonly<Record<Exclude<Tone, 'plain'>, readonly string[]>> = {
  good: 'Running Ready Succeeded Completed Complete Bound Active Available Healthy Approved,Issued Established Synced True'.split(
    ' ',
  ),
  warning: [
    ...'Pending ContainerCreating PodInitializing Terminating NotReady Unknown Progressing Released Suspended SchedulingGated'.split(
      ' ',
    ),
    ...'Ready,SchedulingDisabled Warning Evicted NodeShutdown ContainerStatusUnknown Waiting Approved'.split(' '),
  ],
  bad: [
    ...'Failed Error CrashLoopBackOff ImagePullBackOff ErrImagePull ErrImageNeverPull InvalidImageName OOMKilled Lost'.split(
      ' ',
    ),
    ...'CreateContainerConfigError CreateContainerError RunContainerError StartError DeadlineExceeded UnexpectedAdmissionError'.split(
      ' ',
    ),
    ...'NotReady,SchedulingDisabled Denied Degraded ContainerCannotRun Preempting NodeLost NodeAffinity OutOfcpu OutOfmemory'.split(
      ' ',
    ),
  ],
};

const toneOfWord: ReadonlyMap<string, Tone> = new Map(
  Object.entries(words).flatMap(([tone, list]) => list.map((word): [string, Tone] => [word, tone as Tone])),
);

/** Columns that hold words of state; in others the same word may be somebody's name. */
const stateColumns: ReadonlySet<string> = new Set(
  'STATUS PHASE STATE CONDITION TYPE AVAILABLE HEALTH READY SYNCED PROGRAMMED ACCEPTED ESTABLISHED'.split(' '),
);

export function toneOf(column: string, cell: string): Tone {
  const name = column.toUpperCase();
  const share = /^(\d+)\/(\d+)$/.exec(cell);
  if (share !== null && ['READY', 'COMPLETIONS', 'AVAILABLE'].includes(name)) {
    return Number(share[1]) >= Number(share[2]) ? 'plain' : 'warning';
  }
  // The nodes' own readiness is the one in which NotReady is a failure.
  if (!stateColumns.has(name)) return 'plain';
  // `Init:0/1` is under way; `Init:CrashLoopBackOff` is not.
  const word = cell.replace(/^(Init|Signal|ExitCode):/, '');
  if (/^Init:\d+\/\d+$/.test(cell)) return 'warning';
  if (/^(Signal|ExitCode):/.test(cell)) return 'bad';
  return toneOfWord.get(word) ?? 'plain';
}
