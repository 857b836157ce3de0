/**
 * The nodes, and what the pods on them take: kept up to date change by change, so that a decision adds nothing up.
 *
 * Kept true: a pod counts on one node at most; `requested` is the sum over `pods`. A pod that was assumed (decided, not yet bound) counts
 * like any other. Pods may come before their node: they are counted when it appears.
 */
import { objectKey } from '../api/object.ts';
import type { Node, Pod } from '../api/schema/types/core-v1.ts';
import { type Amounts, addTo, amountsOf, type PodRequests, podRequests } from './requests.ts';

export interface PlacedPod {
  readonly pod: Pod;
  readonly requests: PodRequests;
}

export interface NodeInfo {
  readonly name: string;
  readonly node: Node;
  readonly allocatable: Amounts;
  readonly requested: Amounts;
  readonly scored: { readonly cpu: number; readonly memory: number };
  readonly pods: ReadonlyMap<string, PlacedPod>;
}

/** Without what makes a node: its pods may be known before it is. */
class Slot {
  readonly name: string;
  node: Node | undefined;
  allocatable: Amounts = new Map();
  readonly requested = new Map<string, number>();
  readonly scored = { cpu: 0, memory: 0 };
  readonly pods = new Map<string, PlacedPod>();

  constructor(name: string) {
    this.name = name;
  }

  count({ requests }: PlacedPod, factor: 1 | -1): void {
    addTo(this.requested, requests.amounts, factor);
    this.scored.cpu += factor * requests.scored.cpu;
    this.scored.memory += factor * requests.scored.memory;
  }
}

export class Snapshot {
  readonly #slots = new Map<string, Slot>();
  readonly #nodeOfPod = new Map<string, string>();
  #nodes: readonly NodeInfo[] | undefined;

  /** Those that exist, in the order in which they came. */
  get nodes(): readonly NodeInfo[] {
    this.#nodes ??= [...this.#slots.values()].filter(isNode);
    return this.#nodes;
  }

  node(name: string): NodeInfo | undefined {
    const slot = this.#slots.get(name);
    return slot !== undefined && isNode(slot) ? slot : undefined;
  }

  setNode(node: Node): void {
    const slot = this.#slot(node.metadata?.name ?? '');
    if (slot.node === undefined) this.#nodes = undefined;
    slot.node = node;
    slot.allocatable = amountsOf(node.status?.allocatable);
  }

  removeNode(name: string): void {
    const slot = this.#slots.get(name);
    if (slot === undefined) return;
    slot.node = undefined;
    this.#nodes = undefined;
    this.#drop(slot);
  }

  /** Counts `pod` on `nodeName`, and no longer where it counted before. */
  setPod(pod: Pod, nodeName: string): void {
    const key = objectKey(pod);
    const standing = this.#slots.get(this.#nodeOfPod.get(key) ?? '')?.pods.get(key);
    const requests = standing?.pod.spec === pod.spec ? standing?.requests : undefined;
    this.removePod(key);
    const placed = { pod, requests: requests ?? podRequests(pod) };
    const slot = this.#slot(nodeName);
    slot.pods.set(key, placed);
    slot.count(placed, 1);
    this.#nodeOfPod.set(key, nodeName);
  }

  /** True where it counted. */
  removePod(key: string): boolean {
    const slot = this.#slots.get(this.#nodeOfPod.get(key) ?? '');
    const placed = slot?.pods.get(key);
    if (slot === undefined || placed === undefined) return false;
    slot.pods.delete(key);
    slot.count(placed, -1);
    this.#nodeOfPod.delete(key);
    this.#drop(slot);
    return true;
  }

  holds(key: string): boolean {
    return this.#nodeOfPod.has(key);
  }

  #slot(name: string): Slot {
    const standing = this.#slots.get(name);
    if (standing !== undefined) return standing;
    const slot = new Slot(name);
    this.#slots.set(name, slot);
    return slot;
  }

  #drop(slot: Slot): void {
    if (slot.node === undefined && slot.pods.size === 0) this.#slots.delete(slot.name);
  }
}

const isNode = (slot: Slot): slot is Slot & NodeInfo => slot.node !== undefined;
