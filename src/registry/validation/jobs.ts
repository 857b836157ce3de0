/** The rules of Jobs and of the job in a CronJob's template: how many pods, how many at once, how many failures. */
import { invalidValue, notSupported, required, tooLong } from '../../api/field-error.ts';
import { isDns1123Label } from '../../api/names.ts';
import type { Job, JobSpec } from '../../api/schema/types/batch-v1.ts';
import type { PodTemplateSpec } from '../../api/schema/types/core-v1.ts';
import type { FieldError } from '../../api/status-error.ts';
import { domainPrefixedPath, nonNegativeFields, validateChangedSelector } from './checks.ts';
import { validatePodFailurePolicy, validateReplacementPolicy, validateSuccessPolicy } from './job-policies.ts';
import { validatePodTemplate } from './pod.ts';
import { matcherOf, mismatch } from './workloads.ts';

export const controllerUidLabel = 'batch.kubernetes.io/controller-uid';
export const jobNameLabel = 'batch.kubernetes.io/job-name';
export const oldControllerUidLabel = 'controller-uid';
export const oldJobNameLabel = 'job-name';

/** So that the lists of indexes in the status stay short enough to store. */
const indexedParallelismMax = 100_000;
const failedIndexesMax = 100_000;
const manyCompletions = 100_000;
const manyCompletionsMax = 10_000;
const managedByBytesMax = 63;

const counts = [
  'parallelism',
  'completions',
  'activeDeadlineSeconds',
  'backoffLimit',
  'ttlSecondsAfterFinished',
  'backoffLimitPerIndex',
  'maxFailedIndexes',
] as const;

export function validateJob(job: Job, old?: Job): FieldError[] {
  const spec = job.spec;
  return [
    ...validateGeneratedSelector(job, old),
    ...validateJobSpec('spec', spec),
    ...(spec?.selector === undefined ? [required('spec.selector')] : []),
    ...validateChangedSelector('spec.selector', spec?.selector, old?.spec?.selector),
    ...validateSelects(spec),
    ...validateHostNames(job),
  ];
}

function validateSelects(spec: JobSpec | undefined): FieldError[] {
  const matcher = matcherOf(spec?.selector);
  return matcher ? mismatch('spec.template.metadata.labels', matcher, spec?.template) : [];
}

/** A job that finds its pods by itself marks them with its name and uid; the author may have set these labels to something else. */
function validateGeneratedSelector({ metadata, spec }: Job, old: Job | undefined): FieldError[] {
  if (spec?.manualSelector || spec?.selector === undefined) return [];
  const [uid, name] = [metadata?.uid ?? '', metadata?.name ?? ''];
  const generated: Record<string, string> = { [oldControllerUidLabel]: uid, [oldJobNameLabel]: name };
  const before = old?.spec?.template?.metadata?.labels;
  const isOldForm = old !== undefined && !(before?.[jobNameLabel] && before[controllerUidLabel]);
  if (!isOldForm) Object.assign(generated, { [controllerUidLabel]: uid, [jobNameLabel]: name });
  const errors = uid === '' ? [required('metadata.uid')] : [];
  for (const [key, value] of Object.entries(generated)) errors.push(...hasLabel(spec.template, key, value));
  const matcher = matcherOf(spec.selector);
  if (matcher && !matcher.matches(generated)) {
    errors.push(invalidValue('spec.selector', spec.selector, '`selector` not auto-generated'));
  }
  return errors;
}

function hasLabel(template: PodTemplateSpec | undefined, key: string, value: string): FieldError[] {
  const labels = template?.metadata?.labels ?? {};
  const path = `spec.template.metadata.labels[${key}]`;
  if (!Object.hasOwn(labels, key)) return [required(path, `must be '${value}'`)];
  return labels[key] === value ? [] : [invalidValue('spec.template.metadata.labels', labels, `must be '${value}'`)];
}

/** The pods of an indexed job are called after it and their index, and that is their host name. */
function validateHostNames({ metadata, spec }: Job): FieldError[] {
  if (spec?.completionMode !== 'Indexed' || !spec.completions || spec.completions < 0) return [];
  const last = `${metadata?.name ?? ''}-${spec.completions - 1}`;
  if (isDns1123Label(last).length === 0) return [];
  const detail = `will not able to create pod with invalid DNS label: ${last}`;
  return [invalidValue('metadata.name', metadata?.name ?? '', detail)];
}

export function validateJobSpec(path: string, spec: JobSpec | undefined): FieldError[] {
  if (spec === undefined) return [...validatePodTemplate(`${path}.template`, undefined), ...restartErrors(path, {})];
  return [
    ...nonNegativeFields(path, spec, counts),
    ...(spec.maxFailedIndexes !== undefined && spec.backoffLimitPerIndex === undefined
      ? [required(`${path}.backoffLimitPerIndex`, 'when maxFailedIndexes is specified')]
      : []),
    ...validateManager(`${path}.managedBy`, spec.managedBy),
    ...validateCompletionMode(path, spec),
    ...validatePodFailurePolicy(`${path}.podFailurePolicy`, spec),
    ...validateSuccessPolicy(`${path}.successPolicy`, spec),
    ...validateReplacementPolicy(`${path}.podReplacementPolicy`, spec),
    ...validatePodTemplate(`${path}.template`, spec.template),
    ...restartErrors(path, spec),
  ];
}

function validateManager(path: string, manager: string | undefined): FieldError[] {
  if (manager === undefined) return [];
  const errors = domainPrefixedPath(path, manager);
  return Buffer.byteLength(manager) > managedByBytesMax ? [...errors, tooLong(path, managedByBytesMax)] : errors;
}

function validateCompletionMode(path: string, spec: JobSpec): FieldError[] {
  const { completionMode: mode = 'NonIndexed' } = spec;
  if (mode === 'Indexed') return validateIndexed(path, spec);
  if (mode === 'NonIndexed') return validateNotIndexed(path, spec);
  return [notSupported(`${path}.completionMode`, mode, ['NonIndexed', 'Indexed'])];
}

function validateNotIndexed(path: string, spec: JobSpec): FieldError[] {
  return (['backoffLimitPerIndex', 'maxFailedIndexes'] as const)
    .filter((field) => spec[field] !== undefined)
    .map((field) => invalidValue(`${path}.${field}`, spec[field], 'requires indexed completion mode'));
}

function validateIndexed(path: string, spec: JobSpec): FieldError[] {
  const { completions, parallelism = 0, maxFailedIndexes = 0 } = spec;
  const atMost = (field: 'parallelism' | 'maxFailedIndexes', max: number, when = ''): FieldError[] =>
    (spec[field] ?? 0) > max
      ? [invalidValue(`${path}.${field}`, spec[field], `must be less than or equal to ${max}${when}`)]
      : [];
  const errors = completions === undefined ? [required(`${path}.completions`, 'when completion mode is Indexed')] : [];
  errors.push(...atMost('parallelism', indexedParallelismMax, ' when completion mode is Indexed'));
  if (completions !== undefined && maxFailedIndexes > completions) {
    errors.push(
      invalidValue(`${path}.maxFailedIndexes`, maxFailedIndexes, 'must be less than or equal to completions'),
    );
  }
  errors.push(...atMost('maxFailedIndexes', failedIndexesMax));
  if ((completions ?? 0) <= manyCompletions || spec.backoffLimitPerIndex === undefined) return errors;
  if (spec.maxFailedIndexes === undefined) {
    errors.push(required(`${path}.maxFailedIndexes`, `must be specified when completions is above ${manyCompletions}`));
  }
  const when = ` when completions are above ${manyCompletions} and used with backoff limit per index`;
  if (parallelism > manyCompletionsMax) errors.push(...atMost('parallelism', manyCompletionsMax, when));
  return [...errors, ...atMost('maxFailedIndexes', manyCompletionsMax, when)];
}

/** A finished pod is the point of a job: `Always`, also as the default, is refused. */
function restartErrors(path: string, spec: Partial<JobSpec>): FieldError[] {
  const at = `${path}.template.spec.restartPolicy`;
  const policy = spec.template?.spec?.restartPolicy ?? '';
  if (policy === '' || policy === 'Always') return [required(at, 'valid values: "OnFailure", "Never"')];
  if (policy !== 'OnFailure' && policy !== 'Never') return [notSupported(at, policy, ['OnFailure', 'Never'])];
  if (spec.podFailurePolicy === undefined || policy === 'Never') return [];
  return [invalidValue(at, policy, 'only "Never" is supported when podFailurePolicy is specified')];
}
