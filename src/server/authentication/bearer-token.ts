/**
 * Tokens in requests: in the `Authorization` header (RFC 6750), or, since browsers cannot set headers on WebSockets, as one of the
 * protocols that the client offers. Pure. Upstream's rules to the letter: a WebSocket needs another protocol beside the token's, so that
 * there is one to answer with.
 */
import type { IncomingHttpHeaders } from 'node:http';

const protocolPrefix = 'base64url.bearer.authorization.k8s.io.';

/** In the header. Undefined where there is none: more than one space before it is as none. */
export function bearerToken({ authorization = '' }: IncomingHttpHeaders): string | undefined {
  const [scheme = '', token = ''] = authorization.trim().split(' ', 2);
  return scheme.toLowerCase() === 'bearer' && token !== '' ? token : undefined;
}

export type OfferedToken =
  | { readonly kind: 'token'; readonly token: string }
  | { readonly kind: 'absent' }
  | { readonly kind: 'refused'; readonly why: string };

const absent: OfferedToken = { kind: 'absent' };
const refused = (why: string): OfferedToken => ({ kind: 'refused', why });

/** Among the protocols of a WebSocket. */
export function protocolToken(headers: IncomingHttpHeaders): OfferedToken {
  const header = headers['sec-websocket-protocol'];
  if (header === undefined || !asksForWebSocket(headers)) return absent;
  const offered = protocolsIn(header);
  const encoded = offered.filter((protocol) => protocol.startsWith(protocolPrefix));
  if (encoded.length > 1) return refused('multiple base64.bearer.authorization tokens specified');
  const text = encoded[0]?.slice(protocolPrefix.length) ?? '';
  if (text === '') return absent;
  // Without padding; what Node's decoder would pass over is an error.
  if (!/^[A-Za-z0-9_-]*$/.test(text) || text.length % 4 === 1)
    return refused('invalid base64.bearer.authorization token encoding');
  const bytes = Buffer.from(text, 'base64url');
  const token = bytes.toString('utf8');
  if (!Buffer.from(token).equals(bytes)) return refused('invalid base64.bearer.authorization token');
  if (offered.length === encoded.length) return refused('missing additional subprotocol');
  return { kind: 'token', token };
}

function asksForWebSocket({ upgrade = '', connection = '' }: IncomingHttpHeaders): boolean {
  return upgrade.toLowerCase() === 'websocket' && /(^|,)\s*upgrade\s*(,|$)/i.test(connection);
}

const protocolsIn = (header: string): string[] => header.split(',').map((protocol) => protocol.trim());

/** Of the protocols that a WebSocket offers, those that are no credentials: the others go no further than here. */
export function withoutBearerProtocol(offered: string): string {
  return protocolsIn(offered)
    .filter((protocol) => !protocol.startsWith(protocolPrefix))
    .join(', ');
}
