/**
 * What plugins that look at a node alone said about each node, by class of pod: asked again only when the node has changed.
 *
 * The naive form asks every such plugin about every node for each pod: at 5,000 nodes, of which 500 are to be scored, some fifty
 * microseconds for the cheapest pods. Most pods come in classes (replicas of one template), and between two decisions one node
 * changes, the one that got the last pod. So a decision compares generations and adds up what is known. A class that comes once pays for
 * what it stores. Beyond `limits.schedulerClassesMax` the class used longest ago is forgotten.
 *
 * ```
 *   node's index:     0    1    2    3  …
 *   verdict        [ fits  –   fits  no   ]   one column for all filters
 *   sum            [  87   –    90   –    ]   one for all scores that are 0 … 100 already, by their weights
 *   raw            [   0   –     0   –    ]   one for each score that is made 0 … 100 among those that can take the pod
 * ```
 */
import { limits } from '../../lib/limits.ts';
import type { NodeColumns, NodeInfo } from '../snapshot/snapshot.ts';
import type { FilterPlan, NodeFilter, NodeScore, Plugin, Refusal } from './plugin.ts';

/** Fits: no plugin refused. */
export type Verdict = Refusal | 'fits';

export interface WeightedScore {
  readonly found: NodeScore;
  readonly weight: number;
}

/** How often a plugin was asked about a node, and nothing known was read instead: what bounds long decisions counts these. */
export interface Work {
  asked: number;
}

/** Plans of plugins that look at a node alone hang on the pod's class alone: one is made for all its pods. */
export class ClassMemory {
  readonly #filterPlans = new Map<Plugin, FilterPlan>();
  readonly #verdicts: VerdictColumn[] = [];
  readonly #work: Work;
  #scores: ScoreColumns | undefined;

  constructor(work: Work) {
    this.#work = work;
  }

  filterPlan(plugin: Plugin, make: () => FilterPlan): FilterPlan {
    let plan = this.#filterPlans.get(plugin);
    if (plan === undefined) this.#filterPlans.set(plugin, (plan = make()));
    return plan;
  }

  /** What `filters` say; of one class there may be several beginnings of the same list. */
  verdicts(filters: readonly NodeFilter[]): VerdictColumn {
    return (this.#verdicts[filters.length] ??= new VerdictColumn(filters, this.#work));
  }

  scores(make: () => readonly WeightedScore[]): ScoreColumns {
    return (this.#scores ??= new ScoreColumns(make()));
  }
}

/** Numbers by node's index. Typed, so that walking through them costs a nanosecond a node. */
class Column {
  values = new Float64Array(0);

  /** Makes room for `length` nodes; new ones get what equals no generation, not even that of a node as it would be. */
  widen(length: number): void {
    if (this.values.length >= length) return;
    const before = this.values;
    this.values = new Float64Array(length).fill(Number.NaN);
    this.values.set(before);
  }
}

export class VerdictColumn {
  readonly #filters: readonly NodeFilter[];
  readonly #at = new Column();
  readonly #verdicts: Verdict[] = [];
  readonly #work: Work;

  constructor(filters: readonly NodeFilter[], work: Work) {
    this.#filters = filters;
    this.#work = work;
  }

  /** By index: what was said, and of which generation; for walks through many nodes. */
  known({ generations }: NodeColumns): { readonly at: Float64Array; readonly verdicts: readonly Verdict[] } {
    this.#widen(generations.length);
    return { at: this.#at.values, verdicts: this.#verdicts };
  }

  of(node: NodeInfo): Verdict {
    const { index, generation } = node;
    if (this.#at.values[index] === generation) return this.#verdicts[index] as Verdict;
    const verdict = this.#ask(node);
    if (generation < 0) return verdict;
    this.#widen(index + 1);
    this.#at.values[index] = generation;
    this.#verdicts[index] = verdict;
    return verdict;
  }

  #widen(length: number): void {
    this.#at.widen(length);
    while (this.#verdicts.length < length) this.#verdicts.push('fits');
  }

  #ask(node: NodeInfo): Verdict {
    this.#work.asked++;
    for (const { refuse } of this.#filters) {
      const refusal = refuse(node);
      if (refusal !== undefined) return refusal;
    }
    return 'fits';
  }
}

export class ScoreColumns {
  readonly #plain: readonly WeightedScore[];
  readonly #shaped: readonly WeightedScore[];
  readonly #at = new Column();
  readonly #sums = new Column();
  /** By the place in `#shaped`. */
  readonly #raw: readonly Column[];

  constructor(scores: readonly WeightedScore[]) {
    this.#plain = scores.filter(({ found }) => found.normalize === undefined);
    this.#shaped = scores.filter(({ found }) => found.normalize !== undefined);
    this.#raw = this.#shaped.map(() => new Column());
  }

  /** Adds to `totals`, by position in `nodes`. What would add the same to all is left out. */
  addTo(totals: Float64Array, { nodes, indexes }: ScoredNodes, { generations }: NodeColumns, sheet: ScoreSheet): void {
    for (const column of [this.#at, this.#sums, ...this.#raw]) column.widen(generations.length);
    const at = this.#at.values;
    const sums = this.#sums.values;
    for (let position = 0; position < totals.length; position++) {
      const index = indexes[position] as number;
      if (at[index] !== generations[index]) this.#score(nodes[position] as NodeInfo);
      totals[position] = (totals[position] as number) + (sums[index] as number);
    }
    for (const [place, { found, weight }] of this.#shaped.entries()) {
      const { values } = this.#raw[place] as Column;
      if (isLevel(values, indexes, totals.length)) continue;
      const column = sheet.column(totals.length);
      for (let position = 0; position < totals.length; position++) {
        column[position] = values[indexes[position] as number] as number;
      }
      found.normalize?.(column);
      addColumn(totals, column, weight);
    }
  }

  #score(node: NodeInfo): void {
    let sum = 0;
    for (const { found, weight } of this.#plain) sum += weight * found.score(node);
    this.#sums.values[node.index] = sum;
    for (const [place, { found }] of this.#shaped.entries()) {
      (this.#raw[place] as Column).values[node.index] = found.score(node);
    }
    this.#at.values[node.index] = node.generation;
  }
}

/** Equal raw scores stay equal, whatever is made of them. */
function isLevel(values: Float64Array, indexes: Int32Array, length: number): boolean {
  const first = values[indexes[0] as number];
  for (let position = 1; position < length; position++) {
    if (values[indexes[position] as number] !== first) return false;
  }
  return true;
}

/** Nodes, and the index of each. */
export interface ScoredNodes {
  readonly nodes: readonly NodeInfo[];
  readonly indexes: Int32Array;
}

export function addColumn(totals: Float64Array, column: Float64Array, weight: number): void {
  for (let position = 0; position < totals.length; position++) {
    totals[position] = (totals[position] as number) + weight * (column[position] as number);
  }
}

/** Room to reckon in: each part is whoever's asked for it last. */
export class ScoreSheet {
  #totals = new Float64Array(0);
  #column = new Float64Array(0);
  #indexes = new Int32Array(0);

  /** All zero. */
  totals(length: number): Float64Array {
    if (this.#totals.length < length) this.#totals = new Float64Array(length * 2);
    return this.#totals.subarray(0, length).fill(0);
  }

  indexes(nodes: readonly NodeInfo[]): Int32Array {
    if (this.#indexes.length < nodes.length) this.#indexes = new Int32Array(nodes.length * 2);
    const indexes = this.#indexes;
    for (let position = 0; position < nodes.length; position++) indexes[position] = (nodes[position] as NodeInfo).index;
    return indexes;
  }

  column(length: number): Float64Array {
    if (this.#column.length < length) this.#column = new Float64Array(length * 2);
    return this.#column.subarray(0, length);
  }
}

/** What a class of pods found out about nodes otherwise, by node. */
export class Remembered<T> {
  readonly #at: number[] = [];
  readonly #values: T[] = [];
  #version = 0;

  /** `version` is of what else the values hang on: with another one, all are forgotten. */
  get({ index, generation }: NodeInfo, version: number, find: () => T): T {
    // A node as it would be: another one next time.
    if (generation < 0) return find();
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
  readonly sheet = new ScoreSheet();
  readonly work: Work = { asked: 0 };
  readonly #classes = new Map<string, ClassMemory>();
  readonly #crowded = new Map<string, Remembered<Verdict>>();
  #last: { readonly name: string; readonly memory: ClassMemory } | undefined;

  class(name: string): ClassMemory {
    if (this.#last?.name === name) return this.#last.memory;
    const memory = latest(this.#classes, name, () => new ClassMemory(this.work));
    this.#last = { name, memory };
    return memory;
  }

  /** With the pods that were promised room and count for this priority as if they were there. */
  crowded(name: string, priority: number): Remembered<Verdict> {
    return latest(this.#crowded, `${name}\0${priority}`, () => new Remembered<Verdict>());
  }

  /** Something changed that plugins read besides nodes and classes. */
  forget(): void {
    this.#classes.clear();
    this.#crowded.clear();
    this.#last = undefined;
  }
}

function latest<T>(map: Map<string, T>, name: string, make: () => T): T {
  const value = map.get(name) ?? make();
  map.delete(name);
  map.set(name, value);
  if (map.size > limits.schedulerClassesMax) {
    const [oldest] = map.keys();
    if (oldest !== undefined) map.delete(oldest);
  }
  return value;
}
