/**
 * The nodes, and what the pods on them take: kept up to date change by change, so that a decision adds nothing up.
 *
 * Kept true: a pod counts on one node at most; `requested` is the sum over `pods`; counters and terms agree with `pods` of the nodes that
 * exist. A pod that was assumed (decided, not yet bound) counts like any other. Pods may come before their node: they are counted when it
 * appears. A node's `generation` changes whenever anything does that a plugin may read of it alone; no two states of nodes share one.
 */
import type { HostPort } from '../../api/host-ports.ts';
import { type Amounts, addTo, amountsOf } from '../../api/node-requests.ts';
import type { Node, Pod } from '../../api/schema/types/core-v1.ts';
import type { Labels } from '../../api/selector.ts';
import { PodFacts } from '../pod-facts.ts';
import { nodeChanges } from '../queue/changes.ts';
import { ImageTable, imagesOf } from './images.ts';
import { type CountedPods, type PodCounter, PodCounters } from './pod-counters.ts';
import { type TermGroup, TermIndex, type TermKind } from './term-index.ts';
import type { NamespaceLabels } from './terms.ts';
import { inTurns, zoneOf } from './zones.ts';

export interface NodeInfo {
  readonly name: string;
  /** Small and dense: for arrays by node. Given to another node after this one is gone. */
  readonly index: number;
  readonly generation: number;
  readonly node: Node;
  readonly labels: Labels;
  readonly allocatable: Amounts;
  readonly requested: Amounts;
  readonly scored: { readonly cpu: number; readonly memory: number };
  readonly pods: ReadonlyMap<string, PodFacts>;
  readonly hostPorts: readonly HostPort[];
  /** How many pods that wait were promised room on it. */
  readonly nominated: number;
  /** Where this is the node as it would be: who would be gone, and who would have come. */
  readonly gone?: readonly PodFacts[];
  readonly come?: readonly PodFacts[];
}

/** What passes over thousands of nodes read of each, side by side in memory: looking at every node's own object is ten times as slow. */
export interface NodeColumns {
  /** The indexes of `nodes`, in their order. */
  readonly order: Int32Array;
  /** By index, as in `NodeInfo`. */
  readonly generations: Float64Array;
  readonly nominated: Int32Array;
}

const noLabels: Labels = {};
const noPorts: readonly HostPort[] = [];

/** Without what makes a node: its pods may be known before it is. */
class Slot {
  readonly name: string;
  readonly index: number;
  generation = 0;
  node: Node | undefined;
  labels: Labels = noLabels;
  allocatable: Amounts = new Map();
  readonly requested = new Map<string, number>();
  readonly scored = { cpu: 0, memory: 0 };
  readonly pods = new Map<string, PodFacts>();
  hostPorts: readonly HostPort[] = noPorts;
  nominated = 0;

  constructor(name: string, index: number) {
    this.name = name;
    this.index = index;
  }

  count({ requests }: PodFacts, factor: 1 | -1): void {
    addTo(this.requested, requests.amounts, factor);
    this.scored.cpu += factor * requests.scored.cpu;
    this.scored.memory += factor * requests.scored.memory;
    if (requests.hostPorts.length > 0)
      this.hostPorts = [...this.pods.values()].flatMap((pod) => pod.requests.hostPorts);
  }
}

export class Snapshot {
  readonly #slots = new Map<string, Slot>();
  readonly #nodeOfPod = new Map<string, string>();
  readonly #freeIndexes: number[] = [];
  readonly #counters = new PodCounters(() => this.nodes);
  readonly #terms = new TermIndex();
  readonly images = new ImageTable();
  #namespaceLabels: NamespaceLabels = () => undefined;
  #nodes: readonly NodeInfo[] | undefined;
  #order: Int32Array | undefined;
  #generations = new Float64Array(64);
  #nominated = new Int32Array(64);
  #generation = 0;
  #indexes = 0;

  /** Where labels of namespaces are found. */
  readNamespaces(labelsOf: NamespaceLabels): void {
    this.#namespaceLabels = labelsOf;
  }

  /** Those that exist, from each zone in turn, so that any run of them is spread over the zones. */
  get nodes(): readonly NodeInfo[] {
    this.#nodes ??= inTurns([...this.#slots.values()].filter(isNode), ({ node }) => zoneOf(node));
    return this.#nodes;
  }

  /** Valid until the next change. */
  get columns(): NodeColumns {
    this.#order ??= Int32Array.from(this.nodes, ({ index }) => index);
    return { order: this.#order, generations: this.#generations, nominated: this.#nominated };
  }

  get labelsOfNamespace(): NamespaceLabels {
    return this.#namespaceLabels;
  }

  node(name: string): NodeInfo | undefined {
    const slot = this.#slots.get(name);
    return slot !== undefined && isNode(slot) ? slot : undefined;
  }

  setNode(node: Node): void {
    const slot = this.#slot(node.metadata?.name ?? '');
    const before = slot.node;
    if (before === undefined || zoneOf(before) !== zoneOf(node)) this.#reorder();
    const labels = node.metadata?.labels ?? noLabels;
    const moved = before === undefined || !sameLabels(slot.labels, labels);
    const changes = before === undefined ? [] : nodeChanges(before, node);
    if (before !== undefined && changes.length === 0) {
      slot.node = node;
      return;
    }
    if (moved && before !== undefined) this.#changeTerms(slot, -1);
    this.images.replace(before && imagesOf(before), imagesOf(node));
    slot.node = node;
    slot.labels = labels;
    slot.allocatable = amountsOf(node.status?.allocatable);
    if (moved) this.#changeTerms(slot, 1);
    if (before === undefined && isNode(slot))
      for (const pod of slot.pods.values()) this.#counters.change(pod, slot.index, 1);
    if (isNode(slot) && (moved || changes.includes('NodeTaint'))) this.#counters.setNode(slot);
    this.#touch(slot);
  }

  removeNode(name: string): void {
    const slot = this.#slots.get(name);
    if (slot === undefined || !isNode(slot)) return;
    this.#changeTerms(slot, -1);
    for (const pod of slot.pods.values()) this.#counters.change(pod, slot.index, -1);
    this.#counters.removeNode(slot.index);
    this.images.replace(imagesOf(slot.node), undefined);
    (slot as Slot).node = undefined;
    this.#reorder();
    this.#touch(slot);
    this.#drop(slot);
  }

  /** Counts `pod` on `nodeName`, and no longer where it counted before. Returns its facts. */
  setPod(pod: Pod | PodFacts, nodeName: string): PodFacts {
    const form = pod instanceof PodFacts ? pod.pod : pod;
    const key = pod instanceof PodFacts ? pod.key : keyOf(form);
    const standing = this.#slots.get(this.#nodeOfPod.get(key) ?? '')?.pods.get(key);
    if (standing !== undefined && this.#nodeOfPod.get(key) === nodeName && standing.holdsFor(form)) {
      standing.pod = form;
      return standing;
    }
    this.removePod(key);
    const facts = pod instanceof PodFacts ? pod : new PodFacts(pod, standing);
    const slot = this.#slot(nodeName);
    slot.pods.set(key, facts);
    this.#nodeOfPod.set(key, nodeName);
    this.#change(slot, facts, 1);
    return facts;
  }

  /** What it counted as; undefined where it did not. */
  removePod(key: string): PodFacts | undefined {
    const slot = this.#slots.get(this.#nodeOfPod.get(key) ?? '');
    const facts = slot?.pods.get(key);
    if (slot === undefined || facts === undefined) return undefined;
    slot.pods.delete(key);
    this.#nodeOfPod.delete(key);
    this.#change(slot, facts, -1);
    this.#drop(slot);
    return facts;
  }

  /** A pod was promised room on the node, or no longer is. */
  nominate(name: string, delta: 1 | -1): void {
    const slot = this.#slot(name);
    slot.nominated += delta;
    this.#touch(slot);
    this.#drop(slot);
  }

  nodeNameOf(key: string): string | undefined {
    return this.#nodeOfPod.get(key);
  }

  podByKey(key: string): PodFacts | undefined {
    return this.#slots.get(this.#nodeOfPod.get(key) ?? '')?.pods.get(key);
  }

  counter(pods: CountedPods): PodCounter {
    return this.#counters.counter(pods);
  }

  /** The groups of terms of placed pods that mean `pod`. */
  termsAbout(kind: TermKind, pod: PodFacts): TermGroup[] {
    return this.#terms.matching(kind, pod, this.#namespaceLabels);
  }

  namespaceLabelsChanged(): void {
    this.#counters.forgetNamespaces();
  }

  #change(slot: Slot, facts: PodFacts, delta: 1 | -1): void {
    slot.count(facts, delta);
    this.#touch(slot);
    if (slot.node === undefined) return;
    this.#counters.change(facts, slot.index, delta);
    this.#terms.change(facts.terms, slot.labels, delta);
  }

  #changeTerms(slot: Slot, delta: 1 | -1): void {
    for (const { terms } of slot.pods.values()) this.#terms.change(terms, slot.labels, delta);
  }

  #reorder(): void {
    this.#nodes = undefined;
    this.#order = undefined;
  }

  #touch(slot: Slot): void {
    slot.generation = ++this.#generation;
    this.#generations[slot.index] = slot.generation;
    this.#nominated[slot.index] = slot.nominated;
  }

  #slot(name: string): Slot {
    const standing = this.#slots.get(name);
    if (standing !== undefined) return standing;
    const slot = new Slot(name, this.#freeIndexes.pop() ?? this.#indexes++);
    if (slot.index === this.#generations.length) this.#widen();
    this.#slots.set(name, slot);
    return slot;
  }

  #widen(): void {
    const length = this.#generations.length * 2;
    const [generations, nominated] = [this.#generations, this.#nominated];
    (this.#generations = new Float64Array(length)).set(generations);
    (this.#nominated = new Int32Array(length)).set(nominated);
  }

  #drop(slot: Slot): void {
    if (slot.node !== undefined || slot.pods.size > 0 || slot.nominated > 0) return;
    this.#slots.delete(slot.name);
    this.#freeIndexes.push(slot.index);
  }
}

const isNode = (slot: Slot): slot is Slot & NodeInfo => slot.node !== undefined;

const keyOf = ({ metadata }: Pod): string => `${metadata?.namespace ?? ''}/${metadata?.name ?? ''}`;

function sameLabels(a: Labels, b: Labels): boolean {
  if (a === b) return true;
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => a[key] === b[key]);
}

/**
 * A node as it would be: a copy on which pods can be taken away and put back. What looks at other nodes' pods, too, reads from `gone` and
 * `come` what is different here.
 */
export class TrialNode implements NodeInfo {
  readonly name: string;
  readonly index: number;
  /** What is found out about it is not remembered. */
  readonly generation = -1;
  readonly node: Node;
  readonly labels: Labels;
  readonly allocatable: Amounts;
  readonly requested: Map<string, number>;
  readonly scored: { cpu: number; memory: number };
  readonly pods: Map<string, PodFacts>;
  hostPorts: readonly HostPort[];
  readonly nominated: number;
  readonly gone: PodFacts[];
  readonly come: PodFacts[];

  constructor(info: NodeInfo) {
    this.name = info.name;
    this.index = info.index;
    this.node = info.node;
    this.labels = info.labels;
    this.allocatable = info.allocatable;
    this.requested = new Map(info.requested);
    this.scored = { ...info.scored };
    this.pods = new Map(info.pods);
    this.hostPorts = info.hostPorts;
    this.nominated = info.nominated;
    this.gone = [...(info.gone ?? [])];
    this.come = [...(info.come ?? [])];
  }

  /** One that stands on the real node. */
  take(pod: PodFacts): void {
    this.gone.push(pod);
    this.pods.delete(pod.key);
    this.#count(pod, -1);
  }

  /** One that was taken. */
  putBack(pod: PodFacts): void {
    this.gone.splice(this.gone.indexOf(pod), 1);
    this.pods.set(pod.key, pod);
    this.#count(pod, 1);
  }

  /** One that is not on the real node. */
  bring(pod: PodFacts): void {
    this.come.push(pod);
    this.pods.set(pod.key, pod);
    this.#count(pod, 1);
  }

  #count({ requests }: PodFacts, factor: 1 | -1): void {
    addTo(this.requested, requests.amounts, factor);
    this.scored.cpu += factor * requests.scored.cpu;
    this.scored.memory += factor * requests.scored.memory;
    if (requests.hostPorts.length > 0)
      this.hostPorts = [...this.pods.values()].flatMap((pod) => pod.requests.hostPorts);
  }
}
