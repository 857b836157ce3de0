/**
 * Remembers what an authenticator said of a token, so that not each request asks somebody outside or checks a signature.
 *
 * Kept true: tokens are held as keyed hashes, never as they are; who asks while an answer is on its way gets the same answer; errors are
 * not remembered. A revoked token may live on for the time given, as upstream's does.
 */
import { createHmac, randomBytes } from 'node:crypto';
import type { Clock } from '../../lib/clock.ts';
import { limits } from '../../lib/limits.ts';
import { type Authentication, refused, type TokenAuthenticator } from './authentication.ts';

export interface TokenCacheOptions {
  readonly member: TokenAuthenticator;
  readonly clock: Clock;
  /** How long a user is remembered; 0: not at all. */
  readonly goodMs: number;
  /** How long it is remembered that a token is nobody's. */
  readonly absentMs: number;
}

interface Answer {
  readonly outcome: Authentication;
  readonly untilMs: number;
}

/** Whoever invents tokens must not fill the memory with what is to be asked about them. */
const tooBusy = refused('too many tokens are being asked about');

export class TokenCache implements TokenAuthenticator {
  readonly #options: TokenCacheOptions;
  readonly #secret = randomBytes(32);
  /** Oldest first. */
  readonly #answers = new Map<string, Answer>();
  readonly #underWay = new Map<string, Promise<Authentication>>();

  constructor(options: TokenCacheOptions) {
    this.#options = options;
  }

  authenticateToken(token: string, audiences: readonly string[]): Authentication | Promise<Authentication> {
    const key = this.#keyOf(token, audiences);
    const known = this.#answers.get(key);
    if (known !== undefined && this.#options.clock.monotonic() < known.untilMs) return known.outcome;
    const underWay = this.#underWay.get(key);
    if (underWay !== undefined) return underWay;
    if (this.#underWay.size >= limits.tokenQuestionsMax) return tooBusy;
    const asked = this.#ask(key, token, audiences).finally(() => this.#underWay.delete(key));
    this.#underWay.set(key, asked);
    return asked;
  }

  async #ask(key: string, token: string, audiences: readonly string[]): Promise<Authentication> {
    const outcome = await this.#options.member.authenticateToken(token, audiences);
    const { goodMs, absentMs, clock } = this.#options;
    const keptMs = outcome.kind === 'user' ? goodMs : outcome.kind === 'absent' ? absentMs : 0;
    if (keptMs > 0) this.#remember(key, { outcome, untilMs: clock.monotonic() + keptMs });
    return outcome;
  }

  #remember(key: string, answer: Answer): void {
    this.#answers.delete(key);
    for (const oldest of this.#answers.keys()) {
      if (this.#answers.size < limits.tokenAnswersMax) break;
      this.#answers.delete(oldest);
    }
    this.#answers.set(key, answer);
  }

  /** Lengths first: no audience can be taken for the end of another. */
  #keyOf(token: string, audiences: readonly string[]): string {
    const hash = createHmac('sha256', this.#secret);
    for (const part of [token, ...audiences]) hash.update(`${part.length}:${part}`);
    return hash.digest('base64');
  }
}
