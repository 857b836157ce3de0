/**
 * PodTopologySpread: keeps pods of one kind evenly over zones, hosts or whatever label says; hard constraints filter, soft ones score.
 * Pods without constraints get the profile's defaults, for the pods of their Service or owner.
 *
 * Counts come from the snapshot's counters: nothing is added up here.
 */

import { matchesNode } from '../../api/node-matching.ts';
import type { Node, Pod, TopologySpreadConstraint } from '../../api/schema/types/core-v1.ts';
import { type LabelMatcher, labelMatcher } from '../../api/selector.ts';
import { type FilterPlan, type NodeScore, type Plugin, refusal, type World } from '../framework/plugin.ts';
import type { PodFacts } from '../pod-facts.ts';
import type { ClusterChange, Hint } from '../queue/changes.ts';
import type { PodCounter } from '../snapshot/pod-counters.ts';
import type { NodeInfo } from '../snapshot/snapshot.ts';
import { matcherOf } from '../snapshot/terms.ts';
import type { TopologyCount } from '../snapshot/topology-count.ts';
import { untoleratedTaint } from './tolerations.ts';

export interface PodTopologySpreadArgs {
  readonly defaultConstraints: readonly TopologySpreadConstraint[];
  /** System: upstream's two soft ones, over hosts and zones, which a node may lack the label of. */
  readonly defaultingType: 'System' | 'List';
}

type Action = TopologySpreadConstraint['whenUnsatisfiable'];

interface Constraint {
  readonly maxSkew: number;
  readonly minDomains: number;
  readonly topologyKey: string;
  readonly selector: LabelMatcher;
  readonly honorsAffinity: boolean;
  readonly honorsTaints: boolean;
}

interface Counted {
  readonly constraint: Constraint;
  readonly counter: PodCounter;
  readonly topology: TopologyCount;
}

const name = 'PodTopologySpread';
const skewed = refusal(name, true, "node(s) didn't match pod topology spread constraints");
const unlabelled = refusal(
  name,
  false,
  "node(s) didn't match pod topology spread constraints (missing required label)",
);
const hostname = 'kubernetes.io/hostname';

const systemDefaults: readonly TopologySpreadConstraint[] = [
  { topologyKey: hostname, whenUnsatisfiable: 'ScheduleAnyway', maxSkew: 3 },
  { topologyKey: 'topology.kubernetes.io/zone', whenUnsatisfiable: 'ScheduleAnyway', maxSkew: 5 },
];

export function podTopologySpread({ defaultConstraints, defaultingType }: PodTopologySpreadArgs): Plugin {
  const isSystem = defaultingType === 'System';
  const defaults = isSystem ? systemDefaults : defaultConstraints;
  const constraintsOf = (pod: Pod, action: Action, { workloads }: World): Constraint[] => {
    const own = pod.spec?.topologySpreadConstraints ?? [];
    if (own.length > 0)
      return own.filter((one) => one.whenUnsatisfiable === action).map((one) => ownConstraint(one, pod));
    const wanted = defaults.filter((one) => one.whenUnsatisfiable === action);
    const selector = wanted.length > 0 ? workloads.selectorFor(pod) : undefined;
    return selector === undefined ? [] : wanted.map((one) => constraintFrom(one, selector));
  };
  return {
    name,
    filter: (pod, world) => filterPlan(pod, constraintsOf(pod.pod, 'DoNotSchedule', world), world),
    score: (pod, world, feasible) => {
      const constraints = constraintsOf(pod.pod, 'ScheduleAnyway', world);
      if (constraints.length === 0) return 'skip';
      const needsAll = (pod.pod.spec?.topologySpreadConstraints?.length ?? 0) > 0 || !isSystem;
      return scorePlan(countedFor(pod, constraints, world, needsAll), feasible, needsAll);
    },
    hints: {
      AssignedPodAdd: concerned,
      AssignedPodLabel: concerned,
      AssignedPodDelete: concerned,
      NodeAdd: hasTopologies,
      NodeDelete: hasTopologies,
      NodeLabel: hasTopologies,
      NodeTaint: hasTopologies,
      PodLabel: () => true,
    },
  };
}

function constraintFrom(constraint: TopologySpreadConstraint, selector: LabelMatcher): Constraint {
  const { maxSkew, minDomains = 1, topologyKey, nodeAffinityPolicy, nodeTaintsPolicy } = constraint;
  return {
    maxSkew,
    minDomains,
    topologyKey,
    selector,
    honorsAffinity: nodeAffinityPolicy !== 'Ignore',
    honorsTaints: nodeTaintsPolicy === 'Honor',
  };
}

/** Of `matchLabelKeys`, those that the pod has narrow the selector. */
function ownConstraint(constraint: TopologySpreadConstraint, { metadata }: Pod): Constraint {
  const { labelSelector, matchLabelKeys = [] } = constraint;
  const kept = matchLabelKeys.flatMap((key) => {
    const value = metadata?.labels?.[key];
    return value === undefined ? [] : [{ key, operator: 'In' as const, values: [value] }];
  });
  const narrowed =
    labelSelector === undefined || kept.length === 0
      ? labelSelector
      : { ...labelSelector, matchExpressions: [...(labelSelector.matchExpressions ?? []), ...kept] };
  return constraintFrom(constraint, matcherOf(narrowed));
}

/** `needsAll`: only nodes with all the constraints' topologies count. */
function countedFor(
  pod: PodFacts,
  constraints: readonly Constraint[],
  { snapshot }: World,
  needsAll: boolean,
): Counted[] {
  const keys = needsAll ? constraints.map(({ topologyKey }) => topologyKey) : [];
  return constraints.map((constraint) => {
    const { selector } = constraint;
    const { namespace } = pod;
    const counter = snapshot.counter({
      key: `spread\0${namespace}\0${selector.kind}\0${selector.toString()}`,
      selector,
      readsNamespaces: false,
      looksAtLabelsOnly: true,
      matches: (other) => isCounted(other, namespace, selector),
    });
    const { eligibility, isEligible } = eligibilityFor(pod.pod, constraint, keys);
    return { constraint, counter, topology: counter.topology(constraint.topologyKey, eligibility, isEligible) };
  });
}

/** Those that are ending count no more. */
const isCounted = (pod: PodFacts, namespace: string, selector: LabelMatcher): boolean =>
  pod.namespace === namespace && !pod.isEnding && selector.matches(pod.labels);

/** Which nodes' pods count for this constraint of this pod, and a name for just that. */
function eligibilityFor(
  pod: Pod,
  { honorsAffinity, honorsTaints }: Constraint,
  keys: readonly string[],
): { readonly eligibility: string; readonly isEligible: (node: Node) => boolean } {
  const { nodeSelector, affinity, tolerations } = pod.spec ?? {};
  const required = affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  const looksAtAffinity = honorsAffinity && (nodeSelector !== undefined || required !== undefined);
  const eligibility = JSON.stringify([
    keys,
    looksAtAffinity ? [nodeSelector ?? 0, required ?? 0] : 0,
    honorsTaints ? (tolerations ?? 0) : 1,
  ]);
  const isEligible = (node: Node): boolean =>
    keys.every((key) => node.metadata?.labels?.[key] !== undefined) &&
    (!looksAtAffinity || matchesNode(pod.spec, node)) &&
    (!honorsTaints || untoleratedTaint(pod, node) === undefined);
  return { eligibility, isEligible };
}

function filterPlan(pod: PodFacts, constraints: readonly Constraint[], world: World): FilterPlan {
  if (constraints.length === 0) return 'skip';
  const counted = countedFor(pod, constraints, world, true);
  const self = constraints.map(({ selector }) => (selector.matches(pod.labels) ? 1 : 0));
  return {
    refuse: (node) => {
      for (const [index, { constraint, topology }] of counted.entries()) {
        const count = topology.countAround(node);
        if (count === undefined) return unlabelled;
        const delta = topology.isCounted(node) ? changeOn(node, pod.namespace, constraint.selector) : 0;
        const least = topology.size < constraint.minDomains ? 0 : topology.leastWith(node, delta);
        if (count + delta + (self[index] ?? 0) - least > constraint.maxSkew) return skewed;
      }
      return undefined;
    },
  };
}

/** How many counted pods more than there are would be on the node as it would be. */
function changeOn({ gone, come }: NodeInfo, namespace: string, selector: LabelMatcher): number {
  if (gone === undefined && come === undefined) return 0;
  const counted = (pods: readonly PodFacts[] = []): number =>
    pods.filter((pod) => isCounted(pod, namespace, selector)).length;
  return counted(come) - counted(gone);
}

/** Marks a node that lacks a topology: it gets nothing. */
const ignored = -1;

function scorePlan(counted: readonly Counted[], feasible: readonly NodeInfo[], needsAll: boolean): NodeScore {
  const lacks = (node: NodeInfo): boolean =>
    needsAll && counted.some(({ topology }) => topology.countAround(node) === undefined);
  const scored = needsAll ? feasible.filter((node) => !lacks(node)) : feasible;
  const weights = counted.map((one) => Math.log(domainsAmong(one, scored) + 2));
  return {
    score: (node) => {
      if (lacks(node)) return ignored;
      let sum = 0;
      for (const [index, { constraint, counter, topology }] of counted.entries()) {
        const around = topology.countAround(node);
        if (around === undefined) continue;
        const count = constraint.topologyKey === hostname ? counter.onNode(node) : around;
        sum += count * (weights[index] as number) + (constraint.maxSkew - 1);
      }
      return Math.round(sum);
    },
    normalize,
  };
}

/** Nodes without the label are a domain of their own here. */
function domainsAmong({ constraint, topology }: Counted, nodes: readonly NodeInfo[]): number {
  if (constraint.topologyKey === hostname) return nodes.length;
  const domains = new Set<number | undefined>();
  for (const { index } of nodes) domains.add(topology.layout.domainOf(index));
  return domains.size;
}

/** The fewer, the better. */
function normalize(scores: Float64Array): void {
  let least = Number.MAX_SAFE_INTEGER;
  let most = 0;
  for (const score of scores) {
    if (score === ignored) continue;
    if (score < least) least = score;
    if (score > most) most = score;
  }
  for (let index = 0; index < scores.length; index++) {
    const score = scores[index] as number;
    if (score === ignored) scores[index] = 0;
    else scores[index] = most === 0 ? 100 : Math.floor((100 * (most + least - score)) / most);
  }
}

/** The changed pod is among those that a constraint counts. */
const concerned: Hint = (pod, { before, after }: ClusterChange) => {
  const constraints = pod.spec?.topologySpreadConstraints ?? [];
  if (constraints.length === 0) return true;
  return [before, after].some(
    (changed) =>
      changed !== undefined &&
      changed.metadata?.namespace === pod.metadata?.namespace &&
      constraints.some(({ labelSelector }) => labelMatcher(labelSelector).matches(changed.metadata?.labels)),
  );
};

/** The node has, or had, the labels of all hard constraints. */
const hasTopologies: Hint = (pod, { before, after }) => {
  const hard = (pod.spec?.topologySpreadConstraints ?? []).filter((one) => one.whenUnsatisfiable === 'DoNotSchedule');
  return [before, after].some((node) =>
    hard.every(({ topologyKey }) => node?.metadata?.labels?.[topologyKey] !== undefined),
  );
};
