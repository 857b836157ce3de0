/**
 * Client certificates: the common name is the user, each organization a group. What TLS verified is taken as it is; only the end of the
 * certificate's life is looked at again with each request, since connections live long.
 */
import type { Clock } from '../../lib/clock.ts';
import {
  type Authentication,
  type Authenticator,
  absent,
  type ClientCertificate,
  type Credentials,
  refused,
  withAuthenticatedGroup,
} from './authentication.ts';

export class CertificateAuthenticator implements Authenticator {
  readonly #clock: Clock;
  readonly #users = new WeakMap<ClientCertificate, Authentication>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  authenticate({ certificate }: Credentials): Authentication {
    if (certificate === undefined || certificate.isFrontProxy) return absent;
    if (!certificate.trusted) return refused('certificate is not signed by the authority of this cluster');
    if (this.#clock.now() > certificate.notAfterMs) return refused('certificate has expired');
    if (certificate.commonName === '') return refused('certificate has no common name');
    const known = this.#users.get(certificate) ?? userOf(certificate);
    this.#users.set(certificate, known);
    return known;
  }
}

function userOf({ commonName, organizations }: ClientCertificate): Authentication {
  return { kind: 'user', user: withAuthenticatedGroup({ name: commonName, groups: [...new Set(organizations)] }) };
}
