/**
 * The affinity terms of placed pods, by kind: for a pod that wants a node, which of them mean it, and in which domains they hold. Equal
 * terms form a group with a tally by domain; groups are found by namespace, and in it by one label that their selector asks for. So however
 * many terms the pods of one namespace carry, decisions about pods that they do not mean pass them by.
 *
 * Kept true: a group's tally of a value is the number of pods with that term on nodes with that value of its topology; a group without
 * pods is gone.
 */
import type { Labels } from '../../api/selector.ts';
import type { PodFacts } from '../pod-facts.ts';
import { bucketOf, eachBucket, matchesTerm, type NamespaceLabels, noTerms, type PodTerms, type Term } from './terms.ts';

export class TermGroup {
  readonly term: Term;
  readonly #tally = new Map<string, number>();

  constructor(term: Term) {
    this.term = term;
  }

  get isEmpty(): boolean {
    return this.#tally.size === 0;
  }

  /** How many pods with this term are in the domain of a node with `labels`. */
  countFor(labels: Labels): number {
    const value = labels[this.term.topologyKey];
    return value === undefined ? 0 : (this.#tally.get(value) ?? 0);
  }

  change(value: string, delta: 1 | -1): void {
    const count = (this.#tally.get(value) ?? 0) + delta;
    if (count === 0) this.#tally.delete(value);
    else this.#tally.set(value, count);
  }
}

const kinds = ['required', 'requiredAnti', 'preferred', 'preferredAnti'] as const;
export type TermKind = (typeof kinds)[number];

class GroupIndex {
  readonly #groups = new Map<string, TermGroup>();
  /** By the namespaces that terms name, or `anywhere`; then by label. */
  readonly #scopes = new Map<string, Map<string, Set<TermGroup>>>();

  change(term: Term, value: string, delta: 1 | -1): void {
    let group = this.#groups.get(term.key);
    if (group === undefined) {
      group = new TermGroup(term);
      this.#groups.set(term.key, group);
      this.#file(group);
    }
    group.change(value, delta);
    if (!group.isEmpty) return;
    this.#groups.delete(term.key);
    this.#unfile(group);
  }

  #file(group: TermGroup): void {
    const bucket = bucketOf(group.term.selector) ?? '';
    for (const scope of scopesOf(group.term)) {
      const buckets = this.#scopes.getOrInsertComputed(scope, () => new Map());
      buckets.getOrInsertComputed(bucket, () => new Set()).add(group);
    }
  }

  #unfile(group: TermGroup): void {
    const bucket = bucketOf(group.term.selector) ?? '';
    for (const scope of scopesOf(group.term)) {
      const buckets = this.#scopes.get(scope);
      const groups = buckets?.get(bucket);
      groups?.delete(group);
      if (groups?.size === 0) buckets?.delete(bucket);
      if (buckets?.size === 0) this.#scopes.delete(scope);
    }
  }

  matching(pod: PodFacts, labelsOf: NamespaceLabels): TermGroup[] {
    const found: TermGroup[] = [];
    for (const scope of [anywhere, pod.namespace]) {
      const buckets = this.#scopes.get(scope);
      if (buckets === undefined) continue;
      const visit = (bucket: string): void => {
        for (const group of buckets.get(bucket) ?? []) if (matchesTerm(group.term, pod, labelsOf)) found.push(group);
      };
      visit('');
      eachBucket(pod.labels, visit);
    }
    return found;
  }
}

/** No namespace is called so. */
const anywhere = '*';

/** Where pods may be that a term means: with a selector for namespaces, its labels decide. */
const scopesOf = ({ namespaces, namespaceSelector }: Term): Iterable<string> =>
  namespaceSelector === undefined ? namespaces : [anywhere];

export class TermIndex {
  readonly #byKind: Readonly<Record<TermKind, GroupIndex>> = {
    required: new GroupIndex(),
    requiredAnti: new GroupIndex(),
    preferred: new GroupIndex(),
    preferredAnti: new GroupIndex(),
  };

  /** The terms of a pod on a node with `labels`: a node without the label of a term's topology has no domain for it. */
  change(terms: PodTerms, labels: Labels, delta: 1 | -1): void {
    if (terms === noTerms) return;
    for (const kind of kinds) {
      for (const term of terms[kind]) {
        const value = labels[term.topologyKey];
        if (value !== undefined) this.#byKind[kind].change(term, value, delta);
      }
    }
  }

  /** The groups of this kind that mean `pod`. */
  matching(kind: TermKind, pod: PodFacts, labelsOf: NamespaceLabels): TermGroup[] {
    return this.#byKind[kind].matching(pod, labelsOf);
  }
}
