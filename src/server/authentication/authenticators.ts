/**
 * Who is asked who a caller is, in this order: a front proxy that says it in headers, the TLS certificate, tokens (service accounts' and bootstrap tokens, then those of issuers
 * that the configuration names, and at last the webhook), and who showed nothing is anonymous where that is allowed.
 */
import type { Clock } from '../../lib/clock.ts';
import {
  AnonymousAuthenticator,
  type AnonymousPolicy,
  AnyOf,
  type Authenticator,
  anonymousEverywhere,
  type TokenAuthenticator,
} from './authentication.ts';
import { CertificateAuthenticator } from './certificate-authenticator.ts';
import { RequestHeaderAuthenticator } from './request-header-authenticator.ts';
import { HeaderTokens, ProtocolTokens, TokenUnion } from './token-authenticators.ts';

export function authenticatorsOf(
  clock: Clock,
  tokens: TokenUnion | undefined,
  anonymous: AnonymousPolicy = anonymousEverywhere,
): readonly Authenticator[] {
  const known = new AnyOf([
    new RequestHeaderAuthenticator(clock),
    new CertificateAuthenticator(clock),
    ...(tokens === undefined ? [] : [new HeaderTokens(tokens), new ProtocolTokens(tokens)]),
  ]);
  return [known, new AnonymousAuthenticator(anonymous)];
}

/** Certificates, the tokens of service accounts, and anonymous requests. A token is refused also where nobody could know one. */
export function defaultAuthenticators(
  clock: Clock,
  serviceAccounts: (TokenAuthenticator & { readonly audiences: readonly string[] }) | undefined,
): readonly Authenticator[] {
  const members = serviceAccounts === undefined ? [] : [serviceAccounts];
  return authenticatorsOf(clock, new TokenUnion(serviceAccounts?.audiences ?? [], members));
}
