/**
 * Signs service accounts' tokens, and says who shows one (RFC 7519, JWS compact form).
 *
 * Kept true: signatures are remembered, since they never change; all else that makes a token good is looked at on each request, so that
 * a token is worth nothing the moment after its service account or pod is gone.
 */
import { compactVerify, decodeJwt, exportJWK, type JWK, SignJWT } from 'jose';
import type { Clock } from '../../lib/clock.ts';
import { limits } from '../../lib/limits.ts';
import type { Store } from '../../store/store.ts';
import {
  type Authentication,
  type Authenticator,
  bearerToken,
  type Credentials,
} from '../authentication/authentication.ts';
import { claimsOf, existenceProblem, type TokenClaims, timeOrAudienceProblem, userOf } from './claims.ts';
import type { SigningKey } from './signing-key.ts';

/** Who signs, and whom a token is for that names nobody: how pods reach the API. */
export const defaultIssuer = 'https://kubernetes.default.svc.cluster.local';

export interface TokensOptions {
  readonly key: SigningKey;
  readonly issuer?: string;
  readonly store: Pick<Store, 'get'>;
  readonly clock: Clock;
}

export class ServiceAccountTokens implements Authenticator {
  readonly issuer: string;
  readonly key: SigningKey;
  readonly #store: Pick<Store, 'get'>;
  readonly #clock: Clock;
  /** By token, oldest first. */
  readonly #verified = new Map<string, TokenClaims>();

  constructor({ key, issuer = defaultIssuer, store, clock }: TokensOptions) {
    this.key = key;
    this.issuer = issuer;
    this.#store = store;
    this.#clock = clock;
  }

  /** Whom tokens are for where nobody says: this API. */
  get audiences(): readonly string[] {
    return [this.issuer];
  }

  async sign(claims: TokenClaims): Promise<string> {
    const { aud, ...rest } = claims;
    return new SignJWT({ ...rest, aud: [...aud] })
      .setProtectedHeader({ alg: this.key.algorithm, kid: this.key.id })
      .sign(this.key.privateKey);
  }

  /** The key as clients of OpenID Connect read it. */
  async publicJwk(): Promise<JWK> {
    return { use: 'sig', kid: this.key.id, alg: this.key.algorithm, ...(await exportJWK(this.key.publicKey)) };
  }

  async authenticate(credentials: Credentials): Promise<Authentication> {
    const token = bearerToken(credentials.headers);
    if (token === undefined || !this.#isOurs(token)) return { kind: 'absent' };
    const claims = await this.#claims(token);
    if (claims === undefined) return { kind: 'refused', why: 'invalid bearer token' };
    const wanted = credentials.audiences ?? this.audiences;
    const nowMs = this.#clock.now();
    const problem = timeOrAudienceProblem(claims, wanted, nowMs) ?? existenceProblem(claims, this.#store, nowMs);
    if (problem !== undefined) return { kind: 'refused', why: problem };
    return {
      kind: 'user',
      user: userOf(claims),
      audiences: claims.aud.filter((audience) => wanted.includes(audience)),
    };
  }

  #isOurs(token: string): boolean {
    if (this.#verified.has(token)) return true;
    try {
      return decodeJwt(token).iss === this.issuer;
    } catch {
      return false;
    }
  }

  /** Undefined where somebody else signed it, or nobody. */
  async #claims(token: string): Promise<TokenClaims | undefined> {
    const known = this.#verified.get(token);
    if (known !== undefined) return known;
    try {
      const algorithms = [this.key.algorithm];
      const { payload } = await compactVerify(token, this.key.publicKey, { algorithms });
      const claims = claimsOf(JSON.parse(Buffer.from(payload).toString('utf8')));
      if (claims !== undefined) this.#remember(token, claims);
      return claims;
    } catch {
      return undefined;
    }
  }

  #remember(token: string, claims: TokenClaims): void {
    if (this.#verified.size >= limits.verifiedTokensMax) {
      for (const oldest of this.#verified.keys()) {
        this.#verified.delete(oldest);
        break;
      }
    }
    this.#verified.set(token, claims);
  }
}
