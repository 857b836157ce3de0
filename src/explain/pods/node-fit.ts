/**
 * Why a pod may not stand on a node, in numbers: what the scheduler only counts is reckoned again for each node. Only what is cheap and sure: labels,
 * taints, resources, ports. What hangs on other pods (spread, affinity among pods) is left to the scheduler's own words. Pure.
 */
import { hostPortsOf, portsConflict } from '../../api/host-ports.ts';
import { matchesNode, untoleratedTaint } from '../../api/node-matching.ts';
import { amountsOf, podRequests } from '../../api/node-requests.ts';
import type { Node, Pod, Taint } from '../../api/schema/types/core-v1.ts';
import { amountText, listed } from '../words.ts';

export type Hindrance = 'selector' | 'taint' | 'resources' | 'ports';

export interface NodeFit {
  readonly node: Node;
  /** What stands in the way first, in the order of the list above; undefined: nothing that is seen here. */
  readonly hindrance?: Hindrance;
  /** `n1: 0.3 CPU free of 2, the pod asks for 1` */
  readonly text: string;
  readonly taint?: Taint;
  readonly short?: readonly Shortage[];
}

export interface Shortage {
  readonly resource: string;
  readonly asked: number;
  readonly free: number;
  readonly whole: number;
}

const hasEnded = ({ status }: Pod): boolean => status?.phase === 'Succeeded' || status?.phase === 'Failed';

/** @param all pods of the cluster */
export function fitOn(pod: Pod, node: Node, all: readonly Pod[]): NodeFit {
  const name = node.metadata?.name ?? '';
  if (!matchesNode(pod.spec, node)) {
    return { node, hindrance: 'selector', text: `${name}: does not have the labels that the pod asks for` };
  }
  const taint = taintAgainst(pod, node);
  if (taint !== undefined) return { node, hindrance: 'taint', taint, text: `${name}: ${taintText(taint)}` };
  const here = all.filter((one) => one.spec?.nodeName === name && !hasEnded(one));
  const short = shortagesOf(pod, node, here);
  if (short.length > 0) {
    return { node, hindrance: 'resources', short, text: `${name}: ${listed(short.map(shortageText))}` };
  }
  const taken = takenPort(pod, here);
  if (taken !== undefined) return { node, hindrance: 'ports', text: `${name}: ${taken}` };
  return { node, text: `${name}: has the labels and the room` };
}

const cordoned: Taint = { key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' };

function taintAgainst(pod: Pod, { spec }: Node): Taint | undefined {
  const taints = spec?.taints ?? [];
  const whole =
    spec?.unschedulable === true && !taints.some(({ key }) => key === cordoned.key) ? [cordoned, ...taints] : taints;
  return untoleratedTaint(whole, pod.spec?.tolerations ?? [], ['NoSchedule', 'NoExecute']);
}

const known: Readonly<Record<string, string>> = {
  [cordoned.key]: 'is cordoned: it takes no new pods',
  'node.kubernetes.io/not-ready': 'is not Ready',
  'node.kubernetes.io/unreachable': 'is not reachable: its agent has not reported for a while',
  'node.kubernetes.io/memory-pressure': 'is short of memory',
  'node.kubernetes.io/disk-pressure': 'is short of disk space',
  'node.kubernetes.io/pid-pressure': 'is short of process numbers',
  'node.kubernetes.io/network-unavailable': 'has no pod network yet',
};

export const taintText = ({ key, value, effect }: Taint): string =>
  known[key] ?? `has the taint ${key}${value ? `=${value}` : ''}:${effect}, which the pod does not tolerate`;

/** The taints that say that a node is not well, or is not to be used: no matter for tolerations. */
export const isStateTaint = ({ key }: Taint): boolean => key in known;

function shortagesOf(pod: Pod, node: Node, here: readonly Pod[]): Shortage[] {
  const whole = amountsOf(node.status?.allocatable);
  const used = new Map<string, number>([['pods', here.length]]);
  for (const one of here) {
    for (const [resource, amount] of podRequests(one).amounts) used.set(resource, (used.get(resource) ?? 0) + amount);
  }
  const asked = new Map([...podRequests(pod).amounts, ['pods', 1]]);
  return [...asked].flatMap(([resource, amount]) => {
    const all = whole.get(resource) ?? 0;
    const free = all - (used.get(resource) ?? 0);
    return amount > 0 && amount > free ? [{ resource, asked: amount, free, whole: all }] : [];
  });
}

function shortageText({ resource, asked, free, whole }: Shortage): string {
  if (whole === 0) return `has no ${resource}`;
  if (resource === 'pods') return `is full: it takes ${whole} pods`;
  const left = amountText(resource, Math.max(0, free));
  return `${left} is free of ${amountText(resource, whole)}, and the pod asks for ${amountText(resource, asked)}: ${amountText(resource, asked - free)} short`;
}

function takenPort(pod: Pod, here: readonly Pod[]): string | undefined {
  for (const wanted of hostPortsOf(pod)) {
    const holder = here.find((one) => hostPortsOf(one).some((port) => portsConflict(port, wanted)));
    if (holder !== undefined) {
      return `its port ${wanted.port} is taken by pod ${holder.metadata?.namespace}/${holder.metadata?.name}`;
    }
  }
  return undefined;
}
