/**
 * Why a node cannot take a pod: the filters in upstream's order, each with upstream's words. The first that refuses speaks for the node; of
 * the resources, all that are short.
 */
import type { Pod } from '../api/schema/types/core-v1.ts';
import { matchesNode } from './plugins/node-affinity.ts';
import { isCordonedFor, untoleratedTaint } from './plugins/taints.ts';
import { type PodRequests, portsConflict } from './requests.ts';
import type { NodeInfo } from './snapshot.ts';

export interface Refusal {
  readonly reasons: readonly string[];
  /** Other pods going away could change it: preemption may help. */
  readonly resolvable: boolean;
}

type Filter = (pod: Pod, requests: PodRequests, info: NodeInfo) => Refusal | undefined;

const never = (reason: string): Refusal => ({ reasons: [reason], resolvable: false });

const nodeUnschedulable: Filter = (pod, _requests, { node }) =>
  isCordonedFor(pod, node) ? never('node(s) were unschedulable') : undefined;

const nodeName: Filter = (pod, _requests, { name }) =>
  pod.spec?.nodeName && pod.spec.nodeName !== name ? never("node(s) didn't match the requested node name") : undefined;

const taintToleration: Filter = (pod, _requests, { node }) =>
  untoleratedTaint(pod, node) === undefined ? undefined : never('node(s) had untolerated taint(s)');

const nodeAffinity: Filter = (pod, _requests, { node }) =>
  matchesNode(pod, node) ? undefined : never("node(s) didn't match Pod's node affinity/selector");

const nodePorts: Filter = (_pod, { hostPorts }, { pods }) => {
  if (hostPorts.length === 0) return undefined;
  for (const { requests } of pods.values()) {
    if (requests.hostPorts.some((taken) => hostPorts.some((wanted) => portsConflict(taken, wanted)))) {
      return { reasons: ["node(s) didn't have free ports for the requested pod ports"], resolvable: true };
    }
  }
  return undefined;
};

const nodeResourcesFit: Filter = (_pod, { amounts }, info) => {
  const reasons: string[] = [];
  let resolvable = true;
  if (info.pods.size + 1 > (info.allocatable.get('pods') ?? 0)) reasons.push('Too many pods');
  for (const [name, amount] of amounts) {
    const allocatable = info.allocatable.get(name) ?? 0;
    if (amount === 0 || amount <= allocatable - (info.requested.get(name) ?? 0)) continue;
    reasons.push(`Insufficient ${name}`);
    if (amount > allocatable) resolvable = false;
  }
  return reasons.length === 0 ? undefined : { reasons, resolvable };
};

const filters: readonly Filter[] = [
  nodeUnschedulable,
  nodeName,
  taintToleration,
  nodeAffinity,
  nodePorts,
  nodeResourcesFit,
];

/** Undefined where the node can take the pod. */
export function refusalOf(pod: Pod, requests: PodRequests, info: NodeInfo): Refusal | undefined {
  for (const filter of filters) {
    const refusal = filter(pod, requests, info);
    if (refusal !== undefined) return refusal;
  }
  return undefined;
}
