/**
 * Counts of placed pods that plugins ask for again and again: how many that a selector means stand on each node, and in each domain of a
 * topology. Counted once from scratch when first asked for, and pod by pod from then on.
 *
 * The naive form, as upstream's PreFilter has it, looks at all pods of all nodes for each decision: at 5,000 nodes that is most of the
 * decision. Here a pod that comes or goes touches the counters that count it (found once for all pods with its labels), and a decision
 * reads. The cost is memory: counters that nobody asked for longest are dropped beyond `limits.schedulerCountersMax`.
 */
import type { Node } from '../../api/schema/types/core-v1.ts';
import type { LabelMatcher } from '../../api/selector.ts';
import { limits } from '../../lib/limits.ts';
import type { PodFacts } from '../pod-facts.ts';
import { type LabelGroup, LabelGroups } from './label-groups.ts';
import { bucketOf, eachBucket } from './terms.ts';
import { TopologyCount } from './topology-count.ts';
import { type CountedNode, TopologyLayout } from './topology-layout.ts';

/** Which pods are counted. */
export interface CountedPods {
  /** Equal ones have equal keys. */
  readonly key: string;
  matches(pod: PodFacts): boolean;
  /** One whose labels every counted pod matches: it says where to look. */
  readonly selector: LabelMatcher;
  /** The answer hangs on the labels of namespaces. */
  readonly readsNamespaces: boolean;
  /** Of a pod it looks at the namespace, the labels and whether it is ending, and at nothing else. */
  readonly looksAtLabelsOnly?: true;
}

export interface PlacedNode extends CountedNode {
  readonly pods: ReadonlyMap<string, PodFacts>;
}

const topologiesMax = 16;
/** Of all counters together; beyond, those that no counter reads are dropped. */
const layoutsMax = 64;

type LayoutOf = (topologyKey: string, eligibility: string, isEligible: (node: Node) => boolean) => TopologyLayout;
type Groups = LabelGroups<PodCounter>;

export class PodCounter {
  readonly pods: CountedPods;
  /** How many in all. */
  total = 0;
  /** By the node's index. */
  readonly #onNode = new Map<number, number>();
  readonly #topologies = new Map<string, TopologyCount>();
  readonly #layoutOf: LayoutOf;

  constructor(pods: CountedPods, layoutOf: LayoutOf) {
    this.pods = pods;
    this.#layoutOf = layoutOf;
  }

  countGroups(groups: Groups): this {
    for (const { sample, onNode } of groups) {
      if (this.pods.matches(sample)) for (const [index, count] of onNode) this.change(index, count);
    }
    return this;
  }

  countEach(nodes: Iterable<PlacedNode>): this {
    for (const node of nodes) {
      for (const pod of node.pods.values()) if (this.pods.matches(pod)) this.change(node.index, 1);
    }
    return this;
  }

  onNode({ index }: { readonly index: number }): number {
    return this.#onNode.get(index) ?? 0;
  }

  /** Counts by `topologyKey`, over nodes that `isEligible`; `eligibility` names that function: equal names, equal functions. */
  topology(topologyKey: string, eligibility = '', isEligible: (node: Node) => boolean = everyNode): TopologyCount {
    const key = `${topologyKey}\0${eligibility}`;
    let topology = this.#topologies.get(key);
    if (topology === undefined) {
      topology = new TopologyCount(this.#layoutOf(topologyKey, eligibility, isEligible));
      for (const [index, count] of this.#onNode) topology.change(index, count);
    }
    touch(this.#topologies, key, topology, topologiesMax);
    return topology;
  }

  change(index: number, delta: number): void {
    this.total += delta;
    const count = this.onNode({ index }) + delta;
    if (count === 0) this.#onNode.delete(index);
    else this.#onNode.set(index, count);
    for (const topology of this.#topologies.values()) topology.change(index, delta);
  }

  get topologies(): Iterable<TopologyCount> {
    return this.#topologies.values();
  }

  beforeNodeGoes(index: number): void {
    for (const topology of this.#topologies.values()) topology.beforeNodeGoes(index, this.onNode({ index }));
  }

  afterNodeCame(index: number): void {
    for (const topology of this.#topologies.values()) topology.afterNodeCame(index, this.onNode({ index }));
  }
}

const everyNode = (): boolean => true;

export class PodCounters {
  readonly #nodes: () => Iterable<PlacedNode>;
  readonly #counters = new Map<string, PodCounter>();
  /** By a label that all counted pods carry; those without one are under ''. */
  readonly #buckets = new Map<string, Set<PodCounter>>();
  /** Those that look at more than labels. */
  readonly #others = new Set<PodCounter>();
  readonly #groups: Groups = new LabelGroups();
  readonly #layouts = new Map<string, TopologyLayout>();
  /** Of the set of counters. */
  #version = 0;

  constructor(nodes: () => Iterable<PlacedNode>) {
    this.#nodes = nodes;
  }

  counter(pods: CountedPods): PodCounter {
    let counter = this.#counters.get(pods.key);
    if (counter === undefined) {
      counter = this.#make(pods);
      this.#version++;
    }
    touch(this.#counters, pods.key, counter, limits.schedulerCountersMax, (old) => this.#forget(old));
    return counter;
  }

  change(pod: PodFacts, index: number, delta: 1 | -1): void {
    const group = this.#groups.change(pod, index, delta);
    if (this.#counters.size === 0) return;
    if (group.version !== this.#version) this.#findCounters(group);
    for (const counter of group.counters) counter.change(index, delta);
    for (const counter of this.#others) if (counter.pods.matches(pod)) counter.change(index, delta);
  }

  setNode(node: CountedNode): void {
    for (const counter of this.#counters.values()) counter.beforeNodeGoes(node.index);
    for (const layout of this.#layouts.values()) layout.setNode(node);
    for (const counter of this.#counters.values()) counter.afterNodeCame(node.index);
  }

  removeNode(index: number): void {
    for (const counter of this.#counters.values()) counter.beforeNodeGoes(index);
    for (const layout of this.#layouts.values()) layout.removeNode(index);
  }

  /** Labels of a namespace changed: what read them is counted anew when it is asked for again. */
  forgetNamespaces(): void {
    for (const [key, counter] of this.#counters) {
      if (!counter.pods.readsNamespaces) continue;
      this.#counters.delete(key);
      this.#forget(counter);
    }
  }

  #make(pods: CountedPods): PodCounter {
    const counter = new PodCounter(pods, (...what) => this.#layoutOf(...what));
    if (!pods.looksAtLabelsOnly) {
      this.#others.add(counter);
      return counter.countEach(this.#nodes());
    }
    const bucket = bucketOf(pods.selector) ?? '';
    this.#buckets.set(bucket, (this.#buckets.get(bucket) ?? new Set()).add(counter));
    return counter.countGroups(this.#groups);
  }

  #findCounters(group: LabelGroup<PodCounter>): void {
    const found: PodCounter[] = [];
    const visit = (bucket: string): void => {
      for (const counter of this.#buckets.get(bucket) ?? [])
        if (counter.pods.matches(group.sample)) found.push(counter);
    };
    visit('');
    eachBucket(group.sample.labels, visit);
    group.counters = found;
    group.version = this.#version;
  }

  #layoutOf(topologyKey: string, eligibility: string, isEligible: (node: Node) => boolean): TopologyLayout {
    const key = `${topologyKey}\0${eligibility}`;
    let layout = this.#layouts.get(key);
    if (layout === undefined) {
      if (this.#layouts.size >= layoutsMax) this.#dropLayouts();
      layout = new TopologyLayout(topologyKey, isEligible, this.#nodes());
      this.#layouts.set(key, layout);
    }
    return layout;
  }

  #dropLayouts(): void {
    const read = new Set<TopologyLayout>();
    for (const counter of this.#counters.values()) for (const { layout } of counter.topologies) read.add(layout);
    for (const [key, layout] of this.#layouts) if (!read.has(layout)) this.#layouts.delete(key);
  }

  #forget(counter: PodCounter): void {
    this.#version++;
    if (this.#others.delete(counter)) return;
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
