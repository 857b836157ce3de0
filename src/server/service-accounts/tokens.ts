/**
 * Signs service accounts' tokens, and says who shows one (RFC 7519, JWS compact form): tokens that end, as `claims.ts` has them, and
 * those in Secrets, as `legacy-claims.ts` has them.
 *
 * Kept true: signatures are remembered, since they never change while the keys stay; all else that makes a token good is looked at
 * on each request, so that a token is worth nothing the moment after its service account or pod is gone.
 */
import { compactVerify, decodeJwt, decodeProtectedHeader, exportJWK, type JWK, SignJWT } from 'jose';
import type { KubeObject } from '../../api/object.ts';
import type { Secret } from '../../api/schema/types/core-v1.ts';
import type { Clock } from '../../lib/clock.ts';
import { limits } from '../../lib/limits.ts';
import type { Store } from '../../store/store.ts';
import {
  type Authentication,
  type Authenticator,
  bearerToken,
  type Credentials,
  type Notes,
  type TokenAuthenticator,
} from '../authentication/authentication.ts';
import {
  accountUser,
  audienceProblem,
  claimsOf,
  existenceProblem,
  staleness,
  type TokenClaims,
  timeProblem,
  userOf,
} from './claims.ts';
import { type LegacyClaims, legacyClaimsOf, legacyIssuer, legacyPayload, legacyVerdict } from './legacy-claims.ts';
import type { SigningKeys } from './signing-key.ts';
import type { TokenCounter, TokenMetrics } from './token-metrics.ts';

/** Who signs, and whom a token is for that names nobody: how pods reach the API. */
export const defaultIssuer = 'https://kubernetes.default.svc.cluster.local';

/** Upstream's `--service-account-…` options, and `--api-audiences`. */
export interface TokenSettings {
  /** The first signs, and all are accepted, so that an issuer can be given another name. */
  readonly issuers?: readonly string[];
  /** Whom tokens are for where nobody says, and who this API is; the issuers where absent. */
  readonly audiences?: readonly string[];
  /** Where others find the keys; at the issuer where absent. */
  readonly jwksUri?: string;
  /** Who asks for more gets this much, and a warning (seconds); no bound but the format's where absent. */
  readonly maxExpirationSeconds?: number;
  /** Pods' tokens for this API end when they should be renewed, and not a year later. */
  readonly withoutExtension?: boolean;
}

export interface TokensOptions {
  readonly keys: SigningKeys;
  readonly settings?: TokenSettings;
  readonly store: Pick<Store, 'get'>;
  readonly clock: Clock;
  /** Told of each Secret whose token was shown. */
  readonly legacyUse?: (secret: Secret) => void;
  readonly metrics?: TokenMetrics | undefined;
}

interface Bound {
  readonly kind: 'bound';
  readonly claims: TokenClaims;
  /** It names no audience. */
  readonly isLegacy: boolean;
}

type Verified = Bound | { readonly kind: 'legacy'; readonly claims: LegacyClaims };

const invalidToken: Authentication = { kind: 'refused', why: 'invalid bearer token' };

export class ServiceAccountTokens implements Authenticator, TokenAuthenticator {
  readonly issuers: readonly [string, ...string[]];
  readonly keys: SigningKeys;
  /** Whom tokens are for where nobody says: this API. */
  readonly audiences: readonly string[];
  readonly #options: TokensOptions;
  /** By token, oldest first. */
  readonly #verified = new Map<string, Verified>();
  #verifiedVersion = 0;

  constructor(options: TokensOptions) {
    const { issuers = [], audiences = [] } = options.settings ?? {};
    const [first = defaultIssuer, ...others] = issuers;
    this.issuers = [first, ...others];
    this.audiences = audiences.length > 0 ? audiences : this.issuers;
    this.keys = options.keys;
    this.#options = options;
  }

  /** Who signs. */
  get issuer(): string {
    return this.issuers[0];
  }

  get settings(): TokenSettings {
    return this.#options.settings ?? {};
  }

  sign(claims: TokenClaims): Promise<string> {
    const { aud, ...rest } = claims;
    return this.#sign({ ...rest, aud: [...aud] });
  }

  /** A token for a Secret, without an end. */
  signLegacy(account: KubeObject, secret: KubeObject): Promise<string> {
    return this.#sign(legacyPayload(account, secret));
  }

  #sign(payload: Readonly<Record<string, unknown>>): Promise<string> {
    const { algorithm, id, privateKey } = this.keys.signing;
    return new SignJWT({ ...payload }).setProtectedHeader({ alg: algorithm, kid: id }).sign(privateKey);
  }

  /** The keys as clients of OpenID Connect read them. */
  publicJwks(): Promise<readonly JWK[]> {
    return Promise.all(
      this.keys.all.map(async ({ id, algorithm, publicKey }) => ({
        use: 'sig',
        kid: id,
        alg: algorithm,
        ...(await exportJWK(publicKey)),
      })),
    );
  }

  async authenticate({ headers, audiences, notes }: Credentials): Promise<Authentication> {
    const token = bearerToken(headers);
    return token === undefined ? { kind: 'absent' } : this.authenticateToken(token, audiences, notes);
  }

  async authenticateToken(
    token: string,
    audiences: readonly string[] = this.audiences,
    notes?: Notes,
  ): Promise<Authentication> {
    if (!this.#isOurs(token)) return { kind: 'absent' };
    const verified = await this.#verify(token);
    if (verified === undefined) return invalidToken;
    return verified.kind === 'bound'
      ? this.#boundUser(verified, audiences, notes)
      : this.#legacyUser(verified.claims, token, audiences, notes);
  }

  #boundUser({ claims, isLegacy }: Bound, wanted: readonly string[], notes: Notes | undefined): Authentication {
    if (isLegacy) this.#noteLegacy(claims.sub, notes);
    const { store, clock } = this.#options;
    const nowMs = clock.now();
    const problem =
      audienceProblem(claims.aud, wanted) ?? timeProblem(claims, nowMs) ?? existenceProblem(claims, store, nowMs);
    if (problem !== undefined) return { kind: 'refused', why: problem };
    const stale = staleness(claims, nowMs);
    if (stale !== undefined) notes?.annotate('authentication.k8s.io/stale-token', stale);
    if (claims['kubernetes.io'].warnafter) this.#count(stale === undefined ? 'valid_tokens' : 'stale_tokens');
    return { kind: 'user', user: userOf(claims), audiences: claims.aud.filter((one) => wanted.includes(one)) };
  }

  #legacyUser(
    claims: LegacyClaims,
    token: string,
    wanted: readonly string[],
    notes: Notes | undefined,
  ): Authentication {
    const note = (name: string, value: string): void => notes?.annotate(`authentication.k8s.io/${name}`, value);
    this.#noteLegacy(claims.sub, notes);
    const problem = audienceProblem(this.audiences, wanted);
    if (problem !== undefined) return { kind: 'refused', why: problem };
    const verdict = legacyVerdict(claims, token, this.#options.store);
    if (verdict.secret !== undefined) this.#options.legacyUse?.(verdict.secret);
    const { namespace, secret, account, uid } = claims;
    if (verdict.kind === 'bad') {
      if (verdict.secret !== undefined) {
        note('legacy-token-invalidated', `${secret}/${namespace}`);
        this.#count('invalid_legacy_auto_token_uses');
      }
      return { kind: 'refused', why: verdict.why };
    }
    note(verdict.isAutoGenerated ? 'legacy-token-autogenerated-secret' : 'legacy-token-manual-secret', secret);
    this.#count(verdict.isAutoGenerated ? 'legacy_auto_token_uses' : 'legacy_manual_token_uses');
    if (verdict.isAutoGenerated) notes?.warn(autoGeneratedWarning);
    const held = this.audiences.filter((one) => wanted.includes(one));
    return { kind: 'user', user: accountUser(namespace, account, uid), audiences: held };
  }

  #noteLegacy(subject: string, notes: Notes | undefined): void {
    notes?.annotate('authentication.k8s.io/legacy-token', subject);
    this.#count('legacy_tokens');
  }

  #count(name: TokenCounter): void {
    this.#options.metrics?.count(name);
  }

  /** Before the signature is looked at: does it say so? */
  #isOurs(token: string): boolean {
    if (this.#verified.has(token)) return true;
    try {
      return this.#isIssuer(decodeJwt(token).iss);
    } catch {
      return false;
    }
  }

  #isIssuer(issuer: unknown): boolean {
    return issuer === legacyIssuer || (typeof issuer === 'string' && this.issuers.includes(issuer));
  }

  /** Undefined where somebody else signed it, or nobody. */
  async #verify(token: string): Promise<Verified | undefined> {
    const { version } = this.keys;
    if (version !== this.#verifiedVersion) this.#verified.clear();
    this.#verifiedVersion = version;
    const known = this.#verified.get(token);
    if (known !== undefined) return known;
    const payload = await this.#payload(token);
    const verified = payload === undefined ? undefined : this.#read(payload);
    if (verified !== undefined && this.keys.version === version) this.#remember(token, verified);
    return verified;
  }

  #read(payload: Readonly<Record<string, unknown>>): Verified | undefined {
    if (payload['iss'] === legacyIssuer) return { kind: 'legacy', claims: legacyClaimsOf(payload) };
    const claims = claimsOf(payload, this.audiences);
    return claims && { kind: 'bound', claims, isLegacy: payload['aud'] === undefined };
  }

  async #payload(token: string): Promise<Readonly<Record<string, unknown>> | undefined> {
    for (const { publicKey, algorithm } of this.keys.candidates(keyIdOf(token))) {
      try {
        const { payload } = await compactVerify(token, publicKey, { algorithms: [algorithm] });
        return JSON.parse(Buffer.from(payload).toString('utf8')) as Record<string, unknown>;
      } catch {
        // Another key may have signed it.
      }
    }
    return undefined;
  }

  #remember(token: string, verified: Verified): void {
    if (token.length > limits.verifiedTokenCharactersMax) return;
    if (this.#verified.size >= limits.verifiedTokensMax) {
      for (const oldest of this.#verified.keys()) {
        this.#verified.delete(oldest);
        break;
      }
    }
    this.#verified.set(token, verified);
  }
}

const autoGeneratedWarning =
  'Use tokens from the TokenRequest API or manually created secret-based tokens instead of auto-generated secret-based tokens.';

function keyIdOf(token: string): string | undefined {
  try {
    return decodeProtectedHeader(token).kid;
  } catch {
    return undefined;
  }
}
