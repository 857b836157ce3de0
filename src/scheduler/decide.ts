/**
 * Where a pod goes, or why it goes nowhere. Pure: the snapshot is read, the generator breaks ties.
 *
 * On large clusters not all nodes are looked at: enough that can take the pod are found and scored (upstream's
 * `percentageOfNodesToScore`), each decision starting where the last one stopped, so that all nodes have their turn. A pod that was
 * nominated to a node goes there if it now can.
 *
 * ```
 *   filters that look at a node alone: remembered by class ─┐
 *   filters that look at other nodes' pods, volumes: asked ─┴▶ feasible ─▶ scores, the same two ways ─▶ the best, ties by chance
 * ```
 */
import { nextInt, type Prng } from '../lib/prng.ts';
import {
  addColumn,
  type ClassMemory,
  type Remembered,
  type Verdict,
  type VerdictColumn,
  type WeightedScore,
} from './framework/node-memory.ts';
import type { FilterPlan, NodeFilter, Refusal, World } from './framework/plugin.ts';
import type { Profile } from './framework/profile.ts';
import type { PodFacts } from './pod-facts.ts';
import { type NodeInfo, type Snapshot, TrialNode } from './snapshot/snapshot.ts';

/** Why each node that was looked at cannot take the pod. */
export interface Refusals {
  readonly nodes: readonly NodeInfo[];
  /** By position in `nodes`. */
  readonly refusals: readonly Refusal[];
  /** How many nodes gave each. */
  readonly counts: ReadonlyMap<Refusal, number>;
  /** All nodes were refused at once, before any was looked at. */
  readonly forAll?: Refusal;
  /** Nodes that did not come into question, by the plugins that said so. */
  readonly absent?: { readonly count: number; readonly plugins: readonly string[] };
}

/** `isLocal`: what `check` says hangs on the pod's class and the node alone. */
export type Decision =
  | { readonly kind: 'node'; readonly node: NodeInfo; readonly looked: number; readonly feasible: number }
  | {
      readonly kind: 'none';
      readonly refusals: Refusals;
      readonly looked: number;
      readonly check: NodeCheck;
      readonly isLocal: boolean;
    };

/** Asks all filters about a node, as it is or as it would be. */
export type NodeCheck = (node: NodeInfo) => Refusal | undefined;

interface Filters {
  /** What the first ones say is remembered by class; these look at the node alone. */
  readonly alone: readonly NodeFilter[];
  readonly others: readonly NodeFilter[];
  readonly only: ReadonlySet<string> | undefined;
  readonly onlyBy: readonly string[];
}

/**
 * `start` is an index into the snapshot's nodes; `looked` in the result says how far the decision came. Where `among` is there, only these
 * nodes come into question, as if there were no others.
 */
export function decide(
  pod: PodFacts,
  profile: Profile,
  world: World,
  prng: Prng,
  start = 0,
  among?: readonly NodeInfo[],
): Decision {
  const { snapshot } = world;
  const memory = profile.memory.class(pod.class);
  const filters = plansOf(pod, profile, world, memory);
  if ('refused' in filters) return refusedForAll(filters.refused);
  const verdicts = memory.verdicts(filters.alone);
  const check = checkerOf(pod, filters, { profile, verdicts }, world);
  const nominated = nominatedNode(pod, world);
  if (nominated !== undefined && isAmong(nominated, filters, among) && check(nominated) === undefined) {
    return { kind: 'node', node: nominated, looked: 0, feasible: 1 };
  }
  const all = among ?? snapshot.nodes;
  const nodes = filters.only === undefined ? all : named(filters.only, world, among);
  const enough = nodesToFind(nodes.length, profile.plan.percentageOfNodesToScore);
  const ask = filters.only === undefined ? quickly(check, filters, { profile, verdicts }, snapshot) : check;
  const feasible: NodeInfo[] = [];
  const refusedNodes: NodeInfo[] = [];
  const refusals: Refusal[] = [];
  let looked = 0;
  for (; looked < nodes.length && feasible.length < enough; looked++) {
    const at = start + looked;
    const place = at < nodes.length ? at : at % nodes.length;
    const node = nodes[place] as NodeInfo;
    const refusal = ask(node, place);
    if (refusal === undefined) feasible.push(node);
    else if (feasible.length === 0) {
      refusedNodes.push(node);
      refusals.push(refusal);
    }
  }
  const advanced = filters.only === undefined ? looked : 0;
  if (feasible.length > 0) {
    const node = best(pod, profile, world, memory, feasible, prng);
    return { kind: 'node', node, looked: advanced, feasible: feasible.length };
  }
  const count = all.length - refusedNodes.length;
  const absent = count > 0 && { absent: { count, plugins: filters.onlyBy } };
  return {
    kind: 'none',
    refusals: { nodes: refusedNodes, refusals, counts: countsOf(refusals), ...absent },
    looked: advanced,
    check,
    isLocal: filters.others.length === 0,
  };
}

type Nowhere = Extract<Decision, { kind: 'none' }>;

/**
 * What was found for `before`, where it holds for `pod`, too, as long as nothing has changed since: both are of one class, and nobody looks at
 * more. A gang whose pods are alike, and do not fit, costs one decision.
 */
export function sameFate(pod: PodFacts, before: PodFacts, found: Nowhere, profile: Profile, world: World): boolean {
  if (!found.isLocal || found.refusals.forAll !== undefined) return false;
  if (pod.class !== before.class || pod.priority !== before.priority) return false;
  // Whoever is nominated does not count itself.
  if (world.nominations.nodeOf(pod.key) !== undefined || world.nominations.nodeOf(before.key) !== undefined)
    return false;
  const filters = plansOf(pod, profile, world, profile.memory.class(pod.class));
  return !('refused' in filters) && filters.others.length === 0 && filters.only === undefined;
}

/** As `check`, for the node at a place in the snapshot's order: what is known of it by class is read from the columns. */
function quickly(
  check: NodeCheck,
  { others }: Filters,
  { profile, verdicts: column }: Memories,
  { columns }: Snapshot,
): (node: NodeInfo, place: number) => Refusal | undefined {
  const { order, generations, nominated } = columns;
  const { at, verdicts } = column.known(columns);
  return (node, place) => {
    const index = order[place] as number;
    if (nominated[index] !== 0 || at[index] !== generations[index]) return check(node);
    const verdict = verdicts[index] as Verdict;
    if (verdict !== 'fits') return verdict;
    return refusalOf(others, node, profile);
  };
}

function refusalOf(filters: readonly NodeFilter[], node: NodeInfo, { memory }: Profile): Refusal | undefined {
  if (filters.length === 0) return undefined;
  memory.work.asked++;
  for (const { refuse } of filters) {
    const refusal = refuse(node);
    if (refusal !== undefined) return refusal;
  }
  return undefined;
}

function refusedForAll(refused: Refusal): Decision {
  return {
    kind: 'none',
    refusals: { nodes: [], refusals: [], counts: new Map(), forAll: refused },
    looked: 0,
    check: () => refused,
    isLocal: true,
  };
}

function plansOf(
  pod: PodFacts,
  { plan }: Profile,
  world: World,
  memory: ClassMemory,
): Filters | { readonly refused: Refusal } {
  const alone: NodeFilter[] = [];
  const others: NodeFilter[] = [];
  const onlyBy: string[] = [];
  let only: ReadonlySet<string> | undefined;
  for (const plugin of plan.filter) {
    const { name, looksAtNodeOnly } = plugin;
    const make = (): FilterPlan => plugin.filter?.(pod, world) ?? 'skip';
    const found = looksAtNodeOnly ? memory.filterPlan(plugin, make) : make();
    if (found === 'skip') continue;
    if ('refused' in found) return found;
    // Who refuses first speaks for the node: after one that is asked anew, all are.
    (looksAtNodeOnly && others.length === 0 ? alone : others).push(found);
    if (found.only === undefined) continue;
    only = only === undefined ? found.only : only.intersection(found.only);
    onlyBy.push(name);
  }
  return { alone, others, only, onlyBy };
}

interface Memories {
  readonly profile: Profile;
  readonly verdicts: VerdictColumn;
}

/** With the nominated that count as if they were there, and, since they may never come, also without. */
function checkerOf(pod: PodFacts, { others }: Filters, { profile, verdicts }: Memories, world: World): NodeCheck {
  const ask = (node: NodeInfo): Refusal | undefined => {
    const verdict = verdicts.of(node);
    return verdict === 'fits' ? refusalOf(others, node, profile) : verdict;
  };
  const { nominations } = world;
  if (nominations.size === 0) return ask;
  const askCrowded = (node: NodeInfo): Verdict => {
    const coming = nominations.before(pod, node);
    if (coming.length === 0) return ask(node) ?? 'fits';
    const trial = new TrialNode(node);
    for (const other of coming) trial.bring(other);
    return ask(trial) ?? ask(node) ?? 'fits';
  };
  // Whoever is nominated anywhere does not count itself: what holds for it holds for no other.
  const isUsual = others.length === 0 && nominations.nodeOf(pod.key) === undefined;
  const crowded: Remembered<Verdict> | undefined = isUsual
    ? profile.memory.crowded(pod.class, pod.priority)
    : undefined;
  return (node) => {
    if (node.nominated === 0) return ask(node);
    const verdict = crowded === undefined ? askCrowded(node) : crowded.get(node, 0, () => askCrowded(node));
    return verdict === 'fits' ? undefined : verdict;
  };
}

function nominatedNode(pod: PodFacts, { nominations, snapshot }: World): NodeInfo | undefined {
  const name = nominations.nodeOf(pod.key) ?? pod.pod.status?.nominatedNodeName;
  return name ? snapshot.node(name) : undefined;
}

const isAmong = (node: NodeInfo, { only }: Filters, among: readonly NodeInfo[] | undefined): boolean =>
  (only === undefined || only.has(node.name)) && (among === undefined || among.includes(node));

function named(names: ReadonlySet<string>, { snapshot }: World, among: readonly NodeInfo[] | undefined): NodeInfo[] {
  if (among !== undefined) return among.filter(({ name }) => names.has(name));
  return [...names].flatMap((name) => snapshot.node(name) ?? []);
}

/** Of those with the highest score, each is as likely. */
function best(
  pod: PodFacts,
  profile: Profile,
  world: World,
  memory: ClassMemory,
  feasible: readonly NodeInfo[],
  prng: Prng,
): NodeInfo {
  if (feasible.length === 1) return feasible[0] as NodeInfo;
  const totals = scoreNodes(pod, profile, world, memory, feasible);
  let highest = Number.NEGATIVE_INFINITY;
  let equals = 0;
  for (let position = 0; position < totals.length; position++) {
    const total = totals[position] as number;
    if (total < highest) continue;
    equals = total > highest ? 1 : equals + 1;
    highest = total;
  }
  let left = nextInt(prng, equals);
  for (let position = 0; ; position++) {
    if (totals[position] === highest && left-- === 0) return feasible[position] as NodeInfo;
  }
}

/** The weighted sums, in the order of `nodes`, each as much too low as all others; valid until the next decision. */
function scoreNodes(
  pod: PodFacts,
  { plan, memory: { sheet } }: Profile,
  world: World,
  memory: ClassMemory,
  nodes: readonly NodeInfo[],
): Float64Array {
  const totals = sheet.totals(nodes.length);
  const alone = (): WeightedScore[] =>
    plan.score.flatMap(({ plugin, weight }) => {
      const found = plugin.looksAtNodeOnly ? (plugin.score?.(pod, world, nodes) ?? 'skip') : 'skip';
      return found === 'skip' ? [] : [{ found, weight }];
    });
  memory.scores(alone).addTo(totals, { nodes, indexes: sheet.indexes(nodes) }, world.snapshot.columns, sheet);
  for (const { plugin, weight } of plan.score) {
    if (plugin.looksAtNodeOnly) continue;
    const found = plugin.score?.(pod, world, nodes) ?? 'skip';
    if (found === 'skip') continue;
    const column = sheet.column(nodes.length);
    for (let position = 0; position < nodes.length; position++) {
      column[position] = found.score(nodes[position] as NodeInfo);
    }
    found.normalize?.(column);
    addColumn(totals, column, weight);
  }
  return totals;
}

/** As upstream: all of up to 100; beyond, `percent` of them, or a part that shrinks from a half to a twentieth as the cluster grows. */
export function nodesToFind(count: number, percent = 0): number {
  if (count <= 100 || percent >= 100) return count;
  const adapted = percent > 0 ? percent : Math.max(5, Math.floor(50 - count / 125));
  return Math.max(100, Math.floor((count * adapted) / 100));
}

/** Runs of the same are counted as one: most nodes refuse for the same reason as their neighbours. */
function countsOf(refusals: readonly Refusal[]): Map<Refusal, number> {
  const counts = new Map<Refusal, number>();
  for (let first = 0, next = 0; first < refusals.length; first = next) {
    const refusal = refusals[first] as Refusal;
    while (next < refusals.length && refusals[next] === refusal) next++;
    counts.set(refusal, (counts.get(refusal) ?? 0) + next - first);
  }
  return counts;
}

/** The plugins that stand in the pod's way: their hints say what may help. */
export function refusingPlugins({ forAll, counts, absent }: Refusals): Set<string> {
  if (forAll !== undefined) return new Set([forAll.plugin]);
  return new Set([...[...counts.keys()].map(({ plugin }) => plugin), ...(absent?.plugins ?? [])]);
}

/**
 * Upstream's text: `0/3 nodes are available: 1 Insufficient cpu, 2 node(s) had untolerated taint(s).` and what else was tried: what `others`
 * say, and what preemption did not find; empty where it found room.
 */
export function unschedulableMessage(
  refused: Refusals,
  nodeCount: number,
  preemption: string,
  others: readonly string[] = [],
): string {
  if (nodeCount === 0) return 'no nodes available to schedule pods';
  const tried = [...others, ...(preemption === '' ? [] : [`preemption: ${preemption}`])];
  const found = tried.length === 0 ? '' : ` ${tried.join(', ')}`;
  const why = refused.forAll === undefined ? histogram(reasonsOf(refused)) : refused.forAll.reasons.join(', ');
  return `0/${nodeCount} nodes are available: ${why}.${found}`;
}

/** How many nodes gave each reason. */
function reasonsOf({ counts, absent }: Refusals): Map<string, number> {
  const reasonCounts = new Map<string, number>();
  const add = (reason: string, count: number): void =>
    void reasonCounts.set(reason, (reasonCounts.get(reason) ?? 0) + count);
  for (const [{ reasons }, count] of counts) for (const reason of reasons) add(reason, count);
  if (absent !== undefined)
    add(`node(s) didn't satisfy plugin(s) [${absent.plugins.toSorted().join(' ')}]`, absent.count);
  return reasonCounts;
}

/** `1 Insufficient cpu, 2 node(s) …`, sorted as text. */
export function histogram(counts: ReadonlyMap<string, number>): string {
  return [...counts]
    .map(([reason, count]) => `${count} ${reason}`)
    .sort()
    .join(', ');
}
