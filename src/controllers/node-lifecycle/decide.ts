/**
 * What the cluster holds of a node: its conditions when it fell silent, and the taints that follow from its conditions. Pure; reasons, taints
 * and times are upstream's.
 *
 * A NoExecute taint drives pods away, so that a node gets its first one only when its turn has come (`zones.ts`); from one to the other of
 * the two it changes at once, and where the node is ready again it has none.
 */
import type { Node, NodeCondition, Taint } from '../../api/schema/types/core-v1.ts';
import { formatTime } from '../../lib/clock.ts';
import { readyStatus } from './zones.ts';

/** A node that renewed its Lease longer ago is taken for unreachable. */
export const graceMs = 50_000;
/** As long as it has never said how it is. */
export const startupGraceMs = 60_000;

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
  /** Those that are to be set; undefined where none is. */
  readonly labels: Readonly<Record<string, string>> | undefined;
}

export const graceOf = (node: Node): number => (readyStatus(node) === undefined ? startupGraceMs : graceMs);

/** `silentMs`: since its Lease, or else its status, was last seen to change. */
export function decideNode(node: Node, silentMs: number, nowMs: number): NodePlan {
  const conditions = silentMs > graceOf(node) ? silentConditions(node, nowMs) : undefined;
  const taints = taintsOf(node, conditions ?? node.status?.conditions ?? [], nowMs);
  return {
    conditions,
    taints: sameTaints(taints, node.spec?.taints ?? []) ? undefined : taints,
    labels: oldLabelsOf(node),
  };
}

/** Old names of labels, which old clients select by, say what the new ones say. */
const oldLabels = [
  ['beta.kubernetes.io/os', 'kubernetes.io/os'],
  ['beta.kubernetes.io/arch', 'kubernetes.io/arch'],
] as const;

function oldLabelsOf({ metadata }: Node): Readonly<Record<string, string>> | undefined {
  const { labels = {} } = metadata ?? {};
  const stale = oldLabels.flatMap(([old, name]) => {
    const value = labels[name];
    return value === undefined || labels[old] === value ? [] : [[old, value] as const];
  });
  return stale.length === 0 ? undefined : Object.fromEntries(stale);
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
  const { creationTimestamp } = node.metadata ?? {};
  const never = creationTimestamp === undefined ? {} : { lastHeartbeatTime: creationTimestamp };
  return [
    ...standing.map((condition) =>
      reported.includes(condition.type) && condition.status !== 'Unknown'
        ? { ...condition, ...unknown(condition.type, 'NodeStatusUnknown', 'Kubelet stopped posting node status.') }
        : condition,
    ),
    ...missing.map((type) => ({
      ...unknown(type, 'NodeStatusNeverUpdated', 'Kubelet never posted node status.'),
      ...never,
    })),
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
  const drivingKey = drivingTaint(ready);
  if (drivingKey !== undefined && isGivenUp(node)) wanted.push({ key: drivingKey, effect: 'NoExecute', timeAdded });
  const foreign = standing.filter(({ key, effect }) => !isManaged(key, effect));
  return [...foreign, ...wanted.map((taint) => standing.find((one) => sameTaint(one, taint)) ?? taint)];
}

/** The key of the taint that drives pods from a node in this status of Ready; undefined where none does. */
const drivingTaint = (ready: string | undefined): string | undefined =>
  ready === 'False' ? notReady : ready === 'Unknown' ? unreachable : undefined;

const isDriving = ({ key, effect }: Taint): boolean =>
  effect === 'NoExecute' && (key === notReady || key === unreachable);

/** It has a taint already that drives its pods away. */
export const isGivenUp = (node: Node): boolean => (node.spec?.taints ?? []).some(isDriving);

/** It should have one, and waits for its turn. */
export const waitsForTurn = (node: Node): boolean => drivingTaint(readyStatus(node)) !== undefined && !isGivenUp(node);

export function givenUp(node: Node, nowMs: number): readonly Taint[] {
  const key = drivingTaint(readyStatus(node));
  const standing = node.spec?.taints ?? [];
  return key === undefined ? standing : [...standing, { key, effect: 'NoExecute', timeAdded: formatTime(nowMs) }];
}

export const takenBack = (node: Node): readonly Taint[] => (node.spec?.taints ?? []).filter((one) => !isDriving(one));

const isManaged = (key: string, effect: string): boolean =>
  effect === 'NoSchedule' ? managed.has(key) : effect === 'NoExecute' && (key === notReady || key === unreachable);

const sameTaint = (a: Taint, b: Taint): boolean => a.key === b.key && a.effect === b.effect;

const sameTaints = (a: readonly Taint[], b: readonly Taint[]): boolean =>
  a.length === b.length && a.every((taint) => b.some((other) => sameTaint(taint, other)));

/** When to look again (ms): just after the node would count as silent, or soon where it already does. */
export const lookAgainMs = (node: Node, silentMs: number): number => Math.max(5000, graceOf(node) - silentMs + 1);
