/** Defaults of the kinds that own pods: apps/v1, batch/v1 and the core group's ReplicationController and PodTemplate. */
import type {
  DaemonSet,
  Deployment,
  ReplicaSet,
  StatefulSet,
  StatefulSetUpdateStrategy,
} from '../../api/schema/types/apps-v1.ts';
import type { CronJob, Job, JobSpec } from '../../api/schema/types/batch-v1.ts';
import type { PodTemplate, ReplicationController } from '../../api/schema/types/core-v1.ts';
import { type Draft, setDefault, setDefaultText } from '../draft.ts';
import { setPodTemplateDefaults } from './pod.ts';
import { setClaimTemplateDefaults } from './storage.ts';

/** The largest int32: upstream's "no bound" for retries that are counted for each index. */
const unboundedRetries = 2 ** 31 - 1;

export function setDeploymentDefaults({ spec }: Draft<Deployment>): void {
  if (spec === undefined) return;
  setDefault(spec, 'replicas', 1);
  setDefault(spec, 'revisionHistoryLimit', 10);
  setDefault(spec, 'progressDeadlineSeconds', 600);
  const strategy = (spec.strategy ??= {});
  setDefaultText(strategy, 'type', 'RollingUpdate');
  if (strategy.type === 'RollingUpdate') {
    const rolling = (strategy.rollingUpdate ??= {});
    setDefault(rolling, 'maxUnavailable', '25%');
    setDefault(rolling, 'maxSurge', '25%');
  }
  setPodTemplateDefaults(spec.template);
}

export function setReplicaSetDefaults({ spec }: Draft<ReplicaSet>): void {
  if (spec === undefined) return;
  setDefault(spec, 'replicas', 1);
  setPodTemplateDefaults(spec.template);
}

export function setStatefulSetDefaults({ spec }: Draft<StatefulSet>): void {
  if (spec === undefined) return;
  setDefault(spec, 'replicas', 1);
  setDefault(spec, 'revisionHistoryLimit', 10);
  setDefaultText(spec, 'podManagementPolicy', 'OrderedReady');
  setStatefulSetStrategyDefaults((spec.updateStrategy ??= {}));
  const retention = (spec.persistentVolumeClaimRetentionPolicy ??= {});
  setDefaultText(retention, 'whenDeleted', 'Retain');
  setDefaultText(retention, 'whenScaled', 'Retain');
  setPodTemplateDefaults(spec.template);
  for (const claim of spec.volumeClaimTemplates ?? []) setClaimTemplateDefaults(claim);
}

/** Who names the type and says no more has said all: the rest is left open. */
function setStatefulSetStrategyDefaults(strategy: Draft<StatefulSetUpdateStrategy>): void {
  if (!strategy.type) strategy.rollingUpdate ??= {};
  setDefaultText(strategy, 'type', 'RollingUpdate');
  const { type, rollingUpdate: rolling } = strategy;
  if (type !== 'RollingUpdate' || rolling === undefined) return;
  setDefault(rolling, 'partition', 0);
  setDefault(rolling, 'maxUnavailable', 1);
}

export function setDaemonSetDefaults({ spec }: Draft<DaemonSet>): void {
  if (spec === undefined) return;
  setDefault(spec, 'revisionHistoryLimit', 10);
  const strategy = (spec.updateStrategy ??= {});
  setDefaultText(strategy, 'type', 'RollingUpdate');
  if (strategy.type === 'RollingUpdate') {
    const rolling = (strategy.rollingUpdate ??= {});
    setDefault(rolling, 'maxUnavailable', 1);
    setDefault(rolling, 'maxSurge', 0);
  }
  setPodTemplateDefaults(spec.template);
}

export function setReplicationControllerDefaults(controller: Draft<ReplicationController>): void {
  const { spec } = controller;
  if (spec === undefined) return;
  setDefault(spec, 'replicas', 1);
  const labels = spec.template?.metadata?.labels;
  if (labels && Object.keys(spec.selector ?? {}).length === 0) spec.selector = { ...labels };
  if (labels) labelsFromTemplate(controller, labels);
  setPodTemplateDefaults(spec.template);
}

export function setPodTemplateObjectDefaults(object: Draft<PodTemplate>): void {
  setPodTemplateDefaults((object.template ??= {}));
}

export function setJobDefaults(job: Draft<Job>): void {
  const { spec } = job;
  if (spec === undefined) return;
  setJobCountDefaults(spec);
  setDefault(spec, 'backoffLimit', spec.backoffLimitPerIndex === undefined ? 6 : unboundedRetries);
  setDefault(spec, 'completionMode', 'NonIndexed');
  setDefault(spec, 'suspend', false);
  setDefault(spec, 'podReplacementPolicy', spec.podFailurePolicy ? 'Failed' : 'TerminatingOrFailed');
  for (const rule of spec.podFailurePolicy?.rules ?? []) {
    for (const pattern of rule.onPodConditions ?? []) setDefaultText(pattern, 'status', 'True');
  }
  setDefault(spec, 'manualSelector', false);
  labelsFromTemplate(job, spec.template?.metadata?.labels);
  setPodTemplateDefaults(spec.template);
}

/** A job that says neither how many nor how many at once runs one pod once; parallelism alone makes a work queue. */
function setJobCountDefaults(spec: Draft<JobSpec>): void {
  if (spec.completions === undefined && spec.parallelism === undefined) spec.completions = 1;
  setDefault(spec, 'parallelism', 1);
}

/** The job in the template gets only its pods' defaults; the rest comes when the Job is created. */
export function setCronJobDefaults({ spec }: Draft<CronJob>): void {
  if (spec === undefined) return;
  setDefaultText(spec, 'concurrencyPolicy', 'Allow');
  setDefault(spec, 'suspend', false);
  setDefault(spec, 'successfulJobsHistoryLimit', 3);
  setDefault(spec, 'failedJobsHistoryLimit', 1);
  setPodTemplateDefaults(spec.jobTemplate?.spec?.template);
}

function labelsFromTemplate(
  object: Draft<ReplicationController> | Draft<Job>,
  labels: Readonly<Record<string, string>> | undefined,
): void {
  const metadata = (object.metadata ??= {});
  if (labels && Object.keys(metadata.labels ?? {}).length === 0) metadata.labels = { ...labels };
}
