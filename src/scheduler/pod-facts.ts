/**
 * What decisions read of a pod, computed once for each form of it that matters: requests, affinity terms, claims, its class. Pure.
 *
 * Two pods of one class are the same to every plugin that looks at a node alone, so that what was found out about a node for one of them
 * holds for all others (`node-memory.ts`).
 */

import { type PodRequests, podRequests } from '../api/node-requests.ts';
import { objectKey } from '../api/object.ts';
import type { Pod } from '../api/schema/types/core-v1.ts';
import type { Labels } from '../api/selector.ts';
import { type PodTerms, podTerms } from './snapshot/terms.ts';

export const priorityOf = (pod: Pod): number => pod.spec?.priority ?? 0;

export class PodFacts {
  /** The newest form; whatever else stands here is the same for it. */
  pod: Pod;
  readonly key: string;
  readonly uid: string;
  readonly namespace: string;
  readonly labels: Labels;
  readonly priority: number;
  readonly isEnding: boolean;
  readonly requests: PodRequests;
  readonly terms: PodTerms;
  #class: string | undefined;
  #kin: string | undefined;

  /** `like`: an earlier form of the same pod, of which whatever holds for this one is taken over. */
  constructor(pod: Pod, like?: PodFacts) {
    this.pod = pod;
    this.key = objectKey(pod);
    this.uid = pod.metadata?.uid ?? '';
    this.namespace = pod.metadata?.namespace ?? '';
    this.labels = pod.metadata?.labels ?? noLabels;
    this.priority = priorityOf(pod);
    this.isEnding = pod.metadata?.deletionTimestamp !== undefined;
    const sameNeeds = like?.hasNeedsOf(pod) ? like : undefined;
    this.requests = sameNeeds?.requests ?? podRequests(pod);
    this.terms = sameNeeds?.terms ?? podTerms(pod);
  }

  /** Equal for pods that are the same to whoever looks at the namespace, the labels, and whether a pod is ending. */
  get kin(): string {
    this.#kin ??= JSON.stringify([this.namespace, this.isEnding, this.labels]);
    return this.#kin;
  }

  get class(): string {
    this.#class ??= classOf(this);
    return this.#class;
  }

  /** Whether all that stands here is the same for `pod`, a later form of the same pod. */
  holdsFor(pod: Pod): boolean {
    const before = this.pod;
    if (before === pod) return true;
    return (
      this.isEnding === (pod.metadata?.deletionTimestamp !== undefined) &&
      sameJson(before.metadata?.labels, pod.metadata?.labels) &&
      this.hasNeedsOf(pod)
    );
  }

  /** Whether a later form of the same pod asks for the same. */
  hasNeedsOf(pod: Pod): boolean {
    const before = this.pod;
    if (before.metadata?.uid !== pod.metadata?.uid || before.spec === undefined || pod.spec === undefined) return false;
    return (before.spec === pod.spec || sameParts(before.spec, pod.spec)) && sameResources(before, pod);
  }
}

const noLabels: Labels = {};

/** `nodeName` is not among them: binding sets it, and changes nothing that counts. */
const specParts = ['containers', 'initContainers', 'overhead', 'resources', 'affinity', 'priority', 'volumes'] as const;

const sameParts = (a: NonNullable<Pod['spec']>, b: NonNullable<Pod['spec']>): boolean =>
  specParts.every((part) => sameJson(a[part], b[part]));

const sameJson = (a: unknown, b: unknown): boolean => a === b || JSON.stringify(a) === JSON.stringify(b);

/** Of the status, only what a resize writes counts. */
function sameResources({ status: a }: Pod, { status: b }: Pod): boolean {
  if (a === b || !(holdsResources(a) || holdsResources(b))) return true;
  return sameJson(
    [resizesOf(a), a?.resources, a?.allocatedResources],
    [resizesOf(b), b?.resources, b?.allocatedResources],
  );
}

/** The kubelet has told of containers, or a resize of the pod is under way. Of a pod that was bound just now, neither. */
function holdsResources(status: Pod['status']): boolean {
  if (status === undefined) return false;
  const { containerStatuses, initContainerStatuses, resources, allocatedResources, conditions } = status;
  return (
    (containerStatuses ?? initContainerStatuses ?? resources ?? allocatedResources) !== undefined ||
    (conditions?.some(({ type }) => type === 'PodResizePending') ?? false)
  );
}

function resizesOf(status: Pod['status']): unknown {
  const containers = [...(status?.containerStatuses ?? []), ...(status?.initContainerStatuses ?? [])];
  const held = containers.flatMap(({ name, resources, allocatedResources }) =>
    (resources?.requests ?? allocatedResources) ? [[name, resources?.requests, allocatedResources]] : [],
  );
  return [held, status?.conditions?.find(({ type }) => type === 'PodResizePending')?.reason];
}

function classOf({ pod, requests }: PodFacts): string {
  const { tolerations, nodeSelector, affinity, nodeName } = pod.spec ?? {};
  const { amounts, scored, hostPorts } = requests;
  return JSON.stringify([
    nodeName || 0,
    tolerations ?? 0,
    nodeSelector ?? 0,
    affinity?.nodeAffinity ?? 0,
    [...amounts],
    scored.cpu,
    scored.memory,
    hostPorts,
  ]);
}
