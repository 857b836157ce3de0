/**
 * Who asks? What a request shows about its caller, what an authenticator may answer, and how several make one.
 *
 * ```
 *  authenticate:  the first of the list that knows the caller, or that finds something wrong, decides
 *    AnyOf        certificates, then tokens: one that knows the caller decides, whatever others found wrong
 *    anonymous    who showed nothing at all, where that is allowed
 * ```
 * So a good certificate beside a bad token is good, and a bad token alone is never anonymous, as upstream has it. Which there are
 * and in which order is `authenticators.ts`'s; what the caller may do is `authorization/`'s.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { unauthorized } from '../../api/status-error.ts';
import type { UserInfo } from '../../registry/request.ts';

export { bearerToken, withoutBearerProtocol } from './bearer-token.ts';

/** What TLS found out about the client's certificate. */
export interface ClientCertificate {
  /** Signed by this cluster's authority, for client use, and valid when the connection was made. */
  readonly trusted: boolean;
  /** Signed by the front proxy's authority instead, and otherwise likewise: its requests say in headers whom they are from. */
  readonly isFrontProxy?: boolean;
  readonly commonName: string;
  readonly organizations: readonly string[];
  /** Absent: nobody looked. */
  readonly notBeforeMs?: number;
  readonly notAfterMs: number;
}

/** What a request shows about its caller. */
export interface Credentials {
  readonly certificate: ClientCertificate | undefined;
  readonly headers: IncomingHttpHeaders;
  /** Of the URL, without the query: anonymous requests may be let in for some paths alone. */
  readonly path?: string;
  /** Whom a token must be for; the API itself where absent. */
  readonly audiences?: readonly string[];
  readonly notes?: Notes | undefined;
}

/** Takes what an authenticator has to say beside who asks. */
export interface Notes {
  /** For the audit log; never a token. */
  readonly annotate: (key: string, value: string) => void;
  /** For the client, beside the answer. */
  readonly warn: (message: string) => void;
}

export type Authentication =
  /** `audiences`: those of the audiences asked for that what was shown is for; absent where it is for all. */
  | { readonly kind: 'user'; readonly user: UserInfo; readonly audiences?: readonly string[] }
  /** Nothing of this authenticator's sort was shown. */
  | { readonly kind: 'absent' }
  /** Something was shown, and it is not good. `why` is for the log and for TokenReviews; it never holds a token. */
  | { readonly kind: 'refused'; readonly why: string };

export interface Authenticator {
  authenticate(credentials: Credentials): Authentication | Promise<Authentication>;
}

/** One sort of token. `absent`: it is none of ours. */
export interface TokenAuthenticator {
  /** `audiences`: whom the token must be for. */
  authenticateToken(
    token: string,
    audiences: readonly string[],
    notes?: Notes,
  ): Authentication | Promise<Authentication>;
}

export const absent: Authentication = { kind: 'absent' };

export const refused = (why: string): Authentication => ({ kind: 'refused', why });

const allAuthenticated = 'system:authenticated';
const allUnauthenticated = 'system:unauthenticated';

export const anonymous: UserInfo = { name: 'system:anonymous', groups: [allUnauthenticated] };

/** Everybody who is somebody belongs to `system:authenticated`. */
export function withAuthenticatedGroup(user: UserInfo): UserInfo {
  const { name, groups } = user;
  if (name === anonymous.name || groups.includes(allAuthenticated) || groups.includes(allUnauthenticated)) return user;
  return { ...user, groups: [...groups, allAuthenticated] };
}

/** What was found wrong, as upstream prints several errors. */
export const reasonsOf = (whys: readonly string[]): string =>
  whys.length === 1 ? (whys[0] ?? '') : `[${whys.join(', ')}]`;

export class AnyOf implements Authenticator {
  readonly #members: readonly Authenticator[];

  constructor(members: readonly Authenticator[]) {
    this.#members = members;
  }

  /** At once where the one that decides answers at once. */
  authenticate(credentials: Credentials): Authentication | Promise<Authentication> {
    return this.#from(0, credentials, []);
  }

  #from(first: number, credentials: Credentials, whys: string[]): Authentication | Promise<Authentication> {
    for (let index = first; index < this.#members.length; index++) {
      const outcome = this.#members[index]?.authenticate(credentials) ?? absent;
      if (outcome instanceof Promise) {
        return outcome.then((late) => {
          if (late.kind === 'user') return late;
          if (late.kind === 'refused') whys.push(late.why);
          return this.#from(index + 1, credentials, whys);
        });
      }
      if (outcome.kind === 'user') return outcome;
      if (outcome.kind === 'refused') whys.push(outcome.why);
    }
    return whys.length === 0 ? absent : refused(reasonsOf(whys));
  }
}

export interface AnonymousPolicy {
  readonly enabled: boolean;
  /** The only paths for which anonymous requests are let in; all where there is none. */
  readonly paths: ReadonlySet<string>;
}

export const anonymousEverywhere: AnonymousPolicy = { enabled: true, paths: new Set() };

const anybody: Authentication = { kind: 'user', user: anonymous };

export class AnonymousAuthenticator implements Authenticator {
  readonly #policy: AnonymousPolicy;

  constructor(policy: AnonymousPolicy) {
    this.#policy = policy;
  }

  authenticate({ path = '' }: Credentials): Authentication {
    const { enabled, paths } = this.#policy;
    return enabled && (paths.size === 0 || paths.has(path)) ? anybody : absent;
  }
}

/** @throws StatusError Unauthorized */
export async function authenticate(
  authenticators: readonly Authenticator[],
  credentials: Credentials,
  tellRefusal: (why: string) => void = () => {},
): Promise<UserInfo> {
  for (const authenticator of authenticators) {
    const answer = authenticator.authenticate(credentials);
    const outcome = answer instanceof Promise ? await answer : answer;
    if (outcome.kind === 'user') return outcome.user;
    if (outcome.kind === 'absent') continue;
    tellRefusal(outcome.why);
    throw unauthorized();
  }
  tellRefusal('no credentials were shown');
  throw unauthorized();
}
