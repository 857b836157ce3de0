/**
 * What may change of a pod after its creation: images, a deadline that comes nearer, tolerations that are added, and for a
 * pod that waits at a gate, where it may go. Pure.
 */
import { forbiddenField, invalidValue } from '../../api/field-error.ts';
import type { Container, Pod, PodSpec, Toleration } from '../../api/schema/types/core-v1.ts';
import type { FieldError } from '../../api/status-error.ts';
import { type Draft, draftOf, sameJson } from '../draft.ts';

/** In upstream's words. */
const mutablePodFields =
  'pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,' +
  '`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),' +
  '`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)';

/** Puts the old values of everything that may change into the new spec: what still differs may not. */
export function validatePodUpdate(pod: Pod, old: Pod): FieldError[] {
  const { spec = { containers: [] } } = pod;
  const { spec: oldSpec = { containers: [] } } = old;
  const errors = [...deadlineErrors(spec, oldSpec), ...tolerationErrors(spec, oldSpec), ...gateErrors(spec, oldSpec)];
  const containersChanged =
    spec.containers.length !== oldSpec.containers.length ||
    (spec.initContainers?.length ?? 0) !== (oldSpec.initContainers?.length ?? 0);
  if (containersChanged)
    return [...errors, forbiddenField('spec.containers', 'pod updates may not add or remove containers')];
  const munged = withMutableFieldsOf(spec, oldSpec);
  if (!sameJson(munged, oldSpec))
    errors.push(forbiddenField('spec', `${mutablePodFields}\n${firstDifference(munged, oldSpec)}`));
  return errors;
}

function withMutableFieldsOf(spec: PodSpec, old: PodSpec): Draft<PodSpec> {
  const munged = draftOf(spec);
  keepImages(munged.containers, old.containers);
  keepImages(munged.initContainers ?? [], old.initContainers ?? []);
  const kept = ['activeDeadlineSeconds', 'tolerations'] as const;
  for (const field of kept) copyField(munged, old, field);
  if ((old.terminationGracePeriodSeconds ?? 0) < 0 && spec.terminationGracePeriodSeconds === 1) {
    copyField(munged, old, 'terminationGracePeriodSeconds');
  }
  // Gates may go, and while one is left the pod may be steered to fewer nodes.
  copyField(munged, old, 'schedulingGates');
  if (old.schedulingGates?.length) {
    copyField(munged, old, 'nodeSelector');
    copyField(munged, old, 'affinity');
  }
  return munged;
}

function keepImages(containers: Draft<Container>[], old: readonly Container[]): void {
  for (const [index, container] of containers.entries()) {
    const image = old[index]?.image;
    if (container.image && image !== undefined) container.image = image;
  }
}

function copyField(target: Draft<PodSpec>, source: PodSpec, field: keyof PodSpec): void {
  if (source[field] === undefined) delete target[field];
  else (target as Record<string, unknown>)[field] = source[field];
}

function deadlineErrors(spec: PodSpec, old: PodSpec): FieldError[] {
  const path = 'spec.activeDeadlineSeconds';
  const [now, before] = [spec.activeDeadlineSeconds, old.activeDeadlineSeconds];
  if (now === undefined) {
    return before === undefined
      ? []
      : [invalidValue(path, null, 'must not update from a positive integer to nil value')];
  }
  if (before !== undefined && now > before) {
    return [invalidValue(path, now, 'must be less than or equal to previous value')];
  }
  return [];
}

function tolerationErrors(spec: PodSpec, old: PodSpec): FieldError[] {
  const present = spec.tolerations ?? [];
  // `tolerationSeconds` of one that exists may change.
  const without = ({ tolerationSeconds: _seconds, ...rest }: Toleration): object => rest;
  const kept = (old.tolerations ?? []).every((toleration) =>
    present.some((other) => sameJson(without(other), without(toleration))),
  );
  return kept
    ? []
    : [forbiddenField('spec.tolerations', 'existing toleration can not be modified except its tolerationSeconds')];
}

function gateErrors(spec: PodSpec, old: PodSpec): FieldError[] {
  const before = new Set((old.schedulingGates ?? []).map(({ name }) => name));
  const added = (spec.schedulingGates ?? []).filter(({ name }) => !before.has(name)).map(({ name }) => name);
  if (added.length === 0) return [];
  return [
    forbiddenField(
      'spec.schedulingGates',
      `only deletion is allowed, but found new scheduling gates '${added.join(', ')}'`,
    ),
  ];
}

/** Tells the author where to look: the first field whose value differs. */
function firstDifference(now: unknown, before: unknown, path = 'spec'): string {
  const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;
  if (isObject(now) && isObject(before)) {
    for (const name of new Set([...Object.keys(before), ...Object.keys(now)])) {
      if (sameJson(now[name], before[name])) continue;
      return firstDifference(now[name], before[name], Array.isArray(now) ? `${path}[${name}]` : `${path}.${name}`);
    }
  }
  return `  ${path}: ${JSON.stringify(before) ?? 'unset'} -> ${JSON.stringify(now) ?? 'unset'}`;
}
