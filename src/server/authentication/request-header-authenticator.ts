/**
 * Front proxies: whoever shows a certificate of the front proxy's authority, with the name that such certificates bear, says in headers whom
 * a request is from (upstream's `--requestheader-client-ca-file` and `--requestheader-allowed-names`).
 *
 * Kept true: without that certificate the headers mean nothing; with it, and without the headers, the request is nobody's.
 */
import type { Clock } from '../../lib/clock.ts';
import {
  type Authentication,
  type Authenticator,
  absent,
  type Credentials,
  refused,
  withAuthenticatedGroup,
} from './authentication.ts';
import { distinctHeaders, frontProxyName, remoteUser } from './remote-headers.ts';

export class RequestHeaderAuthenticator implements Authenticator {
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  authenticate({ certificate, headers }: Credentials): Authentication {
    if (!certificate?.isFrontProxy) return absent;
    if (this.#clock.now() > certificate.notAfterMs) return refused('certificate has expired');
    if (certificate.commonName !== frontProxyName) {
      return refused(`x509: subject with cn=${certificate.commonName} is not in the allowed list`);
    }
    const user = remoteUser(distinctHeaders(headers));
    return user === undefined ? absent : { kind: 'user', user: withAuthenticatedGroup(user) };
  }
}
