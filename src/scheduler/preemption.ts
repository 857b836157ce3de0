/**
 * Making room: on which node which pods of lower priority would have to go for a pod to fit. Pure.
 *
 * On each node where other pods are what stands in the way: suppose that all pods of lower priority are gone; where the pod then fits, let
 * as many of them stay as can, first those whose loss would break a disruption budget, of these the most important first. Of the nodes,
 * the one whose loss is least, by upstream's rules. Pods of the same or higher priority never go. Not all nodes are tried: from one that
 * chance picks on, until enough were found.
 */
import { nextInt, type Prng } from '../lib/prng.ts';
import { type Decision, histogram, type NodeCheck } from './decide.ts';
import type { DisruptionBudgets } from './disruption-budgets.ts';
import { Remembered } from './framework/node-memory.ts';
import type { Refusal, World } from './framework/plugin.ts';
import type { PreemptionArgs } from './framework/profile.ts';
import type { PodFacts } from './pod-facts.ts';
import { type NodeInfo, TrialNode } from './snapshot/snapshot.ts';

export type Preemption =
  | { readonly kind: 'victims'; readonly node: string; readonly victims: readonly PodFacts[] }
  /** `keepsNomination`: it waits where room is being made; else whatever was promised to it is not worth anything. */
  | { readonly kind: 'none'; readonly message: string; readonly keepsNomination: boolean };

type Nowhere = Extract<Decision, { kind: 'none' }>;

/** Who would go from one node. */
interface Candidate {
  readonly node: string;
  /** The most important first. */
  readonly victims: readonly PodFacts[];
  readonly broken: number;
  readonly highest: number;
  readonly sum: number;
  /** When the first of the most important started. */
  readonly earliest: string;
}

type Outcome = Candidate | { readonly reasons: readonly string[] };

export interface PreemptionInputs {
  readonly pod: PodFacts;
  readonly decision: Nowhere;
  readonly world: World;
  readonly budgets: DisruptionBudgets;
  readonly args: PreemptionArgs;
  readonly prng: Prng;
  /** What was found out for pods of this class and priority. */
  readonly memory: Remembered<Outcome>;
}

export const newPreemptionMemory = (): Remembered<Outcome> => new Remembered<Outcome>();
export type PreemptionMemory = Remembered<Outcome>;

export function decidePreemption(inputs: PreemptionInputs): Preemption {
  const { pod, decision, world } = inputs;
  if (pod.pod.spec?.preemptionPolicy === 'Never') return none('not eligible due to preemptionPolicy=Never.', true);
  if (isRoomBeingMade(pod, decision, world)) {
    return none('not eligible due to a terminating pod on the nominated node.', true);
  }
  const { nodes, refusals, counts } = decision.refusals;
  const areAll = counts.keys().every(({ resolvable }) => resolvable);
  const tried = areAll ? nodes : nodes.filter((_, position) => refusals[position]?.resolvable);
  const { candidates, failures } = dryRun(inputs, tried);
  const best = candidates.reduce<Candidate | undefined>(
    (least, candidate) => (least === undefined || costsLess(candidate, least) ? candidate : least),
    undefined,
  );
  if (best !== undefined) return { kind: 'victims', node: best.node, victims: best.victims };
  const helpless = world.snapshot.nodes.length - tried.length;
  if (helpless > 0) failures.set(notHelpful, (failures.get(notHelpful) ?? 0) + helpless);
  return none(`0/${world.snapshot.nodes.length} nodes are available: ${histogram(failures)}.`, false);
}

const none = (message: string, keepsNomination: boolean): Preemption => ({ kind: 'none', message, keepsNomination });

const noVictims = 'No preemption victims found for incoming pod';
const notHelpful = 'Preemption is not helpful for scheduling';

/** Its victims are still ending: it waits for them, and asks for no more; unless the node has become useless for other reasons, or out of the question. */
function isRoomBeingMade(pod: PodFacts, { refusals }: Nowhere, { nominations, snapshot }: World): boolean {
  const name = nominations.nodeOf(pod.key) ?? pod.pod.status?.nominatedNodeName;
  const info = name ? snapshot.node(name) : undefined;
  if (info === undefined) return false;
  const position = refusals.nodes.indexOf(info);
  const refusal: Refusal | undefined = refusals.forAll ?? refusals.refusals[position];
  if (refusal?.resolvable !== true) return false;
  return [...info.pods.values()].some((placed) => placed.priority < pod.priority && isVictim(placed));
}

/** A pod that was told to go for another, and is on its way. */
export const isVictim = ({ isEnding, pod }: PodFacts): boolean =>
  isEnding &&
  (pod.status?.conditions?.some(
    ({ type, status, reason }) =>
      type === 'DisruptionTarget' && status === 'True' && reason === 'PreemptionByScheduler',
  ) ??
    false);

function dryRun(
  { pod, decision, budgets, args, prng, memory, world }: PreemptionInputs,
  nodes: readonly NodeInfo[],
): { readonly candidates: Candidate[]; readonly failures: Map<string, number> } {
  const candidates: Candidate[] = [];
  const failures = new Map<string, number>();
  const enough = candidatesToFind(nodes.length, args);
  const offset = nodes.length === 0 ? 0 : nextInt(prng, nodes.length);
  const isRemembered = decision.isLocal && world.nominations.nodeOf(pod.key) === undefined;
  let sparing = 0;
  for (let tried = 0; tried < nodes.length && !(sparing > 0 && candidates.length >= enough); tried++) {
    const info = nodes[(offset + tried) % nodes.length] as NodeInfo;
    const find = (): Outcome => victimsOn(pod, info, decision.check, budgets);
    const outcome = isRemembered ? memory.get(info, budgets.version, find) : find();
    if ('reasons' in outcome) {
      for (const reason of outcome.reasons) failures.set(reason, (failures.get(reason) ?? 0) + 1);
      continue;
    }
    candidates.push(outcome);
    if (outcome.broken === 0) sparing++;
  }
  return { candidates, failures };
}

function candidatesToFind(count: number, args: PreemptionArgs): number {
  const share = Math.floor((count * args.minCandidateNodesPercentage) / 100);
  return Math.min(count, Math.max(share, args.minCandidateNodesAbsolute));
}

function victimsOn(pod: PodFacts, info: NodeInfo, check: NodeCheck, budgets: DisruptionBudgets): Outcome {
  const lower = [...info.pods.values()].filter((placed) => placed.priority < pod.priority);
  if (lower.length === 0) return { reasons: [noVictims] };
  const trial = new TrialNode(info);
  for (const placed of lower) trial.take(placed);
  const refusal = check(trial);
  if (refusal !== undefined) return { reasons: refusal.reasons };
  lower.sort(mostImportantFirst);
  const breaking = budgets.brokenBy(lower);
  const victims: PodFacts[] = [];
  for (const placed of [...lower.filter((one) => breaking.has(one)), ...lower.filter((one) => !breaking.has(one))]) {
    trial.putBack(placed);
    if (check(trial) === undefined) continue;
    trial.take(placed);
    victims.push(placed);
  }
  return candidateOf(info.name, victims.sort(mostImportantFirst), breaking);
}

function candidateOf(node: string, victims: readonly PodFacts[], breaking: ReadonlySet<PodFacts>): Candidate {
  const highest = victims[0]?.priority ?? Number.NEGATIVE_INFINITY;
  return {
    node,
    victims,
    broken: victims.filter((victim) => breaking.has(victim)).length,
    highest,
    sum: victims.reduce((total, { priority }) => total + priority + 2 ** 31, 0),
    earliest: victims
      .filter(({ priority }) => priority === highest)
      .reduce((first, victim) => (startOf(victim) < first ? startOf(victim) : first), notStarted),
  };
}

/** After all times. */
const notStarted = '~';
export const startOf = ({ pod }: PodFacts): string => pod.status?.startTime ?? notStarted;

function mostImportantFirst(a: PodFacts, b: PodFacts): number {
  if (a.priority !== b.priority) return b.priority - a.priority;
  const [first, second] = [startOf(a), startOf(b)];
  return first < second ? -1 : first > second ? 1 : 0;
}

/** The lower of: budgets broken, highest priority lost, sum of priorities lost, pods lost; then the one whose most important victim started last. */
function costsLess(a: Candidate, b: Candidate): boolean {
  const order = a.broken - b.broken || a.highest - b.highest || a.sum - b.sum || a.victims.length - b.victims.length;
  return order < 0 || (order === 0 && a.earliest > b.earliest);
}
