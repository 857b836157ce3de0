/** Jobs that failed or stand still, and CronJobs that start none. */
import type { CronJob, Job } from '../../api/schema/types/batch-v1.ts';
import { jobs } from '../../client/resources.ts';
import { argumentOf, type Finding, finding, remedy, subjectOf } from '../finding.ts';
import { eventLine, type Inquiry } from '../inquiry.ts';
import { isReady } from '../pods/containers.ts';
import { counted, sinceText, timeOf } from '../words.ts';
import { creationRefused, isControlledBy, podCauses, podsOf } from './pods-of.ts';

const reasons: Readonly<Record<string, string>> = {
  BackoffLimitExceeded: 'its pods failed as often as backoffLimit allows',
  DeadlineExceeded: 'it ran longer than its activeDeadlineSeconds allows',
  PodFailurePolicy: 'its podFailurePolicy ended it',
  MaxFailedIndexesExceeded: 'more of its indexes failed than maxFailedIndexes allows',
  FailedIndexes: 'some of its indexes failed',
};

export async function jobRules(job: Job, inquiry: Inquiry): Promise<readonly Finding[]> {
  if (job.metadata?.deletionTimestamp !== undefined) return [];
  const { conditions = [], active = 0, succeeded = 0, failed = 0 } = job.status ?? {};
  const holds = (type: string) => conditions.find((one) => one.type === type && one.status === 'True');
  if (holds('Complete') !== undefined) return [];
  if (job.spec?.suspend === true) {
    return [
      finding(job, 'Suspended', 'it is suspended: it starts no pods', {
        severity: 'warning',
        why: ['spec.suspend: true'],
        fix: [remedy('Set suspend to false', `naru edit ${argumentOf(subjectOf(job))}`)],
      }),
    ];
  }
  const pods = await podsOf(job, inquiry);
  const end = holds('Failed') ?? holds('FailureTarget');
  const refused = active === 0 && end === undefined ? await creationRefused(job, inquiry) : [];
  const causes = [
    ...refused,
    ...(await podCauses(
      pods.filter((pod) => pod.status?.phase !== 'Succeeded' && !isReady(pod)),
      inquiry,
    )),
  ];
  const why = [`${counted(succeeded, 'pod')} succeeded, ${failed} failed, ${active} active`];
  if (end !== undefined) {
    const text = reasons[end.reason ?? ''] ?? (end.message || 'it failed');
    return [
      finding(job, 'JobFailed', `it failed: ${text}`, {
        why: [`condition ${end.type}: ${end.reason ?? ''}: ${end.message ?? ''}`, ...why],
        causes,
        fix: [
          causes.length > 0
            ? undefined
            : remedy('Read what its pods wrote, where they are still there', `naru logs ${argumentOf(subjectOf(job))}`),
          remedy(
            'A Job is not run again: mend the cause, delete it, and create it anew',
            `naru delete ${argumentOf(subjectOf(job))}`,
          ),
        ],
      }),
    ];
  }
  if (causes.length === 0) return [];
  return [
    finding(job, 'JobStuck', `it is not done: ${succeeded} of ${job.spec?.completions ?? 1} done`, {
      // One that failed, and another one that runs: the Job tries again.
      severity: pods.some(isReady) ? 'warning' : 'problem',
      why,
      causes,
    }),
  ];
}

/** A start that is later than this is missed. */
const lateMs = 60_000;

export async function cronJobRules(cronJob: CronJob, inquiry: Inquiry): Promise<readonly Finding[]> {
  if (cronJob.metadata?.deletionTimestamp !== undefined) return [];
  const subject = subjectOf(cronJob);
  const { spec, status } = cronJob;
  if (spec?.suspend === true) {
    return [
      finding(cronJob, 'Suspended', 'it is suspended: it starts no Jobs', {
        severity: 'warning',
        why: ['spec.suspend: true'],
        fix: [remedy('Set suspend to false', `naru edit ${argumentOf(subject)}`)],
      }),
    ];
  }
  const findings: Finding[] = [];
  const events = (await inquiry.events(cronJob)).filter(({ type }) => type === 'Warning');
  const [event] = events;
  if (event !== undefined) findings.push(ofEvent(cronJob, event.reason ?? '', eventLine(event, inquiry.nowMs)));
  const own = (await inquiry.look.list(jobs, subject.namespace)).filter((job) => isControlledBy(job, cronJob));
  const last = own.toSorted((a, b) => createdMs(b) - createdMs(a))[0];
  if (last !== undefined) {
    const causes = (await inquiry.into(last)).filter(({ severity }) => severity === 'problem');
    if (causes.length > 0)
      findings.push(finding(cronJob, 'LastJobFailed', `its last Job ${last.metadata?.name} is in trouble`, { causes }));
  }
  const { concurrencyPolicy } = spec ?? {};
  const [running] = status?.active ?? [];
  const startedMs = timeOf(status?.lastScheduleTime);
  if (
    concurrencyPolicy === 'Forbid' &&
    running !== undefined &&
    startedMs !== undefined &&
    inquiry.nowMs - startedMs > lateMs
  ) {
    findings.push(
      finding(
        cronJob,
        'LastJobRunsOn',
        `its Job ${running.name} still runs, and concurrencyPolicy Forbid starts no other beside it`,
        {
          severity: 'note',
          why: [`last started ${sinceText(status?.lastScheduleTime, inquiry.nowMs)} ago`],
        },
      ),
    );
  }
  if (status?.lastScheduleTime === undefined && own.length === 0) {
    findings.push(
      finding(
        cronJob,
        'NeverStarted',
        `it has not started a Job yet: its schedule is "${spec?.schedule ?? ''}" (${spec?.timeZone ?? 'UTC'})`,
        {
          severity: 'note',
          why: [`created ${sinceText(cronJob.metadata?.creationTimestamp, inquiry.nowMs)} ago`],
          fix: [remedy('Start one by hand to try it: create a Job from its jobTemplate')],
        },
      ),
    );
  }
  return findings;
}

const createdMs = ({ metadata }: Job): number => timeOf(metadata?.creationTimestamp) ?? 0;

const topics: Readonly<Record<string, readonly [what: string, fix: string]>> = {
  UnparseableSchedule: [
    'its schedule cannot be read',
    'Correct spec.schedule: five fields (minute hour day month weekday), such as "0 3 * * *"',
  ],
  InvalidSchedule: [
    'its schedule never comes',
    'Correct spec.schedule: five fields (minute hour day month weekday), such as "0 3 * * *"',
  ],
  UnknownTimeZone: ['its time zone is unknown', 'Correct spec.timeZone: a name such as Europe/Berlin'],
  TooManyMissedTimes: [
    'it missed more than 100 starts, so that it does not start any more',
    'Set startingDeadlineSeconds, so that old starts are forgotten; and look why it was late',
  ],
  MissSchedule: ['it missed a start', 'Raise startingDeadlineSeconds if a late start is better than none'],
  FailedCreate: ['its Job could not be created', 'Change what the message names in jobTemplate'],
};

function ofEvent(cronJob: CronJob, reason: string, line: string): Finding {
  const [what, fix] = topics[reason] ?? ['something went wrong with its last start', 'Read the message'];
  return finding(cronJob, reason || 'CronJobWarning', what, { why: [line], fix: [remedy(fix)] });
}
