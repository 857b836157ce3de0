/** Jobs and CronJobs. A Job finds its pods by its own uid, unless its author chose a selector. */
import type { CronJob, Job } from '../../api/schema/types/batch-v1.ts';
import { setCronJobDefaults, setJobDefaults } from '../defaults/workloads.ts';
import type { Draft } from '../draft.ts';
import type { Strategy } from '../strategy.ts';
import { validateCronJob, validateJob, validateJobUpdate } from '../validation/workloads.ts';

const controllerUid = 'batch.kubernetes.io/controller-uid';
const jobName = 'batch.kubernetes.io/job-name';

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
  fields: { 'status.successful': ({ status }) => String(status?.succeeded ?? 0) },
};

/** The labels without a domain are the old names of the same two. */
function selectByUid(job: Draft<Job>): void {
  const { spec, metadata } = job;
  if (spec?.template === undefined || spec.manualSelector) return;
  const uid = metadata?.uid ?? '';
  const name = metadata?.name ?? '';
  const template = (spec.template.metadata ??= {});
  template.labels = {
    ...template.labels,
    [controllerUid]: uid,
    'controller-uid': uid,
    [jobName]: name,
    'job-name': name,
  };
  const selector = (spec.selector ??= {});
  selector.matchLabels = { ...selector.matchLabels, [controllerUid]: uid };
}

export const cronJobStrategy: Strategy<CronJob> = {
  generation: true,
  setDefaults: setCronJobDefaults,
  validate: validateCronJob,
};
