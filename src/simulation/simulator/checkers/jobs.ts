/**
 * Jobs keep their books: never more pods than wanted at once, none after the end, and nothing is counted that did not happen, or twice.
 *
 * A pod counts only after its status told how it ended; so what the status of a Job tells is bounded by what the pods' statuses have told before.
 *
 * A loop that has not heard of a pod's success may tell it to go, when the Job's time is over, and then counts it as failed: as upstream's does. So such a
 * pod may be counted either way, but once.
 *
 * A pod whose maker was told that making it failed may have another beside it until the loop sees both: its name is by chance, so nobody can tell,
 * and upstream's loop makes another as well. No other pod may be one too many.
 */
import type { Job } from '../../../api/schema/types/batch-v1.ts';
import type { Pod } from '../../../api/schema/types/core-v1.ts';
import type { StoreEvent } from '../../../store/store.ts';
import { before, type Checker, named, uidOf } from './checker.ts';
import { controllerUid, Followed, isDeleting } from './followed.ts';

/** What the pods of one Job have told, also those that are gone. */
interface Told {
  readonly succeeded: Set<string>;
  /** Failed, or told to go before they ended. */
  readonly lost: Set<string>;
  readonly indexes: Set<number>;
}

export function jobBooks(isUnanswered: (uid: string) => boolean = () => false): Checker {
  const jobs = new Followed<Job>('jobs.batch');
  const pods = new Followed<Pod>('pods');
  const told = new Map<string, Told>();
  return {
    name: 'a job keeps its books',
    check: (event) => {
      const { object } = event.entry;
      if (jobs.follow(event)) return event.type === 'deleted' ? undefined : judgeStatus(event);
      const job = pods.follow(event) ? jobs.get(controllerUid(object, 'Job')) : undefined;
      if (job === undefined) return undefined;
      hear(uidOf(job), object, event.type === 'deleted');
      return event.type === 'added' ? judgeNewPod(event, job) : undefined;
    },
  };

  function hear(job: string, pod: Pod, isGone: boolean): void {
    const { succeeded, lost, indexes } = toldOf(job);
    const phase = pod.status?.phase;
    if (phase === 'Succeeded') {
      succeeded.add(uidOf(pod));
      indexes.add(indexOf(pod) ?? -1);
      if (isDeleting(pod)) lost.add(uidOf(pod));
    } else if (phase === 'Failed' || isDeleting(pod) || isGone) lost.add(uidOf(pod));
  }

  function toldOf(job: string): Told {
    const known = told.get(job) ?? { succeeded: new Set(), lost: new Set(), indexes: new Set() };
    told.set(job, known);
    return known;
  }

  function judgeNewPod(event: StoreEvent, job: Job): string | undefined {
    const { spec, status } = job;
    const most = spec?.parallelism ?? 1;
    const counts = (pod: Pod): boolean => pod === event.entry.object || !isUnanswered(uidOf(pod));
    const active = pods.where((pod) => controllerUid(pod) === uidOf(job) && isActive(pod) && counts(pod)).length;
    if (active > most) return `${named(event)} is one of ${active} active pods of a job that wants ${most}`;
    if (hasEnded(job)) return `${named(event)} was made for a job that has ended`;
    const index = indexOf(event.entry.object);
    const isDone = index !== undefined && indexesIn(status?.completedIndexes).has(index);
    return isDone ? `${named(event)} was made for index ${index}, which is complete` : undefined;
  }

  function judgeStatus(event: StoreEvent): string | undefined {
    const job = event.entry.object as Job;
    const { succeeded = 0, failed = 0, completedIndexes } = job.status ?? {};
    const known = toldOf(uidOf(job));
    const completed = indexesIn(completedIndexes);
    const made = [...completed].find((index) => !known.indexes.has(index));
    if (made !== undefined) return `${named(event)} has completed index ${made}, and no pod of it succeeded`;
    if (succeeded > known.succeeded.size)
      return `${named(event)} counts ${succeeded} pods that succeeded, and there were ${known.succeeded.size}`;
    if (failed > known.lost.size)
      return `${named(event)} counts ${failed} pods that failed, and there were ${known.lost.size}`;
    const either = new Set([...known.succeeded, ...known.lost]);
    if (succeeded + failed > either.size)
      return `${named(event)} counts ${succeeded + failed} pods that ended, and there were ${either.size}`;
    const old = before<Job>(event);
    return old && fallen(event, old, completed);
  }
}

function fallen(event: StoreEvent, old: Job, completed: ReadonlySet<number>): string | undefined {
  const { succeeded = 0, failed = 0 } = (event.entry.object as Job).status ?? {};
  const was = old.status ?? {};
  if (succeeded < (was.succeeded ?? 0)) return `${named(event)}: succeeded fell from ${was.succeeded} to ${succeeded}`;
  if (failed < (was.failed ?? 0)) return `${named(event)}: failed fell from ${was.failed} to ${failed}`;
  const lost = [...indexesIn(was.completedIndexes)].find((index) => !completed.has(index));
  if (lost !== undefined) return `${named(event)} no longer knows that index ${lost} is complete`;
  return hasEnded(old) && !hasEnded(event.entry.object) ? `${named(event)} had ended, and goes on` : undefined;
}

const isActive = (pod: Pod): boolean =>
  !isDeleting(pod) && pod.status?.phase !== 'Succeeded' && pod.status?.phase !== 'Failed';

const hasEnded = ({ status }: Job): boolean =>
  status?.conditions?.some(({ type, status: is }) => (type === 'Complete' || type === 'Failed') && is === 'True') ===
  true;

function indexOf({ metadata }: Pod): number | undefined {
  const text = metadata?.annotations?.['batch.kubernetes.io/job-completion-index'];
  return text === undefined ? undefined : Number(text);
}

/** `0-2,5` */
function indexesIn(text: string | undefined): ReadonlySet<number> {
  const ranges = (text ?? '').split(',').filter((range) => range !== '');
  return new Set(
    ranges.flatMap((range) => {
      const [first = 0, last = first] = range.split('-').map(Number);
      return Array.from({ length: last - first + 1 }, (_, offset) => first + offset);
    }),
  );
}
