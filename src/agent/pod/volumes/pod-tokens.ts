/**
 * The tokens of one pod's service account, as the pod's volumes show them, and when each is made anew: at four fifths of its life, and
 * after a day at the latest, as upstream's token manager.
 *
 * Kept true: while the server does not answer, a token that still holds stays; a token is never written anywhere but into the volume.
 */
import type { Pod } from '../../../api/schema/types/core-v1.ts';
import type { ObjectSource } from '../../object-source.ts';

export interface TokenWish {
  readonly audience?: string;
  /** An hour where absent. */
  readonly expirationSeconds?: number;
}

interface Held {
  readonly token: string;
  readonly expiresAtMs: number;
  /** By this machine's clock; the others are the server's times. */
  readonly givenAtMs: number;
  readonly renewAtMs: number;
}

const defaultSeconds = 3600;
const clockSlackMs = 1000;
const ageMsMax = 24 * 60 * 60 * 1000;

export class PodTokens {
  readonly #held = new Map<string, Held>();

  /** When the first of them is made anew; Infinity where there are none. */
  renewAtMs(): number {
    let first = Number.POSITIVE_INFINITY;
    for (const { renewAtMs } of this.#held.values()) first = Math.min(first, renewAtMs);
    return first;
  }

  /** @throws what the server says, where no token that holds is left */
  async get(source: ObjectSource, pod: Pod, wish: TokenWish, nowMs: number): Promise<string> {
    const { serviceAccountName = '' } = pod.spec ?? {};
    const { expirationSeconds = defaultSeconds, audience = '' } = wish;
    const key = JSON.stringify([serviceAccountName, audience, expirationSeconds]);
    const held = this.#held.get(key);
    // A clock that was set back says nothing about how old the token is.
    const isSetBack = held !== undefined && nowMs < held.givenAtMs - clockSlackMs;
    if (held !== undefined && !isSetBack && nowMs <= held.renewAtMs) return held.token;
    try {
      const { token, expiresAtMs } = await source.token(pod, wish);
      this.#held.set(key, {
        token,
        expiresAtMs,
        givenAtMs: nowMs,
        renewAtMs: renewalMs(expiresAtMs, expirationSeconds),
      });
      return token;
    } catch (error) {
      if (held !== undefined && nowMs <= held.expiresAtMs) return held.token;
      throw error;
    }
  }
}

/** By what was asked for, not by the clock of this machine, which may differ from the server's. */
export function renewalMs(expiresAtMs: number, expirationSeconds: number): number {
  const lifeMs = expirationSeconds * 1000;
  return expiresAtMs - lifeMs + Math.min(lifeMs * 0.8, ageMsMax);
}
