/**
 * How many of certain pods stand in each domain of a topology (each zone, each host), kept up to date pod by pod, with the least of all
 * domains at hand.
 *
 * Kept true: a domain counts while an eligible node has its value; its count is the sum over those nodes; `#domainsAt` says how many
 * counting domains have each count, so that the least is found without looking at all: a count that falls below it is the new least, and a
 * count that leaves it empty makes one more the least.
 */
import type { Node } from '../../api/schema/types/core-v1.ts';

export interface Domain {
  count: number;
  /** Eligible nodes with its value. */
  nodes: number;
}

export interface CountedNode {
  readonly index: number;
  readonly node: Node;
}

export class TopologyCount {
  readonly topologyKey: string;
  /** Pure: depends on the node alone. */
  readonly #isEligible: (node: Node) => boolean;
  /** By the topology's value; also of values that only nodes have which are not eligible. */
  readonly #domains = new Map<string, Domain>();
  /** By the node's index: the domain of its value, and whether it is counted there, and with how many. */
  readonly #domainOf: (Domain | undefined)[] = [];
  readonly #counted: (number | undefined)[] = [];
  readonly #domainsAt = new Map<number, number>();
  #least = 0;
  #size = 0;
  /** The sum over all domains. */
  total = 0;

  constructor(topologyKey: string, isEligible: (node: Node) => boolean) {
    this.topologyKey = topologyKey;
    this.#isEligible = isEligible;
  }

  /** How many domains there are on eligible nodes. */
  get size(): number {
    return this.#size;
  }

  /** The least count of any domain; 0 where there is none. */
  get least(): number {
    return this.#least;
  }

  /** How many domains have `count`. */
  domainsWith(count: number): number {
    return this.#domainsAt.get(count) ?? 0;
  }

  /** The domain that `node` belongs to, eligible or not; undefined where it lacks the label. */
  domainOf(node: { readonly index: number }): Domain | undefined {
    return this.#domainOf[node.index];
  }

  isCounted(node: { readonly index: number }): boolean {
    return this.#counted[node.index] !== undefined;
  }

  /** The least count if the domain of `node` had `delta` more. */
  leastWith(node: { readonly index: number }, delta: number): number {
    const domain = this.#domainOf[node.index];
    if (delta === 0 || domain === undefined || domain.nodes === 0) return this.#least;
    const changed = domain.count + delta;
    if (changed <= this.#least) return changed;
    if (domain.count > this.#least || this.domainsWith(this.#least) > 1) return this.#least;
    let next = changed;
    for (const count of this.#domainsAt.keys()) if (count > this.#least && count < next) next = count;
    return next;
  }

  /** The node came, or its labels or taints changed; `count` of the pods are on it. */
  setNode({ index, node }: CountedNode, count: number): void {
    this.removeNode(index);
    const value = node.metadata?.labels?.[this.topologyKey];
    if (value === undefined) return;
    let domain = this.#domains.get(value);
    if (domain === undefined) this.#domains.set(value, (domain = { count: 0, nodes: 0 }));
    this.#domainOf[index] = domain;
    if (!this.#isEligible(node)) return;
    this.#counted[index] = count;
    this.#resize(domain, count, 1);
  }

  removeNode(index: number): void {
    const domain = this.#domainOf[index];
    const counted = this.#counted[index];
    if (domain !== undefined && counted !== undefined) this.#resize(domain, -counted, -1);
    this.#domainOf[index] = undefined;
    this.#counted[index] = undefined;
  }

  /** One pod more, or one less, on the node. */
  change(index: number, delta: 1 | -1): void {
    const counted = this.#counted[index];
    const domain = this.#domainOf[index];
    if (counted === undefined || domain === undefined) return;
    this.#counted[index] = counted + delta;
    this.#resize(domain, delta, 0);
  }

  #resize(domain: Domain, delta: number, nodes: number): void {
    if (domain.nodes > 0) this.#leave(domain.count);
    domain.count += delta;
    this.total += delta;
    domain.nodes += nodes;
    if (domain.nodes > 0) this.#enter(domain.count);
    this.#settleLeast();
  }

  #enter(count: number): void {
    this.#domainsAt.set(count, (this.#domainsAt.get(count) ?? 0) + 1);
    this.#size++;
    if (this.#size === 1 || count < this.#least) this.#least = count;
  }

  #leave(count: number): void {
    const left = (this.#domainsAt.get(count) ?? 0) - 1;
    if (left > 0) this.#domainsAt.set(count, left);
    else this.#domainsAt.delete(count);
    this.#size--;
  }

  #settleLeast(): void {
    if (this.#size === 0) this.#least = 0;
    else if (!this.#domainsAt.has(this.#least)) {
      if (this.#domainsAt.has(this.#least + 1)) this.#least++;
      else this.#least = [...this.#domainsAt.keys()].reduce((least, count) => Math.min(least, count), Infinity);
    }
  }
}
