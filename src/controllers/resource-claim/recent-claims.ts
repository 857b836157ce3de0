/**
 * Claims that were made for pods a moment ago, until the cache shows them: what upstream's mutation cache is for. Whoever looks for a pod's
 * claims asks here, too. Nothing is believed for longer than `recentMs`: a claim may have gone before the cache ever showed it.
 */
import type { ResourceClaim } from '../../api/schema/types/resource-v1.ts';
import type { Clock } from '../../lib/clock.ts';
import { uidOf } from '../shared/context.ts';

export const recentMs = 60_000;

interface Recent {
  readonly claim: ResourceClaim;
  readonly atMs: number;
}

export class RecentClaims {
  readonly #clock: Clock;
  readonly #byPod = new Map<string, readonly Recent[]>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(podUid: string, claim: ResourceClaim): void {
    this.#byPod.set(podUid, [...this.#alive(podUid), { claim, atMs: this.#clock.monotonic() }]);
  }

  of(podUid: string): readonly ResourceClaim[] {
    return this.#alive(podUid).map(({ claim }) => claim);
  }

  /** The cache shows it now, or knows that it went. */
  seen(podUid: string, claim: ResourceClaim): void {
    const left = this.#alive(podUid).filter((recent) => uidOf(recent.claim) !== uidOf(claim));
    if (left.length === 0) this.#byPod.delete(podUid);
    else this.#byPod.set(podUid, left);
  }

  forget(podUid: string): void {
    this.#byPod.delete(podUid);
  }

  #alive(podUid: string): readonly Recent[] {
    const nowMs = this.#clock.monotonic();
    return (this.#byPod.get(podUid) ?? []).filter(({ atMs }) => nowMs - atMs < recentMs);
  }
}
