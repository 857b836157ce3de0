/**
 * Whether a node takes a pod, as a kubelet asks itself: is there room beside the pods that it has, is it the node that the pod wants, is the
 * pod allowed to run here. The scheduler asked the same, but a pod may have come past it, or the node have changed. Upstream's checks,
 * reasons and words. Pure.
 */

import { matchesNode, untoleratedTaint } from '../../api/node-matching.ts';
import { type Amounts, addTo, amountsOf, podRequests } from '../../api/node-requests.ts';
import type { Node, Pod } from '../../api/schema/types/core-v1.ts';
import { isStaticPod } from '../pod/critical-pod.ts';
import type { Refusal } from '../pod/pod-hook.ts';

/** `cpu` in thousandths, all else in whole units. */
export interface Shortage {
  readonly kind: 'shortage';
  readonly resource: string;
  readonly requested: number;
  readonly used: number;
  readonly capacity: number;
}

export interface Mismatch {
  readonly kind: 'mismatch';
  readonly predicate: 'NodeAffinity' | 'NodeName' | 'TaintToleration';
  readonly description: string;
}

export type Failure = Shortage | Mismatch;

/** What no room on the node would change; asked first. */
export function refusalByKind({ metadata, spec }: Pod, operatingSystem: string): Refusal | undefined {
  const wanted = metadata?.labels?.['kubernetes.io/os'];
  if (wanted !== undefined && wanted !== operatingSystem) {
    const message = "Failed to admit pod as the `kubernetes.io/os` label doesn't match node label";
    return { reason: 'PodOSSelectorNodeLabelDoesNotMatch', message };
  }
  if (spec?.os !== undefined && spec.os.name !== operatingSystem) {
    return { reason: 'PodOSNotSupported', message: "Failed to admit pod as the OS field doesn't match node OS" };
  }
  return undefined;
}

/** @param others the pods that the node has, with what was given to them */
export function decideAdmission(pod: Pod, others: readonly Pod[], node: Node): readonly Failure[] {
  return [...shortages(pod, others, node), ...mismatches(pod, node)];
}

/** What the node has too little of for `pod` beside `others`. */
export function shortages(pod: Pod, others: readonly Pod[], node: Node): readonly Shortage[] {
  const allocatable = amountsOf(node.status?.allocatable);
  const found: Shortage[] = [];
  const places = allocatable.get('pods') ?? 0;
  if (others.length + 1 > places) {
    found.push({ kind: 'shortage', resource: 'pods', requested: 1, used: others.length, capacity: places });
  }
  const asked = [...podRequests(pod).amounts].filter(
    ([resource, amount]) => amount > 0 && !isNobodysHere(resource, allocatable),
  );
  if (asked.length === 0) return found;
  const used = new Map<string, number>();
  for (const other of others) addTo(used, podRequests(other).amounts);
  for (const [resource, requested] of asked) {
    const capacity = allocatable.get(resource) ?? 0;
    const taken = used.get(resource) ?? 0;
    if (requested > capacity - taken) found.push({ kind: 'shortage', resource, requested, used: taken, capacity });
  }
  return found;
}

/** What the node does not know of may belong to the cluster as a whole, or come as a device. */
function isNobodysHere(resource: string, allocatable: Amounts): boolean {
  const isExtended = resource.includes('/') && !resource.includes('kubernetes.io/');
  return isExtended && !allocatable.has(resource);
}

function mismatches(pod: Pod, node: Node): readonly Mismatch[] {
  const { nodeName, tolerations = [] } = pod.spec ?? {};
  const found: Mismatch[] = [];
  const add = (predicate: Mismatch['predicate'], description: string) =>
    found.push({ kind: 'mismatch', predicate, description });
  if (!matchesNode(pod.spec, node)) add('NodeAffinity', "node(s) didn't match Pod's node affinity/selector");
  if (nodeName && nodeName !== node.metadata?.name) add('NodeName', "node(s) didn't match the requested node name");
  const taints = node.spec?.taints ?? [];
  if (!isStaticPod(pod) && untoleratedTaint(taints, tolerations, ['NoExecute']) !== undefined) {
    add('TaintToleration', "node(s) had taints that the pod didn't tolerate");
  }
  return found;
}

/** Of several failures a kubelet tells the first. */
export function refusalOf(failure: Failure): Refusal {
  if (failure.kind === 'shortage') return { reason: `OutOf${failure.resource}`, message: describeShortage(failure) };
  return {
    reason: failure.predicate,
    message: `Predicate ${failure.predicate} failed: ${failure.description}`,
  };
}

export function describeShortage({ resource, requested, used, capacity }: Shortage): string {
  return `Node didn't have enough resource: ${resource}, requested: ${requested}, used: ${used}, capacity: ${capacity}`;
}
