/**
 * Creations and deletions that were asked for and that the cache has not shown yet, by the key of the object whose loop asked
 * (client-go's `ControllerExpectations`).
 *
 * A loop whose cache lags would ask again: three pods are missing, three are created, the cache still shows none, three more are
 * created. So it states what it expects, and does not count pods again until that was seen, or until five minutes have
 * passed, after which whatever was lost is lost and counting again is safe.
 */
import type { Clock } from '../lib/clock.ts';

interface Expected {
  creations: number;
  readonly deletions: Set<string>;
  readonly sinceMs: number;
}

/** As upstream's `ExpectationsTimeout`. */
const expectationMsMax = 5 * 60 * 1000;

export class Expectations {
  readonly #clock: Clock;
  readonly #expected = new Map<string, Expected>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** True where all that was expected of `key` was seen, or is too long ago. */
  satisfied(key: string): boolean {
    return this.remainingMs(key) === undefined;
  }

  /** How long what is expected may still show (ms): then look again, since nothing else may wake the loop. Undefined where nothing is. */
  remainingMs(key: string): number | undefined {
    const expected = this.#expected.get(key);
    if (expected === undefined) return undefined;
    if (expected.creations <= 0 && expected.deletions.size === 0) return undefined;
    const remainingMs = expected.sinceMs + expectationMsMax + 1 - this.#clock.monotonic();
    return remainingMs > 0 ? remainingMs : undefined;
  }

  /** Replaces what was expected before. State it before asking, or the answer may be seen first. */
  expect(key: string, creations: number, deletedUids: readonly string[] = []): void {
    this.#expected.set(key, { creations, deletions: new Set(deletedUids), sinceMs: this.#clock.monotonic() });
  }

  /** Seen; or not to be seen, because asking failed. */
  creationSeen(key: string, count = 1): void {
    const expected = this.#expected.get(key);
    if (expected !== undefined) expected.creations -= count;
  }

  /** Seen; or not to be seen, because asking failed. */
  deletionSeen(key: string, uid: string): void {
    this.#expected.get(key)?.deletions.delete(uid);
  }

  /** For an object that is gone. */
  forget(key: string): void {
    this.#expected.delete(key);
  }
}
