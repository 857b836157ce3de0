/** A profile at work: its plugins in the order and with the weights in which each point of a decision asks them. */
import type { Pod } from '../../api/schema/types/core-v1.ts';
import { gangScheduling } from '../plugins/gang-scheduling.ts';
import { always, type ChangeKind, type Hint } from '../queue/changes.ts';
import { NodeMemory } from './node-memory.ts';
import type { Plugin, World } from './plugin.ts';

export interface WeightedPlugin {
  readonly plugin: Plugin;
  readonly weight: number;
}

/** Which plugins are asked at which point, as a configuration says it. */
export interface ProfilePlan {
  readonly schedulerName: string;
  readonly preEnqueue: readonly Plugin[];
  readonly filter: readonly Plugin[];
  readonly postFilter: readonly Plugin[];
  readonly score: readonly WeightedPlugin[];
  readonly reserve: readonly Plugin[];
  /** Whether pods of this profile may make room for themselves, and how many nodes are tried at least. */
  readonly preemption: PreemptionArgs | undefined;
  /** Percent of the nodes of which enough is enough; 0: it depends on how many there are. */
  readonly percentageOfNodesToScore: number;
}

export interface PreemptionArgs {
  readonly minCandidateNodesPercentage: number;
  readonly minCandidateNodesAbsolute: number;
}

export class Profile {
  readonly plan: ProfilePlan;
  readonly memory = new NodeMemory();
  /** Whether pods of one group are decided on together. */
  readonly decidesGroups: boolean;
  readonly #byName: ReadonlyMap<string, Plugin>;

  constructor(plan: ProfilePlan) {
    this.plan = plan;
    const all = [...plan.preEnqueue, ...plan.filter, ...plan.reserve];
    this.#byName = new Map(all.map((plugin) => [plugin.name, plugin]));
    this.decidesGroups = plan.preEnqueue.includes(gangScheduling);
  }

  /** Why the pod may not enter the queue yet; undefined where it may. */
  heldBack(pod: Pod, world: World): { readonly plugin: string; readonly reason: string } | undefined {
    for (const { name, preEnqueue } of this.plan.preEnqueue) {
      const reason = preEnqueue?.(pod, world);
      if (reason !== undefined) return { plugin: name, reason };
    }
    return undefined;
  }

  /** What says whether a change of these kinds may make a pod fit that `plugins` refused. One that no plugin refused may profit from anything. */
  hintsOf(plugins: ReadonlySet<string>, kinds: readonly ChangeKind[]): Hint[] {
    if (plugins.size === 0) return [always];
    return [...plugins].flatMap((name) => kinds.flatMap((kind) => this.#byName.get(name)?.hints?.[kind] ?? []));
  }
}
