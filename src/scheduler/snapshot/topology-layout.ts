/**
 * Which domain of a topology (which zone, which host) each node belongs to, and which of the nodes are eligible: the same for all counts of
 * pods over it, and so held once. Domains are small numbers here, for arrays.
 *
 * Kept true: a domain has a number while some node has its value; a number is given to another value only after that.
 */
import type { Node } from '../../api/schema/types/core-v1.ts';

export interface CountedNode {
  readonly index: number;
  readonly node: Node;
}

export class TopologyLayout {
  readonly topologyKey: string;
  /** Pure: depends on the node alone. */
  readonly #isEligible: (node: Node) => boolean;
  readonly #numbers = new Map<string, number>();
  readonly #values: string[] = [];
  readonly #free: number[] = [];
  /** By the node's index. */
  readonly #domainOf: (number | undefined)[] = [];
  readonly #eligible: boolean[] = [];
  /** By the domain's number: nodes with its value, and those of them that are eligible. */
  readonly #nodes: number[] = [];
  readonly #eligibleNodes: number[] = [];
  #size = 0;

  constructor(topologyKey: string, isEligible: (node: Node) => boolean, nodes: Iterable<CountedNode>) {
    this.topologyKey = topologyKey;
    this.#isEligible = isEligible;
    for (const node of nodes) this.setNode(node);
  }

  /** How many domains there are on eligible nodes. */
  get size(): number {
    return this.#size;
  }

  /** Eligible or not; undefined where the node lacks the label. */
  domainOf(index: number): number | undefined {
    return this.#domainOf[index];
  }

  isEligible(index: number): boolean {
    return this.#eligible[index] === true;
  }

  eligibleNodesOf(domain: number): number {
    return this.#eligibleNodes[domain] ?? 0;
  }

  /** The node came, or its labels or taints changed. */
  setNode({ index, node }: CountedNode): void {
    this.removeNode(index);
    const value = node.metadata?.labels?.[this.topologyKey];
    if (value === undefined) return;
    const domain = this.#number(value);
    this.#domainOf[index] = domain;
    this.#nodes[domain] = (this.#nodes[domain] ?? 0) + 1;
    if (!this.#isEligible(node)) return;
    this.#eligible[index] = true;
    this.#eligibleNodes[domain] = this.eligibleNodesOf(domain) + 1;
    if (this.#eligibleNodes[domain] === 1) this.#size++;
  }

  removeNode(index: number): void {
    const domain = this.#domainOf[index];
    if (domain === undefined) return;
    this.#domainOf[index] = undefined;
    this.#nodes[domain] = (this.#nodes[domain] ?? 0) - 1;
    if (this.#eligible[index]) {
      this.#eligibleNodes[domain] = this.eligibleNodesOf(domain) - 1;
      if (this.#eligibleNodes[domain] === 0) this.#size--;
    }
    this.#eligible[index] = false;
    if (this.#nodes[domain] > 0) return;
    this.#numbers.delete(this.#values[domain] as string);
    this.#free.push(domain);
  }

  #number(value: string): number {
    const known = this.#numbers.get(value);
    if (known !== undefined) return known;
    const number = this.#free.pop() ?? this.#values.length;
    this.#numbers.set(value, number);
    this.#values[number] = value;
    return number;
  }
}
