/** A CronJob starts each of its times once, and with the policy Forbid none while another runs. */
import type { CronJob, Job } from '../../../api/schema/types/batch-v1.ts';
import type { StoreEvent } from '../../../store/store.ts';
import { before, type Checker, named, uidOf } from './checker.ts';
import { controllerUid, Followed } from './followed.ts';

const timeAnnotation = 'batch.kubernetes.io/cronjob-scheduled-timestamp';

export function cronRuns(): Checker {
  const cronJobs = new Followed<CronJob>('cronjobs.batch');
  const jobs = new Followed<Job>('jobs.batch');
  const started = new Set<string>();
  return {
    name: 'a cron job starts each time once',
    check: (event) => {
      if (cronJobs.follow(event)) return judgeTime(event);
      if (!jobs.follow(event) || event.type !== 'added') return undefined;
      const job = event.entry.object as Job;
      const owner = controllerUid(job, 'CronJob');
      return owner === '' ? undefined : (judgeOnce(event, owner) ?? judgeAlone(event, owner));
    },
  };

  function judgeOnce(event: StoreEvent, owner: string): string | undefined {
    const time = `${owner} ${event.entry.object.metadata?.annotations?.[timeAnnotation]}`;
    if (started.has(time)) return `${named(event)} is the second run of one time`;
    started.add(time);
    return undefined;
  }

  function judgeAlone(event: StoreEvent, owner: string): string | undefined {
    if (cronJobs.get(owner)?.spec.concurrencyPolicy !== 'Forbid') return undefined;
    const other = jobs.where((job) => controllerUid(job) === owner && job !== event.entry.object && !hasEnded(job))[0];
    return other && `${named(event)} began while ${other.metadata?.name} (${uidOf(other)}) ran, which is forbidden`;
  }
}

function judgeTime(event: StoreEvent): string | undefined {
  const was = before<CronJob>(event)?.status?.lastScheduleTime;
  const now = (event.entry.object as CronJob).status?.lastScheduleTime;
  if (was === undefined || event.type === 'deleted' || (now !== undefined && Date.parse(now) >= Date.parse(was)))
    return undefined;
  return `${named(event)}: lastScheduleTime went from ${was} to ${now}`;
}

const hasEnded = ({ status }: Job): boolean =>
  status?.conditions?.some(({ type, status: is }) => (type === 'Complete' || type === 'Failed') && is === 'True') ===
  true;
