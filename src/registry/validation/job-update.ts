/** What an update of a Job may change: the scale of an indexed job and, while it sleeps, how its pods will be scheduled. */

import { invalidValue } from '../../api/field-error.ts';
import type { Job, JobSpec } from '../../api/schema/types/batch-v1.ts';
import type { Affinity, Container, PodSpec, PodTemplateSpec } from '../../api/schema/types/core-v1.ts';
import type { FieldError } from '../../api/status-error.ts';
import { type Draft, draftOf, sameJson } from '../draft.ts';
import { immutable, immutableField } from './checks.ts';
import { podFailurePolicyForm, successPolicyForm } from './job-policies.ts';

const fixedFields = [
  'completionMode',
  'podFailurePolicy',
  'backoffLimitPerIndex',
  'managedBy',
  'successPolicy',
] as const;

/** What a message shows of the field. */
function shownField(field: (typeof fixedFields)[number], spec: JobSpec | undefined): unknown {
  if (field === 'podFailurePolicy') return podFailurePolicyForm(spec?.podFailurePolicy);
  return field === 'successPolicy' ? successPolicyForm(spec?.successPolicy) : spec?.[field];
}

export function validateJobUpdate({ spec }: Job, old: Job): FieldError[] {
  const before = old.spec;
  return [
    ...completionErrors(spec, before),
    ...immutableField('spec.selector', spec?.selector, before?.selector),
    ...templateErrors(spec, old),
    ...fixedFields.flatMap((field) =>
      immutable(`spec.${field}`, shownField(field, spec), sameJson(spec?.[field], before?.[field])),
    ),
  ];
}

/** An indexed job grows and shrinks as a whole: what there is to do and what runs at once are one number. */
function completionErrors(spec: JobSpec | undefined, old: JobSpec | undefined): FieldError[] {
  const completions = spec?.completions;
  if (spec?.completionMode !== 'Indexed') return immutableField('spec.completions', completions, old?.completions);
  if (completions === undefined || completions === old?.completions || completions === spec.parallelism) return [];
  return [invalidValue('spec.completions', completions, 'can only be modified in tandem with spec.parallelism')];
}

function templateErrors(spec: JobSpec | undefined, old: Job): FieldError[] {
  const [template, before] = [spec?.template, old.spec?.template];
  if (sameJson(template, before)) return [];
  if (!old.spec?.suspend || !isAsleep(old)) return immutableField('spec.template', template, before);
  const allowed = withScheduling(before, template);
  copyResources(allowed.spec, template?.spec);
  if (sameJson(template?.spec, allowed.spec)) return immutableField('spec.template', template, allowed);
  return immutableField('spec.template.spec', template?.spec, allowed.spec);
}

/** It never started, or it was put to sleep and its pods are gone. */
function isAsleep({ status }: Job): boolean {
  if (!status?.startTime) return true;
  const suspended = status.conditions?.some(({ type, status: value }) => type === 'Suspended' && value === 'True');
  return (suspended ?? false) && (status.active ?? 0) === 0;
}

/** The old template with the new one's directions to the scheduler. */
function withScheduling(old: PodTemplateSpec | undefined, now: PodTemplateSpec | undefined): Draft<PodTemplateSpec> {
  const template = draftOf(old ?? {});
  const metadata: Record<string, unknown> = { ...template.metadata };
  for (const field of ['labels', 'annotations'] as const) take(metadata, field, now?.metadata?.[field]);
  template.metadata = metadata;
  const spec: Record<string, unknown> = { ...template.spec };
  for (const field of ['nodeSelector', 'tolerations', 'schedulingGates'] as const)
    take(spec, field, now?.spec?.[field]);
  take(spec, 'affinity', affinityLike(old?.spec?.affinity, now?.spec?.affinity));
  template.spec = spec as unknown as Draft<PodSpec>;
  return template;
}

function take(target: Record<string, unknown>, field: string, value: unknown): void {
  if (value === undefined) delete target[field];
  else target[field] = draftOf(value);
}

/** Of the affinities only the one to nodes may change. */
function affinityLike(old: Affinity | undefined, now: Affinity | undefined): Affinity | undefined {
  const { nodeAffinity: _old, ...kept } = old ?? {};
  const affinity = { ...kept, ...(now?.nodeAffinity && { nodeAffinity: now.nodeAffinity }) };
  return now === undefined && Object.keys(affinity).length === 0 ? undefined : affinity;
}

function copyResources(target: Draft<PodSpec> | undefined, source: PodSpec | undefined): void {
  for (const list of ['containers', 'initContainers'] as const) {
    const [to, from] = [target?.[list] ?? [], source?.[list] ?? []];
    if (to.length === from.length) for (const [index, container] of to.entries()) copyOf(container, from[index]);
  }
}

function copyOf(target: Draft<Container>, source: Container | undefined): void {
  if (source?.name !== target.name) return;
  if (source.resources === undefined) delete target.resources;
  else target.resources = draftOf(source.resources);
}
