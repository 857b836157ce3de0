/** Jobs and CronJobs. A Job finds its pods by its own uid, unless its author chose a selector. */
import type { CronJob, Job } from '../../api/schema/types/batch-v1.ts';
import { setCronJobDefaults, setJobDefaults } from '../defaults/workloads.ts';
import type { Draft } from '../draft.ts';
import type { Strategy } from '../strategy.ts';
import { validateCronJob } from '../validation/cron-jobs.ts';
import { validateJobStatusUpdate } from '../validation/job-status.ts';
import { validateJobUpdate } from '../validation/job-update.ts';
import {
  controllerUidLabel,
  jobNameLabel,
  oldControllerUidLabel,
  oldJobNameLabel,
  validateJob,
} from '../validation/jobs.ts';
import { cronJobWarnings, jobWarnings } from '../validation/workload-warnings.ts';

export const jobStrategy: Strategy<Job> = {
  dependents: 'orphaned',
  silentDeleteWarning:
    'child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove them ' +
    'or set propagationPolicy=Orphan to suppress this warning',
  generation: true,
  setDefaults: setJobDefaults,
  prepareForCreate: selectByUid,
  validate: validateJob,
  validateUpdate: validateJobUpdate,
  validateStatusUpdate: validateJobStatusUpdate,
  warnings: jobWarnings,
  fields: { 'status.successful': ({ status }) => String(status?.succeeded ?? 0) },
};

/** What the author said of these labels stays: where it does not fit, validation says so. */
function selectByUid(job: Draft<Job>): void {
  const { spec, metadata } = job;
  if (spec?.template === undefined || spec.manualSelector) return;
  const uid = metadata?.uid ?? '';
  const name = metadata?.name ?? '';
  const template = (spec.template.metadata ??= {});
  template.labels = {
    [oldJobNameLabel]: name,
    [jobNameLabel]: name,
    [oldControllerUidLabel]: uid,
    [controllerUidLabel]: uid,
    ...template.labels,
  };
  const selector = (spec.selector ??= {});
  selector.matchLabels = { [controllerUidLabel]: uid, ...selector.matchLabels };
}

export const cronJobStrategy: Strategy<CronJob> = {
  generation: true,
  setDefaults: setCronJobDefaults,
  validate: validateCronJob,
  warnings: cronJobWarnings,
};
