/**
 * Making room for a group (KEP-5710): which pods of lower priority would have to go, anywhere in the cluster, for enough of its members to
 * fit. The world is as it was when this returns.
 *
 * Suppose that all who may go are gone; if the group then fits, let as many of them stay as can, first those whose loss would break a
 * disruption budget, of these the most important first. A group that is disrupted only as a whole goes or stays as one. Whoever is bound to a
 * group counts with the group's priority.
 *
 * To ask after each single one whether the group still fits would take a placement of the whole group a pod. So runs of them are put back,
 * each twice as long as the last that fitted, and halved where it does not: some placements for each that has to go, not for each that is
 * there. Only nodes that refused a member for what other pods take are looked at. Past `limits.groupDecisionsMax` those that are left stay
 * unless they are on a node where the group would go: more important ones may then go than need be.
 */
import { limits } from '../../lib/limits.ts';
import type { DisruptionBudgets } from '../disruption-budgets.ts';
import type { PodFacts } from '../pod-facts.ts';
import { isVictim, startOf } from '../preemption.ts';
import { type Attempt, attemptGroup, type GroupInputs } from './decide-group.ts';
import { groupPriorityOf, isKnown, type KnownGroup } from './pod-groups.ts';

export type GroupPreemption =
  /** `attempt`: where the members go when the victims have gone. */
  | {
      readonly kind: 'victims';
      readonly victims: readonly PodFacts[];
      /** Those that go as a whole. */
      readonly groups: readonly KnownGroup[];
      readonly attempt: Attempt;
    }
  /** `isWaiting`: room is being made already. */
  | { readonly kind: 'none'; readonly message: string; readonly isWaiting: boolean };

/** What goes or stays as one. */
interface Unit {
  readonly pods: readonly PodFacts[];
  readonly priority: number;
  readonly group: KnownGroup | undefined;
  readonly isAtomic: boolean;
  readonly earliest: string;
}

const none = (message: string, isWaiting = false): GroupPreemption => ({ kind: 'none', message, isWaiting });

export function preemptForGroup(inputs: GroupInputs, failed: Attempt, budgets: DisruptionBudgets): GroupPreemption {
  const { members, group } = inputs;
  if (members.some(({ pod }) => pod.spec?.preemptionPolicy === 'Never')) {
    return none('not eligible due to preemptionPolicy=Never.');
  }
  const priority = groupPriorityOf(group.podGroup);
  if (isRoomBeingMade(inputs, priority))
    return none('not eligible due to a terminating pod on the nominated node.', true);
  const units = unitsOn(helpfulNodes(failed), inputs).filter((unit) => unit.priority < priority);
  if (units.length === 0) return none('No preemption victims found for incoming preemptor');
  const removal = new Removal(inputs);
  try {
    removal.take(units);
    if (!attemptGroup(inputs, undefined, true).isFeasible) {
      return none('the pod group would not fit even if all pods of lower priority were gone');
    }
    const gone = spare(inOrder(units, budgets), removal, () => attemptGroup(inputs, undefined, true));
    if (gone === undefined) return none('too many pods would have to be tried');
    const victims = gone.flatMap(({ pods }) => pods);
    const groups = gone.flatMap((unit) => (unit.isAtomic && unit.group !== undefined ? [unit.group] : []));
    return { kind: 'victims', victims, groups, attempt: attemptGroup(inputs, undefined) };
  } finally {
    removal.putAllBack();
  }
}

function isRoomBeingMade({ members, world }: GroupInputs, priority: number): boolean {
  const { nominations, snapshot } = world;
  const names = new Set(
    members.flatMap(({ key, pod }) => nominations.nodeOf(key) || pod.status?.nominatedNodeName || []),
  );
  const nodes = [...names].flatMap((name) => snapshot.node(name) ?? []);
  return nodes.some(({ pods }) => pods.values().some((placed) => placed.priority < priority && isVictim(placed)));
}

/** Those that refused some member for a reason that may go with other pods. */
function helpfulNodes({ outcomes }: Attempt): Set<string> {
  const names = new Set<string>();
  // Pods that are alike share what was found for them.
  for (const decision of new Set(outcomes.map((outcome) => outcome.decision))) {
    if (decision.kind === 'node') continue;
    const { nodes, refusals } = decision.refusals;
    for (const [position, { name }] of nodes.entries()) if (refusals[position]?.resolvable) names.add(name);
  }
  return names;
}

function unitsOn(names: ReadonlySet<string>, { group: preemptor, world }: GroupInputs): Unit[] {
  const units: Unit[] = [];
  const seen = new Set<string>();
  for (const name of names) {
    for (const pod of world.snapshot.node(name)?.pods.values() ?? []) {
      const found = world.groups.of(pod.pod);
      const group = isKnown(found) ? found : undefined;
      if (group?.key === preemptor.key) continue;
      const isAtomic = group?.podGroup.spec.disruptionMode === 'PodGroup';
      if (group !== undefined && isAtomic) {
        if (seen.has(group.key)) continue;
        seen.add(group.key);
      }
      const pods = group !== undefined && isAtomic ? placedOf(group, world.snapshot) : [pod];
      units.push(unitOf(pods, group, isAtomic));
    }
  }
  return units;
}

const placedOf = ({ members }: KnownGroup, snapshot: GroupInputs['world']['snapshot']): PodFacts[] =>
  [...members.keys()].flatMap((key) => snapshot.podByKey(key) ?? []);

function unitOf(pods: readonly PodFacts[], group: KnownGroup | undefined, isAtomic: boolean): Unit {
  const priority = group === undefined ? (pods[0]?.priority ?? 0) : groupPriorityOf(group.podGroup);
  const starts = pods.map(startOf).sort();
  return { pods, priority, group, isAtomic, earliest: starts[0] ?? '' };
}

/** Those that would break a budget first, of each kind the most important first. */
function inOrder(units: readonly Unit[], budgets: DisruptionBudgets): Unit[] {
  const sorted = units.toSorted(mostImportantFirst);
  const breaking = budgets.brokenBy(sorted.flatMap(({ pods }) => pods));
  const breaks = ({ pods }: Unit): boolean => pods.some((pod) => breaking.has(pod));
  return [...sorted.filter(breaks), ...sorted.filter((unit) => !breaks(unit))];
}

/** Upstream's order: priority; groups before single pods; of groups the larger; who has run longest. */
function mostImportantFirst(a: Unit, b: Unit): number {
  if (a.priority !== b.priority) return b.priority - a.priority;
  const [isGroup, isOtherGroup] = [a.group !== undefined, b.group !== undefined];
  if (isGroup !== isOtherGroup) return isGroup ? -1 : 1;
  if (a.pods.length !== b.pods.length) return b.pods.length - a.pods.length;
  return a.earliest < b.earliest ? -1 : a.earliest > b.earliest ? 1 : 0;
}

/** Puts back all that can stay; those that have to go. Undefined where it would take too long to find out. */
function spare(units: readonly Unit[], removal: Removal, attempt: () => Attempt): Unit[] | undefined {
  const victims: Unit[] = [];
  let [at, length, decisions] = [0, 1, 0];
  while (at < units.length && decisions < limits.groupDecisionsMax) {
    const run = units.slice(at, at + length);
    removal.putBack(run);
    const { isFeasible, outcomes } = attempt();
    decisions += outcomes.length;
    if (isFeasible) {
      at += run.length;
      length *= 2;
      continue;
    }
    removal.take(run);
    length = Math.max(1, Math.floor(run.length / 2));
    if (run.length > 1) continue;
    victims.push(...run);
    at++;
  }
  if (at === units.length) return victims;
  const rest = spareElsewhere(units.slice(at), removal, attempt);
  return rest && [...victims, ...rest];
}

/** All at once: those that are not where the group goes now. */
function spareElsewhere(units: readonly Unit[], removal: Removal, attempt: () => Attempt): Unit[] | undefined {
  const { outcomes } = attempt();
  const used = new Set(outcomes.map(({ decision }) => (decision.kind === 'node' ? decision.node.name : '')));
  const isInTheWay = ({ pods }: Unit): boolean => pods.some(({ key }) => used.has(removal.nodeOf(key) ?? ''));
  const victims = units.filter(isInTheWay);
  const going = new Set(victims);
  removal.putBack(units.filter((unit) => !going.has(unit)));
  return attempt().isFeasible ? victims : undefined;
}

/** Pods taken out of the snapshot for a while. */
class Removal {
  readonly #world: GroupInputs['world'];
  readonly #gone = new Map<string, { readonly pod: PodFacts; readonly node: string }>();

  constructor({ world }: GroupInputs) {
    this.#world = world;
  }

  take(units: readonly Unit[]): void {
    const { snapshot } = this.#world;
    for (const pod of units.flatMap(({ pods }) => pods)) {
      const node = snapshot.nodeNameOf(pod.key);
      if (node === undefined) continue;
      this.#gone.set(pod.key, { pod, node });
      snapshot.removePod(pod.key);
    }
  }

  /** Where one that was taken stood. */
  nodeOf(key: string): string | undefined {
    return this.#gone.get(key)?.node;
  }

  putBack(units: readonly Unit[]): void {
    for (const { key } of units.flatMap(({ pods }) => pods)) this.#return(key);
  }

  putAllBack(): void {
    for (const key of this.#gone.keys()) this.#return(key);
  }

  #return(key: string): void {
    const gone = this.#gone.get(key);
    if (gone === undefined) return;
    this.#gone.delete(key);
    this.#world.snapshot.setPod(gone.pod, gone.node);
  }
}
