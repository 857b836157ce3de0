/**
 * Placed pods in groups that are alike to whoever looks at namespace, labels and whether a pod is ending, and at nothing else: replicas of
 * one template, mostly. How many of each stand on each node.
 *
 * So a counter that is new asks about each group once, not about each pod; and which counters count a pod is found once for its group.
 */
import type { PodFacts } from '../pod-facts.ts';

export class LabelGroup<Counter> {
  /** One of them, or one that was. */
  readonly sample: PodFacts;
  /** By the node's index; above zero. */
  readonly onNode = new Map<number, number>();
  /** Those that count these pods, as of `version` of all counters. */
  counters: readonly Counter[] = [];
  version = -1;

  constructor(sample: PodFacts) {
    this.sample = sample;
  }
}

export class LabelGroups<Counter> {
  readonly #groups = new Map<string, LabelGroup<Counter>>();

  [Symbol.iterator](): Iterator<LabelGroup<Counter>> {
    return this.#groups.values();
  }

  /** One pod more, or one less, on the node. Returns its group. */
  change(pod: PodFacts, index: number, delta: 1 | -1): LabelGroup<Counter> {
    let group = this.#groups.get(pod.kin);
    if (group === undefined) this.#groups.set(pod.kin, (group = new LabelGroup(pod)));
    const count = (group.onNode.get(index) ?? 0) + delta;
    if (count > 0) group.onNode.set(index, count);
    else group.onNode.delete(index);
    if (group.onNode.size === 0) this.#groups.delete(pod.kin);
    return group;
  }
}
