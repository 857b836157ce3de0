/**
 * What plugins that look at a node alone said about each node, by class of pod: asked again only when the node has changed.
 *
 * The naive form asks every such plugin about every node for each pod: at 5,000 nodes, of which 500 are to be scored, some fifty
 * microseconds for the cheapest pods. Most pods come in classes (replicas of one template), and between two decisions one node
 * changes, the one that got the last pod. So a decision compares generations and adds up what is known. A class that comes once pays for
 * what it stores. Beyond `limits.schedulerClassesMax` the class used longest ago is forgotten.
 */
import { limits } from '../../lib/limits.ts';
import type { NodeInfo } from '../snapshot/snapshot.ts';
import type { Refusal } from './plugin.ts';

/** Fits: no plugin refused. */
export type Verdict = Refusal | 'fits';

export class ClassMemory {
  readonly #verdictAt: number[] = [];
  readonly #verdicts: Verdict[] = [];
  readonly #scoresAt: number[] = [];
  /** By plugin's place, then by node. */
  readonly #scores: number[][] = [];

  verdict(node: NodeInfo, find: (node: NodeInfo) => Verdict): Verdict {
    const { index } = node;
    if (this.#verdictAt[index] === node.generation) return this.#verdicts[index] as Verdict;
    const verdict = find(node);
    if (node.generation < 0) return verdict;
    this.#verdictAt[index] = node.generation;
    this.#verdicts[index] = verdict;
    return verdict;
  }

  /** Fills `into[place][position]` for all of `nodes`, by the functions at each place. */
  scores(
    nodes: readonly NodeInfo[],
    find: readonly ((node: NodeInfo) => number)[],
    into: readonly Float64Array[],
  ): void {
    while (this.#scores.length < find.length) this.#scores.push([]);
    for (const node of nodes) if (this.#scoresAt[node.index] !== node.generation) this.#score(node, find);
    for (let place = 0; place < find.length; place++) {
      const column = this.#scores[place] as number[];
      const target = into[place] as Float64Array;
      for (let position = 0; position < nodes.length; position++) {
        target[position] = column[(nodes[position] as NodeInfo).index] as number;
      }
    }
  }

  #score(node: NodeInfo, find: readonly ((node: NodeInfo) => number)[]): void {
    for (const [place, score] of find.entries()) (this.#scores[place] as number[])[node.index] = score(node);
    this.#scoresAt[node.index] = node.generation;
  }
}

/** What a class of pods found out about nodes otherwise, by node. */
export class Remembered<T> {
  readonly #at: number[] = [];
  readonly #values: T[] = [];
  #version = 0;

  /** `version` is of what else the values hang on: with another one, all are forgotten. */
  get({ index, generation }: NodeInfo, version: number, find: () => T): T {
    if (version !== this.#version) this.#at.length = 0;
    this.#version = version;
    if (this.#at[index] !== generation) {
      this.#values[index] = find();
      this.#at[index] = generation;
    }
    return this.#values[index] as T;
  }
}

export class NodeMemory {
  readonly #classes = new Map<string, ClassMemory>();

  class(name: string): ClassMemory {
    const memory = this.#classes.get(name) ?? new ClassMemory();
    this.#classes.delete(name);
    this.#classes.set(name, memory);
    if (this.#classes.size > limits.schedulerClassesMax) {
      const [oldest] = this.#classes.keys();
      if (oldest !== undefined) this.#classes.delete(oldest);
    }
    return memory;
  }
}
