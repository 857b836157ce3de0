/**
 * What a plugin is, as upstream's scheduling framework has it: at which points of a decision it is asked, and what it answers.
 *
 * ```
 *  queue ──▶ preEnqueue ─▶ filter (once: PreFilter; then for each node) ─▶ score (once: PreScore; each node; normalize) ─▶ reserve ─▶ preBind ─▶ bound
 *                              │ no node
 *                              ▼
 *                          postFilter: preemption ─▶ waits until a change that one of the refusing plugins' hints lets through
 * ```
 * Plugins are pure up to `reserve`: they read the snapshot and the caches, and write nothing. What PreFilter and PreScore find is kept in
 * the closures that they return, so that two decisions never share a state.
 */
import type { Pod } from '../../api/schema/types/core-v1.ts';
import type { DeviceReader } from '../devices/device-reader.ts';
import type { PodGroupReader } from '../gang/pod-groups.ts';
import type { PodFacts } from '../pod-facts.ts';
import type { Hints } from '../queue/changes.ts';
import type { Nominations } from '../snapshot/nominations.ts';
import type { NodeInfo, Snapshot } from '../snapshot/snapshot.ts';
import type { VolumeReader } from '../volumes/volume-reader.ts';
import type { WorkloadReader } from '../workloads.ts';

/** Why a node cannot take a pod, in upstream's words. */
export interface Refusal {
  readonly plugin: string;
  readonly reasons: readonly string[];
  /** Other pods going away could change it: preemption may help. */
  readonly resolvable: boolean;
}

export function refusal(plugin: string, resolvable: boolean, ...reasons: string[]): Refusal {
  return { plugin, resolvable, reasons };
}

/** What plugins read besides the pod. */
export interface World {
  readonly snapshot: Snapshot;
  readonly volumes: VolumeReader;
  readonly workloads: WorkloadReader;
  readonly nominations: Nominations;
  readonly groups: PodGroupReader;
  readonly devices: DeviceReader;
}

export interface NodeFilter {
  /** Undefined where the node can take the pod. */
  readonly refuse: (node: NodeInfo) => Refusal | undefined;
  /** The only nodes that come into question, by name; all where absent. */
  readonly only?: ReadonlySet<string>;
}

/** Skip: it has nothing to say about this pod. A refusal holds for every node. */
export type FilterPlan = 'skip' | { readonly refused: Refusal } | NodeFilter;

export interface NodeScore {
  readonly score: (node: NodeInfo) => number;
  /** From whatever `score` gave to 0 … 100, in place; where absent they are that already. */
  readonly normalize?: (scores: Float64Array) => void;
}

/** Waits until others have acted, which may take minutes: meanwhile other pods are decided on. */
export type Aside = <T>(work: Promise<T>) => Promise<T>;

/** What was set aside for a pod that got its node, until it is bound. */
export interface Reservation {
  /** Before the binding is written; throwing takes the decision back. */
  preBind?(aside: Aside): Promise<void>;
  /** The decision is taken back: at once for other decisions; what was written is taken back in the time that it takes. */
  undo(): void | Promise<void>;
}

/** What a plugin does for a pod that fits nowhere. */
export interface PostFilterPlan {
  /** As upstream tells it behind the reasons. */
  readonly message: string;
  /** Afterwards the pod may fit; the change that this makes wakes it. */
  readonly act?: () => Promise<void>;
}

export interface Plugin {
  readonly name: string;
  /** Filter and score read of the world only the node, and of the pod only what its class says: what they said once holds until the node changes. */
  readonly looksAtNodeOnly?: true;
  /** Undefined where the pod may enter the queue; else why not. */
  readonly preEnqueue?: (pod: Pod, world: World) => string | undefined;
  readonly filter?: (pod: PodFacts, world: World) => FilterPlan;
  /** `refused` are the nodes that this plugin refused. */
  readonly postFilter?: (pod: PodFacts, world: World, refused: readonly NodeInfo[]) => PostFilterPlan;
  /** `feasible` are the nodes that passed all filters. */
  readonly score?: (pod: PodFacts, world: World, feasible: readonly NodeInfo[]) => 'skip' | NodeScore;
  readonly reserve?: (pod: PodFacts, world: World, node: NodeInfo) => Reservation | undefined;
  /** Which changes may undo its refusal. */
  readonly hints?: Hints;
}

/** The largest becomes 100; `reverse` makes the smallest best. */
export function stretch(scores: Float64Array, reverse: boolean): void {
  let largest = 0;
  for (const score of scores) if (score > largest) largest = score;
  for (let index = 0; index < scores.length; index++) {
    if (largest === 0) {
      if (reverse) scores[index] = 100;
      continue;
    }
    const share = Math.floor(((scores[index] as number) * 100) / largest);
    scores[index] = reverse ? 100 - share : share;
  }
}
