/**
 * What went wrong on the way to another server, in the words of Go's network library: users know them from upstream, and so do their
 * search engines. Pure.
 */
import net from 'node:net';
import type { PeerCertificate } from 'node:tls';

const dialReasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connect: connection refused',
  EHOSTUNREACH: 'connect: no route to host',
  ENETUNREACH: 'connect: network is unreachable',
  EADDRNOTAVAIL: 'connect: cannot assign requested address',
  ETIMEDOUT: 'i/o timeout',
};

export const hostPort = (host: string, port: number): string =>
  net.isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`;

/** A connection that did not come about. */
export function dialText(error: NodeJS.ErrnoException, host: string, port: number): string {
  const first = error instanceof AggregateError ? (error.errors[0] as NodeJS.ErrnoException | undefined) : error;
  const code = first?.code ?? error.code ?? '';
  if (code === 'ENOTFOUND') return `dial tcp: lookup ${host}: no such host`;
  if (code === 'EAI_AGAIN') return `dial tcp: lookup ${host}: Temporary failure in name resolution`;
  return `dial tcp ${hostPort(host, port)}: ${dialReasons[code] ?? error.message}`;
}

const unknownAuthority: ReadonlySet<string> = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'CERT_UNTRUSTED',
]);

const certificateTexts: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'x509: certificate has expired or is not yet valid',
  CERT_NOT_YET_VALID: 'x509: certificate has expired or is not yet valid',
  INVALID_PURPOSE: 'x509: certificate specifies an incompatible key usage',
  CERT_SIGNATURE_FAILURE: 'x509: certificate signed by unknown authority',
  INVALID_CA: 'x509: invalid certificate',
};

/** What TLS or HTTP said after a connection stood. */
export function callText(error: NodeJS.ErrnoException): string {
  const code = error.code ?? '';
  if (unknownAuthority.has(code)) return verification('x509: certificate signed by unknown authority');
  const certificate = certificateTexts[code];
  if (certificate !== undefined) return verification(certificate);
  if (code === 'ERR_SSL_WRONG_VERSION_NUMBER' || code === 'ERR_SSL_PACKET_LENGTH_TOO_LONG')
    return 'http: server gave HTTP response to HTTPS client';
  const alert = /alert ([a-z ]+?)(?::|$)/.exec(error.message)?.[1];
  if (code.startsWith('ERR_SSL_') && alert !== undefined) return `remote error: tls: ${alert}`;
  if (code === 'EPROTO') return `remote error: tls: ${error.message}`;
  if (code === 'ECONNRESET' || code === 'EPIPE') return 'EOF';
  if (code.startsWith('HPE_')) return `net/http: HTTP/1.x transport connection broken: malformed HTTP response`;
  return error.message;
}

/** The far end was gone when something was sent to it. */
export const isClosedBefore = ({ code }: NodeJS.ErrnoException): boolean => code === 'ECONNRESET' || code === 'EPIPE';

const verification = (what: string): string => `tls: failed to verify certificate: ${what}`;

/** What has a comma in it stands in quotes, as a text in JSON: nothing within is an entry of its own. */
const entryForm = /[^,"\s](?:[^,"]|"(?:[^"\\]|\\.)*")*/g;

/** Go's rule: names count where they stand as such, never in the common name. Undefined: the certificate is for this name. */
export function nameProblem(name: string, { subjectaltname, subject }: PeerCertificate): string | undefined {
  const entries = subjectaltname?.match(entryForm) ?? [];
  const ofKind = (kind: string): string[] =>
    entries.filter((entry) => entry.startsWith(kind)).map((entry) => entry.slice(kind.length));
  if (net.isIP(name) !== 0) return ipProblem(name, ofKind('IP Address:'));
  const names = ofKind('DNS:');
  if (names.some((pattern) => matches(pattern, name))) return undefined;
  if (names.length > 0) return verification(`x509: certificate is valid for ${names.join(', ')}, not ${name}`);
  if (entries.length === 0 && subject?.CN)
    return verification('x509: certificate relies on legacy Common Name field, use SANs instead');
  return verification(`x509: certificate is not valid for any names, but wanted to match ${name}`);
}

function ipProblem(address: string, known: readonly string[]): string | undefined {
  if (known.some((each) => sameAddress(each, address))) return undefined;
  if (known.length > 0) return verification(`x509: certificate is valid for ${known.join(', ')}, not ${address}`);
  return verification(`x509: cannot validate certificate for ${address} because it doesn't contain any IP SANs`);
}

function sameAddress(one: string, other: string): boolean {
  const plain = (address: string): string =>
    address.includes(':') ? new URL(`http://[${address}]/`).hostname : address;
  return plain(one) === plain(other);
}

/** A star stands for exactly one label, and only for the first. */
function matches(pattern: string, name: string): boolean {
  const labels = pattern.toLowerCase().replace(/\.$/, '').split('.');
  const wanted = name.toLowerCase().replace(/\.$/, '').split('.');
  if (labels.length !== wanted.length) return false;
  return labels.every((label, index) => (index === 0 && label === '*') || label === wanted[index]);
}
