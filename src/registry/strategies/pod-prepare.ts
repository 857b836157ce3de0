/**
 * What becomes of a new pod before it is checked: label keys turn into selectors, and AppArmor profiles are said both ways, by field and
 * by the annotation of old.
 */
import type { AppArmorProfile, Container, Pod, PodAffinityTerm } from '../../api/schema/types/core-v1.ts';
import type { LabelSelector } from '../../api/schema/types/meta-v1.ts';
import { type Draft, sameJson } from '../draft.ts';
import { appArmorPrefix } from '../validation/pod-annotations.ts';

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

/** Nodes of older versions know only the annotation. */
export function mirrorAppArmor(pod: Draft<Pod>): void {
  const { spec } = pod;
  if (spec === undefined || spec.os?.name === 'windows') return;
  for (const container of [...(spec.initContainers ?? []), ...(spec.containers ?? [])]) {
    mirrorProfile(pod, container, spec.securityContext?.appArmorProfile);
  }
}

function mirrorProfile(pod: Draft<Pod>, container: Draft<Container>, ofPod: AppArmorProfile | undefined): void {
  const key = appArmorPrefix + container.name;
  const annotation = pod.metadata?.annotations?.[key];
  const own = container.securityContext?.appArmorProfile;
  if (annotation === undefined) {
    const text = annotationOf(own ?? ofPod);
    if (text) ((pod.metadata ??= {}).annotations ??= {})[key] = text;
    return;
  }
  const profile = own === undefined ? profileOf(annotation) : undefined;
  if (profile !== undefined && !sameJson(profile, ofPod)) (container.securityContext ??= {}).appArmorProfile = profile;
}

const localhost = 'localhost/';

function annotationOf(profile: AppArmorProfile | undefined): string {
  if (profile?.type === 'Unconfined') return 'unconfined';
  if (profile?.type === 'RuntimeDefault') return 'runtime/default';
  return profile?.type === 'Localhost' && profile.localhostProfile ? localhost + profile.localhostProfile : '';
}

/** Undefined for what is no profile: validation says so. */
function profileOf(annotation: string): AppArmorProfile | undefined {
  if (annotation === 'unconfined') return { type: 'Unconfined' };
  if (annotation === 'runtime/default') return { type: 'RuntimeDefault' };
  const file = annotation.startsWith(localhost) ? annotation.slice(localhost.length) : '';
  return file !== '' && file.trim() === file ? { type: 'Localhost', localhostProfile: file } : undefined;
}
