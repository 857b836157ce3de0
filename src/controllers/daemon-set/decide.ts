/**
 * The next step of a DaemonSet, from what is there: on which nodes to create a pod, which pods to delete, and the status. Pure.
 *
 * ```
 *  each node:  wanted and none there ──▶ create
 *              may stay ──▶ failed, succeeded: delete; more than one: keep the oldest (surge: one old and one new)
 *              else ──▶ delete
 *  nothing of that to do ──▶ rolling update (`rolling.ts`)
 * ```
 */
import type { DaemonSet, DaemonSetStatus } from '../../api/schema/types/apps-v1.ts';
import type { Node, Pod } from '../../api/schema/types/core-v1.ts';
import { createdMs, isDeleting, nameOf, namespaceOf } from '../shared/context.ts';
import { availableAtMs, isAvailable, isFinished, isReady } from '../shared/pods.ts';
import { isUpdated, type Placement, placementOn, targetNodeOf } from './placement.ts';
import { decideRollingUpdate, surgeMax } from './rolling.ts';
import { statusOf } from './status.ts';

export interface DaemonSetObserved {
  readonly set: DaemonSet;
  /** By which pods of the wanted template are known. */
  readonly hash: string;
  readonly nodes: readonly Node[];
  /** Those it controls. */
  readonly pods: readonly Pod[];
  /** Until the failed pod of this node may be replaced (ms). */
  readonly heldBackMs: (nodeName: string) => number;
  readonly nowMs: number;
}

export interface Removal {
  readonly pod: Pod;
  /** It ended by itself on this node: told in an event. */
  readonly ended?: { readonly phase: 'Failed' | 'Succeeded'; readonly nodeName: string };
}

export interface DaemonSetPlan {
  /** The nodes that get a pod. */
  readonly create: readonly string[];
  readonly remove: readonly Removal[];
  readonly status: DaemonSetStatus;
  /** When to look again although nothing changed (ms). */
  readonly afterMs: number | undefined;
}

/** What is to be known about one node. */
export interface Place {
  readonly nodeName: string;
  readonly placement: Placement;
  /** The oldest first, those on the node before those that wait for it. */
  readonly pods: readonly Pod[];
}

/** As upstream's `BurstReplicas`: no more in one go; the rest follows. */
const burstMax = 250;

/** `mayAct`: what was asked for before has been seen. Else only the status is told, and not as of this generation. */
export function decideDaemonSet(observed: DaemonSetObserved, mayAct: boolean): DaemonSetPlan {
  const { set, hash, nowMs } = observed;
  const places = placesOf(observed);
  const step = mayAct ? nextStep(observed, places) : nothing;
  return {
    create: step.create.slice(0, burstMax),
    remove: step.remove.slice(0, burstMax),
    status: statusOf(set, places, hash, { observed: mayAct, nowMs }),
    afterMs: soonest(observed),
  };
}

export interface NextStep {
  readonly create: readonly string[];
  readonly remove: readonly Removal[];
}

const nothing: NextStep = { create: [], remove: [] };

function nextStep(observed: DaemonSetObserved, places: readonly Place[]): NextStep {
  const steps = places.map((place) => stepOn(observed, place));
  const create = steps.flatMap((step) => step.create);
  const remove = [...steps.flatMap((step) => step.remove), ...withoutNode(observed)];
  if (create.length + remove.length > 0) return { create, remove };
  return decideRollingUpdate(observed.set, places, observed.hash, observed.nowMs);
}

function placesOf({ set, nodes, pods }: DaemonSetObserved): readonly Place[] {
  const byNode = new Map<string, Pod[]>();
  for (const pod of pods.filter((one) => !(isFinished(one) && isDeleting(one)))) {
    const target = targetNodeOf(pod);
    if (target !== undefined) byNode.set(target, [...(byNode.get(target) ?? []), pod]);
  }
  return nodes.map((node) => ({
    nodeName: nameOf(node),
    placement: placementOn(set, node),
    pods: (byNode.get(nameOf(node)) ?? []).toSorted(oldestFirst),
  }));
}

function oldestFirst(a: Pod, b: Pod): number {
  const waits = (pod: Pod): number => (pod.spec?.nodeName ? 0 : 1);
  return waits(a) - waits(b) || createdMs(a) - createdMs(b) || (nameOf(a) < nameOf(b) ? -1 : 1);
}

function stepOn(observed: DaemonSetObserved, place: Place): NextStep {
  const { placement, pods, nodeName } = place;
  if (placement.run && pods.length === 0) return { create: [nodeName], remove: [] };
  const living = pods.filter((pod) => !isDeleting(pod));
  if (!placement.stay) return { create: [], remove: living.map((pod) => ({ pod })) };
  const ended = living.filter(isFinished).flatMap((pod) => endedOn(observed, nodeName, pod));
  const running = living.filter((pod) => !isFinished(pod));
  if (surgeMax(observed.set, 1) === 0)
    return { create: [], remove: [...ended, ...running.slice(1).map((pod) => ({ pod }))] };
  if (running.length === 0) {
    // Beside a failed pod that is held back comes no other: it would fail too, and the next, as fast as both can be written.
    const isHeldBack = ended.length < living.length;
    return { create: placement.run && !isHeldBack ? [nodeName] : [], remove: ended };
  }
  return { create: [], remove: [...ended, ...excess(observed, running).map((pod) => ({ pod }))] };
}

/** A node that refuses what it gets is not fought with: failed pods go after a back-off. */
function endedOn({ heldBackMs }: DaemonSetObserved, nodeName: string, pod: Pod): readonly Removal[] {
  const phase = pod.status?.phase === 'Failed' ? 'Failed' : 'Succeeded';
  return phase === 'Failed' && heldBackMs(nodeName) > 0 ? [] : [{ pod, ended: { phase, nodeName } }];
}

/** With surge one old and one new pod may stand beside each other, while the old one is ready and the new one not yet available. */
function excess({ set, hash, nowMs }: DaemonSetObserved, running: readonly Pod[]): readonly Pod[] {
  if (running.length <= 1) return [];
  const [newest, ...moreNew] = running.filter((pod) => isUpdated(set, hash, pod));
  const [old, ...moreOld] = running.filter((pod) => !isUpdated(set, hash, pod));
  const surplus = [...moreNew, ...moreOld];
  if (newest === undefined || old === undefined) return surplus;
  const isReplaced = !isReady(old) || isAvailable(newest, set.spec?.minReadySeconds ?? 0, nowMs);
  return isReplaced ? [...surplus, old] : surplus;
}

/** Pods that wait for a node that is gone: nobody else would delete them. */
function withoutNode({ nodes, pods }: DaemonSetObserved): readonly Removal[] {
  const names = new Set(nodes.map(nameOf));
  const isLost = (target: string | undefined): boolean => target !== undefined && !names.has(target);
  return pods
    .filter((pod) => !pod.spec?.nodeName && !isDeleting(pod) && isLost(targetNodeOf(pod)))
    .map((pod) => ({ pod }));
}

function soonest({ set, pods, heldBackMs, nowMs }: DaemonSetObserved): number | undefined {
  const delaysMs = pods.map((pod) => {
    if (pod.status?.phase === 'Failed') return isDeleting(pod) ? 0 : heldBackMs(targetNodeOf(pod) ?? '');
    return (availableAtMs(pod, set.spec?.minReadySeconds ?? 0) ?? 0) - nowMs;
  });
  const coming = delaysMs.filter((delayMs) => delayMs > 0);
  return coming.length === 0 ? undefined : Math.min(...coming);
}

/** What upstream's events say about a pod that ended by itself. */
export function endedText({ pod, ended }: Removal): string {
  const where = `${namespaceOf(pod)}/${nameOf(pod)} on node ${ended?.nodeName}`;
  return ended?.phase === 'Failed'
    ? `Found failed daemon pod ${where}, will try to kill it`
    : `Found succeeded daemon pod ${where}, will try to delete it`;
}
