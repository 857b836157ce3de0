/** Who is asked who a caller is, in this order: the TLS certificate, tokens, and at last the refusal of what nobody knew. */
import type { Clock } from '../../lib/clock.ts';
import type { ServiceAccountTokens } from '../service-accounts/tokens.ts';
import { type Authenticator, BearerRefusal, CertificateAuthenticator } from './authentication.ts';

export function defaultAuthenticators(
  clock: Clock,
  tokens: ServiceAccountTokens | undefined,
): readonly Authenticator[] {
  return [new CertificateAuthenticator(clock), ...(tokens === undefined ? [] : [tokens]), new BearerRefusal()];
}
