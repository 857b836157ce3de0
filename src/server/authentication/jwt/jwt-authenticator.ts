/**
 * Tokens of one issuer (OpenID Connect Core 1.0, RFC 7519): is it theirs, signed by them, for us, and still good; then `claims.ts` says whose
 * it is. The order of the checks and their texts are upstream's; no token stands in a text.
 */
import type { Clock } from '../../../lib/clock.ts';
import type { Logger } from '../../../lib/log.ts';
import { type Authentication, absent, refused, type TokenAuthenticator } from '../authentication.ts';
import { type Claims, userOfClaims } from './claims.ts';
import { IssuerKeys, signingAlgorithms } from './issuer-keys.ts';
import type { JwtMetrics } from './jwt-metrics.ts';
import type { JwtRules } from './validation.ts';

export interface JwtAuthenticatorOptions {
  readonly rules: JwtRules;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: JwtMetrics;
}

/** How far ahead a token's `nbf` may lie, as upstream. */
const notBeforeLeewayMs = 5 * 60 * 1000;

export class JwtAuthenticator implements TokenAuthenticator {
  readonly #rules: JwtRules;
  readonly #clock: Clock;
  readonly #metrics: JwtMetrics;
  readonly #keys: IssuerKeys;

  constructor({ rules, clock, log, metrics }: JwtAuthenticatorOptions) {
    this.#rules = rules;
    this.#clock = clock;
    this.#metrics = metrics;
    this.#keys = new IssuerKeys({ issuer: rules.issuer, clock, log });
  }

  /** Why it cannot check tokens yet. */
  get problem(): string | undefined {
    return this.#keys.problem;
  }

  start(): void {
    this.#keys.start();
  }

  close(): void {
    this.#keys.close();
  }

  async authenticateToken(token: string): Promise<Authentication> {
    const shown = unverified(token);
    if (shown === undefined || issuerOf(shown.claims) !== this.#rules.issuer.url) return absent;
    const startMs = this.#clock.monotonic();
    const outcome = await this.#outcomeOf(token, shown);
    const result = outcome.kind === 'user' ? 'success' : 'failure';
    this.#metrics.checked(this.#rules.issuer.url, result, this.#clock.monotonic() - startMs);
    return outcome;
  }

  async #outcomeOf(token: string, shown: Shown): Promise<Authentication> {
    if (this.#keys.problem !== undefined) return refused('oidc: authenticator not initialized');
    try {
      const claims = await this.#verified(token, shown);
      return { kind: 'user', user: userOfClaims(claims, this.#rules) };
    } catch (error) {
      return refused((error as Error).message);
    }
  }

  async #verified(token: string, { claims, algorithm }: Shown): Promise<Claims> {
    const problem = this.#problemOf(claims) ?? algorithmProblem(algorithm);
    if (problem !== undefined) throw new Error(`oidc: verify token: ${problem}`);
    try {
      return JSON.parse(await this.#keys.verify(token)) as Claims;
    } catch (error) {
      throw new Error(`oidc: verify token: failed to verify signature: ${(error as Error).message}`, { cause: error });
    }
  }

  /** What a look at the claims finds; they are those that the signature is then checked for. */
  #problemOf(claims: Claims): string | undefined {
    const { audiences } = this.#rules.issuer;
    const found = audiencesOf(claims);
    if (!found.some((audience) => audiences.includes(audience))) {
      const wanted = audiences.length === 1 ? JSON.stringify(audiences[0]) : `in ${quoted([...audiences].sort())}`;
      return `oidc: expected audience ${wanted} got ${quoted(found)}`;
    }
    const nowMs = this.#clock.now();
    const endMs = numericDate(claims['exp']);
    if (endMs === undefined || endMs < nowMs) return `oidc: token is expired (Token Expiry: ${goTime(endMs)})`;
    const startMs = numericDate(claims['nbf']);
    if (startMs === undefined || nowMs + notBeforeLeewayMs >= startMs) return undefined;
    return `oidc: current time ${goTime(nowMs)} before the nbf (not before) time: ${goTime(startMs)}`;
  }
}

interface Shown {
  readonly claims: Claims;
  readonly algorithm: unknown;
}

/** Undefined where it has not the form of a signed token. Nothing of it is to be trusted. */
function unverified(token: string): Shown | undefined {
  const parts = token.split('.');
  if (parts.length !== 3) return undefined;
  const [header, claims] = parts.slice(0, 2).map(jsonObject);
  return header && claims && { claims, algorithm: header['alg'] };
}

function jsonObject(encoded: string): Claims | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(encoded, 'base64url').toString('utf8'));
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Claims) : undefined;
  } catch {
    return undefined;
  }
}

/** Google leaves the scheme away (OpenID Connect Core 1.0, 15.6.2). */
function issuerOf({ iss }: Claims): unknown {
  return iss === 'accounts.google.com' ? 'https://accounts.google.com' : iss;
}

function audiencesOf({ aud }: Claims): readonly string[] {
  const list: unknown[] = Array.isArray(aud) ? aud : [aud];
  return list.filter((audience) => typeof audience === 'string');
}

function algorithmProblem(algorithm: unknown): string | undefined {
  if (typeof algorithm === 'string' && signingAlgorithms.includes(algorithm)) return undefined;
  const found = JSON.stringify(algorithm ?? '');
  return `oidc: id token signed with unsupported algorithm, expected ${quoted(signingAlgorithms)} got ${found}`;
}

const quoted = (texts: readonly string[]): string => `[${texts.map((text) => JSON.stringify(text)).join(' ')}]`;

/** Seconds since the epoch → ms. */
function numericDate(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? Math.trunc(value) * 1000 : undefined;
}

/** As Go prints times. */
function goTime(ms: number | undefined): string {
  if (ms === undefined || Math.abs(ms) > 8.64e15) return '0001-01-01 00:00:00 +0000 UTC';
  return `${new Date(ms).toISOString().slice(0, 19).replace('T', ' ')} +0000 UTC`;
}
