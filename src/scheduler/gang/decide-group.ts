/**
 * Where the pods of a group go, all at once, or that they go nowhere (KEP-4671, KEP-5732). The world is as it was when this returns.
 *
 * The naive form lets each pod of a gang take its node and wait there for the others: two gangs that both fit by half then hold each other's
 * room for ever. Here the members are placed one after another in the snapshot, each seeing those before it, and taken back; only when enough
 * of them have a node does the caller place them for good, with nothing decided in between. So a gang holds nothing while it waits.
 *
 * ```
 *  members, the most important first ──▶ for each domain of the topology, or once:
 *       decide ▶ assume, reserve ▶ decide ▶ …  ─▶ enough of them? ─▶ score ─┐
 *       ◀──────────────── all taken back ◀──────────────────────────────────┘  the best domain wins
 * ```
 * Bound: `limits.groupMembersMax` members at a time, and in each attempt `limits.groupQuestionsMax` questions to plugins, after which those
 * that are left have no node; pods that are alike are refused as one. In all as many decisions as pods fit into all domains, and one more
 * each; past `limits.groupDecisionsMax`, the first domain that holds the group is the last that is tried. Placement is greedy, as upstream's:
 * a gang whose pods differ may fit and not be found to.
 */
import { limits } from '../../lib/limits.ts';
import { nextInt, type Prng } from '../../lib/prng.ts';
import { type Decision, decide, sameFate } from '../decide.ts';
import type { World } from '../framework/plugin.ts';
import type { Profile } from '../framework/profile.ts';
import type { PodFacts } from '../pod-facts.ts';
import type { NodeInfo } from '../snapshot/snapshot.ts';
import { type KnownGroup, minCountOf, topologyKeyOf } from './pod-groups.ts';

export interface GroupInputs {
  readonly group: KnownGroup;
  /** Those that wait, in the order in which they are placed. */
  readonly members: readonly PodFacts[];
  readonly profile: Profile;
  readonly world: World;
  readonly prng: Prng;
}

export interface MemberOutcome {
  readonly pod: PodFacts;
  readonly decision: Decision;
}

type Nowhere = Extract<Decision, { kind: 'none' }>;

export interface Attempt {
  readonly isFeasible: boolean;
  /** One a member, in order; fewer where it was given up early. */
  readonly outcomes: readonly MemberOutcome[];
  /** Members that have a node: of these and of those bound before. */
  readonly placed: number;
  /** How many nodes came into question. */
  readonly nodeCount: number;
  /** Higher is fuller, 0 … 100: what all requests take of the domain's nodes. */
  readonly fullness: number;
}

export type GroupDecision =
  | { readonly kind: 'placed'; readonly attempt: Attempt }
  /** One a domain; the first is whole, and speaks for all. Empty where no node has the topology's label. */
  | { readonly kind: 'none'; readonly attempts: readonly Attempt[] }
  /** It cannot be said where the group may go. */
  | { readonly kind: 'error'; readonly message: string };

export function decideGroup(inputs: GroupInputs): GroupDecision {
  const domains = domainsOf(inputs);
  if (typeof domains === 'string') return { kind: 'error', message: domains };
  const attempts: Attempt[] = [];
  let decisions = 0;
  for (const nodes of domains) {
    if (decisions >= limits.groupDecisionsMax && attempts.some(({ isFeasible }) => isFeasible)) break;
    const attempt = attemptGroup(inputs, nodes, true);
    decisions += attempt.outcomes.length;
    attempts.push(attempt);
  }
  const feasible = attempts.filter(({ isFeasible }) => isFeasible);
  if (feasible.length > 0) return { kind: 'placed', attempt: bestOf(feasible, inputs.prng) };
  // The one that speaks for all has something to say about each pod.
  const [, ...others] = attempts;
  return { kind: 'none', attempts: attempts.length === 0 ? [] : [attemptGroup(inputs, domains[0]), ...others] };
}

/** Places all members that can be placed, and takes them back. `isHurried`: not once it is clear that there will not be enough. */
export function attemptGroup(inputs: GroupInputs, among: readonly NodeInfo[] | undefined, isHurried = false): Attempt {
  const { group, members, profile, world, prng } = inputs;
  const nodes = among ?? world.snapshot.nodes;
  const wanted = minCountOf(group.podGroup);
  const outcomes: MemberOutcome[] = [];
  const undo: (() => void)[] = [];
  const { work } = profile.memory;
  const endAt = work.asked + limits.groupQuestionsMax;
  let refused: { readonly pod: PodFacts; readonly decision: Nowhere } | undefined;
  const before = boundOf(inputs).length;
  let placed = before;
  let start = 0;
  for (const [index, pod] of members.entries()) {
    if (work.asked >= endAt || (isHurried && placed + members.length - index < wanted)) break;
    if (refused !== undefined && sameFate(pod, refused.pod, refused.decision, profile, world)) {
      outcomes.push({ pod, decision: refused.decision });
      continue;
    }
    const decision = decide(pod, profile, world, prng, start, among);
    outcomes.push({ pod, decision });
    start = (start + decision.looked) % Math.max(1, nodes.length);
    if (decision.kind === 'none') {
      refused = { pod, decision };
      continue;
    }
    refused = undefined;
    placed++;
    undo.push(tryOut(pod, decision.node, inputs));
  }
  const fullness = among === undefined ? 0 : fullnessOf(among);
  for (const back of undo.reverse()) back();
  return { isFeasible: placed > before && placed >= wanted, outcomes, placed, nodeCount: nodes.length, fullness };
}

/** Counts the pod on the node, as if it was bound. What was promised to it elsewhere is given up meanwhile. */
function tryOut(pod: PodFacts, node: NodeInfo, { profile, world }: GroupInputs): () => void {
  const { nominations, snapshot } = world;
  const nominated = nominations.nodeOf(pod.key);
  nominations.remove(pod.key);
  const reservations = profile.plan.reserve.flatMap(({ reserve }) => reserve?.(pod, world, node) ?? []);
  snapshot.setPod(pod, node.name);
  return () => {
    snapshot.removePod(pod.key);
    // Nothing was written yet: there is nothing to wait for.
    for (const reservation of reservations.reverse()) void reservation.undo();
    if (nominated !== undefined) nominations.set(pod, nominated);
  };
}

interface Bound {
  readonly key: string;
  readonly node: string;
}

/** Members that have a node, seen bound or only decided. */
function boundOf({ group, world }: GroupInputs): Bound[] {
  return [...group.members.keys()].flatMap((key) => {
    const node = world.snapshot.nodeNameOf(key);
    return node === undefined ? [] : [{ key, node }];
  });
}

/** The sets of nodes of which one must take all; a text where those bound already leave none. */
function domainsOf(inputs: GroupInputs): (readonly NodeInfo[] | undefined)[] | string {
  const { group, world } = inputs;
  const topologyKey = topologyKeyOf(group.podGroup);
  if (topologyKey === undefined) return [undefined];
  const domains = new Map<string, NodeInfo[]>();
  for (const node of world.snapshot.nodes) {
    const value = node.labels[topologyKey];
    if (value !== undefined) domains.set(value, [...(domains.get(value) ?? []), node]);
  }
  const values = new Set<string>();
  for (const { key, node } of boundOf(inputs)) {
    const value = world.snapshot.node(node)?.labels[topologyKey];
    if (value === undefined) return `${undetermined}: no topology domain found for pod ${key}`;
    values.add(value);
  }
  if (values.size > 1) {
    return `${undetermined}: more than 1 domain found for pod group: ${[...values].sort().join(', ')}`;
  }
  const [value] = values;
  return value === undefined ? [...domains.values()] : [domains.get(value) ?? []];
}

const undetermined = 'cannot determine domain for already scheduled pods';

/** As upstream's two scores together: as many pods as possible, and nodes as full as possible; of equals each is as likely. */
function bestOf(attempts: readonly Attempt[], prng: Prng): Attempt {
  const [only, ...others] = attempts;
  if (only !== undefined && others.length === 0) return only;
  const most = Math.max(...attempts.map(({ placed }) => placed));
  const scoreOf = ({ placed, fullness }: Attempt): number => Math.floor((placed * 100) / most) + Math.floor(fullness);
  const highest = Math.max(...attempts.map(scoreOf));
  const best = attempts.filter((attempt) => scoreOf(attempt) === highest);
  return best[nextInt(prng, best.length)] as Attempt;
}

const scoredResources = ['cpu', 'memory'] as const;

function fullnessOf(nodes: readonly NodeInfo[]): number {
  let shares = 0;
  for (const resource of scoredResources) {
    let [taken, all] = [0, 0];
    for (const { requested, allocatable } of nodes) {
      taken += requested.get(resource) ?? 0;
      all += allocatable.get(resource) ?? 0;
    }
    if (all > 0) shares += Math.min(1, taken / all);
  }
  return (100 * shares) / scoredResources.length;
}
