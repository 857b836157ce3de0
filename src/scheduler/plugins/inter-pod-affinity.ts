/**
 * InterPodAffinity: pods that want, or must not have, certain other pods in the same domain; both ways round, since a placed pod's
 * anti-affinity keeps others away. Required terms filter; preferred ones, and the required affinity of placed pods, score.
 *
 * Counts of pods that a term means come from the snapshot's counters, terms of placed pods from its term index: nothing is added up here.
 */
import type { Pod } from '../../api/schema/types/core-v1.ts';
import type { Labels } from '../../api/selector.ts';
import { type FilterPlan, type NodeScore, type Plugin, refusal, type World } from '../framework/plugin.ts';
import { PodFacts } from '../pod-facts.ts';
import type { Hint } from '../queue/changes.ts';
import type { NodeInfo, Snapshot } from '../snapshot/snapshot.ts';
import type { TermGroup } from '../snapshot/term-index.ts';
import { matchesTerm, type NamespaceLabels, type Term } from '../snapshot/terms.ts';
import type { TopologyCount } from '../snapshot/topology-count.ts';

export interface InterPodAffinityArgs {
  /** What a placed pod's required affinity counts, 0 to 100. */
  readonly hardPodAffinityWeight: number;
  readonly ignorePreferredTermsOfExistingPods: boolean;
}

const name = 'InterPodAffinity';
const withoutWanted = refusal(name, false, "node(s) didn't match pod affinity rules");
const withUnwanted = refusal(name, true, "node(s) didn't match pod anti-affinity rules");
const unwantedThere = refusal(name, true, "node(s) didn't satisfy existing pods anti-affinity rules");

export function interPodAffinity(args: InterPodAffinityArgs): Plugin {
  return {
    name,
    filter: filterPlan,
    score: (pod, { snapshot }) => scorePlan(pod, snapshot, args),
    hints: {
      AssignedPodAdd: helpsAffinity,
      AssignedPodLabel: (pod, change) => helpsAffinity(pod, change) || helpsAntiAffinity(pod, change),
      AssignedPodDelete: (pod, change) => helpsAntiAffinity(pod, change) || makesFirst(pod, change),
      NodeAdd: hasTopology,
      NodeLabel: hasTopology,
      NamespaceLabel: () => true,
      PodLabel: () => true,
    },
  };
}

interface CountedTerm {
  readonly term: Term;
  readonly topology: TopologyCount;
}

/** The pods that all of `terms` mean, by the topology of each. */
function countTogether(terms: readonly Term[], snapshot: Snapshot): CountedTerm[] {
  const [first] = terms;
  if (first === undefined) return [];
  const labelsOf = snapshot.labelsOfNamespace;
  const counter = snapshot.counter({
    key: `terms\0${terms.map(meaningOf).join('\0')}`,
    selector: first.selector,
    readsNamespaces: terms.some(({ namespaceSelector }) => namespaceSelector !== undefined),
    looksAtLabelsOnly: true,
    matches: (pod) => meansAll(terms, pod, labelsOf),
  });
  return terms.map((term) => ({ term, topology: counter.topology(term.topologyKey) }));
}

const countEach = (terms: readonly Term[], snapshot: Snapshot): CountedTerm[] =>
  terms.flatMap((term) => countTogether([term], snapshot));

/** Whom a term means, whatever its topology and weight. */
const meaningOf = ({ namespaces, namespaceSelector, selector }: Term): string =>
  JSON.stringify([[...namespaces], namespaceSelector?.toString() ?? 0, selector.kind, selector.toString()]);

const meansAll = (terms: readonly Term[], pod: PodFacts, labelsOf: NamespaceLabels): boolean =>
  terms.every((term) => matchesTerm(term, pod, labelsOf));

function filterPlan(pod: PodFacts, { snapshot, nominations }: World): FilterPlan {
  const { required, requiredAnti } = pod.terms;
  const about = snapshot.termsAbout('requiredAnti', pod);
  // A node as it would be may hold nominated pods with terms that no placed pod has.
  if (required.length + requiredAnti.length + about.length === 0 && !nominations.keepOthersAway) return 'skip';
  const wanted = countTogether(required, snapshot);
  const unwanted = countEach(requiredAnti, snapshot);
  const isOwnKind = required.length > 0 && meansAll(required, pod, snapshot.labelsOfNamespace);
  return {
    refuse: (node) => {
      if (wanted.length > 0 && !hasWanted(node, wanted, snapshot, isOwnKind)) return withoutWanted;
      if (unwanted.length > 0 && hasUnwanted(node, unwanted, snapshot)) return withUnwanted;
      return isUnwanted(node, pod, about, snapshot) ? unwantedThere : undefined;
    },
  };
}

/** In the domain of each term there is one whom all terms mean; or there is none anywhere, and the pod itself would be the first. */
function hasWanted(node: NodeInfo, wanted: readonly CountedTerm[], snapshot: Snapshot, isOwnKind: boolean): boolean {
  const terms = wanted.map(({ term }) => term);
  const delta = changeOn(node, (pod) => meansAll(terms, pod, snapshot.labelsOfNamespace));
  let all = true;
  let anywhere = 0;
  for (const { topology } of wanted) {
    const count = topology.countAround(node);
    if (count === undefined) return false;
    if (count + delta <= 0) all = false;
    anywhere += topology.total + delta;
  }
  return all || (isOwnKind && anywhere === 0);
}

function hasUnwanted(node: NodeInfo, unwanted: readonly CountedTerm[], snapshot: Snapshot): boolean {
  return unwanted.some(({ term, topology }) => {
    const count = topology.countAround(node);
    if (count === undefined) return false;
    return count + changeOn(node, (pod) => matchesTerm(term, pod, snapshot.labelsOfNamespace)) > 0;
  });
}

/** A pod in the node's domain does not want this one. */
function isUnwanted(node: NodeInfo, pod: PodFacts, about: readonly TermGroup[], snapshot: Snapshot): boolean {
  for (const group of about) {
    const gone = node.gone === undefined ? 0 : timesAmong(node.gone, group.term);
    if (group.countFor(node.labels) > gone) return true;
  }
  return (node.come ?? []).some(({ terms }) =>
    terms.requiredAnti.some(
      (term) => node.labels[term.topologyKey] !== undefined && matchesTerm(term, pod, snapshot.labelsOfNamespace),
    ),
  );
}

const timesAmong = (pods: readonly PodFacts[], term: Term): number =>
  pods.reduce((sum, { terms }) => sum + terms.requiredAnti.filter(({ key }) => key === term.key).length, 0);

function changeOn({ gone, come }: NodeInfo, isMeant: (pod: PodFacts) => boolean): number {
  if (gone === undefined && come === undefined) return 0;
  return (come ?? []).filter(isMeant).length - (gone ?? []).filter(isMeant).length;
}

function scorePlan(pod: PodFacts, snapshot: Snapshot, args: InterPodAffinityArgs): 'skip' | NodeScore {
  const { preferred, preferredAnti } = pod.terms;
  const ownCount = preferred.length + preferredAnti.length;
  if (args.ignorePreferredTermsOfExistingPods && ownCount === 0) return 'skip';
  const own = [
    ...countEach(preferred, snapshot).map((one) => ({ ...one, weight: one.term.weight })),
    ...countEach(preferredAnti, snapshot).map((one) => ({ ...one, weight: -one.term.weight })),
  ];
  const hardWeight = args.hardPodAffinityWeight;
  const about = [
    ...weighted(snapshot.termsAbout('preferred', pod), ({ weight }) => weight),
    ...weighted(snapshot.termsAbout('preferredAnti', pod), ({ weight }) => -weight),
    ...(hardWeight > 0 ? weighted(snapshot.termsAbout('required', pod), () => hardWeight) : []),
  ];
  if (own.length + about.length === 0) return 'skip';
  return { score: (node) => sumFor(node, own, about), normalize };
}

interface WeightedGroup {
  readonly group: TermGroup;
  readonly weight: number;
}

const weighted = (groups: readonly TermGroup[], weightOf: (term: Term) => number): WeightedGroup[] =>
  groups.map((group) => ({ group, weight: weightOf(group.term) }));

function sumFor(
  node: NodeInfo,
  own: readonly { readonly topology: TopologyCount; readonly weight: number }[],
  about: readonly WeightedGroup[],
): number {
  const labels: Labels = node.labels;
  let sum = 0;
  for (const { topology, weight } of own) sum += weight * (topology.countAround(node) ?? 0);
  for (const { group, weight } of about) sum += weight * group.countFor(labels);
  return sum;
}

/** The least becomes 0 and the most 100. */
function normalize(scores: Float64Array): void {
  let least = Number.POSITIVE_INFINITY;
  let most = Number.NEGATIVE_INFINITY;
  for (const score of scores) {
    if (score < least) least = score;
    if (score > most) most = score;
  }
  const range = most - least;
  for (let index = 0; index < scores.length; index++) {
    scores[index] = range > 0 ? Math.trunc(100 * (((scores[index] as number) - least) / range)) : 0;
  }
}

/** Namespaces' labels are not at hand in a hint: a term that reads them may mean any. */
const mayMean = (term: Term, pod: PodFacts): boolean =>
  (term.namespaceSelector !== undefined || term.namespaces.has(pod.namespace)) && term.selector.matches(pod.labels);

/** All required terms of the waiting pod may mean the changed one. */
const helpsAffinity: Hint = (waiting, { after }) => {
  const { required } = new PodFacts(waiting).terms;
  const changed = new PodFacts(after as Pod);
  return required.length > 0 && required.every((term) => mayMean(term, changed));
};

/** The pod that went may have been the last of those that the waiting one wants to be near to, of whom it would then be the first. */
const makesFirst: Hint = (waiting, { before }) => {
  const pod = new PodFacts(waiting);
  const gone = new PodFacts(before as Pod);
  const { required } = pod.terms;
  return required.length > 0 && required.every((term) => mayMean(term, gone) && mayMean(term, pod));
};

/** The changed pod may have been kept away from, or have kept this one away. */
const helpsAntiAffinity: Hint = (waiting, { before }) => {
  const pod = new PodFacts(waiting);
  const changed = new PodFacts(before as Pod);
  return (
    pod.terms.requiredAnti.some((term) => mayMean(term, changed)) ||
    changed.terms.requiredAnti.some((term) => mayMean(term, pod))
  );
};

/** The node has, or had, a label of some topology that the pod's terms name; one without terms was kept away by others, anywhere else may do. */
const hasTopology: Hint = (waiting, { before, after }) => {
  const { required, requiredAnti } = new PodFacts(waiting).terms;
  if (required.length === 0) return true;
  return [...required, ...requiredAnti].some(({ topologyKey }) =>
    [before, after].some((node) => node?.metadata?.labels?.[topologyKey] !== undefined),
  );
};
