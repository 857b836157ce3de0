/**
 * The rules of Deployments, ReplicaSets, DaemonSets and ReplicationControllers: a template for pods, and a selector that finds
 * them again. StatefulSets have a file of their own; what their statuses may say stands in `workload-status.ts`.
 */
import { forbiddenField, invalidValue, notSupported, required } from '../../api/field-error.ts';
import type { DaemonSet, Deployment, DeploymentStrategy, ReplicaSet } from '../../api/schema/types/apps-v1.ts';
import type { PodTemplateSpec, ReplicationController } from '../../api/schema/types/core-v1.ts';
import type { LabelSelector } from '../../api/schema/types/meta-v1.ts';
import { type LabelMatcher, labelMatcher } from '../../api/selector.ts';
import type { FieldError } from '../../api/status-error.ts';
import {
  countOrPercent,
  immutableField,
  isEmptySelector,
  nonNegative,
  notAbove100Percent,
  percentOf,
  validateChangedSelector,
  validateLabelSelector,
} from './checks.ts';
import { internalForm } from './internal-form.ts';
import { validatePodTemplate } from './pod.ts';

export const selectorMismatch = '`selector` does not match template `labels`';

export function validateDeployment({ metadata, spec }: Deployment): FieldError[] {
  return [
    ...nonNegative('spec.replicas', spec?.replicas),
    ...validateSelected(spec?.selector, spec?.template, 'deployment', 'invalid label selector', (template) =>
      validateEndlessTemplate('spec.template', template, 'ReplicaSet'),
    ),
    ...validateDeploymentStrategy(spec?.strategy ?? {}),
    ...nonNegative('spec.minReadySeconds', spec?.minReadySeconds),
    ...nonNegative('spec.revisionHistoryLimit', spec?.revisionHistoryLimit),
    ...validateRollback(metadata?.annotations?.['deprecated.deployment.rollback.to']),
    ...validateProgressDeadline(spec?.progressDeadlineSeconds, spec?.minReadySeconds ?? 0),
  ];
}

/** Once a field, whose path is still shown. */
function validateRollback(revision: string | undefined): FieldError[] {
  return revision && /^-[0-9]{1,18}$/.test(revision) ? nonNegative('spec.rollback.version', Number(revision)) : [];
}

function validateProgressDeadline(deadline: number | undefined, minReadySeconds: number): FieldError[] {
  const path = 'spec.progressDeadlineSeconds';
  const errors = nonNegative(path, deadline);
  if (deadline !== undefined && deadline <= minReadySeconds) {
    errors.push(invalidValue(path, deadline, 'must be greater than minReadySeconds'));
  }
  return errors;
}

function validateDeploymentStrategy(strategy: DeploymentStrategy): FieldError[] {
  const path = 'spec.strategy';
  const { type, rollingUpdate } = strategy;
  switch (type) {
    case 'Recreate': {
      const detail = "may not be specified when strategy `type` is 'Recreate'";
      return rollingUpdate ? [forbiddenField(`${path}.rollingUpdate`, detail)] : [];
    }
    case 'RollingUpdate':
      return validateRolling(`${path}.rollingUpdate`, rollingUpdate ?? {});
    case undefined:
    default:
      return [notSupported(path, strategyForm(strategy), ['Recreate', 'RollingUpdate'])];
  }
}

/** For messages, as are those below. */
function strategyForm({ type, rollingUpdate }: { readonly type?: string; readonly rollingUpdate?: Rolling }): object {
  const rolling = [['maxUnavailable', 0] as const, ['maxSurge', 0] as const];
  return { Type: type ?? '', RollingUpdate: rollingUpdate ? internalForm(rollingUpdate, rolling) : null };
}

interface Rolling {
  readonly maxUnavailable?: number | string;
  readonly maxSurge?: number | string;
}

function validateRolling(path: string, { maxUnavailable, maxSurge }: Rolling): FieldError[] {
  const errors = [
    ...countOrPercent(`${path}.maxUnavailable`, maxUnavailable),
    ...countOrPercent(`${path}.maxSurge`, maxSurge),
  ];
  if (isZero(maxUnavailable) && isZero(maxSurge)) {
    errors.push(invalidValue(`${path}.maxUnavailable`, maxUnavailable ?? 0, 'may not be 0 when `maxSurge` is 0'));
  }
  return [...errors, ...notAbove100Percent(`${path}.maxUnavailable`, maxUnavailable)];
}

/** As upstream reads it: a text that is no percentage counts as the number that it is, else as 0. */
export function isZero(value: number | string | undefined): boolean {
  if (typeof value === 'string') return (percentOf(value) ?? (/^[-+]?[0-9]+$/.test(value) ? Number(value) : 0)) === 0;
  return (value ?? 0) === 0;
}

export function validateReplicaSet({ spec }: ReplicaSet): FieldError[] {
  return [
    ...nonNegative('spec.replicas', spec?.replicas),
    ...nonNegative('spec.minReadySeconds', spec?.minReadySeconds),
    ...validateSelected(spec?.selector, spec?.template, 'deployment', 'invalid label selector', (template) =>
      validateEndlessTemplate('spec.template', template, 'ReplicaSet'),
    ),
  ];
}

interface Selecting {
  readonly spec?: { readonly selector?: LabelSelector };
}

/** What a workload's pods are found by never changes. */
export function validateSelectorUpdate({ spec }: Selecting, { spec: old }: Selecting): FieldError[] {
  return immutableField('spec.selector', spec?.selector, old?.selector);
}

/**
 * The selector, that it finds what the template makes, and the template. With a selector that cannot be read nothing is said of
 * the template. A selector that is not there finds nothing; one that is empty, everything.
 */
export function validateSelected(
  selector: LabelSelector | undefined,
  template: PodTemplateSpec | undefined,
  kind: string,
  unreadable: string,
  rest: (template: PodTemplateSpec | undefined) => FieldError[],
): FieldError[] {
  const errors =
    selector === undefined ? [required('spec.selector')] : validateLabelSelector('spec.selector', selector);
  if (selector && isEmptySelector(selector)) {
    errors.push(invalidValue('spec.selector', selector, `empty selector is invalid for ${kind}`));
  }
  const matcher = matcherOf(selector);
  if (matcher === undefined) return [...errors, invalidValue('spec.selector', selector, unreadable)];
  return [...errors, ...mismatch('spec.template.metadata.labels', matcher, template), ...rest(template)];
}

/** Undefined where the selector breaks its own rules. */
export function matcherOf(selector: LabelSelector | undefined): LabelMatcher | undefined {
  try {
    return labelMatcher(selector);
  } catch {
    return undefined;
  }
}

export function mismatch(path: string, matcher: LabelMatcher, template: PodTemplateSpec | undefined): FieldError[] {
  const labels = template?.metadata?.labels;
  return matcher.matches(labels ?? {}) ? [] : [invalidValue(path, labels ?? null, selectorMismatch)];
}

/** Pods that are to run for ever: those of all kinds but jobs. `kind` is how upstream calls whoever asks. */
export function validateEndlessTemplate(
  path: string,
  template: PodTemplateSpec | undefined,
  kind: string,
): FieldError[] {
  return [...validatePodTemplate(path, template), ...alwaysRestarts(path, template, kind)];
}

export function alwaysRestarts(path: string, template: PodTemplateSpec | undefined, kind: string): FieldError[] {
  const { restartPolicy = '', activeDeadlineSeconds } = template?.spec ?? { restartPolicy: 'Always' };
  const errors: FieldError[] = [];
  if (restartPolicy !== 'Always') errors.push(notSupported(`${path}.spec.restartPolicy`, restartPolicy, ['Always']));
  if (activeDeadlineSeconds !== undefined) {
    const detail = `activeDeadlineSeconds in ${kind} is not Supported`;
    errors.push(forbiddenField(`${path}.spec.activeDeadlineSeconds`, detail));
  }
  return errors;
}

export function validateDaemonSet({ spec }: DaemonSet, old?: DaemonSet): FieldError[] {
  const selector = spec?.selector;
  const matcher = matcherOf(selector);
  const errors = validateChangedSelector('spec.selector', selector, old?.spec?.selector);
  if (matcher) errors.push(...mismatch('spec.template.metadata.labels', matcher, spec?.template));
  if (selector && isEmptySelector(selector)) {
    errors.push(invalidValue('spec.selector', selector, 'empty selector is invalid for daemonset'));
  }
  return [
    ...errors,
    ...validateEndlessTemplate('spec.template', spec?.template, 'DaemonSet'),
    ...nonNegative('spec.minReadySeconds', spec?.minReadySeconds),
    ...validateDaemonStrategy(spec?.updateStrategy ?? {}),
    ...nonNegative('spec.revisionHistoryLimit', spec?.revisionHistoryLimit),
  ];
}

function validateDaemonStrategy(strategy: NonNullable<NonNullable<DaemonSet['spec']>['updateStrategy']>): FieldError[] {
  const path = 'spec.updateStrategy';
  if (strategy.type === 'OnDelete') return [];
  if (strategy.type !== 'RollingUpdate')
    return [notSupported(path, strategyForm(strategy), ['RollingUpdate', 'OnDelete'])];
  if (strategy.rollingUpdate === undefined) return [required(`${path}.rollingUpdate`)];
  return validateDaemonRolling(`${path}.rollingUpdate`, strategy.rollingUpdate);
}

/** Either the old pod goes first or the new one comes first, on each node. */
function validateDaemonRolling(path: string, { maxUnavailable, maxSurge }: Rolling): FieldError[] {
  const errors = [
    ...countOrPercent(`${path}.maxUnavailable`, maxUnavailable),
    ...countOrPercent(`${path}.maxSurge`, maxSurge),
    ...notAbove100Percent(`${path}.maxUnavailable`, maxUnavailable),
    ...notAbove100Percent(`${path}.maxSurge`, maxSurge),
  ];
  if (isZero(maxUnavailable) && isZero(maxSurge)) {
    errors.push(required(`${path}.maxUnavailable`, 'cannot be 0 when maxSurge is 0'));
  } else if (!isZero(maxUnavailable) && !isZero(maxSurge)) {
    errors.push(invalidValue(`${path}.maxSurge`, maxSurge, 'may not be set when maxUnavailable is non-zero'));
  }
  return errors;
}

export function validateReplicationController({ spec }: ReplicationController): FieldError[] {
  const selector = spec?.selector ?? {};
  const errors = nonNegative('spec.minReadySeconds', spec?.minReadySeconds);
  if (Object.keys(selector).length === 0) errors.push(required('spec.selector'));
  errors.push(...nonNegative('spec.replicas', spec?.replicas));
  const template = spec?.template;
  if (template === undefined) return [...errors, required('spec.template')];
  const labels = template.metadata?.labels;
  if (!Object.entries(selector).every(([key, value]) => labels?.[key] === value)) {
    errors.push(invalidValue('spec.template.metadata.labels', labels ?? null, selectorMismatch));
  }
  return [...errors, ...validateEndlessTemplate('spec.template', template, 'ReplicationController')];
}
