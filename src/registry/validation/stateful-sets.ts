/** The rules of StatefulSets and of ControllerRevisions, which remember what a StatefulSet's or DaemonSet's template once was. */
import { forbiddenField, invalidValue, notSupported, required } from '../../api/field-error.ts';
import { isDns1123Label } from '../../api/names.ts';
import type { ControllerRevision, StatefulSet, StatefulSetSpec } from '../../api/schema/types/apps-v1.ts';
import type { PodTemplateSpec } from '../../api/schema/types/core-v1.ts';
import type { FieldError } from '../../api/status-error.ts';
import { sameJson } from '../draft.ts';
import { countOrPercent, immutableField, invalidEach, nonNegative, notAbove100Percent } from './checks.ts';
import { internalForm } from './internal-form.ts';
import { validatePersistentVolumeClaim } from './persistent-volume-claim.ts';
import { validatePodTemplate } from './pod.ts';
import { alwaysRestarts, isZero, validateSelected } from './workloads.ts';

/** Its pods are called after it, and their host names after them. */
export const statefulSetNameErrors = isDns1123Label;

/**
 * What was allowed once stays so: the name of the service, the claims and, where the old object already breaks a rule, the
 * template are not looked at again in an update.
 */
export function validateStatefulSet({ spec }: StatefulSet, old?: StatefulSet): FieldError[] {
  if (spec === undefined) return validateSelected(undefined, undefined, 'statefulset', '', () => []);
  const errors = validateSpec(spec, true, old !== undefined);
  if (errors.length === 0 || old?.spec === undefined) return errors;
  return validateSpec(old.spec, true, true).length === 0 ? errors : validateSpec(spec, false, true);
}

function validateSpec(spec: StatefulSetSpec, checksTemplate: boolean, isUpdate: boolean): FieldError[] {
  const template = checksTemplate ? asPodsHaveIt(spec) : undefined;
  return [
    ...validateManagement(spec),
    ...validateUpdateStrategy(spec.updateStrategy ?? {}),
    ...validateRetention(spec),
    ...(isUpdate ? [] : validateClaims(spec)),
    ...nonNegative('spec.replicas', spec.replicas),
    ...nonNegative('spec.minReadySeconds', spec.minReadySeconds),
    ...nonNegative('spec.ordinals.start', spec.ordinals?.start),
    ...(isUpdate || !spec.serviceName
      ? []
      : invalidEach('spec.serviceName', spec.serviceName, isDns1123Label(spec.serviceName))),
    ...validateSelected(spec.selector, spec.template, 'statefulset', '', () =>
      template ? validatePodTemplate('spec.template', template) : [],
    ),
    ...alwaysRestarts('spec.template', spec.template, 'StatefulSet'),
  ];
}

function validateManagement({ podManagementPolicy: policy }: StatefulSetSpec): FieldError[] {
  const path = 'spec.podManagementPolicy';
  if (!policy) return [required(path)];
  if (policy === 'OrderedReady' || policy === 'Parallel') return [];
  return [invalidValue(path, policy, "must be 'OrderedReady' or 'Parallel'")];
}

const rollingFields = [
  ['partition', 0],
  ['maxUnavailable', null],
] as const;

function validateUpdateStrategy(strategy: NonNullable<StatefulSetSpec['updateStrategy']>): FieldError[] {
  const path = 'spec.updateStrategy';
  const { type, rollingUpdate } = strategy;
  if (!type) return [required(path)];
  if (type === 'RollingUpdate') return rollingUpdate ? validateRolling(`${path}.rollingUpdate`, rollingUpdate) : [];
  const rollingForm = rollingUpdate ? internalForm(rollingUpdate, rollingFields) : null;
  const strategyForm = { Type: type, RollingUpdate: rollingForm };
  if (type !== 'OnDelete') return [invalidValue(path, strategyForm, "must be 'RollingUpdate' or 'OnDelete'")];
  const detail = "only allowed for updateStrategy 'RollingUpdate'";
  return rollingUpdate ? [invalidValue(`${path}.rollingUpdate`, rollingForm, detail)] : [];
}

type Rolling = NonNullable<NonNullable<StatefulSetSpec['updateStrategy']>['rollingUpdate']>;

function validateRolling(path: string, { partition, maxUnavailable }: Rolling): FieldError[] {
  const errors = nonNegative(`${path}.partition`, partition);
  if (maxUnavailable === undefined) return errors;
  const at = `${path}.maxUnavailable`;
  errors.push(...countOrPercent(at, maxUnavailable));
  if (isZero(maxUnavailable)) errors.push(invalidValue(at, maxUnavailable, 'cannot be 0'));
  return [...errors, ...notAbove100Percent(at, maxUnavailable)];
}

function validateRetention({ persistentVolumeClaimRetentionPolicy: policy }: StatefulSetSpec): FieldError[] {
  if (policy === undefined) return [];
  const path = 'spec.persistentVolumeClaimRetentionPolicy';
  return (['whenDeleted', 'whenScaled'] as const).flatMap((field) => {
    const value = policy[field] ?? '';
    return value === 'Retain' || value === 'Delete'
      ? []
      : [notSupported(`${path}.${field}`, value, ['Retain', 'Delete'])];
  });
}

function validateClaims({ volumeClaimTemplates: claims = [] }: StatefulSetSpec): FieldError[] {
  return claims.flatMap((claim, index) =>
    validatePersistentVolumeClaim(claim).map((error) => ({
      ...error,
      field: `spec.volumeClaimTemplates[${index}].${error.field}`,
    })),
  );
}

/** Each claim template is a volume of that name, in place of one of the same name; the host name is the StatefulSet's to give. */
function asPodsHaveIt(spec: StatefulSetSpec): PodTemplateSpec {
  const podSpec = spec.template?.spec;
  const claims = (spec.volumeClaimTemplates ?? []).map(({ metadata }) => metadata?.name ?? '');
  if (podSpec === undefined || (claims.length === 0 && !podSpec.subdomain && !podSpec.hostname)) return spec.template;
  const { subdomain: _subdomain, hostname: _hostname, ...rest } = podSpec;
  const claimed = new Set(claims);
  const volumes = [
    ...[...claimed].map((name) => ({ name, persistentVolumeClaim: { claimName: name } })),
    ...(podSpec.volumes ?? []).filter(({ name }) => !claimed.has(name)),
  ];
  return { ...spec.template, spec: { ...rest, volumes } };
}

/** Everything else in a StatefulSet is what its pods and claims were made from. */
const mutableFields = [
  'replicas',
  'ordinals',
  'template',
  'updateStrategy',
  'revisionHistoryLimit',
  'persistentVolumeClaimRetentionPolicy',
  'minReadySeconds',
] as const;

export function validateStatefulSetUpdate({ spec }: StatefulSet, { spec: old }: StatefulSet): FieldError[] {
  if (sameJson(fixedPart(spec), fixedPart(old))) return [];
  const names = mutableFields.map((field) => `'${field}'`);
  const list = `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
  return [forbiddenField('spec', `updates to statefulset spec for fields other than ${list} are forbidden`)];
}

function fixedPart(spec: StatefulSetSpec | undefined): object {
  const rest: Record<string, unknown> = { ...spec };
  for (const field of mutableFields) delete rest[field];
  return rest;
}

export function validateControllerRevision(
  { revision, data }: ControllerRevision,
  old?: ControllerRevision,
): FieldError[] {
  const errors = nonNegative('revision', revision);
  if (old !== undefined) return errors;
  if (data === undefined || data === null) return [...errors, required('data', 'data is mandatory')];
  const isObject = typeof data === 'object' && !Array.isArray(data);
  return isObject ? errors : [...errors, required('data', 'data must be a valid JSON object')];
}

export function validateControllerRevisionUpdate(
  { data }: ControllerRevision,
  { data: old }: ControllerRevision,
): FieldError[] {
  return immutableField('data', data, old);
}
