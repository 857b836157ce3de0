/**
 * Counts of placed pods that plugins ask for again and again: how many that a selector means stand on each node, and in each domain of a
 * topology. Counted once from scratch when first asked for, and pod by pod from then on.
 *
 * The naive form, as upstream's PreFilter has it, looks at all pods of all nodes for each decision: at 5,000 nodes that is most of the
 * decision. Here a pod that comes or goes touches the counters whose selector it may match (found by one of its labels), and a decision
 * reads. The cost is memory: counters that nobody asked for longest are dropped beyond `limits.schedulerCountersMax`.
 */
import type { Node } from '../../api/schema/types/core-v1.ts';
import type { LabelMatcher } from '../../api/selector.ts';
import { limits } from '../../lib/limits.ts';
import type { PodFacts } from '../pod-facts.ts';
import { bucketOf, eachBucket } from './terms.ts';
import { type CountedNode, TopologyCount } from './topology-count.ts';

/** Which pods are counted. */
export interface CountedPods {
  /** Equal ones have equal keys. */
  readonly key: string;
  matches(pod: PodFacts): boolean;
  /** One whose labels every counted pod matches: it says where to look. */
  readonly selector: LabelMatcher;
  /** The answer hangs on the labels of namespaces. */
  readonly readsNamespaces: boolean;
}

export interface PlacedNode extends CountedNode {
  readonly pods: ReadonlyMap<string, PodFacts>;
}

const topologiesMax = 16;

export class PodCounter {
  readonly pods: CountedPods;
  /** How many in all. */
  total = 0;
  readonly #onNode: number[] = [];
  readonly #topologies = new Map<string, TopologyCount>();
  readonly #nodes: () => Iterable<PlacedNode>;

  constructor(pods: CountedPods, nodes: () => Iterable<PlacedNode>) {
    this.pods = pods;
    this.#nodes = nodes;
    for (const node of nodes()) {
      for (const pod of node.pods.values()) if (pods.matches(pod)) this.change(node.index, 1);
    }
  }

  onNode({ index }: { readonly index: number }): number {
    return this.#onNode[index] ?? 0;
  }

  /** Counts by `topologyKey`, over nodes that `isEligible`; `eligibility` names that function: equal names, equal functions. */
  topology(topologyKey: string, eligibility = '', isEligible: (node: Node) => boolean = everyNode): TopologyCount {
    const key = `${topologyKey}\0${eligibility}`;
    let topology = this.#topologies.get(key);
    if (topology === undefined) {
      topology = new TopologyCount(topologyKey, isEligible);
      for (const node of this.#nodes()) topology.setNode(node, this.onNode(node));
    }
    touch(this.#topologies, key, topology, topologiesMax);
    return topology;
  }

  change(index: number, delta: 1 | -1): void {
    this.total += delta;
    this.#onNode[index] = (this.#onNode[index] ?? 0) + delta;
    for (const topology of this.#topologies.values()) topology.change(index, delta);
  }

  setNode(node: CountedNode): void {
    for (const topology of this.#topologies.values()) topology.setNode(node, this.onNode(node));
  }

  removeNode(index: number): void {
    for (const topology of this.#topologies.values()) topology.removeNode(index);
  }
}

const everyNode = (): boolean => true;

export class PodCounters {
  readonly #nodes: () => Iterable<PlacedNode>;
  readonly #counters = new Map<string, PodCounter>();
  /** By a label that all counted pods carry; those without one are under ''. */
  readonly #buckets = new Map<string, Set<PodCounter>>();

  constructor(nodes: () => Iterable<PlacedNode>) {
    this.#nodes = nodes;
  }

  counter(pods: CountedPods): PodCounter {
    let counter = this.#counters.get(pods.key);
    if (counter === undefined) {
      counter = new PodCounter(pods, this.#nodes);
      const bucket = bucketOf(pods.selector) ?? '';
      this.#buckets.set(bucket, (this.#buckets.get(bucket) ?? new Set()).add(counter));
    }
    touch(this.#counters, pods.key, counter, limits.schedulerCountersMax, (old) => this.#forget(old));
    return counter;
  }

  change(pod: PodFacts, index: number, delta: 1 | -1): void {
    if (this.#counters.size === 0) return;
    const visit = (bucket: string): void => {
      for (const counter of this.#buckets.get(bucket) ?? [])
        if (counter.pods.matches(pod)) counter.change(index, delta);
    };
    visit('');
    eachBucket(pod.labels, visit);
  }

  setNode(node: CountedNode): void {
    for (const counter of this.#counters.values()) counter.setNode(node);
  }

  removeNode(index: number): void {
    for (const counter of this.#counters.values()) counter.removeNode(index);
  }

  /** Labels of a namespace changed: what read them is counted anew when it is asked for again. */
  forgetNamespaces(): void {
    for (const [key, counter] of this.#counters) {
      if (!counter.pods.readsNamespaces) continue;
      this.#counters.delete(key);
      this.#forget(counter);
    }
  }

  #forget(counter: PodCounter): void {
    const bucket = bucketOf(counter.pods.selector) ?? '';
    const counters = this.#buckets.get(bucket);
    counters?.delete(counter);
    if (counters?.size === 0) this.#buckets.delete(bucket);
  }
}

/** Makes it the one asked for last; drops the one asked for longest ago beyond `sizeMax`. */
function touch<T>(map: Map<string, T>, key: string, value: T, sizeMax: number, drop?: (value: T) => void): void {
  map.delete(key);
  map.set(key, value);
  if (map.size <= sizeMax) return;
  const [oldest] = map;
  if (oldest === undefined) return;
  map.delete(oldest[0]);
  drop?.(oldest[1]);
}
