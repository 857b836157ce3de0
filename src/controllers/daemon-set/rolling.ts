/**
 * The rolling update of a DaemonSet, when each node has what it shall have but for the template. Pure.
 *
 * ```
 *  without surge  old and down ──▶ delete; old and up ──▶ delete, while fewer than maxUnavailable nodes are down
 *  with surge     old and down ──▶ create beside it; old and up ──▶ create beside it, maxSurge at a time; the new one is up ──▶ delete the old
 * ```
 * A node that has no pod, or more than one of a kind, counts as down (or as surging): the next step sets it right first.
 */
import type { DaemonSet } from '../../api/schema/types/apps-v1.ts';
import type { Pod } from '../../api/schema/types/core-v1.ts';
import { scaled } from '../shared/amounts.ts';
import { isDeleting } from '../shared/context.ts';
import { isAvailable } from '../shared/pods.ts';
import type { NextStep, Place } from './decide.ts';
import { isUpdated } from './placement.ts';

export function decideRollingUpdate(set: DaemonSet, places: readonly Place[], hash: string, nowMs: number): NextStep {
  if (!isRolling(set)) return { create: [], remove: [] };
  const desired = places.filter(({ placement }) => placement.run).length;
  const minReadySeconds = set.spec?.minReadySeconds ?? 0;
  const isUp = (pod: Pod | undefined): boolean => pod !== undefined && isAvailable(pod, minReadySeconds, nowMs);
  const pairs = places
    .filter(({ placement, pods }) => placement.run || pods.length > 0)
    .map((place) => pairOn(set, place, hash, isUp));
  const surge = surgeMax(set, desired);
  return surge === 0 ? replace(pairs, unavailableMax(set, desired)) : surgeOver(pairs, surge, desired);
}

interface Pair {
  readonly place: Place;
  readonly latest: Pod | undefined;
  readonly old: Pod | undefined;
  readonly latestUp: boolean;
  readonly oldUp: boolean;
  /** More than one of a kind. */
  readonly crowded: boolean;
}

function pairOn(set: DaemonSet, place: Place, hash: string, isUp: (pod: Pod | undefined) => boolean): Pair {
  const living = place.pods.filter((pod) => !isDeleting(pod));
  const [latest, ...moreLatest] = living.filter((pod) => isUpdated(set, hash, pod));
  const [old, ...moreOld] = living.filter((pod) => !isUpdated(set, hash, pod));
  const crowded = moreLatest.length + moreOld.length > 0;
  return { place, latest, old, latestUp: isUp(latest), oldUp: isUp(old), crowded };
}

function replace(pairs: readonly Pair[], unavailable: number): NextStep {
  const isSingle = ({ latest, old, crowded }: Pair): boolean =>
    !crowded && (latest === undefined) !== (old === undefined);
  const down = pairs.filter((pair) => !isSingle(pair) || !(pair.latestUp || pair.oldUp)).length;
  const outdated = pairs.filter((pair) => isSingle(pair) && pair.old !== undefined);
  const broken = outdated.filter(({ oldUp }) => !oldUp);
  const candidates = outdated.filter(({ oldUp }) => oldUp).slice(0, Math.max(0, unavailable - down));
  return { create: [], remove: [...broken, ...candidates].flatMap(oldOf) };
}

/** On nodes that are no longer wanted the old pods go only as new ones elsewhere come up: surge promises that nothing is missing. */
function surgeOver(pairs: readonly Pair[], surge: number, desired: number): NextStep {
  const single = pairs.filter(({ crowded }) => !crowded);
  const surging = single.filter(({ old, latest }) => old !== undefined && latest !== undefined);
  const replaced = surging.filter(({ latestUp }) => latestUp);
  const outdated = single.filter(({ old, latest }) => old !== undefined && latest === undefined);
  const wanted = outdated.filter(({ place }) => place.placement.run);
  const unwanted = outdated.filter(({ place }) => !place.placement.run);
  const up = single.filter(({ old, oldUp, latestUp }) => (old === undefined ? latestUp : oldUp)).length;
  const free = surge - (pairs.length - single.length) - (surging.length - replaced.length);
  const created = [
    ...wanted.filter(({ oldUp }) => !oldUp),
    ...wanted.filter(({ oldUp }) => oldUp).slice(0, Math.max(0, free)),
  ];
  const leaving = [
    ...unwanted.filter(({ oldUp }) => !oldUp),
    ...unwanted.filter(({ oldUp }) => oldUp).slice(0, Math.max(0, up - desired)),
  ];
  return { create: created.map(({ place }) => place.nodeName), remove: [...replaced, ...leaving].flatMap(oldOf) };
}

const oldOf = ({ old }: Pair): readonly { readonly pod: Pod }[] => (old === undefined ? [] : [{ pod: old }]);

const isRolling = (set: DaemonSet): boolean => set.spec?.updateStrategy?.type !== 'OnDelete';

/** How many nodes may have a second pod; both percentages round up. */
export function surgeMax(set: DaemonSet, desired: number): number {
  const { maxSurge = 0 } = set.spec?.updateStrategy?.rollingUpdate ?? {};
  return isRolling(set) ? scaled(maxSurge, desired, Math.ceil) : 0;
}

/** At least one, or nothing could ever move. */
function unavailableMax(set: DaemonSet, desired: number): number {
  const { maxUnavailable = 1 } = set.spec?.updateStrategy?.rollingUpdate ?? {};
  return Math.max(1, scaled(maxUnavailable, desired, Math.ceil));
}
