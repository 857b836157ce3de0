/** Heads of requests and answers on their way through the proxy: what goes on, what is changed, what stays here. Pure. */
import type { IncomingHttpHeaders } from 'node:http';
import { type HeaderPairs, withoutHopHeaders } from '../../client/node-proxy.ts';
import { withoutBearerProtocol } from '../authentication/authentication.ts';
import type { AnswerHeaders } from '../http/exchange.ts';

/** What the API server was told about the caller is no business of the program behind it; the body's length is told anew. */
const notForwarded = /^(authorization|impersonate-.*|x-remote-.*|expect|host|:.*)$/;

export interface RequestHead {
  readonly headers: IncomingHttpHeaders;
  readonly remoteAddress: string;
  /** The request's own path, without the query: what the program is told that it was called by. */
  readonly uri: string;
  readonly hasBody: boolean;
  /** In lower case; undefined: none. */
  readonly upgrade: string | undefined;
}

export const hostOf = (headers: IncomingHttpHeaders): string => headers.host ?? String(headers[':authority'] ?? '');

export function forwardedHead({ headers, remoteAddress, uri, hasBody, upgrade }: RequestHead): HeaderPairs {
  const all = Object.entries(headers).flatMap(([name, value]) =>
    [value ?? []].flat().map((each): readonly [string, string] => [name, each]),
  );
  const kept = withoutHopHeaders(all).filter(([name]) => !notForwarded.test(name) && !own.has(name));
  const before = headers['x-forwarded-for'];
  const forwarded = [...(before === undefined ? [] : [before].flat()), remoteAddress].filter((each) => each !== '');
  return [
    ['host', hostOf(headers)],
    ...kept.filter(([name]) => hasBody || name !== 'content-length').flatMap(withoutToken),
    ...(forwarded.length > 0 ? [['x-forwarded-for', forwarded.join(', ')] as const] : []),
    ['x-forwarded-uri', uri],
    ...(hasBody && headers['content-length'] === undefined ? [['transfer-encoding', 'chunked'] as const] : []),
    ...(upgrade === undefined
      ? []
      : ([
          ['connection', 'Upgrade'],
          ['upgrade', upgrade],
        ] as const)),
  ];
}

const own: ReadonlySet<string> = new Set(['x-forwarded-for', 'x-forwarded-uri']);

/** A WebSocket's token is among the protocols that it offers. */
function withoutToken([name, value]: readonly [string, string]): HeaderPairs {
  if (name !== 'sec-websocket-protocol') return [[name, value]];
  const left = withoutBearerProtocol(value);
  return left === '' ? [] : [[name, left]];
}

/** Whom browsers may show the answer to is the API's to say, and not the program's. */
const corsHeaders: ReadonlySet<string> = new Set([
  'access-control-allow-credentials',
  'access-control-allow-headers',
  'access-control-allow-methods',
  'access-control-allow-origin',
]);

export function answeredHeaders(pairs: HeaderPairs): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = {};
  for (const [written, value] of withoutHopHeaders(pairs)) {
    const name = written.toLowerCase();
    if (corsHeaders.has(name)) continue;
    const before = headers[name];
    headers[name] = before === undefined ? value : [...[before].flat(), value];
  }
  return headers;
}

export function headerText(headers: AnswerHeaders, name: string): string {
  return [headers[name] ?? ''].flat().join(', ');
}

/** The head of a switch to another protocol, as it goes onto the bare connection. */
export function switchingHead(pairs: HeaderPairs): string {
  const lines = pairs.map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 101 Switching Protocols\r\n${lines.join('')}\r\n`;
}
