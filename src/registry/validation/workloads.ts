/** The rules of the kinds that own pods, and which of their fields never change. */
import { forbiddenField, invalidValue, notSupported, required } from '../../api/field-error.ts';
import type { DaemonSet, Deployment, ReplicaSet, StatefulSet } from '../../api/schema/types/apps-v1.ts';
import type { CronJob, Job, JobSpec } from '../../api/schema/types/batch-v1.ts';
import type { PodTemplateSpec, ReplicationController } from '../../api/schema/types/core-v1.ts';
import type { LabelSelector } from '../../api/schema/types/meta-v1.ts';
import { labelMatcher } from '../../api/selector.ts';
import type { FieldError } from '../../api/status-error.ts';
import { draftOf, sameJson } from '../draft.ts';
import {
  countOrPercent,
  immutable,
  isEmptySelector,
  nonNegative,
  notAbove100Percent,
  oneOf,
  percentOf,
  validateLabelSelector,
} from './checks.ts';
import { validatePodTemplate } from './pod.ts';

const mismatch = '`selector` does not match template `labels`';

interface PodOwnerSpec {
  readonly selector?: LabelSelector;
  readonly template?: PodTemplateSpec;
  readonly replicas?: number;
  readonly minReadySeconds?: number;
  readonly revisionHistoryLimit?: number;
}

/** What Deployment, ReplicaSet, StatefulSet and DaemonSet have in common. */
function validatePodOwner(spec: PodOwnerSpec | undefined, kind: string): FieldError[] {
  return [
    ...nonNegative('spec.replicas', spec?.replicas),
    ...nonNegative('spec.minReadySeconds', spec?.minReadySeconds),
    ...nonNegative('spec.revisionHistoryLimit', spec?.revisionHistoryLimit),
    ...validateOwnSelector(spec, kind),
    ...validatePodTemplate('spec.template', spec?.template),
    ...alwaysRestarts(spec?.template),
  ];
}

function validateOwnSelector(spec: PodOwnerSpec | undefined, kind: string): FieldError[] {
  const selector = spec?.selector;
  if (selector === undefined) return [required('spec.selector')];
  const errors = validateLabelSelector('spec.selector', selector);
  if (isEmptySelector(selector)) {
    return [...errors, invalidValue('spec.selector', selector, `empty selector is invalid for ${kind}`)];
  }
  const labels = spec?.template?.metadata?.labels ?? {};
  if (errors.length === 0 && !labelMatcher(selector).matches(labels)) {
    errors.push(invalidValue('spec.template.metadata.labels', labels, mismatch));
  }
  return errors;
}

function alwaysRestarts(template: PodTemplateSpec | undefined): FieldError[] {
  const policy = template?.spec?.restartPolicy;
  const errors: FieldError[] = [];
  if (policy && policy !== 'Always') {
    errors.push(notSupported('spec.template.spec.restartPolicy', policy, ['Always']));
  }
  if (template?.spec?.activeDeadlineSeconds !== undefined) {
    errors.push(
      forbiddenField(
        'spec.template.spec.activeDeadlineSeconds',
        'activeDeadlineSeconds in pod template is not supported',
      ),
    );
  }
  return errors;
}

function fixedSelector(spec: PodOwnerSpec | undefined, old: PodOwnerSpec | undefined): FieldError[] {
  return immutable('spec.selector', spec?.selector, sameJson(spec?.selector, old?.selector));
}

export function validateDeployment({ spec }: Deployment): FieldError[] {
  const errors = validatePodOwner(spec, 'deployment');
  const { type, rollingUpdate } = spec?.strategy ?? {};
  errors.push(...oneOf('spec.strategy.type', type, ['Recreate', 'RollingUpdate']));
  if (type === 'Recreate' && rollingUpdate) {
    errors.push(
      forbiddenField('spec.strategy.rollingUpdate', "may not be specified when strategy `type` is 'Recreate'"),
    );
  }
  if (type === 'RollingUpdate' && rollingUpdate) {
    errors.push(...validateRolling('spec.strategy.rollingUpdate', rollingUpdate));
  }
  const deadline = spec?.progressDeadlineSeconds;
  errors.push(...nonNegative('spec.progressDeadlineSeconds', deadline));
  if (deadline !== undefined && deadline <= (spec?.minReadySeconds ?? 0)) {
    errors.push(invalidValue('spec.progressDeadlineSeconds', deadline, 'must be greater than minReadySeconds'));
  }
  return errors;
}

function validateRolling(
  path: string,
  rolling: { readonly maxUnavailable?: number | string; readonly maxSurge?: number | string },
): FieldError[] {
  const { maxUnavailable, maxSurge } = rolling;
  const errors = [
    ...countOrPercent(`${path}.maxUnavailable`, maxUnavailable),
    ...countOrPercent(`${path}.maxSurge`, maxSurge),
    ...notAbove100Percent(`${path}.maxUnavailable`, maxUnavailable),
  ];
  if (isZero(maxUnavailable) && isZero(maxSurge)) {
    errors.push(invalidValue(`${path}.maxUnavailable`, maxUnavailable ?? 0, 'may not be 0 when `maxSurge` is 0'));
  }
  return errors;
}

function isZero(value: number | string | undefined): boolean {
  return (typeof value === 'number' ? value : (percentOf(value) ?? 0)) === 0;
}

export function validateDeploymentUpdate({ spec }: Deployment, { spec: old }: Deployment): FieldError[] {
  return fixedSelector(spec, old);
}

export function validateReplicaSet({ spec }: ReplicaSet): FieldError[] {
  return validatePodOwner(spec, 'replica set');
}

export function validateReplicaSetUpdate({ spec }: ReplicaSet, { spec: old }: ReplicaSet): FieldError[] {
  return fixedSelector(spec, old);
}

/** As its pods will have it: each claim template is a volume of that name, in place of one of the same name. */
function withClaims(spec: StatefulSet['spec']): StatefulSet['spec'] {
  const claims = (spec?.volumeClaimTemplates ?? []).map(({ metadata }) => metadata?.name ?? '');
  const podSpec = spec?.template.spec;
  if (claims.length === 0 || spec === undefined || podSpec === undefined) return spec;
  const volumes = [
    ...(podSpec.volumes ?? []).filter(({ name }) => !claims.includes(name)),
    ...claims.map((name) => ({ name, persistentVolumeClaim: { claimName: name } })),
  ];
  return { ...spec, template: { ...spec.template, spec: { ...podSpec, volumes } } };
}

export function validateStatefulSet({ spec }: StatefulSet): FieldError[] {
  const errors = validatePodOwner(withClaims(spec), 'statefulset');
  const { type, rollingUpdate } = spec?.updateStrategy ?? {};
  if (type && type !== 'OnDelete' && type !== 'RollingUpdate') {
    errors.push(invalidValue('spec.updateStrategy', spec?.updateStrategy, "must be 'RollingUpdate' or 'OnDelete'"));
  }
  errors.push(...nonNegative('spec.updateStrategy.rollingUpdate.partition', rollingUpdate?.partition));
  if (type === 'OnDelete' && rollingUpdate) {
    errors.push(
      invalidValue(
        'spec.updateStrategy.rollingUpdate',
        rollingUpdate,
        "only allowed for updateStrategy 'RollingUpdate'",
      ),
    );
  }
  errors.push(...oneOf('spec.podManagementPolicy', spec?.podManagementPolicy, ['OrderedReady', 'Parallel']));
  return errors;
}

/** Everything else in a StatefulSet is what its pods and claims were made from. */
const mutableStatefulSetFields = [
  'replicas',
  'ordinals',
  'template',
  'updateStrategy',
  'revisionHistoryLimit',
  'persistentVolumeClaimRetentionPolicy',
  'minReadySeconds',
] as const;

export function validateStatefulSetUpdate({ spec }: StatefulSet, { spec: old }: StatefulSet): FieldError[] {
  const fixed = (value: StatefulSet['spec']): object => {
    const rest: Record<string, unknown> = { ...value };
    for (const field of mutableStatefulSetFields) delete rest[field];
    return rest;
  };
  if (sameJson(fixed(spec), fixed(old))) return [];
  const names = [...mutableStatefulSetFields].map((field) => `'${field}'`);
  return [
    forbiddenField(
      'spec',
      `updates to statefulset spec for fields other than ${names.slice(0, -1).join(', ')} and ${names.at(-1)} are forbidden`,
    ),
  ];
}

export function validateDaemonSet({ spec }: DaemonSet): FieldError[] {
  const errors = validatePodOwner(spec, 'daemonset');
  const { type, rollingUpdate } = spec?.updateStrategy ?? {};
  errors.push(...oneOf('spec.updateStrategy.type', type, ['OnDelete', 'RollingUpdate']));
  if (type !== 'RollingUpdate') return errors;
  const path = 'spec.updateStrategy.rollingUpdate';
  if (rollingUpdate === undefined) return [...errors, required(path)];
  const { maxUnavailable, maxSurge } = rollingUpdate;
  errors.push(
    ...countOrPercent(`${path}.maxUnavailable`, maxUnavailable),
    ...countOrPercent(`${path}.maxSurge`, maxSurge),
  );
  if (isZero(maxUnavailable) && isZero(maxSurge)) {
    errors.push(required(`${path}.maxUnavailable`, 'cannot be 0 when maxSurge is 0'));
  } else if (!isZero(maxUnavailable) && !isZero(maxSurge)) {
    errors.push(invalidValue(`${path}.maxSurge`, maxSurge, 'may not be set when maxUnavailable is non-zero'));
  }
  return errors;
}

export function validateDaemonSetUpdate({ spec }: DaemonSet, { spec: old }: DaemonSet): FieldError[] {
  return fixedSelector(spec, old);
}

export function validateReplicationController({ spec }: ReplicationController): FieldError[] {
  const errors = [
    ...nonNegative('spec.replicas', spec?.replicas),
    ...nonNegative('spec.minReadySeconds', spec?.minReadySeconds),
  ];
  const selector = spec?.selector ?? {};
  if (Object.keys(selector).length === 0) errors.push(required('spec.selector'));
  if (spec?.template === undefined) return [...errors, required('spec.template')];
  const labels = spec.template.metadata?.labels ?? {};
  if (!Object.entries(selector).every(([key, value]) => labels[key] === value)) {
    errors.push(invalidValue('spec.template.metadata.labels', labels, '`selector` does not match template `labels`'));
  }
  return [...errors, ...validatePodTemplate('spec.template', spec.template), ...alwaysRestarts(spec.template)];
}

export function validateJob({ spec }: Job): FieldError[] {
  return validateJobSpec('spec', spec);
}

function validateJobSpec(path: string, spec: JobSpec | undefined): FieldError[] {
  const errors = [
    ...nonNegative(`${path}.parallelism`, spec?.parallelism),
    ...nonNegative(`${path}.completions`, spec?.completions),
    ...nonNegative(`${path}.activeDeadlineSeconds`, spec?.activeDeadlineSeconds),
    ...nonNegative(`${path}.backoffLimit`, spec?.backoffLimit),
    ...nonNegative(`${path}.ttlSecondsAfterFinished`, spec?.ttlSecondsAfterFinished),
    ...oneOf(`${path}.completionMode`, spec?.completionMode, ['Indexed', 'NonIndexed']),
    ...validatePodTemplate(`${path}.template`, spec?.template),
  ];
  if (spec?.completionMode === 'Indexed' && spec.completions === undefined) {
    errors.push(required(`${path}.completions`, 'when completion mode is Indexed'));
  }
  return [...errors, ...neverAlwaysRestarts(`${path}.template.spec.restartPolicy`, spec?.template)];
}

/** A finished pod is the point of a job: `Always`, also as the default, is refused. */
function neverAlwaysRestarts(path: string, template: PodTemplateSpec | undefined): FieldError[] {
  const policy = template?.spec?.restartPolicy;
  if (policy === 'OnFailure' || policy === 'Never') return [];
  return policy === 'Always' || !policy ? [required(path, 'valid values: "OnFailure", "Never"')] : [];
}

export function validateJobUpdate({ spec }: Job, { spec: old }: Job): FieldError[] {
  const errors = [
    ...immutable('spec.selector', spec?.selector, sameJson(spec?.selector, old?.selector)),
    ...immutable('spec.completionMode', spec?.completionMode, spec?.completionMode === old?.completionMode),
  ];
  const elastic = spec?.completionMode === 'Indexed' && spec.completions === spec.parallelism;
  if (!elastic)
    errors.push(...immutable('spec.completions', spec?.completions, spec?.completions === old?.completions));
  return [...errors, ...jobTemplateErrors(spec, old)];
}

/** A suspended job that never started may still be steered: its pods do not exist yet. */
function jobTemplateErrors(spec: JobSpec | undefined, old: JobSpec | undefined): FieldError[] {
  const template = draftOf(spec?.template);
  if (old?.suspend && template?.spec && old.template?.spec) {
    for (const field of ['nodeSelector', 'affinity', 'tolerations', 'schedulingGates'] as const) {
      if (old.template.spec[field] === undefined) delete template.spec[field];
      else (template.spec as Record<string, unknown>)[field] = old.template.spec[field];
    }
    template.metadata = draftOf(old.template.metadata ?? {});
  }
  return immutable('spec.template', spec?.template, sameJson(template, old?.template));
}

export function validateCronJob(cronJob: CronJob): FieldError[] {
  const { spec, metadata } = cronJob;
  const errors = validateSchedule(spec?.schedule);
  // The names of its jobs get eleven characters more, and must stay labels.
  if ((metadata?.name ?? '').length > 52) {
    errors.push(invalidValue('metadata.name', metadata?.name, 'must be no more than 52 characters'));
  }
  errors.push(...oneOf('spec.concurrencyPolicy', spec?.concurrencyPolicy, ['Allow', 'Forbid', 'Replace']));
  errors.push(...nonNegative('spec.startingDeadlineSeconds', spec?.startingDeadlineSeconds));
  errors.push(...nonNegative('spec.successfulJobsHistoryLimit', spec?.successfulJobsHistoryLimit));
  errors.push(...nonNegative('spec.failedJobsHistoryLimit', spec?.failedJobsHistoryLimit));
  if (spec?.timeZone === '') errors.push(invalidValue('spec.timeZone', '', 'timeZone must be nil or non-empty string'));
  return [...errors, ...validateJobSpec('spec.jobTemplate.spec', spec?.jobTemplate?.spec)];
}

/** The form only; what a schedule means is the CronJob controller's. */
function validateSchedule(schedule: string | undefined): FieldError[] {
  if (!schedule) return [required('spec.schedule')];
  if (schedule.startsWith('TZ=') || schedule.startsWith('CRON_TZ=')) {
    return [
      invalidValue('spec.schedule', schedule, 'cannot use TZ or CRON_TZ in schedule, use timeZone field instead'),
    ];
  }
  if (schedule.startsWith('@')) return [];
  const fields = schedule.trim().split(/\s+/).length;
  return fields === 5
    ? []
    : [
        invalidValue(
          'spec.schedule',
          schedule,
          `expected exactly 5 fields, found ${fields}: [${schedule.trim().split(/\s+/).join(' ')}]`,
        ),
      ];
}
