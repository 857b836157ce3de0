/**
 * Nodes that fall silent and come back, as their stages say. One timer for each node that has such stages; whoever plays the node is told
 * what to do, and decides how.
 */
import type { Clock, Timer } from '../lib/clock.ts';
import type { Prng } from '../lib/prng.ts';
import type { Service } from '../lib/service.ts';
import { draw, type NodeStage } from './stages.ts';

/** A node without power or network: nothing is heard of it, and it hears nothing. What ran, runs on. */
export interface LosableNode {
  readonly stages: readonly NodeStage[];
  lose(): void;
  recover(): void;
}

export class NodeLosses implements Service {
  readonly name = 'losses of simulated nodes';
  readonly #nodes: readonly LosableNode[];
  readonly #clock: Clock;
  readonly #prng: Prng;
  readonly #timers = new Map<LosableNode, Timer>();

  constructor(nodes: readonly LosableNode[], { clock, prng }: { readonly clock: Clock; readonly prng: Prng }) {
    this.#nodes = nodes.filter(({ stages }) => stages.length > 0);
    this.#clock = clock;
    this.#prng = prng;
  }

  start(): Promise<void> {
    for (const node of this.#nodes) this.#draw(node);
    return Promise.resolve();
  }

  close(): Promise<void> {
    for (const timer of this.#timers.values()) timer.cancel();
    this.#timers.clear();
    return Promise.resolve();
  }

  /** Of several stages the earliest comes; after it, all are drawn anew. */
  #draw(node: LosableNode): void {
    const drawn = node.stages.flatMap((stage) => draw(stage, this.#prng) ?? []);
    const [next] = drawn.toSorted((a, b) => a.delayMs - b.delayMs);
    if (next === undefined) return;
    this.#after(node, next.delayMs, () => {
      node.lose();
      if (next.forMs === undefined) return;
      this.#after(node, next.forMs, () => {
        node.recover();
        this.#draw(node);
      });
    });
  }

  /** At least a millisecond, so that stages without delays do not turn without end. */
  #after(node: LosableNode, delayMs: number, act: () => void): void {
    this.#timers.set(node, this.#clock.after(Math.max(1, delayMs), act));
  }
}
