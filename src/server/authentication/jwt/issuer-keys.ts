/**
 * The keys of one issuer (OpenID Connect Discovery 1.0, RFC 7517), fetched when they are needed.
 *
 * ```
 *  start ──▶ discovery document ──▶ where the keys are          again every 10 s until it answers: it may run on this very cluster
 *  verify ─▶ keys at hand? ─ no ──▶ fetch them
 *            key of the token among them? ─ no ──▶ fetch them again, but no more often than every `keySetMsMin`
 * ```
 * Without that bound, anybody could have the issuer asked by inventing keys. Who needs keys while they are fetched waits for the same
 * answer.
 */
import { type CryptoKey, compactVerify, createLocalJWKSet, errors, type JSONWebKeySet } from 'jose';
import type { Clock } from '../../../lib/clock.ts';
import { limits } from '../../../lib/limits.ts';
import type { Logger } from '../../../lib/log.ts';
import { callOutside, outsideAgent } from '../outside-call.ts';
import type { IssuerConfig } from './configuration.ts';

/** What upstream takes; never `none`, never a shared secret. */
export const signingAlgorithms = ['ES256', 'ES384', 'ES512', 'PS256', 'PS384', 'PS512', 'RS256', 'RS384', 'RS512'];

const discoveryRetryMs = 10_000;

export interface IssuerKeysOptions {
  readonly issuer: IssuerConfig & { readonly url: string };
  readonly clock: Clock;
  readonly log: Logger;
}

type KeySet = ReturnType<typeof createLocalJWKSet>;

export class IssuerKeys {
  readonly #options: IssuerKeysOptions;
  readonly #agent: ReturnType<typeof outsideAgent>;
  readonly #stop = new AbortController();
  #keysUrl: string | undefined;
  #problem: string;
  #keys: KeySet | undefined;
  #fetchedMs = Number.NEGATIVE_INFINITY;
  #fetching: Promise<KeySet> | undefined;

  constructor(options: IssuerKeysOptions) {
    this.#options = options;
    const { certificateAuthority, url } = options.issuer;
    this.#agent = outsideAgent(certificateAuthority ? { ca: certificateAuthority } : {});
    this.#problem = `oidc: authenticator for issuer ${JSON.stringify(url)} is not initialized`;
  }

  /** Why tokens cannot be checked yet; undefined where they can. */
  get problem(): string | undefined {
    return this.#keysUrl === undefined ? this.#problem : undefined;
  }

  start(): void {
    void this.#discover();
  }

  close(): void {
    this.#stop.abort();
    this.#agent.destroy();
  }

  /** The payload of a well-signed token. @throws Error */
  async verify(token: string): Promise<string> {
    const held = this.#keys;
    const keys = held ?? (await this.#fetch());
    try {
      return await payloadOf(token, keys);
    } catch (error) {
      if (!mayBeNewKey(error) || held === undefined || this.#isFresh()) throw error;
      return payloadOf(token, await this.#fetch());
    }
  }

  #isFresh(): boolean {
    return this.#options.clock.monotonic() - this.#fetchedMs < limits.keySetMsMin;
  }

  async #discover(): Promise<void> {
    const { clock, log, issuer } = this.#options;
    while (!this.#stop.signal.aborted) {
      try {
        this.#keysUrl = await this.#findKeysUrl();
        log.info('issuer of tokens found', { issuer: issuer.url });
        return;
      } catch (error) {
        if (this.#stop.signal.aborted) return;
        this.#problem = (error as Error).message;
        log.error('issuer of tokens cannot be used yet', { issuer: issuer.url, error });
      }
      await clock.sleep(discoveryRetryMs, this.#stop.signal).catch(() => {});
    }
  }

  async #findKeysUrl(): Promise<string> {
    const { url, discoveryURL } = this.#options.issuer;
    const document = await this.#get(discoveryURL || `${url.replace(/\/$/, '')}/.well-known/openid-configuration`);
    const { issuer, jwks_uri: keysUrl } = document as { readonly issuer?: unknown; readonly jwks_uri?: unknown };
    if (issuer !== url) {
      const found = JSON.stringify(issuer ?? '');
      throw new Error(
        `oidc: issuer did not match the issuer returned by provider, expected ${JSON.stringify(url)} got ${found}`,
      );
    }
    if (typeof keysUrl !== 'string' || keysUrl === '') throw new Error('provider did not return JWKS URL');
    if (!URL.canParse(keysUrl) || new URL(keysUrl).protocol !== 'https:')
      throw new Error('provider returned a JWKS URL that is not HTTPS');
    return keysUrl;
  }

  #fetch(): Promise<KeySet> {
    this.#fetching ??= this.#fetchKeys().finally(() => {
      this.#fetching = undefined;
    });
    return this.#fetching;
  }

  async #fetchKeys(): Promise<KeySet> {
    if (this.#keysUrl === undefined) throw new Error('oidc: authenticator not initialized');
    // Failures count, too: an issuer that is down is not asked for each token.
    if (this.#keys === undefined && this.#isFresh())
      throw new Error('fetching keys oidc: get keys failed a moment ago');
    this.#fetchedMs = this.#options.clock.monotonic();
    const document = await this.#get(this.#keysUrl);
    this.#keys = createLocalJWKSet(document as unknown as JSONWebKeySet);
    return this.#keys;
  }

  async #get(url: string): Promise<object> {
    const headers = { accept: 'application/json' };
    const { clock } = this.#options;
    const { status, text } = await callOutside({ url, headers, clock, agent: this.#agent, signal: this.#stop.signal });
    if (status !== 200) throw new Error(`${new URL(url).host} answered ${status}`);
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null) throw new Error(`${new URL(url).host} answered no JSON object`);
    return value;
  }
}

/** The token may be signed by a key that the issuer has begun to use since. */
function mayBeNewKey(error: unknown): boolean {
  return error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWSSignatureVerificationFailed;
}

async function payloadOf(token: string, keys: KeySet): Promise<string> {
  const options = { algorithms: signingAlgorithms };
  try {
    return textOf(await compactVerify(token, keys, options));
  } catch (error) {
    // A token that names no key, and several that fit: any may be the one.
    if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error;
    for await (const key of error as unknown as AsyncIterable<CryptoKey>) {
      try {
        return textOf(await compactVerify(token, key, options));
      } catch (failure) {
        if (!(failure instanceof errors.JWSSignatureVerificationFailed)) throw failure;
      }
    }
    throw new errors.JWSSignatureVerificationFailed();
  }
}

const textOf = ({ payload }: { readonly payload: Uint8Array }): string => Buffer.from(payload).toString('utf8');
