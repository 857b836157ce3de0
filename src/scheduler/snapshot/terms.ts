/**
 * Terms of inter-pod affinity, read once: which pods a term means, and by which label nodes are alike to it. Pure.
 *
 * Pods made from one template carry equal terms; equal terms are one object here, so that indexes find them by identity of their key.
 */
import type { Affinity, Pod, PodAffinityTerm, WeightedPodAffinityTerm } from '../../api/schema/types/core-v1.ts';
import { type LabelMatcher, type Labels, labelMatcher, matchNothing } from '../../api/selector.ts';
import { SharedValues } from '../../lib/shared-values.ts';

/** A pod, as terms see it. */
export interface TermSubject {
  readonly namespace: string;
  readonly labels: Labels;
}

/** The labels of a namespace; undefined where it is not known. */
export type NamespaceLabels = (namespace: string) => Labels | undefined;

export interface Term {
  /** Equal terms have equal keys. */
  readonly key: string;
  readonly topologyKey: string;
  readonly namespaces: ReadonlySet<string>;
  /** Whose labels must match for a namespace to be meant, besides those named; undefined: none. */
  readonly namespaceSelector: LabelMatcher | undefined;
  readonly selector: LabelMatcher;
  /** 1 for required terms. */
  readonly weight: number;
}

export interface PodTerms {
  readonly required: readonly Term[];
  readonly requiredAnti: readonly Term[];
  readonly preferred: readonly Term[];
  readonly preferredAnti: readonly Term[];
}

export const noTerms: PodTerms = { required: [], requiredAnti: [], preferred: [], preferredAnti: [] };

export function podTerms({ spec, metadata }: Pod): PodTerms {
  const affinity: Affinity | undefined = spec?.affinity;
  const { podAffinity, podAntiAffinity } = affinity ?? {};
  if (podAffinity === undefined && podAntiAffinity === undefined) return noTerms;
  const namespace = metadata?.namespace ?? '';
  const hard = (terms: readonly PodAffinityTerm[] = []): Term[] => terms.map((term) => termOf(term, 1, namespace));
  const soft = (terms: readonly WeightedPodAffinityTerm[] = []): Term[] =>
    terms.map(({ podAffinityTerm, weight }) => termOf(podAffinityTerm, weight, namespace));
  return {
    required: hard(podAffinity?.requiredDuringSchedulingIgnoredDuringExecution),
    requiredAnti: hard(podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution),
    preferred: soft(podAffinity?.preferredDuringSchedulingIgnoredDuringExecution),
    preferredAnti: soft(podAntiAffinity?.preferredDuringSchedulingIgnoredDuringExecution),
  };
}

const known = new SharedValues<Term>(1024);

function termOf(term: PodAffinityTerm, weight: number, namespace: string): Term {
  const { labelSelector, namespaceSelector, namespaces = [], topologyKey } = term;
  const named = namespaces.length === 0 && namespaceSelector === undefined ? [namespace] : namespaces;
  const key = JSON.stringify([topologyKey, weight, named, namespaceSelector ?? 0, labelSelector ?? 0]);
  return (
    known.known(key) ??
    known.share(key, {
      key,
      topologyKey,
      weight,
      namespaces: new Set(named),
      namespaceSelector: namespaceSelector && matcherOf(namespaceSelector),
      selector: matcherOf(labelSelector),
    })
  );
}

/** What cannot be read matches nothing: validation does not let it in. */
export function matcherOf(selector: PodAffinityTerm['labelSelector']): LabelMatcher {
  try {
    return labelMatcher(selector);
  } catch {
    return matchNothing;
  }
}

export function matchesTerm(term: Term, subject: TermSubject, labelsOf: NamespaceLabels): boolean {
  return meansNamespace(term, subject.namespace, labelsOf) && term.selector.matches(subject.labels);
}

export function meansNamespace(term: Term, namespace: string, labelsOf: NamespaceLabels): boolean {
  if (term.namespaces.has(namespace)) return true;
  return term.namespaceSelector?.matches(labelsOf(namespace) ?? {}) ?? false;
}

/** A label that all whom `selector` matches carry, as `key=value`: what indexes file it under. Undefined where there is none. */
export function bucketOf(selector: LabelMatcher): string | undefined {
  for (const { key, operator, values } of selector.requirements) {
    if ((operator === '=' || operator === '==' || operator === 'in') && values.length === 1)
      return `${key}=${values[0]}`;
  }
  return undefined;
}

/** Calls `visit` with each bucket that a pod with these labels may be found under. */
export function eachBucket(labels: Labels, visit: (bucket: string) => void): void {
  for (const key in labels) visit(`${key}=${labels[key]}`);
}
