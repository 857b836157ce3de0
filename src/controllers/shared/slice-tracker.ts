/**
 * Which EndpointSlices a loop has written, so that it does not decide from a cache that does not show them yet: it would place the
 * same endpoints twice (upstream's `EndpointSliceTracker`).
 *
 * Kept true: what never shows is forgotten after a while, so that one lost event holds nobody up for good.
 */
import type { EndpointSlice } from '../../api/schema/types/discovery-v1.ts';
import type { Clock } from '../../lib/clock.ts';
import { uidOf } from './context.ts';

interface Written {
  /** Infinite: its deletion was asked for. */
  readonly generation: number;
  readonly atMs: number;
}

/** How long a cache may lag (ms) before what was written counts as lost. */
export const lagMsMax = 60_000;

export class SliceTracker {
  readonly #clock: Clock;
  readonly #written = new Map<string, Map<string, Written>>();
  /** Keys that were told to wait for the cache. */
  readonly #waiting = new Set<string>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The server's answer to a creation or an update. */
  wrote(key: string, slice: EndpointSlice): void {
    this.#put(key, slice, slice.metadata?.generation ?? 0);
  }

  asksDeletion(key: string, slice: EndpointSlice): void {
    this.#put(key, slice, Number.POSITIVE_INFINITY);
  }

  /** Does the cache, which shows `slices`, lag behind what was written for `key`? Then its next change must wake the loop. */
  lags(key: string, slices: readonly EndpointSlice[]): boolean {
    const written = this.#written.get(key);
    const shown = new Map(slices.map((slice) => [uidOf(slice), slice.metadata?.generation ?? 0]));
    const oldestMs = this.#clock.monotonic() - lagMsMax;
    for (const [uid, { generation, atMs }] of written ?? []) {
      if (atMs < oldestMs) written?.delete(uid);
      else if (generation === Number.POSITIVE_INFINITY ? shown.has(uid) : (shown.get(uid) ?? -1) < generation) {
        this.#waiting.add(key);
        return true;
      }
    }
    this.#waiting.delete(key);
    return false;
  }

  /** The cache shows a slice. True where that is news for the loop: somebody else's change, or what it waits for. */
  isNews(key: string, slice: EndpointSlice): boolean {
    if (this.#waiting.has(key)) return true;
    return this.#written.get(key)?.get(uidOf(slice))?.generation !== (slice.metadata?.generation ?? 0);
  }

  /** The cache shows that a slice is gone. True where that is news for the loop. */
  isGoneNews(key: string, slice: EndpointSlice): boolean {
    const written = this.#written.get(key);
    const expected = written?.get(uidOf(slice))?.generation === Number.POSITIVE_INFINITY;
    written?.delete(uidOf(slice));
    if (written?.size === 0) this.#written.delete(key);
    return !expected || this.#waiting.has(key);
  }

  forget(key: string): void {
    this.#written.delete(key);
    this.#waiting.delete(key);
  }

  #put(key: string, slice: EndpointSlice, generation: number): void {
    const written = this.#written.get(key) ?? new Map<string, Written>();
    written.set(uidOf(slice), { generation, atMs: this.#clock.monotonic() });
    this.#written.set(key, written);
  }
}
