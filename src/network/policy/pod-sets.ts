/**
 * Which pods belong to which set of the kernel. Sets are shared by all rules that name the same pods, and a pod is asked only about selectors that
 * look into its namespace.
 */
import { type LabelMatcher, matchNothing } from '../../api/selector.ts';
import type { PodSelector } from './peers.ts';
import type { PodFacts } from './pod-facts.ts';

interface Entry {
  readonly selector: PodSelector;
  /** The sets that it is part of. */
  readonly ids: Set<string>;
}

type Labels = Readonly<Record<string, string>>;

export class PodSets {
  readonly #sets = new Map<string, { readonly selectors: readonly PodSelector[]; users: number }>();
  readonly #selectors = new Map<string, Entry>();
  readonly #namespaces = new Map<string, Labels>();
  /** Made when it is asked for, and forgotten when selectors come or go. */
  readonly #byNamespace = new Map<string, readonly Entry[]>();

  /** True where the set is new. */
  use(id: string, selectors: readonly PodSelector[]): boolean {
    const known = this.#sets.get(id);
    if (known !== undefined) {
      known.users++;
      return false;
    }
    this.#sets.set(id, { selectors, users: 1 });
    for (const selector of selectors) {
      const entry = this.#selectors.get(selector.key) ?? { selector, ids: new Set() };
      entry.ids.add(id);
      this.#selectors.set(selector.key, entry);
    }
    this.#byNamespace.clear();
    return true;
  }

  /** True where nobody uses the set any more: it is gone. */
  release(id: string): boolean {
    const known = this.#sets.get(id);
    if (known === undefined || --known.users > 0) return false;
    this.#sets.delete(id);
    for (const { key } of known.selectors) {
      const entry = this.#selectors.get(key);
      entry?.ids.delete(id);
      if (entry?.ids.size === 0) this.#selectors.delete(key);
    }
    this.#byNamespace.clear();
    return true;
  }

  /** True where selectors may see the namespace otherwise than before. */
  setNamespace(name: string, labels: Labels | undefined): boolean {
    const before = this.#namespaces.get(name);
    if (sameLabels(before, labels)) return false;
    if (labels === undefined) this.#namespaces.delete(name);
    else this.#namespaces.set(name, labels);
    this.#byNamespace.delete(name);
    return true;
  }

  setsOf({ namespace, labels }: PodFacts): Set<string> {
    const found = new Set<string>();
    for (const { selector, ids } of this.#entriesOf(namespace)) {
      if (selector.pods.matches(labels)) for (const id of ids) found.add(id);
    }
    return found;
  }

  /** What the set says of the pods of a namespace. */
  matchersOf(id: string, namespace: string): readonly LabelMatcher[] {
    const selectors = this.#sets.get(id)?.selectors ?? [];
    return selectors.map((selector) => (this.#looksInto(selector, namespace) ? selector.pods : matchNothing));
  }

  #entriesOf(namespace: string): readonly Entry[] {
    const known = this.#byNamespace.get(namespace);
    if (known !== undefined) return known;
    const entries = [...this.#selectors.values()].filter(({ selector }) => this.#looksInto(selector, namespace));
    this.#byNamespace.set(namespace, entries);
    return entries;
  }

  /** A namespace that is not known yet matches nothing: also not what excludes other namespaces. */
  #looksInto({ namespace, namespaces }: PodSelector, name: string): boolean {
    if (namespaces === undefined) return namespace === name;
    const labels = this.#namespaces.get(name);
    return labels !== undefined && namespaces.matches(labels);
  }
}

function sameLabels(a: Labels | undefined, b: Labels | undefined): boolean {
  if (a === b) return true;
  if (a === undefined || b === undefined) return false;
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => a[name] === b[name]);
}
