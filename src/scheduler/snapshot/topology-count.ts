/**
 * How many of certain pods stand in each domain of a topology (each zone, each host), kept up to date pod by pod, with the least of all
 * domains at hand. Which nodes and domains there are, the layout says, which many counts share: so a new count costs what there is to
 * count, not a walk through all nodes.
 *
 * Kept true: a domain counts while an eligible node has its value; its count is the sum over those nodes; `#domainsAt` says how many
 * counting domains have each count, so that the least is found without looking at all: a count that falls below it is the new least, and a
 * count that leaves it empty makes one more the least.
 */
import type { TopologyLayout } from './topology-layout.ts';

interface Indexed {
  readonly index: number;
}

export class TopologyCount {
  readonly layout: TopologyLayout;
  /** By the domain's number; 0 where absent. */
  readonly #counts: number[] = [];
  readonly #domainsAt = new Map<number, number>();
  #least = 0;
  /** The sum over all domains. */
  total = 0;

  constructor(layout: TopologyLayout) {
    this.layout = layout;
    if (layout.size > 0) this.#domainsAt.set(0, layout.size);
  }

  /** How many domains there are on eligible nodes. */
  get size(): number {
    return this.layout.size;
  }

  /** The least count of any domain; 0 where there is none. */
  get least(): number {
    return this.#least;
  }

  /** How many domains have `count`. */
  domainsWith(count: number): number {
    return this.#domainsAt.get(count) ?? 0;
  }

  /** The count of the domain that `node` belongs to, eligible or not; undefined where it lacks the label. */
  countAround({ index }: Indexed): number | undefined {
    const domain = this.layout.domainOf(index);
    return domain === undefined ? undefined : (this.#counts[domain] ?? 0);
  }

  isCounted({ index }: Indexed): boolean {
    return this.layout.isEligible(index);
  }

  /** The least count if the domain of `node` had `delta` more. */
  leastWith({ index }: Indexed, delta: number): number {
    const domain = this.layout.domainOf(index);
    if (delta === 0 || domain === undefined || this.layout.eligibleNodesOf(domain) === 0) return this.#least;
    const count = this.#counts[domain] ?? 0;
    const changed = count + delta;
    if (changed <= this.#least) return changed;
    if (count > this.#least || this.domainsWith(this.#least) > 1) return this.#least;
    let next = changed;
    for (const other of this.#domainsAt.keys()) if (other > this.#least && other < next) next = other;
    return next;
  }

  /** So many pods more, or less, on the node. */
  change(index: number, delta: number): void {
    const domain = this.layout.domainOf(index);
    if (domain === undefined || !this.layout.isEligible(index)) return;
    const count = this.#counts[domain] ?? 0;
    this.#counts[domain] = count + delta;
    this.total += delta;
    this.#leave(count);
    this.#enter(count + delta);
    this.#settleLeast();
  }

  /** Before the layout takes the node, which has `count` of the pods, away. */
  beforeNodeGoes(index: number, count: number): void {
    const domain = this.layout.domainOf(index);
    if (domain === undefined || !this.layout.isEligible(index)) return;
    if (count !== 0) this.change(index, -count);
    if (this.layout.eligibleNodesOf(domain) > 1) return;
    this.#leave(this.#counts[domain] ?? 0);
    this.#settleLeast();
  }

  /** After the layout has taken the node in. */
  afterNodeCame(index: number, count: number): void {
    const domain = this.layout.domainOf(index);
    if (domain === undefined || !this.layout.isEligible(index)) return;
    if (this.layout.eligibleNodesOf(domain) === 1) {
      this.#counts[domain] = 0;
      this.#enter(0);
      this.#settleLeast();
    }
    if (count !== 0) this.change(index, count);
  }

  #enter(count: number): void {
    this.#domainsAt.set(count, this.domainsWith(count) + 1);
    if (count < this.#least) this.#least = count;
  }

  #leave(count: number): void {
    const left = this.domainsWith(count) - 1;
    if (left > 0) this.#domainsAt.set(count, left);
    else this.#domainsAt.delete(count);
  }

  #settleLeast(): void {
    if (this.#domainsAt.size === 0) this.#least = 0;
    else if (!this.#domainsAt.has(this.#least)) {
      if (this.#domainsAt.has(this.#least + 1)) this.#least++;
      else this.#least = [...this.#domainsAt.keys()].reduce((least, count) => Math.min(least, count), Infinity);
    }
  }
}
