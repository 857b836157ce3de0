/**
 * Asks somebody outside whose a token is: a TokenReview (authentication.k8s.io/v1) goes to the address of a kubeconfig file, as upstream's
 * `--authentication-token-webhook-config-file` has it.
 *
 * Kept true: an answer is remembered for two minutes, good or bad, a failure is not; a call that may succeed later is tried up to five
 * times within half a minute; tokens stand in no log and no error.
 */
import { readFile } from 'node:fs/promises';
import type { Agent } from 'node:https';
import type { TokenReview } from '../../api/schema/types/authentication-v1.ts';
import { type ClientConfig, readKubeconfig } from '../../client/kubeconfig.ts';
import type { Clock } from '../../lib/clock.ts';
import { limits } from '../../lib/limits.ts';
import type { Logger } from '../../lib/log.ts';
import type { Prng } from '../../lib/prng.ts';
import type { Service } from '../../lib/service.ts';
import { type Authentication, absent, refused, type TokenAuthenticator } from './authentication.ts';
import { callOutside, outsideAgent } from './outside-call.ts';
import { TokenCache } from './token-cache.ts';

export interface WebhookTokensOptions {
  /** A kubeconfig; its server is the whole address, with the path. */
  readonly file: string;
  /** Whom a token is for where the answer does not say. */
  readonly audiences: readonly string[];
  readonly clock: Clock;
  readonly prng: Prng;
  readonly log: Logger;
}

/** Upstream's figures. */
const rememberedMs = 2 * 60 * 1000;
const tries = { count: 5, firstMs: 500, factor: 1.5, jitter: 0.2 } as const;

/** It may be good another time. */
class PassingError extends Error {
  override name = 'PassingError';
}

interface Connection {
  readonly config: ClientConfig;
  readonly agent: Agent;
}

export class WebhookTokens implements TokenAuthenticator, Service {
  readonly name = 'webhook for tokens';
  readonly #options: WebhookTokensOptions;
  readonly #cache: TokenCache;
  readonly #stop = new AbortController();
  #connection: Connection | undefined;

  constructor(options: WebhookTokensOptions) {
    this.#options = options;
    const member: TokenAuthenticator = { authenticateToken: (token, audiences) => this.#ask(token, audiences) };
    this.#cache = new TokenCache({ member, clock: options.clock, goodMs: rememberedMs, absentMs: rememberedMs });
  }

  /** @throws Error that names the file and what is wrong with it */
  async start(): Promise<void> {
    const { file } = this.#options;
    const config = await readKubeconfig(file);
    if (!URL.canParse(config.server) || new URL(config.server).protocol !== 'https:')
      throw new Error(`kubeconfig ${file}: the webhook's server must be an https URL`);
    const { ca, clientCertificate, clientKey, tlsServerName, insecureSkipTlsVerify } = config;
    const agent = outsideAgent({
      ...(ca !== undefined && { ca }),
      ...(clientCertificate !== undefined && { cert: clientCertificate }),
      ...(clientKey !== undefined && { key: clientKey }),
      ...(tlsServerName !== undefined && { servername: tlsServerName }),
      ...(insecureSkipTlsVerify && { rejectUnauthorized: false }),
    });
    this.#connection = { config, agent };
  }

  async close(): Promise<void> {
    this.#stop.abort();
    this.#connection?.agent.destroy();
  }

  authenticateToken(token: string, audiences: readonly string[]): Authentication | Promise<Authentication> {
    return this.#cache.authenticateToken(token, audiences);
  }

  async #ask(token: string, audiences: readonly string[]): Promise<Authentication> {
    const deadline = new AbortController();
    const { clock, log } = this.#options;
    const timer = clock.after(limits.outsideAnswerMsMax, () => deadline.abort(new Error('timed out')));
    const signal = AbortSignal.any([deadline.signal, this.#stop.signal]);
    try {
      const status = await this.#review({ token, audiences }, signal);
      return this.#outcome(status, audiences);
    } catch (error) {
      log.error('webhook for tokens failed', { error });
      return refused((error as Error).message);
    } finally {
      timer.cancel();
    }
  }

  #outcome(status: NonNullable<TokenReview['status']>, wanted: readonly string[]): Authentication {
    const found = status.audiences?.length ? status.audiences : this.#options.audiences;
    const audiences = wanted.filter((audience) => found.includes(audience));
    if (audiences.length === 0) return absent;
    if (!status.authenticated) return status.error ? refused(status.error) : absent;
    const { username = '', uid, groups = [], extra } = status.user ?? {};
    const user = { name: username, groups, ...(uid && { uid }), ...(extra && { extra }) };
    return { kind: 'user', user, audiences };
  }

  async #review(
    spec: NonNullable<TokenReview['spec']>,
    signal: AbortSignal,
  ): Promise<NonNullable<TokenReview['status']>> {
    const { clock, prng } = this.#options;
    let waitMs: number = tries.firstMs;
    for (let left = tries.count; ; left--) {
      try {
        return await this.#once(spec, signal);
      } catch (error) {
        if (!(error instanceof PassingError) || left <= 1 || signal.aborted) throw error;
        await clock.sleep(waitMs * (1 + tries.jitter * prng.next()), signal).catch(() => {});
        if (signal.aborted) throw error;
        waitMs *= tries.factor;
      }
    }
  }

  async #once(
    spec: NonNullable<TokenReview['spec']>,
    signal: AbortSignal,
  ): Promise<NonNullable<TokenReview['status']>> {
    const connection = this.#connection;
    if (connection === undefined) throw new Error('the webhook for tokens is not ready');
    const { config, agent } = connection;
    const bearer = await ownToken(config);
    const { status, headers, text } = await callOutside({
      url: config.server,
      method: 'POST',
      headers: {
        accept: 'application/json',
        'content-type': 'application/json',
        ...(bearer !== undefined && { authorization: `Bearer ${bearer}` }),
      },
      body: JSON.stringify({ kind: 'TokenReview', apiVersion, metadata: {}, spec }),
      clock: this.#options.clock,
      agent,
      signal,
    }).catch((error: unknown) => {
      throw isReset(error) ? new PassingError((error as Error).message, { cause: error }) : error;
    });
    if (status === 429 || status === 500 || status === 504 || headers['retry-after'] !== undefined)
      throw new PassingError(`the webhook for tokens answered ${status}`);
    if (status < 200 || status > 206) throw new Error(`the webhook for tokens answered ${status}`);
    return statusIn(text);
  }
}

const apiVersion = 'authentication.k8s.io/v1';

/** The one that the webhook knows this server by. Its file is read each time: such tokens rotate. */
async function ownToken({ token, tokenFile }: ClientConfig): Promise<string | undefined> {
  return tokenFile === undefined ? token : (await readFile(tokenFile, 'utf8')).trim();
}

function isReset(error: unknown): boolean {
  return ((error as Error).cause as NodeJS.ErrnoException | undefined)?.code === 'ECONNRESET';
}

/** @throws Error */
function statusIn(text: string): NonNullable<TokenReview['status']> {
  let review: Partial<TokenReview> | null;
  try {
    review = JSON.parse(text) as Partial<TokenReview> | null;
  } catch (error) {
    throw new Error('the webhook for tokens answered no JSON', { cause: error });
  }
  if (review?.kind !== 'TokenReview' || review.apiVersion !== apiVersion)
    throw new Error(`the webhook for tokens answered no TokenReview of ${apiVersion}`);
  const { authenticated, error, audiences, user } = review.status ?? {};
  checkForm(authenticated === undefined || typeof authenticated === 'boolean');
  checkForm(error === undefined || typeof error === 'string');
  checkForm(areTexts(audiences ?? []));
  checkForm(typeof (user?.username ?? '') === 'string' && typeof (user?.uid ?? '') === 'string');
  checkForm(areTexts(user?.groups ?? []) && Object.values(user?.extra ?? {}).every(areTexts));
  return review.status ?? {};
}

function checkForm(isGood: boolean): void {
  if (!isGood) throw new Error('the webhook for tokens answered a TokenReview whose status is not well-formed');
}

function areTexts(value: unknown): boolean {
  return Array.isArray(value) && value.every((each) => typeof each === 'string');
}
