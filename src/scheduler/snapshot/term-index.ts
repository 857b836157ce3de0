/**
 * The affinity terms of placed pods, by kind: for a pod that wants a node, which of them mean it, and in which domains they hold. Equal
 * terms form a group with a tally by domain; groups are found by one label that their selector asks for.
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
  readonly #buckets = new Map<string, Set<TermGroup>>();

  change(term: Term, value: string, delta: 1 | -1): void {
    let group = this.#groups.get(term.key);
    const bucket = bucketOf(term.selector) ?? '';
    if (group === undefined) {
      group = new TermGroup(term);
      this.#groups.set(term.key, group);
      this.#buckets.set(bucket, (this.#buckets.get(bucket) ?? new Set()).add(group));
    }
    group.change(value, delta);
    if (!group.isEmpty) return;
    this.#groups.delete(term.key);
    const groups = this.#buckets.get(bucket);
    groups?.delete(group);
    if (groups?.size === 0) this.#buckets.delete(bucket);
  }

  matching(pod: PodFacts, labelsOf: NamespaceLabels): TermGroup[] {
    const found: TermGroup[] = [];
    if (this.#groups.size === 0) return found;
    const visit = (bucket: string): void => {
      for (const group of this.#buckets.get(bucket) ?? []) {
        if (matchesTerm(group.term, pod, labelsOf)) found.push(group);
      }
    };
    visit('');
    eachBucket(pod.labels, visit);
    return found;
  }
}

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
