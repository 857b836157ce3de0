/** NodeResourcesFit: a node must have left what the pod asks for; which of those that have suits best, its strategy says. */

import { type Amounts, amountsOf, knownPodRequests, podRequests } from '../../api/node-requests.ts';
import { isClassResource } from '../../api/resource-names.ts';
import type { Node, Pod } from '../../api/schema/types/core-v1.ts';
import { type Plugin, type Refusal, refusal } from '../framework/plugin.ts';
import type { PodFacts } from '../pod-facts.ts';
import { always, type Hint } from '../queue/changes.ts';
import type { NodeInfo } from '../snapshot/snapshot.ts';
import { meanScore, type ScoringStrategy, scoreOf } from './resource-scores.ts';

export interface NodeResourcesFitArgs {
  readonly ignoredResources?: readonly string[];
  readonly ignoredResourceGroups?: readonly string[];
  readonly scoringStrategy: ScoringStrategy;
}

const name = 'NodeResourcesFit';

export function nodeResourcesFit(args: NodeResourcesFitArgs): Plugin {
  const isIgnored = ignoring(args);
  const strategy = args.scoringStrategy;
  const refusalFor = interned();
  return {
    name,
    looksAtNodeOnly: true,
    filter: ({ requests }, { devices }) => {
      const asked = [...requests.amounts].filter(([resource, amount]) => amount > 0 && !isIgnored(resource));
      const isDevice = devices.hasClasses && asked.some(([resource]) => devices.classFor(resource) !== undefined);
      if (!isDevice) return { refuse: (node) => shortage(asked, node, refusalFor) };
      // Where a node has none of them itself, they come as devices: DynamicResources looks after those.
      const comesAsDevice = ([resource]: readonly [string, number], node: NodeInfo): boolean =>
        (node.allocatable.get(resource) ?? 0) === 0 && devices.classFor(resource) !== undefined;
      return {
        refuse: (node) =>
          shortage(
            asked.filter((each) => !comesAsDevice(each, node)),
            node,
            refusalFor,
          ),
      };
    },
    score: (pod) => ({ score: (node) => strategyScore(strategy, pod, node) }),
    hints: {
      NodeAdd: (pod, { after }) => fitsEmpty(pod, after as Node, isIgnored),
      NodeAllocatable: (pod, { before, after }) =>
        fitsEmpty(pod, after as Node, isIgnored) && hasMore(pod, before as Node, after as Node),
      AssignedPodDelete: always,
      AssignedPodScaleDown: gaveBack,
      PodScaleDown: always,
      DeviceClassAdd: asksExtended,
      DeviceClassUpdate: asksExtended,
    },
  };
}

/** Only extended resources can be ignored. */
function ignoring({
  ignoredResources = [],
  ignoredResourceGroups = [],
}: NodeResourcesFitArgs): (name: string) => boolean {
  if (ignoredResources.length + ignoredResourceGroups.length === 0) return () => false;
  return (resource) =>
    isExtended(resource) &&
    (ignoredResources.includes(resource) || ignoredResourceGroups.includes(resource.slice(0, resource.indexOf('/'))));
}

const isExtended = (resource: string): boolean =>
  resource.includes('/') && !resource.includes('kubernetes.io/') && !resource.startsWith('requests.');

type RefusalFor = (reasons: readonly string[], resolvable: boolean) => Refusal;

/** Equal refusals are one object: thousands of nodes refuse for the same few reasons. */
function interned(): RefusalFor {
  const known = new Map<string, Refusal>();
  return (reasons, resolvable) => {
    const key = `${resolvable}\0${reasons.join('\0')}`;
    const standing = known.get(key);
    if (standing !== undefined) return standing;
    if (known.size >= 1024) known.clear();
    const made = refusal(name, resolvable, ...reasons);
    known.set(key, made);
    return made;
  };
}

function shortage(
  asked: readonly (readonly [string, number])[],
  node: NodeInfo,
  make: RefusalFor,
): Refusal | undefined {
  let reasons: string[] | undefined;
  let resolvable = true;
  if (node.pods.size + 1 > (node.allocatable.get('pods') ?? 0)) reasons = ['Too many pods'];
  for (const [resource, amount] of asked) {
    const allocatable = node.allocatable.get(resource) ?? 0;
    if (amount <= allocatable - (node.requested.get(resource) ?? 0)) continue;
    (reasons ??= []).push(`Insufficient ${resource}`);
    if (amount > allocatable) resolvable = false;
  }
  return reasons && make(reasons, resolvable);
}

const basic: ReadonlySet<string> = new Set(['cpu', 'memory', 'ephemeral-storage']);

/** What is counted in pieces: all but the basic ones and the places for pods. */
const isScalar = (resource: string): boolean =>
  isExtended(resource) ||
  resource.includes('kubernetes.io/') ||
  resource.startsWith('hugepages-') ||
  resource.startsWith('attachable-volumes-');

/** What is counted in pieces matters only to pods that ask for it; what has no such name is not scored at all. */
export const isScored = (resource: string, requests: Amounts): boolean =>
  basic.has(resource) || ((requests.get(resource) ?? 0) > 0 && isScalar(resource));

function strategyScore(strategy: ScoringStrategy, { requests }: PodFacts, node: NodeInfo): number {
  const scoreResource = scoreOf(strategy);
  const scores: number[] = [];
  const weights: number[] = [];
  for (const { name: resource, weight } of strategy.resources) {
    const allocatable = node.allocatable.get(resource) ?? 0;
    if (allocatable === 0 || !isScored(resource, requests.amounts)) continue;
    scores.push(scoreResource(requestedOf(resource, node) + askedOf(resource, requests), allocatable));
    weights.push(weight);
  }
  return meanScore(strategy.type, scores, weights);
}

const requestedOf = (resource: string, { requested, scored }: NodeInfo): number =>
  resource === 'cpu' || resource === 'memory' ? scored[resource] : (requested.get(resource) ?? 0);

const askedOf = (resource: string, { amounts, scored }: PodFacts['requests']): number =>
  resource === 'cpu' || resource === 'memory' ? scored[resource] : (amounts.get(resource) ?? 0);

function fitsEmpty(pod: Pod, { status }: Node, isIgnored: (name: string) => boolean): boolean {
  const allocatable = amountsOf(status?.allocatable);
  if ((allocatable.get('pods') ?? 0) < 1) return false;
  // What a node does not know of itself may come as a device.
  const mayFit = (resource: string, amount: number): boolean =>
    amount <= (allocatable.get(resource) ?? (mayBeDevice(resource) ? amount : 0));
  return [...knownPodRequests(pod).amounts].every(
    ([resource, amount]) => amount === 0 || isIgnored(resource) || mayFit(resource, amount),
  );
}

const mayBeDevice = (resource: string): boolean => isExtended(resource) || isClassResource(resource);

/** A class may stand for what no node has. */
const asksExtended: Hint = (pod) => [...knownPodRequests(pod).amounts.keys()].some(mayBeDevice);

function hasMore(pod: Pod, before: Node, after: Node): boolean {
  const had = amountsOf(before.status?.allocatable);
  const has = amountsOf(after.status?.allocatable);
  const grew = (resource: string): boolean => (has.get(resource) ?? 0) > (had.get(resource) ?? 0);
  return grew('pods') || [...knownPodRequests(pod).amounts].some(([resource, amount]) => amount > 0 && grew(resource));
}

/** The resized pod now asks for less of something that `pod` asks for. */
const gaveBack: Hint = (pod, { before, after }) => {
  const was = podRequests(before as Pod).amounts;
  const is = podRequests(after as Pod).amounts;
  return [...knownPodRequests(pod).amounts].some(
    ([resource, amount]) => amount > 0 && (was.get(resource) ?? 0) > (is.get(resource) ?? 0),
  );
};
