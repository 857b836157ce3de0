/** The rules of CronJobs. What a schedule may look like is said in `lib/cron-schedule.ts`. */
import { invalidValue, notSupported, required } from '../../api/field-error.ts';
import type { CronJob, CronJobSpec, JobTemplateSpec } from '../../api/schema/types/batch-v1.ts';
import type { FieldError } from '../../api/status-error.ts';
import { cronScheduleError } from '../../lib/cron-schedule.ts';
import { isTimeZone } from '../../lib/time-zones.ts';
import { nonNegative, requiredOneOf } from './checks.ts';
import { validateJobSpec } from './jobs.ts';

/** The names of its jobs get eleven bytes more, and must stay labels. */
const nameBytesMax = 52;

export function validateCronJob({ spec, metadata }: CronJob, old?: CronJob): FieldError[] {
  const errors = spec === undefined ? [required('spec.schedule')] : validateSpec(spec, old?.spec);
  const name = metadata?.name ?? '';
  if (old === undefined && Buffer.byteLength(name) > nameBytesMax) {
    errors.push(invalidValue('metadata.name', name, `must be no more than ${nameBytesMax} characters`));
  }
  return errors;
}

function validateSpec(spec: CronJobSpec, old: CronJobSpec | undefined): FieldError[] {
  return [
    ...validateSchedule(spec, old),
    ...nonNegative('spec.startingDeadlineSeconds', spec.startingDeadlineSeconds),
    ...(old !== undefined && old.timeZone === spec.timeZone ? [] : validateTimeZone('spec.timeZone', spec.timeZone)),
    ...requiredOneOf('spec.concurrencyPolicy', spec.concurrencyPolicy, ['Allow', 'Forbid', 'Replace']),
    ...validateJobTemplate('spec.jobTemplate', spec.jobTemplate),
    ...nonNegative('spec.successfulJobsHistoryLimit', spec.successfulJobsHistoryLimit),
    ...nonNegative('spec.failedJobsHistoryLimit', spec.failedJobsHistoryLimit),
  ];
}

/** A zone in the schedule is refused where it was not there before. */
function validateSchedule({ schedule, timeZone }: CronJobSpec, old: CronJobSpec | undefined): FieldError[] {
  const path = 'spec.schedule';
  if (!schedule) return [required(path)];
  const wrong = cronScheduleError(schedule);
  const errors = wrong === undefined ? [] : [invalidValue(path, schedule, wrong)];
  if (!schedule.includes('TZ')) return errors;
  if (!old?.schedule.includes('TZ')) {
    const detail = 'cannot use TZ or CRON_TZ in schedule, use timeZone field instead';
    errors.push(invalidValue(path, schedule, detail));
  } else if (timeZone !== undefined) {
    errors.push(invalidValue(path, schedule, 'cannot use both timeZone field and TZ or CRON_TZ in schedule'));
  }
  return errors;
}

/** `Local` is a zone to Go, in these letters only: the one that the server is in. */
const explicitZone = 'timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones';

function validateTimeZone(path: string, zone: string | undefined): FieldError[] {
  if (zone === undefined) return [];
  if (zone === '') return [invalidValue(path, zone, 'timeZone must be nil or non-empty string')];
  const isName = zone.split('/').every((part) => /^(?!-|\.{1,2}$)[A-Za-z._0-9+-]{1,14}$/.test(part));
  if (!isName) return [invalidValue(path, zone, `unknown time zone ${zone}`)];
  const errors = zone.toLowerCase() === 'local' ? [invalidValue(path, zone, explicitZone)] : [];
  if (zone !== 'Local' && !isTimeZone(zone)) errors.push(invalidValue(path, zone, `unknown time zone ${zone}`));
  return errors;
}

function validateJobTemplate(path: string, template: JobTemplateSpec | undefined): FieldError[] {
  const spec = template?.spec;
  const errors = validateJobSpec(`${path}.spec`, spec);
  if (spec?.selector) {
    errors.push(invalidValue(`${path}.spec.selector`, spec.selector, '`selector` will be auto-generated'));
  }
  if (spec?.manualSelector) errors.push(notSupported(`${path}.spec.manualSelector`, true, ['nil', 'false']));
  return errors;
}
