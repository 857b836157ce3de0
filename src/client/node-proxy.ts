/**
 * How a proxied request travels to the node and its answer back: the two ends are `src/server/proxy` and `src/agent/proxy.ts`.
 *
 * ```
 *  /podProxy/NAMESPACE/POD/SCHEME/PORT/path?query     to a pod of the node
 *  /nodeProxy/SCHEME/PORT/path?query                  to the node itself
 * ```
 * The head of the request and of the answer travel in one header of their own: between the two is HTTP/2, which forbids some headers,
 * and joins what must stay apart (`Set-Cookie`). An answer without it is the agent's own: it did not reach the program.
 */
import net from 'node:net';

export const proxyHeadName = 'naru-proxy-head';

/** In order, each name as it was written. */
export type HeaderPairs = readonly (readonly [name: string, value: string])[];

export function encodeHead(pairs: HeaderPairs): string {
  return Buffer.from(JSON.stringify(pairs), 'utf8').toString('base64url');
}

/** Undefined: there is none, or nobody could have meant it. */
export function decodeHead(text: string | undefined): HeaderPairs | undefined {
  if (text === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(Buffer.from(text, 'base64url').toString('utf8'));
    return Array.isArray(value) && value.every(isPair) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isPair(value: unknown): value is readonly [string, string] {
  return Array.isArray(value) && value.length === 2 && value.every((part) => typeof part === 'string');
}

export interface ProxyTarget {
  /** Undefined: the node itself. */
  readonly pod?: { readonly namespace: string; readonly name: string };
  readonly scheme: 'http' | 'https';
  readonly port: number;
}

/** `rest`: path and query, encoded, with the first slash. */
export function proxyPath({ pod, scheme, port }: ProxyTarget, rest: string): string {
  const where = pod === undefined ? ['nodeProxy'] : ['podProxy', pod.namespace, pod.name];
  return `/${[...where, scheme, String(port)].map(encodeURIComponent).join('/')}${rest}`;
}

/**
 * `GET /podDial/NAMESPACE/POD/PORT` with this upgrade: a connection to a port of one of the node's pods, bytes in both directions. For the
 * API's own calls to Services (webhooks, API servers that extend it); no client gets here.
 */
export const dialProtocol = 'naru-dial';

export interface DialTarget {
  readonly pod: { readonly namespace: string; readonly name: string };
  readonly port: number;
}

export function dialPath({ pod, port }: DialTarget): string {
  return `/${['podDial', pod.namespace, pod.name, String(port)].map(encodeURIComponent).join('/')}`;
}

const dialForm = /^\/podDial\/([^/?]+)\/([^/?]+)\/(\d{1,5})$/;

/** Undefined: the path is another. */
export function parseDialPath(path: string): DialTarget | undefined {
  const [, namespace = '', name = '', port] = dialForm.exec(path) ?? [];
  if (port === undefined) return undefined;
  return { pod: { namespace: decodeURIComponent(namespace), name: decodeURIComponent(name) }, port: Number(port) };
}

const podForm = /^\/podProxy\/([^/?]+)\/([^/?]+)\/(https?)\/(\d{1,5})(\/.*)$/;
const nodeForm = /^\/nodeProxy\/(https?)\/(\d{1,5})(\/.*)$/;

/** Undefined: the path is another. */
export function parseProxyPath(path: string): (ProxyTarget & { readonly rest: string }) | undefined {
  const ofPod = podForm.exec(path);
  if (ofPod !== null) {
    const [, namespace = '', name = '', scheme, port, rest = '/'] = ofPod;
    const pod = { namespace: decodeURIComponent(namespace), name: decodeURIComponent(name) };
    return { pod, scheme: scheme as 'http' | 'https', port: Number(port), rest };
  }
  const [, scheme, port, rest = '/'] = nodeForm.exec(path) ?? [];
  return scheme === undefined ? undefined : { scheme: scheme as 'http' | 'https', port: Number(port), rest };
}

/** Headers of one connection, which go no further (RFC 9110, 7.6.1), and those that `Connection` names. */
const ofOneHop: ReadonlySet<string> = new Set([
  'connection',
  'proxy-connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

export function withoutHopHeaders(pairs: HeaderPairs): HeaderPairs {
  const named = pairs.filter(([name]) => name.toLowerCase() === 'connection').flatMap(([, value]) => value.split(','));
  const dropped = new Set([...ofOneHop, ...named.map((name) => name.trim().toLowerCase())]);
  return pairs.filter(([name]) => !dropped.has(name.toLowerCase()));
}

const notProxyable = new net.BlockList();
for (const [range, bits] of [
  ['0.0.0.0', 32],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['224.0.0.0', 4],
  ['255.255.255.255', 32],
] as const) {
  notProxyable.addSubnet(range, bits, 'ipv4');
}
for (const [range, bits] of [
  ['::', 128],
  ['::1', 128],
  ['fe80::', 10],
  ['ff00::', 8],
] as const) {
  notProxyable.addSubnet(range, bits, 'ipv6');
}

/** Neither this machine itself nor its link, nor many at once (Go's `IsGlobalUnicast`). */
export function isProxyable(address: string): boolean {
  const family = net.isIP(address);
  return family !== 0 && !notProxyable.check(address, family === 6 ? 'ipv6' : 'ipv4');
}
