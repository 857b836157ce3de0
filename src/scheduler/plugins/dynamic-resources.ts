/**
 * DynamicResources (KEP-4381): a pod goes where the devices of its claims are, or, for claims that have none yet, where a node can be given
 * what they ask for. Its devices are set aside with the decision, and written before the binding.
 *
 * What was found for a node is not kept: the same is found again for the node that was chosen, since nothing changes in between.
 */
import { matchesNodeSelector } from '../../api/node-matching.ts';
import { objectKey } from '../../api/object.ts';
import { canBeReserved, isReservedFor } from '../../api/pod-resource-claims.ts';
import { parseDuration } from '../../api/protobuf/duration.ts';
import type { Node, Pod } from '../../api/schema/types/core-v1.ts';
import type { ResourceClaim } from '../../api/schema/types/resource-v1.ts';
import { limits } from '../../lib/limits.ts';
import { type Allocation, allocate, type ClaimPicks } from '../devices/allocate.ts';
import { allocationResult } from '../devices/allocation-result.ts';
import { isOverdue, readinessOf } from '../devices/binding-conditions.ts';
import type { DevicePlan, DeviceReader, ReservedClaim } from '../devices/device-reader.ts';
import { claimsOfPod, namesClaim } from '../devices/pod-claims.ts';
import { type PodDevices, podDevicesOf, wantedOn } from '../devices/pod-devices.ts';
import {
  type FilterPlan,
  type NodeScore,
  type Plugin,
  type PostFilterPlan,
  type Refusal,
  type Reservation,
  refusal,
  stretch,
  type World,
} from '../framework/plugin.ts';
import type { PodFacts } from '../pod-facts.ts';
import { always, type Hint } from '../queue/changes.ts';
import type { NodeInfo } from '../snapshot/snapshot.ts';

export interface DynamicResourcesArgs {
  /** Of upstream's configuration; here a search ends by what it tried, not by its time. */
  readonly filterTimeout: string;
  /** How long devices may take to become ready for a pod: `10m`. */
  readonly bindingTimeout: string;
}

const name = 'DynamicResources';
const refuseAll = (reason: string): { readonly refused: Refusal } => ({ refused: refusal(name, false, reason) });
const unavailable = refusal(name, false, 'resourceclaim not available on the node');
const tooFew = refusal(name, false, 'cannot allocate all claims');

export function dynamicResources({ bindingTimeout }: DynamicResourcesArgs): Plugin {
  const bindingTimeoutMs = Number(parseDuration(bindingTimeout) / 1_000_000n);
  return {
    name,
    preEnqueue: (pod, { devices }) => {
      if (pod.spec?.resourceClaims === undefined) return undefined;
      const found = claimsOfPod(pod, (namespace, claim) => devices.claim(namespace, claim));
      return 'problem' in found ? found.problem : undefined;
    },
    filter: (pod, world) => filterPlan(pod, world, bindingTimeoutMs),
    postFilter: (pod, world, refused) => postFilter(pod, world, refused, bindingTimeoutMs),
    score: (pod, world) => scorePlan(pod, world),
    reserve: (pod, world, node) => reserve(pod, world, node, bindingTimeoutMs),
    hints: {
      ResourceClaimAdd: isOwnClaim,
      ResourceClaimUpdate: mayHelp,
      ResourceClaimDelete: (pod, change) =>
        hadDevices(change.before) || isOwnClaim(pod, { ...change, after: change.before }),
      PodGeneratedResourceClaims: always,
      DeviceClassAdd: always,
      DeviceClassUpdate: always,
      ResourceSliceAdd: always,
      ResourceSliceUpdate: always,
      NodeAdd: always,
      NodeLabel: always,
      NodeAllocatable: always,
    },
  };
}

function filterPlan(pod: PodFacts, { devices }: World, timeoutMs: number): FilterPlan {
  const wanted = podDevicesOf(pod, devices);
  if (wanted === 'none') return 'skip';
  if ('problem' in wanted) return refuseAll(wanted.problem);
  const problem = problemOf(wanted, pod.pod, devices);
  if (problem !== undefined) return refuseAll(problem);
  const known = new Map<string, Refusal | undefined>();
  const budget = { stepsLeft: limits.deviceStepsPerDecisionMax };
  return {
    // Asked again about nodes as they would be without some pods: that changes nothing here.
    refuse: (info) => {
      if (!known.has(info.name)) known.set(info.name, refusalOn(info, pod.pod, wanted, devices, budget, timeoutMs));
      return known.get(info.name);
    },
  };
}

/** What keeps the pod off all nodes. */
function problemOf({ claims, isStale }: PodDevices, pod: Pod, devices: DeviceReader): string | undefined {
  if (isStale) return undefined;
  for (const claim of claims) {
    const isAllocated = claim.status?.allocation !== undefined;
    if (isAllocated && !canBeReserved(claim) && !isReservedFor(claim, pod)) return 'resourceclaim in use';
    if (!isAllocated && devices.isBeingAllocated(claim)) {
      return `resource claim ${objectKey(claim)} is in the process of being allocated`;
    }
    const missing = isAllocated ? undefined : missingClass(claim, devices);
    if (missing !== undefined) return missing;
  }
  return undefined;
}

function missingClass({ spec }: ResourceClaim, devices: DeviceReader): string | undefined {
  for (const request of spec.devices?.requests ?? []) {
    const asked = request.exactly === undefined ? (request.firstAvailable ?? []) : [request.exactly];
    for (const one of asked) {
      if (devices.classOf(one.deviceClassName) !== undefined) continue;
      const named = 'name' in one ? `${request.name}/${one.name}` : request.name;
      return `request ${named}: device class ${one.deviceClassName} does not exist`;
    }
  }
  return undefined;
}

interface Budget {
  stepsLeft: number;
}

function refusalOn(
  info: NodeInfo,
  pod: Pod,
  wanted: PodDevices,
  devices: DeviceReader,
  budget: Budget,
  timeoutMs: number,
): Refusal | undefined {
  const onNode = wantedOn(info, pod, wanted);
  if ('problem' in onNode) return refusal(name, false, onNode.problem);
  const found = search(onNode.claims, info.node, devices, budget.stepsLeft);
  budget.stepsLeft -= found.steps;
  if (found.kind === 'none') {
    if (found.reason === undefined) return tooFew;
    return refusal(
      name,
      false,
      found.reason.startsWith('timed out') ? `node ${info.name}: ${found.reason}` : found.reason,
    );
  }
  const lost = wanted.claims.some((claim) => isLostOn(claim, info.node, devices, timeoutMs));
  return lost ? unavailable : undefined;
}

function search(claims: readonly ResourceClaim[], node: Node, devices: DeviceReader, stepsLeft: number): Allocation {
  const waiting = claims.filter(({ status }) => status?.allocation === undefined);
  if (waiting.length === 0) return { kind: 'found', claims: [], steps: 0 };
  return allocate({
    claims: waiting,
    pools: devices.poolsOf(node),
    ledger: devices.ledger,
    selectors: devices.selectors,
    classOf: (className) => devices.classOf(className),
    stepsMax: Math.max(1, Math.min(stepsLeft, limits.deviceStepsPerNodeMax)),
  });
}

/** Its devices are elsewhere, or they did not become ready. */
function isLostOn(claim: ResourceClaim, node: Node, devices: DeviceReader, timeoutMs: number): boolean {
  const allocation = claim.status?.allocation;
  if (allocation === undefined) return false;
  if (allocation.nodeSelector !== undefined && !matchesNodeSelector(allocation.nodeSelector, node)) return true;
  const readiness = readinessOf(claim);
  return typeof readiness === 'object' || (readiness === 'waiting' && isOverdue(claim, timeoutMs, devices.nowMs()));
}

/** A claim that nobody else uses gives its devices back where the pod cannot be where they are: others may do. */
function postFilter(
  pod: PodFacts,
  { devices }: World,
  refused: readonly NodeInfo[],
  timeoutMs: number,
): PostFilterPlan {
  const wanted = podDevicesOf(pod, devices);
  if (wanted === 'none' || 'problem' in wanted) return { message: 'no new claims to deallocate' };
  const isUnused = ({ status }: ResourceClaim): boolean =>
    (status?.reservedFor ?? []).every(({ uid }, index) => index === 0 && uid === pod.uid);
  const idle = wanted.claims.find(
    (claim) =>
      claim !== wanted.extended &&
      isUnused(claim) &&
      refused.some(({ node }) => isLostOn(claim, node, devices, timeoutMs)),
  );
  if (idle !== undefined) return { message: 'deallocation of ResourceClaim completed', act: () => devices.free(idle) };
  const stale = wanted.isStale ? wanted.extended : undefined;
  if (stale === undefined) return { message: 'still not schedulable' };
  return { message: 'deletion of ResourceClaim completed', act: () => devices.free(stale) };
}

/** As upstream: the API's most alternatives of one request. */
const alternativesMax = 8;

/** The earlier the alternative that a node can give, the better. */
function scorePlan(pod: PodFacts, { devices }: World): 'skip' | NodeScore {
  const wanted = podDevicesOf(pod, devices);
  if (wanted === 'none' || 'problem' in wanted) return 'skip';
  const hasChoice = ({ spec, status }: ResourceClaim): boolean =>
    status?.allocation === undefined && (spec.devices?.requests ?? []).some(({ firstAvailable }) => firstAvailable);
  if (!wanted.claims.some(hasChoice)) return 'skip';
  return {
    score: (info) => {
      const onNode = wantedOn(info, pod.pod, wanted);
      if ('problem' in onNode) return 0;
      const found = search(onNode.claims, info.node, devices, limits.deviceStepsPerNodeMax);
      return found.kind === 'none' ? 0 : found.claims.reduce((sum, one) => sum + scoreOf(one), 0);
    },
    normalize: (scores: Float64Array) => stretch(scores, false),
  };
}

function scoreOf({ claim, picks }: ClaimPicks): number {
  const taken = new Set(picks.map(({ wish }) => wish.name));
  const places = (claim.spec.devices?.requests ?? []).flatMap(({ name: request, firstAvailable = [] }) =>
    firstAvailable.flatMap((one, place) => (taken.has(`${request}/${one.name}`) ? [place] : [])),
  );
  return places.reduce((sum, place) => sum + alternativesMax - place, 0);
}

function reserve(pod: PodFacts, { devices }: World, info: NodeInfo, bindingTimeoutMs: number): Reservation | undefined {
  const wanted = podDevicesOf(pod, devices);
  if (wanted === 'none') return undefined;
  const onNode = 'problem' in wanted ? wanted : wantedOn(info, pod.pod, wanted);
  if ('problem' in onNode) return failing(onNode.problem);
  const found = search(onNode.claims, info.node, devices, limits.deviceStepsPerNodeMax);
  if (found.kind === 'none') return failing(found.reason ?? 'claim allocation not found for node');
  const claims = onNode.claims.map((claim): ReservedClaim => {
    const picks = found.claims.find((one) => one.claim === claim)?.picks;
    if (picks === undefined) return { claim };
    return { claim, allocation: allocationResult(claim, picks, info.name, () => devices.newShareId()) };
  });
  if (claims.length === 0) return undefined;
  const plan: DevicePlan = {
    claims,
    node: info.name,
    bindingTimeoutMs,
    ...(onNode.extended && { extended: onNode.extended }),
  };
  return devices.reserve(plan, pod.pod);
}

/** What the filter found is not there any more: the decision is taken back. */
const failing = (reason: string): Reservation => ({
  preBind: () => Promise.reject(new Error(reason)),
  undo: () => {},
});

const isOwnClaim: Hint = (pod, { after }) =>
  after !== undefined && (namesClaim(pod, after as ResourceClaim) || isMadeFor(pod, after as ResourceClaim));

const isMadeFor = ({ metadata }: Pod, claim: ResourceClaim): boolean =>
  (claim.metadata?.ownerReferences ?? []).some(({ controller, uid }) => controller === true && uid === metadata?.uid);

const hadDevices = (claim: unknown): boolean => (claim as ResourceClaim).status?.allocation !== undefined;

/** Devices became free, or something was said about a claim of the pod. */
const mayHelp: Hint = (pod, change) => {
  const { before, after } = change;
  if (hadDevices(before) && !hadDevices(after)) return true;
  if (!isOwnClaim(pod, change)) return false;
  return JSON.stringify((before as ResourceClaim).status) !== JSON.stringify((after as ResourceClaim).status);
};
