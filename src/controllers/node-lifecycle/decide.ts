/**
 * What the cluster holds of a node: its conditions when it fell silent, and the taints that follow from its conditions. Pure; reasons, taints
 * and times are upstream's.
 */
import type { Node, NodeCondition, Taint } from '../../api/schema/types/core-v1.ts';
import { formatTime } from '../../lib/clock.ts';

/** A node that renewed its Lease longer ago is taken for unreachable. */
export const graceMs = 40_000;

const notReady = 'node.kubernetes.io/not-ready';
const unreachable = 'node.kubernetes.io/unreachable';

/** Set to Unknown when the node falls silent. */
const reported = ['Ready', 'MemoryPressure', 'DiskPressure', 'PIDPressure'];

/** Which condition, in which status, keeps new pods away by which taint. */
const noScheduleTaints: readonly { readonly type: string; readonly status: string; readonly key: string }[] = [
  { type: 'Ready', status: 'False', key: notReady },
  { type: 'Ready', status: 'Unknown', key: unreachable },
  { type: 'MemoryPressure', status: 'True', key: 'node.kubernetes.io/memory-pressure' },
  { type: 'DiskPressure', status: 'True', key: 'node.kubernetes.io/disk-pressure' },
  { type: 'PIDPressure', status: 'True', key: 'node.kubernetes.io/pid-pressure' },
  { type: 'NetworkUnavailable', status: 'True', key: 'node.kubernetes.io/network-unavailable' },
];

const bornNotReady: Taint = { key: notReady, effect: 'NoSchedule' };
const unschedulable = 'node.kubernetes.io/unschedulable';
const managed = new Set([...noScheduleTaints.map(({ key }) => key), unschedulable]);

export interface NodePlan {
  /** Undefined where they stand as they are. */
  readonly conditions: readonly NodeCondition[] | undefined;
  /** Undefined where they stand as they are. */
  readonly taints: readonly Taint[] | undefined;
}

/** `silentMs`: since its Lease, or else its status, was last seen to change. */
export function decideNode(node: Node, silentMs: number, nowMs: number): NodePlan {
  const conditions = silentMs > graceMs ? silentConditions(node, nowMs) : undefined;
  const taints = taintsOf(node, conditions ?? node.status?.conditions ?? [], nowMs);
  return { conditions, taints: sameTaints(taints, node.spec?.taints ?? []) ? undefined : taints };
}

function silentConditions(node: Node, nowMs: number): readonly NodeCondition[] | undefined {
  const standing = node.status?.conditions ?? [];
  const missing = reported.filter((type) => !standing.some((condition) => condition.type === type));
  const stale = standing.some(({ type, status }) => reported.includes(type) && status !== 'Unknown');
  if (missing.length === 0 && !stale) return undefined;
  const now = formatTime(nowMs);
  const unknown = (type: string, reason: string, message: string): NodeCondition => ({
    type,
    status: 'Unknown',
    reason,
    message,
    lastTransitionTime: now,
  });
  return [
    ...standing.map((condition) =>
      reported.includes(condition.type) && condition.status !== 'Unknown'
        ? { ...condition, ...unknown(condition.type, 'NodeStatusUnknown', 'Kubelet stopped posting node status.') }
        : condition,
    ),
    ...missing.map((type) => unknown(type, 'NodeStatusNeverUpdated', 'Kubelet never posted node status.')),
  ];
}

function taintsOf(node: Node, conditions: readonly NodeCondition[], nowMs: number): readonly Taint[] {
  const standing = node.spec?.taints ?? [];
  const timeAdded = formatTime(nowMs);
  const wanted: Taint[] = noScheduleTaints
    .filter(({ type, status }) =>
      conditions.some((condition) => condition.type === type && condition.status === status),
    )
    .map(({ key }) => ({ key, effect: 'NoSchedule', timeAdded }));
  if (node.spec?.unschedulable === true) wanted.push({ key: unschedulable, effect: 'NoSchedule', timeAdded });
  const ready = conditions.find(({ type }) => type === 'Ready')?.status;
  // It was born with this taint, and has not said yet that it is ready: nothing says that it may go.
  if (ready === undefined) wanted.push(...standing.filter((taint) => sameTaint(taint, bornNotReady)));
  if (ready === 'False') wanted.push({ key: notReady, effect: 'NoExecute', timeAdded });
  if (ready === 'Unknown') wanted.push({ key: unreachable, effect: 'NoExecute', timeAdded });
  const foreign = standing.filter(({ key, effect }) => !isManaged(key, effect));
  return [...foreign, ...wanted.map((taint) => standing.find((one) => sameTaint(one, taint)) ?? taint)];
}

const isManaged = (key: string, effect: string): boolean =>
  effect === 'NoSchedule' ? managed.has(key) : effect === 'NoExecute' && (key === notReady || key === unreachable);

const sameTaint = (a: Taint, b: Taint): boolean => a.key === b.key && a.effect === b.effect;

const sameTaints = (a: readonly Taint[], b: readonly Taint[]): boolean =>
  a.length === b.length && a.every((taint) => b.some((other) => sameTaint(taint, other)));

/** When to look again (ms): just after the node would count as silent, or soon where it already does. */
export const lookAgainMs = (silentMs: number): number => Math.max(5000, graceMs - silentMs + 1);
