/**
 * Asks somebody outside: each request becomes a SubjectAccessReview, whose answer is kept for a while.
 *
 * ```
 *  request ─▶ match conditions ─▶ kept answer? ─▶ ask, up to five times ─▶ keep ─▶ allow, deny, no opinion
 *               no: no opinion      yes: at once      all failed: as the failure policy says, and a problem
 * ```
 * Kept true: the answers that are kept are bounded in number and in the length of what they answer, the questions under way in number; the same question is asked once at a
 * time, whoever waits for it. Numbers are upstream's.
 */
import { createHash } from 'node:crypto';
import type { SubjectAccessReviewStatus } from '../../api/schema/types/authorization-v1.ts';
import type { Clock } from '../../lib/clock.ts';
import { limits } from '../../lib/limits.ts';
import type { Logger } from '../../lib/log.ts';
import type { Prng } from '../../lib/prng.ts';
import type { AuthorizationAttributes, Decision } from '../../registry/request.ts';
import type { Decider, UserRules } from './authorization.ts';
import type { AuthorizationMetrics } from './authorization-metrics.ts';
import type { WebhookConfiguration } from './configuration.ts';
import { meetsAll } from './match-conditions.ts';
import { type ReviewClient, ReviewFailure } from './review-client.ts';
import { type ReviewSpec, reviewSpecOf } from './review-spec.ts';

const triesMax = 5;
const firstPauseMs = 500;
const pauseFactor = 1.5;
const pauseJitter = 0.2;
/** Longer questions (characters that the client chose) are not kept: they may be meant to fill the memory. */
const keptCharactersMax = 10_000;
/** A key is shorter than this, or a digest. */
const keyCharactersMax = 256;

export interface WebhookAuthorizerOptions {
  readonly name: string;
  readonly configuration: Omit<WebhookConfiguration, 'kubeConfigFile' | 'reviewVersion' | 'timeoutMs'>;
  readonly ask: ReviewClient;
  readonly clock: Clock;
  readonly prng: Prng;
  readonly log: Logger;
  readonly metrics: AuthorizationMetrics;
}

interface Kept {
  readonly status: SubjectAccessReviewStatus;
  readonly untilMs: number;
}

export class WebhookAuthorizer implements Decider {
  readonly #options: WebhookAuthorizerOptions;
  /** The one that was used last stands last. */
  readonly #kept = new Map<string, Kept>();
  readonly #underWay = new Map<string, Promise<SubjectAccessReviewStatus>>();

  constructor(options: WebhookAuthorizerOptions) {
    this.#options = options;
  }

  decide(attributes: AuthorizationAttributes): Decision | Promise<Decision> {
    const spec = reviewSpecOf(attributes);
    try {
      if (!this.#concerns(spec)) return noOpinion;
    } catch (error) {
      return this.#failed(error);
    }
    const key = keyOf(spec);
    const kept = this.#find(key);
    return kept === undefined ? this.#decideLater(spec, key, controlled(attributes)) : decisionOf(kept);
  }

  rulesFor(): UserRules {
    return { rules: [], incomplete: true, problem: 'webhook authorizer does not support user rule resolution' };
  }

  /** @throws Error where a condition cannot tell */
  #concerns(spec: ReviewSpec): boolean {
    const { configuration, metrics, name, clock } = this.#options;
    const { matchConditions } = configuration;
    if (matchConditions.length === 0) return true;
    const startMs = clock.monotonic();
    try {
      const concerned = meetsAll(matchConditions, spec);
      if (!concerned) metrics.excluded(name);
      return concerned;
    } catch (error) {
      metrics.conditionFailed(name);
      throw error;
    } finally {
      metrics.conditionsEvaluated(name, clock.monotonic() - startMs);
    }
  }

  async #decideLater(spec: ReviewSpec, key: string, characters: number): Promise<Decision> {
    try {
      let asked = this.#underWay.get(key);
      if (asked === undefined) {
        if (this.#underWay.size >= limits.webhookQuestionsMax) throw new Error('too many questions wait for an answer');
        asked = this.#ask(spec).finally(() => this.#underWay.delete(key));
        this.#underWay.set(key, asked);
        const status = await asked;
        if (characters < keptCharactersMax) this.#keep(key, status);
        return decisionOf(status);
      }
      return decisionOf(await asked);
    } catch (error) {
      return this.#failed(error);
    }
  }

  async #ask(spec: ReviewSpec): Promise<SubjectAccessReviewStatus> {
    const { clock, prng, log, name, metrics, configuration } = this.#options;
    for (let tries = 1; ; tries++) {
      const startMs = clock.monotonic();
      try {
        const status = await this.#options.ask(spec);
        metrics.evaluated(name, 'success', clock.monotonic() - startMs);
        return status;
      } catch (error) {
        const result = error instanceof ReviewFailure && error.isTimeout ? 'timeout' : 'error';
        metrics.evaluated(name, result, clock.monotonic() - startMs);
        if (tries < triesMax && error instanceof ReviewFailure && error.isPassing) {
          await clock.sleep(firstPauseMs * pauseFactor ** (tries - 1) * (1 + pauseJitter * prng.next()));
          continue;
        }
        log.error('authorization webhook did not answer', { authorizer: name, tries, error });
        if (configuration.failurePolicy === 'NoOpinion') metrics.failedOpen(name, result);
        throw error;
      }
    }
  }

  #failed(error: unknown): Decision {
    const problem = error instanceof Error ? error.message : String(error);
    const denied = this.#options.configuration.failurePolicy === 'Deny';
    return { allowed: false, ...(denied && { denied }), reason: '', problem };
  }

  #find(key: string): SubjectAccessReviewStatus | undefined {
    const kept = this.#kept.get(key);
    if (kept === undefined) return undefined;
    this.#kept.delete(key);
    if (kept.untilMs <= this.#options.clock.monotonic()) return undefined;
    this.#kept.set(key, kept);
    return kept.status;
  }

  #keep(key: string, status: SubjectAccessReviewStatus): void {
    const { authorizedMs, unauthorizedMs } = this.#options.configuration;
    const lifeMs = status.allowed ? authorizedMs : unauthorizedMs;
    if (lifeMs <= 0) return;
    this.#kept.delete(key);
    this.#kept.set(key, { status, untilMs: this.#options.clock.monotonic() + lifeMs });
    if (this.#kept.size <= limits.webhookAnswersMax) return;
    const [oldest = ''] = this.#kept.keys();
    this.#kept.delete(oldest);
  }
}

const noOpinion: Decision = { allowed: false, reason: '' };

function decisionOf({ allowed, denied = false, reason = '' }: SubjectAccessReviewStatus): Decision {
  if (!denied) return { allowed, reason };
  const problem = 'webhook subject access review returned both allow and deny response';
  return { allowed: false, denied: true, reason, ...(allowed && { problem }) };
}

function keyOf(spec: ReviewSpec): string {
  const text = JSON.stringify(spec);
  return text.length < keyCharactersMax ? text : createHash('sha256').update(text).digest('base64');
}

/** How much of the question the client chose. */
function controlled({ namespace, verb, group, version, resource, ...rest }: AuthorizationAttributes): number {
  const { subresource, name, path } = rest;
  return [namespace, verb, group, version, resource, subresource, name, path].join('').length;
}
