/**
 * What becomes of a new pod before it is checked: label keys turn into selectors, and AppArmor profiles of the annotation of old into
 * fields.
 */
import { keyPath } from '../../api/field-error.ts';
import type { AppArmorProfile, Pod, PodAffinityTerm } from '../../api/schema/types/core-v1.ts';
import type { LabelSelector } from '../../api/schema/types/meta-v1.ts';
import { type Draft, sameJson } from '../draft.ts';
import { appArmorPrefix } from '../validation/pod-annotations.ts';
import { validateAppArmor } from '../validation/security-context.ts';

type Labels = Readonly<Record<string, string>>;

/** Pods to be near to, or spread among, are those with the pod's own values of these labels. */
export function mergeLabelKeys({ metadata, spec }: Draft<Pod>): void {
  const labels = metadata?.labels ?? {};
  const { podAffinity, podAntiAffinity } = spec?.affinity ?? {};
  for (const affinity of [podAffinity, podAntiAffinity]) {
    for (const weighted of affinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []) {
      if (weighted.podAffinityTerm) mergeTerm(weighted.podAffinityTerm, labels);
    }
    for (const term of affinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []) mergeTerm(term, labels);
  }
  for (const { labelSelector, matchLabelKeys } of spec?.topologySpreadConstraints ?? []) {
    merge(labelSelector, matchLabelKeys, 'In', labels);
  }
}

function mergeTerm({ labelSelector, matchLabelKeys, mismatchLabelKeys }: Draft<PodAffinityTerm>, labels: Labels): void {
  merge(labelSelector, matchLabelKeys, 'In', labels);
  merge(labelSelector, mismatchLabelKeys, 'NotIn', labels);
}

function merge(
  selector: Draft<LabelSelector> | undefined,
  keys: readonly string[] | undefined,
  operator: 'In' | 'NotIn',
  labels: Labels,
): void {
  if (selector === undefined) return;
  for (const key of keys ?? []) {
    const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
    if (value !== undefined) (selector.matchExpressions ??= []).push({ key, operator, values: [value] });
  }
}

/** Nodes know only the field. Whoever said it in the annotation alone is told so. */
export function takeAppArmor({ metadata, spec }: Draft<Pod>, warn: (message: string) => void): void {
  const annotations = metadata?.annotations;
  if (annotations === undefined || spec === undefined || spec.os?.name === 'windows') return;
  for (const container of [...(spec.initContainers ?? []), ...(spec.containers ?? [])]) {
    const key = appArmorPrefix + container.name;
    const annotation = annotations[key];
    if (annotation === undefined || container.securityContext?.appArmorProfile !== undefined) continue;
    const profile = profileOf(annotation);
    if (profile !== undefined && sameJson(profile, spec.securityContext?.appArmorProfile)) continue;
    if (profile !== undefined) (container.securityContext ??= {}).appArmorProfile = profile;
    warn(`${keyPath('metadata.annotations', key)}: deprecated since v1.30; use the "appArmorProfile" field instead`);
  }
}

const localhost = 'localhost/';

/** Undefined for what makes no valid field. */
function profileOf(annotation: string): AppArmorProfile | undefined {
  if (annotation === 'unconfined') return { type: 'Unconfined' };
  if (annotation === 'runtime/default') return { type: 'RuntimeDefault' };
  if (!annotation.startsWith(localhost)) return undefined;
  const profile: AppArmorProfile = { type: 'Localhost', localhostProfile: annotation.slice(localhost.length) };
  return validateAppArmor('', profile).length === 0 ? profile : undefined;
}
