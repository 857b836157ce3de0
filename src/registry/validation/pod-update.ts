/**
 * What may change of a pod after its creation: images, a deadline that comes nearer, tolerations that are added, gates that open;
 * and for a pod that waits at a gate, to which nodes it may go, as long as these become fewer. Pure.
 */
import { forbiddenField, invalidValue, required } from '../../api/field-error.ts';
import { rangeMessage } from '../../api/names.ts';
import type {
  Container,
  NodeAffinity,
  NodeSelectorTerm,
  Pod,
  PodSchedulingGate,
  PodSpec,
  Toleration,
} from '../../api/schema/types/core-v1.ts';
import type { FieldError } from '../../api/status-error.ts';
import { type Draft, draftOf, sameJson } from '../draft.ts';
import { internalForm } from './internal-form.ts';
import { difference } from './persistent-volume.ts';
import { deadlineSecondsMax } from './pod.ts';
import { validatePodAnnotationsUpdate } from './pod-annotations.ts';
import { validateTolerations } from './pod-scheduling.ts';

/** In upstream's words. */
const mutablePodFields =
  'pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,' +
  '`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),' +
  '`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)';

const noSpec: PodSpec = { containers: [] };

/** Upstream stops where containers come or go, or the deadline is past saving: all else would follow from it. */
export function validatePodUpdate(pod: Pod, old: Pod): FieldError[] {
  const { spec = noSpec } = pod;
  const { spec: before = noSpec } = old;
  const errors = validatePodAnnotationsUpdate(
    'metadata.annotations',
    pod.metadata?.annotations,
    old.metadata?.annotations,
  );
  for (const list of ['containers', 'initContainers'] as const) {
    const [now, then] = [spec[list] ?? [], before[list] ?? []];
    if (now.length !== then.length) {
      return [...errors, forbiddenField(`spec.${list}`, 'pod updates may not add or remove containers')];
    }
    errors.push(...validateImages(`spec.${list}`, now));
  }
  const deadline = validateDeadlineUpdate(spec.activeDeadlineSeconds, before.activeDeadlineSeconds);
  errors.push(...deadline);
  if (deadline.length > 0 && spec.activeDeadlineSeconds !== undefined) return errors;
  return [...errors, ...validateRest(spec, before)];
}

function validateRest(spec: PodSpec, old: PodSpec): FieldError[] {
  const errors = [
    ...validateAddedTolerations(spec.tolerations ?? [], old.tolerations ?? []),
    ...validateRemovedGates(spec.schedulingGates ?? [], old.schedulingGates ?? []),
  ];
  if (sameJson(spec, old)) return errors;
  const munged = withMutableFieldsOf(spec, old);
  if (old.schedulingGates?.length) errors.push(...validateGatedPlacement(munged, old));
  if (sameJson(munged, old)) return errors;
  return [...errors, forbiddenField('spec', `${mutablePodFields}\n${difference(old, munged)}`)];
}

function validateImages(path: string, containers: readonly Container[]): FieldError[] {
  return containers.flatMap(({ image = '' }, index) => {
    const at = `${path}[${index}].image`;
    if (image === '') return [required(at)];
    return image.trim() === image ? [] : [invalidValue(at, image, 'must not have leading or trailing whitespace')];
  });
}

function validateDeadlineUpdate(now: number | undefined, before: number | undefined): FieldError[] {
  const path = 'spec.activeDeadlineSeconds';
  if (now === undefined) {
    if (before === undefined) return [];
    return [invalidValue(path, null, 'must not update from a positive integer to nil value')];
  }
  if (now < 0 || now > deadlineSecondsMax) return [invalidValue(path, now, rangeMessage(0, deadlineSecondsMax))];
  if (before === undefined || now <= before) return [];
  return [invalidValue(path, now, 'must be less than or equal to previous value')];
}

/** How long one that exists is tolerated may change. */
function validateAddedTolerations(now: readonly Toleration[], old: readonly Toleration[]): FieldError[] {
  const kindOf = ({ tolerationSeconds: _seconds, key, operator, value, effect }: Toleration): string =>
    JSON.stringify([key ?? '', operator ?? '', value ?? '', effect ?? '']);
  const present = new Set(now.map(kindOf));
  if (!old.every((toleration) => present.has(kindOf(toleration)))) {
    const detail = 'existing toleration can not be modified except its tolerationSeconds';
    return [forbiddenField('spec.tolerations', detail)];
  }
  return validateTolerations('spec.tolerations', now);
}

function validateRemovedGates(now: readonly PodSchedulingGate[], old: readonly PodSchedulingGate[]): FieldError[] {
  const before = new Set(old.map(({ name }) => name));
  return now.flatMap(({ name }, index) => {
    if (before.has(name)) return [];
    const detail = `only deletion is allowed, but found new scheduling gate '${name}'`;
    return [forbiddenField(`spec.schedulingGates[${index}].name`, detail)];
  });
}

/** Puts the old values of everything that may change into the new spec: what still differs may not. */
function withMutableFieldsOf(spec: PodSpec, old: PodSpec): Draft<PodSpec> {
  const munged = draftOf(spec);
  keepImages(munged.containers, old.containers);
  keepImages(munged.initContainers ?? [], old.initContainers ?? []);
  for (const field of ['activeDeadlineSeconds', 'schedulingGates', 'tolerations'] as const)
    copyField(munged, old, field);
  if ((old.terminationGracePeriodSeconds ?? 0) < 0 && spec.terminationGracePeriodSeconds === 1) {
    copyField(munged, old, 'terminationGracePeriodSeconds');
  }
  return munged;
}

function keepImages(containers: Draft<Container>[], old: readonly Container[]): void {
  for (const [index, container] of containers.entries()) {
    const image = old[index]?.image;
    if (image === undefined) delete container.image;
    else container.image = image;
  }
}

function copyField(target: Draft<PodSpec>, source: PodSpec, field: keyof PodSpec): void {
  if (source[field] === undefined) delete target[field];
  else (target as Record<string, unknown>)[field] = source[field];
}

/** Checks where the pod may go, and then takes the old values for that, too. */
function validateGatedPlacement(munged: Draft<PodSpec>, old: PodSpec): FieldError[] {
  const errors = validateNodeSelectorUpdate(munged.nodeSelector, old.nodeSelector);
  copyField(munged, old, 'nodeSelector');
  const [now, before] = [munged.affinity?.nodeAffinity, old.affinity?.nodeAffinity];
  if (sameJson(now, before)) return errors;
  errors.push(...validateNodeAffinityUpdate(now, before));
  const { nodeAffinity: _now, ...others } = munged.affinity ?? {};
  const affinity = before === undefined ? others : { ...others, nodeAffinity: draftOf(before) };
  if (Object.keys(affinity).length === 0 && old.affinity === undefined) delete munged.affinity;
  else munged.affinity = affinity;
  return errors;
}

type Labels = Readonly<Record<string, string>>;

function validateNodeSelectorUpdate(now: Labels | undefined, old: Labels | undefined): FieldError[] {
  const kept = Object.entries(old ?? {}).every(([key, value]) => now?.[key] === value);
  if (kept) return [];
  const detail = 'only additions to spec.nodeSelector are allowed (no mutations or deletions)';
  return [invalidValue('spec.nodeSelector', now ?? null, detail)];
}

function validateNodeAffinityUpdate(now: NodeAffinity | undefined, old: NodeAffinity | undefined): FieldError[] {
  const path = 'spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms';
  const termsOf = (affinity: NodeAffinity | undefined): readonly NodeSelectorTerm[] =>
    affinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
  const [terms, before] = [termsOf(now), termsOf(old)];
  if (before.length === 0) return [];
  if (terms.length !== before.length) {
    const shown = terms.length === 0 ? null : terms.map(shownTerm);
    const detail = 'no additions/deletions to non-empty NodeSelectorTerms list are allowed';
    return [invalidValue(path, shown, detail)];
  }
  return terms.flatMap((term, index) => {
    if (hasOnlyAdditions(term, before[index] ?? {})) return [];
    const detail = 'only additions are allowed (no mutations or deletions)';
    return [invalidValue(`${path}[${index}]`, shownTerm(term), detail)];
  });
}

const shownTerm = (term: NodeSelectorTerm): object =>
  internalForm(term, [
    ['matchExpressions', null],
    ['matchFields', null],
  ]);

/** A term without any requirement selects nothing: it stays so. */
function hasOnlyAdditions(now: NodeSelectorTerm, old: NodeSelectorTerm): boolean {
  const lists = ['matchExpressions', 'matchFields'] as const;
  if (lists.every((list) => !old[list]?.length) && lists.some((list) => now[list]?.length)) return false;
  return lists.every((list) => (old[list] ?? []).every((each, index) => sameJson(now[list]?.[index], each)));
}
