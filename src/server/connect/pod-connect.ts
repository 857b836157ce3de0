/**
 * `pods/exec`, `pods/attach`, `pods/portforward`: the way from a client to a pod. The server says who may and where the pod is; the bytes
 * behind the upgrade pass through; of a WebSocket only the frames' lengths are read. What they mean is the agent's affair
 * (`src/agent/streaming`).
 *
 * ```
 *  client ── GET, POST with Upgrade ──▶ may they create? ─▶ admission ─▶ pod, container, node ─▶ agent ── 101, or why not ──▶ client
 *  client ◀══════════════════════════ bytes, both ways, at the pace of the slower ═══════════════════════════▶ agent
 * ```
 * Kept true: no credentials reach the agent; whoever ends first, client or agent, ends the other.
 */

import type { Readable } from 'node:stream';
import { forbiddenError } from '../../api/refusal.ts';
import { badRequest } from '../../api/status-error.ts';
import type { NodeConnections, NodeResponse } from '../../client/node-api.ts';
import type { Clock } from '../../lib/clock.ts';
import { joinStreams } from '../../lib/join-streams.ts';
import { limits } from '../../lib/limits.ts';
import type { Authorizer, RequestHandler, RequestTarget } from '../../registry/request.ts';
import type { Answer } from '../answer.ts';
import { withoutBearerProtocol } from '../authentication/authentication.ts';
import type { RequestContext } from '../context.ts';
import { closeSignal, type Exchange, type Upgrade } from '../http/exchange.ts';
import { warningHeaders } from '../object-answers.ts';
import {
  type ConnectSubresource,
  connectOptions,
  connectPath,
  connectQuery,
  isConnectSubresource,
} from './connect-path.ts';
import { sendFrames } from './websocket-frames.ts';

export interface PodConnectOptions {
  readonly handler: RequestHandler;
  readonly authorizer: Authorizer;
  readonly nodes: NodeConnections;
  readonly clock: Clock;
}

export class PodConnect {
  readonly #options: PodConnectOptions;

  constructor(options: PodConnectOptions) {
    this.#options = options;
  }

  isFor({ resource, subresource }: RequestTarget): boolean {
    return resource.group === '' && resource.resource === 'pods' && isConnectSubresource(subresource);
  }

  /** Undefined: the connection is the client's and the agent's now. @throws StatusError */
  async serve(context: RequestContext, target: RequestTarget): Promise<Answer | undefined> {
    const { exchange, query } = context;
    await this.#mayCreate(exchange, target);
    const { handler } = this.#options;
    const subresource = target.subresource as ConnectSubresource;
    const { annotate } = context;
    const asked = connectOptions(subresource, query);
    const { options, warnings } = await handler.connect(target, asked, annotate ? { annotate } : {});
    const { object } = await handler.get({ ...target, subresource: '' });
    const { node, path } = connectPath(object, subresource, connectQuery(options));
    const { upgrade } = exchange;
    if (upgrade === undefined) throw badRequest('Upgrade request required');
    const answer = await this.#options.nodes.call(node, {
      method: exchange.method,
      path,
      headers: forwarded(exchange),
      upgrade: upgrade.protocol,
      signal: closeSignal(exchange),
    });
    if (answer.connection === undefined) return refusal(answer);
    this.#join(upgrade, { ...answer, headers: { ...answer.headers, ...warned(warnings) } }, answer.connection);
    return undefined;
  }

  /** A WebSocket begins with GET; whoever may only `get` shall not get a shell by it. @throws StatusError Forbidden */
  async #mayCreate(
    { method }: Exchange,
    { user, resource, subresource, namespace, name }: RequestTarget,
  ): Promise<void> {
    if (method === 'POST') return;
    const { group, version } = resource;
    const names = { group, version, resource: resource.resource, subresource, namespace, name, path: '' };
    const attributes = { user, verb: 'create', ...names };
    const { allowed, reason } = await this.#options.authorizer.decide(attributes);
    if (!allowed) throw forbiddenError(attributes, reason);
  }

  #join(upgrade: Upgrade, { headers }: NodeResponse, connection: NonNullable<NodeResponse['connection']>): void {
    const { socket, head } = upgrade.take();
    socket.write(switching(upgrade, headers));
    if (head.length > 0) socket.unshift(head);
    const options = { clock: this.#options.clock, lingerMsMax: limits.connectionLingerMsMax };
    const isWebSocket = upgrade.protocol === 'websocket';
    void joinStreams(socket, connection, isWebSocket ? { ...options, carry: sendFrames } : options);
  }
}

/** Several in one header. */
function warned(warnings: readonly string[]): Record<string, string> {
  const { warning } = warningHeaders(warnings);
  return warning === undefined ? {} : { warning: [warning].flat().join(', ') };
}

const passedOn = ['sec-websocket-key', 'sec-websocket-version', 'x-stream-protocol-version'] as const;

/** What the two protocols need of the request's head, and nothing else of it. */
function forwarded({ headers }: Exchange): Record<string, string> {
  const chosen: Record<string, string> = {};
  for (const name of passedOn) if (headers[name] !== undefined) chosen[name] = String(headers[name]);
  const protocols = withoutBearerProtocol(headers['sec-websocket-protocol'] ?? '');
  if (protocols !== '') chosen['sec-websocket-protocol'] = protocols;
  return chosen;
}

function switching({ request }: Upgrade, headers: Readonly<Record<string, string>>): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const protocol = request.headers.upgrade ?? '';
  return `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n${lines.join('')}\r\n`;
}

const refusalBytesMax = 64 * 1024;
const refusalHeaders = ['content-type', 'x-accepted-stream-protocol-versions'];

/** The agent's own words, as upstream passes on the kubelet's. */
async function refusal({ status, headers, body }: NodeResponse): Promise<Answer> {
  const kept = Object.entries(headers).filter(([name]) => refusalHeaders.includes(name));
  return { status, headers: Object.fromEntries(kept), body: await bounded(body) };
}

async function bounded(body: Readable): Promise<Buffer[]> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of body) {
    pieces.push(piece as Buffer);
    bytes += (piece as Buffer).length;
    if (bytes > refusalBytesMax) break;
  }
  return pieces;
}
