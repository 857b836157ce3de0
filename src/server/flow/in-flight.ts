/**
 * How many requests are under way: those that change something and those that only read, each with a bound of its own, so
 * that a storm of lists does not keep writes out. Long-running requests are counted nowhere here.
 */
import { tooManyRequests } from '../../api/status-error.ts';
import { limits } from '../../lib/limits.ts';
import type { UserInfo } from '../../registry/request.ts';

export type RequestKind = 'mutating' | 'readOnly';

const bounds: Readonly<Record<RequestKind, number>> = {
  mutating: limits.mutatingRequestsInFlightMax,
  readOnly: limits.readOnlyRequestsInFlightMax,
};

export class InFlight {
  readonly #now: Record<RequestKind, number> = { mutating: 0, readOnly: 0 };
  readonly #highest: Record<RequestKind, number> = { mutating: 0, readOnly: 0 };
  #idle: (() => void)[] = [];

  get total(): number {
    return this.#now.mutating + this.#now.readOnly;
  }

  /** Administrators are counted, and never turned away, as upstream. @throws StatusError TooManyRequests */
  enter(kind: RequestKind, user: UserInfo): void {
    if (this.#now[kind] >= bounds[kind] && !user.groups.includes('system:masters')) {
      throw tooManyRequests('Too many requests, please try again later.', 1);
    }
    this.#now[kind]++;
    if (this.#now[kind] > this.#highest[kind]) this.#highest[kind] = this.#now[kind];
  }

  leave(kind: RequestKind): void {
    this.#now[kind]--;
    if (this.total === 0) for (const resolve of this.#idle.splice(0)) resolve();
  }

  /** The most of a kind since the last call: a scrape sees what came and went between two of them. */
  takeHighest(kind: RequestKind): number {
    const highest = this.#highest[kind];
    this.#highest[kind] = this.#now[kind];
    return highest;
  }

  /** Resolves when no request is under way. */
  idle(): Promise<void> {
    if (this.total === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }
}
