/**
 * What the server asks for, read from the request: the kubelet's paths and parameters, and the protocol that both sides know. Pure.
 *
 * ```
 *  /exec/NAMESPACE/POD/CONTAINER?command=…&input=1&output=1&error=1&tty=1      /attach/…      /portForward/NAMESPACE/POD?port=80
 * ```
 */
import { badRequest, StatusError } from '../../api/status-error.ts';
import type { NodeRequest } from '../../client/node-api.ts';
import type { StreamOptions } from './session.ts';

export interface StreamingRequest {
  readonly kind: 'exec' | 'attach' | 'portForward';
  readonly namespace: string;
  readonly pod: string;
  /** Empty for a port-forward. */
  readonly container: string;
  readonly command: readonly string[];
  readonly options: StreamOptions;
  readonly ports: readonly string[];
}

const kinds: readonly string[] = ['exec', 'attach', 'portForward'] satisfies StreamingRequest['kind'][];

export function isStreamingPath(path: string): boolean {
  return kinds.includes(path.split(/[/?]/)[1] ?? '');
}

/** Undefined where the path is none of these. @throws StatusError BadRequest */
export function parseStreamingRequest(path: string): StreamingRequest | undefined {
  const url = new URL(path, 'http://node');
  const [kind = '', namespace, pod, container = '', ...more] = url.pathname.split('/').slice(1).map(decodeURIComponent);
  const isWhole = namespace && pod && more.length === 0 && (kind === 'portForward') === (container === '');
  if (!kinds.includes(kind) || !isWhole) return undefined;
  const query = url.searchParams;
  const request = {
    kind: kind as StreamingRequest['kind'],
    namespace,
    pod,
    container,
    command: query.getAll('command'),
    options: streamOptions(query),
    ports: query.getAll('port'),
  };
  if (request.kind !== 'portForward') check(request);
  return request;
}

function streamOptions(query: URLSearchParams): StreamOptions {
  const tty = flag(query, 'tty');
  // A terminal has one output.
  return { stdin: flag(query, 'input'), stdout: flag(query, 'output'), stderr: flag(query, 'error') && !tty, tty };
}

function flag(query: URLSearchParams, name: string): boolean {
  return /^(1|true)$/.test(query.get(name) ?? '');
}

function check({ kind, command, options: { stdin, stdout, stderr } }: StreamingRequest): void {
  if (!stdin && !stdout && !stderr) throw badRequest('you must specify at least 1 of stdin, stdout, stderr');
  if (kind === 'exec' && command.length === 0)
    throw badRequest('you must specify at least one command for the container');
}

/** Whether the client speaks WebSocket or SPDY. @throws StatusError BadRequest where it asked for neither */
export function upgradeOf({ upgrade }: NodeRequest): 'websocket' | 'spdy' {
  if (upgrade === 'websocket') return 'websocket';
  if (upgrade === 'spdy/3.1') return 'spdy';
  throw badRequest('Upgrade request required');
}

/** What the client offers, in its order. */
export function offered({ headers }: NodeRequest, upgrade: 'websocket' | 'spdy'): string[] {
  const text = headers[upgrade === 'spdy' ? 'x-stream-protocol-version' : 'sec-websocket-protocol'] ?? '';
  return text.split(',').flatMap((name) => name.trim() || []);
}

/** No protocol in common; `accepted` for the client's next attempt. */
export class NegotiationError extends StatusError {
  readonly accepted: readonly string[];

  constructor(theirs: readonly string[], accepted: readonly string[]) {
    const both = `client supports [${theirs.join(' ')}], server accepts [${accepted.join(' ')}]`;
    super(403, 'Forbidden', `unable to upgrade: unable to negotiate protocol: ${both}`, {});
    this.accepted = accepted;
  }
}

/** The first that the client offers and we know; one that offers none gets ours where `''` is known. @throws NegotiationError */
export function negotiate(theirs: readonly string[], ours: readonly string[]): string {
  const chosen = theirs.length === 0 ? ours.find((name) => name === '') : theirs.find((name) => ours.includes(name));
  if (chosen !== undefined) return chosen;
  throw new NegotiationError(
    theirs,
    ours.filter((name) => name !== ''),
  );
}
