/** A pod that waits, as the queue keeps it: what is known of it, who comes before whom, what is counted. Pure. */
import type { Pod } from '../../api/schema/types/core-v1.ts';
import type { Profile } from '../framework/profile.ts';

export type Place = 'active' | 'backoff' | 'error' | 'unschedulable' | 'gated' | 'gone';

export interface Waiting {
  pod: Pod;
  readonly key: string;
  readonly profile: Profile;
  /** Breaks ties of priority: when it came, then in which order. */
  order: number;
  attempts: number;
  /** How often it fitted nowhere. */
  refusals: number;
  /** How often in a row something went wrong on the way. */
  failures: number;
  /** When its back-off is over, by the monotonic clock. */
  readyMs: number;
  /** Since when it fits nowhere. */
  parkedMs: number;
  /** Since when it waits at all, its time behind gates left out. */
  addedMs: number;
  place: Place;
  /** Room is being made for it: until that is done, no change wakes it. */
  isHeld: boolean;
  /** Who refused it: empty where nobody in particular did. */
  refusedBy: ReadonlySet<string>;
}

export interface Timed extends Ranked {
  readonly readyMs: number;
}

export interface Ranked {
  readonly entry: Waiting;
  readonly priority: number;
}

/** The most important first, then the one that came first. */
export const isAhead = (a: Ranked, b: Ranked): boolean =>
  a.priority > b.priority || (a.priority === b.priority && a.entry.order < b.entry.order);

export const isSooner = (a: Timed, b: Timed): boolean =>
  a.readyMs < b.readyMs || (a.readyMs === b.readyMs && isAhead(a, b));

/** What a pod has gone through: it does not begin anew where a decision is taken back. */
export type Past = Readonly<Pick<Waiting, 'order' | 'attempts' | 'refusals' | 'failures' | 'addedMs'>>;

export interface RefusedCount {
  readonly plugin: string;
  readonly profile: string;
  readonly count: number;
}

/** How many of them each plugin refused when they were last decided on, by profile. */
export function countRefused(waiting: Iterable<Waiting>): readonly RefusedCount[] {
  const counts = new Map<string, { plugin: string; profile: string; count: number }>();
  for (const { refusedBy, profile } of waiting) {
    const { schedulerName } = profile.plan;
    for (const plugin of refusedBy) {
      const key = `${schedulerName}\0${plugin}`;
      const known = counts.get(key) ?? { plugin, profile: schedulerName, count: 0 };
      known.count++;
      counts.set(key, known);
    }
  }
  return [...counts.values()];
}

/** Upstream's names of places, where it counts who comes. */
export const countedAt = {
  active: 'active',
  backoff: 'backoff',
  error: 'backoff',
  unschedulable: 'unschedulable',
  gated: 'unschedulable',
} as const;
