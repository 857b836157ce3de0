/**
 * All sorts of tokens as one (`TokenUnion`), and the two places in a request where a token may stand.
 *
 * Kept true: a token that was shown and that nobody knows is refused, never passed over. Requests and TokenReviews ask the same union.
 */
import { limits } from '../../lib/limits.ts';
import {
  type Authentication,
  type Authenticator,
  absent,
  type Credentials,
  type Notes,
  reasonsOf,
  refused,
  type TokenAuthenticator,
  withAuthenticatedGroup,
} from './authentication.ts';
import { bearerToken, protocolToken } from './bearer-token.ts';

const invalidToken = 'invalid bearer token';

export class TokenUnion {
  /** Whom tokens are for where nobody says: this API. */
  readonly audiences: readonly string[];
  readonly #members: readonly TokenAuthenticator[];

  /** Local ones first, then those that may ask somebody outside. */
  constructor(audiences: readonly string[], members: readonly TokenAuthenticator[]) {
    this.audiences = audiences;
    this.#members = members;
  }

  /** Never `absent`. */
  async authenticateToken(
    token: string,
    audiences: readonly string[] = this.audiences,
    notes?: Notes,
  ): Promise<Authentication> {
    if (token.length > limits.bearerTokenBytesMax) return refused(invalidToken);
    const whys = [invalidToken];
    for (const member of this.#members) {
      const outcome = await member.authenticateToken(token, audiences, notes);
      if (outcome.kind === 'user') return { ...outcome, user: withAuthenticatedGroup(outcome.user) };
      if (outcome.kind === 'refused' && outcome.why !== invalidToken) whys.push(outcome.why);
    }
    return refused(reasonsOf(whys));
  }
}

/** In upstream's words. */
const extraSpace = 'the provided Authorization header contains extra space before the bearer token, and is ignored';

export class HeaderTokens implements Authenticator {
  readonly #tokens: TokenUnion;

  constructor(tokens: TokenUnion) {
    this.#tokens = tokens;
  }

  authenticate({ headers, audiences, notes }: Credentials): Authentication | Promise<Authentication> {
    if (headers.authorization === undefined) return absent;
    const token = bearerToken(headers);
    if (token !== undefined) return this.#tokens.authenticateToken(token, audiences, notes);
    if (/^bearer {2,}[^ ]/i.test(headers.authorization.trim())) notes?.warn(extraSpace);
    return absent;
  }
}

export class ProtocolTokens implements Authenticator {
  readonly #tokens: TokenUnion;

  constructor(tokens: TokenUnion) {
    this.#tokens = tokens;
  }

  authenticate({ headers, audiences, notes }: Credentials): Authentication | Promise<Authentication> {
    const offered = protocolToken(headers);
    return offered.kind === 'token' ? this.#tokens.authenticateToken(offered.token, audiences, notes) : offered;
  }
}

/** For tokens that do not say whom they are for: they are for this API, and good where somebody asks for it. */
export function forAudiences(own: readonly string[], member: TokenAuthenticator): TokenAuthenticator {
  return {
    async authenticateToken(token, audiences) {
      const common = audiences.filter((audience) => own.includes(audience));
      if (common.length === 0) return absent;
      const outcome = await member.authenticateToken(token, common);
      return outcome.kind === 'user' ? { ...outcome, audiences: common } : outcome;
    },
  };
}
