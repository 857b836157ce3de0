/**
 * Pods that wait for room which was made for them: on which node each is to go. Decisions about pods that are no more important look at a
 * node as if the nominated were there already, so that nobody takes the room while their victims end.
 */
import type { PodFacts } from '../pod-facts.ts';
import type { NodeInfo, Snapshot } from './snapshot.ts';

const nobody: ReadonlyMap<string, PodFacts> = new Map();

export class Nominations {
  readonly #snapshot: Snapshot;
  readonly #byNode = new Map<string, Map<string, PodFacts>>();
  readonly #nodeOf = new Map<string, string>();
  #withTerms = 0;

  constructor(snapshot: Snapshot) {
    this.#snapshot = snapshot;
  }

  /** Some nominated pod has anti-affinity, which holds for others. */
  get keepOthersAway(): boolean {
    return this.#withTerms > 0;
  }

  get size(): number {
    return this.#nodeOf.size;
  }

  on(node: string): ReadonlyMap<string, PodFacts> {
    return this.#byNode.get(node) ?? nobody;
  }

  nodeOf(key: string): string | undefined {
    return this.#nodeOf.get(key);
  }

  set(pod: PodFacts, node: string): void {
    if (this.on(node).get(pod.key) === pod) return;
    this.remove(pod.key);
    const pods = this.#byNode.get(node) ?? new Map<string, PodFacts>();
    this.#byNode.set(node, pods.set(pod.key, pod));
    this.#nodeOf.set(pod.key, node);
    if (pod.terms.requiredAnti.length > 0) this.#withTerms++;
    this.#snapshot.nominate(node, 1);
  }

  remove(key: string): void {
    const node = this.#nodeOf.get(key);
    if (node === undefined) return;
    const pods = this.#byNode.get(node);
    const pod = pods?.get(key);
    pods?.delete(key);
    if (pods?.size === 0) this.#byNode.delete(node);
    this.#nodeOf.delete(key);
    if (pod !== undefined && pod.terms.requiredAnti.length > 0) this.#withTerms--;
    this.#snapshot.nominate(node, -1);
  }

  /** Those on the node that count for `pod`: no less important, and not itself. */
  before(pod: PodFacts, { name }: NodeInfo): PodFacts[] {
    const pods = this.#byNode.get(name);
    if (pods === undefined) return [];
    return [...pods.values()].filter((other) => other.priority >= pod.priority && other.key !== pod.key);
  }
}
