/**
 * Who asks? An ordered union of authenticators: the first that knows the caller decides; where none does and one found
 * something wrong, the answer is 401; a caller who showed nothing at all is anonymous, as upstream has it.
 *
 * Client certificates here, service accounts' tokens in `service-accounts/`. What the caller may do is `authorization.ts`'s.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { unauthorized } from '../../api/status-error.ts';
import type { Clock } from '../../lib/clock.ts';
import type { UserInfo } from '../../registry/request.ts';

/** What TLS found out about the client's certificate. */
export interface ClientCertificate {
  /** Signed by this cluster's authority, for client use, and valid when the connection was made. */
  readonly trusted: boolean;
  readonly commonName: string;
  readonly organizations: readonly string[];
  readonly notAfterMs: number;
}

/** What a request shows about its caller. */
export interface Credentials {
  readonly certificate: ClientCertificate | undefined;
  readonly headers: IncomingHttpHeaders;
  /** Whom a token must be for; the API itself where absent. */
  readonly audiences?: readonly string[];
}

export type Authentication =
  /** `audiences`: those of the audiences asked for that what was shown is for; absent where it is for all. */
  | { readonly kind: 'user'; readonly user: UserInfo; readonly audiences?: readonly string[] }
  /** Nothing of this authenticator's sort was shown. */
  | { readonly kind: 'absent' }
  /** Something was shown, and it is not good. `why` is for the log alone. */
  | { readonly kind: 'refused'; readonly why: string };

export interface Authenticator {
  authenticate(credentials: Credentials): Authentication | Promise<Authentication>;
}

const absent: Authentication = { kind: 'absent' };

export const anonymous: UserInfo = { name: 'system:anonymous', groups: ['system:unauthenticated'] };

/** CN is the user, each O a group. The end of the certificate's life is checked at each request, as connections live long. */
export class CertificateAuthenticator implements Authenticator {
  readonly #clock: Clock;
  readonly #users = new WeakMap<ClientCertificate, Authentication>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  authenticate({ certificate }: Credentials): Authentication {
    if (certificate === undefined) return absent;
    if (!certificate.trusted)
      return { kind: 'refused', why: 'certificate is not signed by the authority of this cluster' };
    if (this.#clock.now() > certificate.notAfterMs) return { kind: 'refused', why: 'certificate has expired' };
    if (certificate.commonName === '') return { kind: 'refused', why: 'certificate has no common name' };
    const known = this.#users.get(certificate) ?? userOf(certificate);
    this.#users.set(certificate, known);
    return known;
  }
}

function userOf({ commonName, organizations }: ClientCertificate): Authentication {
  const groups = [...new Set([...organizations, 'system:authenticated'])];
  return { kind: 'user', user: { name: commonName, groups } };
}

/** Browsers cannot set headers on WebSockets: there a token comes as one of the protocols that the client offers. */
const protocolPrefix = 'base64url.bearer.authorization.k8s.io.';

/** The token that a request shows (RFC 6750), not yet looked at; undefined where it shows none. */
export function bearerToken(headers: IncomingHttpHeaders): string | undefined {
  const header = /^bearer +([^ ]+) *$/i.exec(headers.authorization ?? '');
  if (header !== null) return header[1];
  if (headers.upgrade?.toLowerCase() !== 'websocket') return undefined;
  const offered = (headers['sec-websocket-protocol'] ?? '').split(',').map((protocol) => protocol.trim());
  const found = offered.find((protocol) => protocol.startsWith(protocolPrefix));
  return found && Buffer.from(found.slice(protocolPrefix.length), 'base64url').toString('utf8');
}

/** Of the protocols that a WebSocket offers, those that are no credentials: the others go no further than here. */
export function withoutBearerProtocol(offered: string): string {
  const protocols = offered.split(',').map((protocol) => protocol.trim());
  return protocols.filter((protocol) => !protocol.startsWith(protocolPrefix)).join(', ');
}

/** The last of the union: a token that nobody knew is not good. */
export class BearerRefusal implements Authenticator {
  authenticate({ headers }: Credentials): Authentication {
    return bearerToken(headers) === undefined ? absent : { kind: 'refused', why: 'invalid bearer token' };
  }
}

/** The union. @throws StatusError Unauthorized */
export async function authenticate(
  authenticators: readonly Authenticator[],
  credentials: Credentials,
  refused: (why: string) => void = () => {},
): Promise<UserInfo> {
  let why: string | undefined;
  for (const authenticator of authenticators) {
    const answer = authenticator.authenticate(credentials);
    const outcome = answer instanceof Promise ? await answer : answer;
    if (outcome.kind === 'user') return outcome.user;
    if (outcome.kind === 'refused') why ??= outcome.why;
  }
  if (why === undefined) return anonymous;
  refused(why);
  throw unauthorized();
}
