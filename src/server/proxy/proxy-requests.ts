/**
 * `…/proxy/…` of pods, services and nodes: a client's way to programs in the cluster, for every method, WebSockets included.
 *
 * ```
 *  client ─▶ who is meant? (backends.ts) ─▶ the pod's node (NodeConnections) ─▶ agent ─▶ program
 *         ◀─ head changed (proxy-heads.ts), links rewritten (rewrite-*.ts) ◀─ body, at the client's pace ◀─
 * ```
 * Kept true: bodies flow in both directions and are never held as a whole, so that neither their length nor their time is bounded; whoever
 * ends first ends the other; what the client gets from a program it cannot take for the API's own error, nor half an answer for a whole one.
 */
import type { Duplex, Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createDeflateRaw, createGunzip, createGzip, createInflateRaw } from 'node:zlib';
import type { ResourceTable } from '../../api/resource-table.ts';
import { StatusError } from '../../api/status-error.ts';
import type { NodeConnections, NodeRequest, NodeResponse } from '../../client/node-api.ts';
import { decodeHead, encodeHead, type HeaderPairs, proxyHeadName, proxyPath } from '../../client/node-proxy.ts';
import type { Clock } from '../../lib/clock.ts';
import { joinStreams } from '../../lib/join-streams.ts';
import { limits } from '../../lib/limits.ts';
import type { Prng } from '../../lib/prng.ts';
import type { RequestHandler } from '../../registry/request.ts';
import type { Answer } from '../answer.ts';
import type { RequestContext } from '../context.ts';
import { closeSignal, type Exchange, type Upgrade } from '../http/exchange.ts';
import { agentError } from '../pod-log.ts';
import type { ResourcePath } from '../request-info.ts';
import { noSuchMethod } from '../resource-lookup.ts';
import { type Backend, Backends } from './backends.ts';
import { answeredHeaders, forwardedHead, headerText, hostOf, switchingHead } from './proxy-heads.ts';
import { LinkRewriter } from './rewrite-html.ts';
import { joinPath, type PageLocation, restOfPath, rewriteUrl } from './rewrite-url.ts';

export interface ProxyRequestsOptions {
  readonly handler: RequestHandler;
  readonly resources: ResourceTable;
  readonly nodes: NodeConnections;
  readonly clock: Clock;
  readonly prng: Prng;
}

const methods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);
const resources: ReadonlySet<string> = new Set(['pods', 'services', 'nodes']);

/** Paths of the agent by which it serves the API itself, and nobody else. */
const agentInternal = /^\/(podProxy|nodeProxy|podDial|localVolumes|localImages|exec|attach|portForward|run)(\/|\?|$)/;

export function isProxyPath(path: ResourcePath): boolean {
  const standsThere = path.resource === 'nodes' ? path.namespace === '' : path.namespace !== '';
  return (
    // The old form asks to watch: who may only do that is let in, and shall get no more by it.
    !path.watch &&
    path.subresource === 'proxy' &&
    path.group === '' &&
    path.version === 'v1' &&
    resources.has(path.resource) &&
    standsThere
  );
}

/** One request on its way through. */
interface Passage {
  readonly context: RequestContext;
  readonly backend: Backend;
  readonly page: PageLocation;
  /** The program's own path and query. */
  readonly rest: string;
}

export class ProxyRequests {
  readonly #options: ProxyRequestsOptions;
  readonly #backends: Backends;

  constructor(options: ProxyRequestsOptions) {
    this.#options = options;
    this.#backends = new Backends(options);
  }

  /** Undefined: the answer went its own way. @throws StatusError before anything was sent */
  async answer(context: RequestContext, path: ResourcePath): Promise<Answer | undefined> {
    const { exchange } = context;
    if (!methods.has(exchange.method)) throw noSuchMethod();
    const depth = path.namespace === '' ? 5 : 7;
    const pathname = restOfPath(context.path, depth);
    await this.#admit(context, path, pathname);
    const backend = await this.#backends.find(context.user, path);
    const query = queryOf(exchange.url);
    const isLooking = exchange.method === 'GET' || exchange.method === 'HEAD';
    // Relative links of the program's first page would else lead beside it.
    if (pathname === '' && isLooking && exchange.upgrade === undefined) return movedTo(`${context.path}/${query}`);
    const requestHost = hostOf(exchange.headers);
    const prefix = context.path
      .split('/')
      .slice(0, depth + 1)
      .join('/');
    const page = { prefix, requestHost, hosts: [backend.host, requestHost] };
    return this.#pass({ context, backend, page, rest: `${pathname || '/'}${query}` });
  }

  /** @throws StatusError what admission refuses */
  async #admit(
    { user, annotate }: RequestContext,
    { group, version, resource: name, ...place }: ResourcePath,
    pathname: string,
  ): Promise<void> {
    const { resources, handler } = this.#options;
    const resource = resources.find(group, version, name);
    if (resource === undefined) return;
    const target = { user, resource, namespace: place.namespace, name: place.name, subresource: 'proxy' };
    await handler.connect(target, pathname === '' ? {} : { path: pathname }, annotate ? { annotate } : {});
  }

  async #pass(passage: Passage): Promise<undefined> {
    const { context, backend } = passage;
    const { exchange } = context;
    const answer = await this.#options.nodes.call(backend.node, callOf(passage));
    const head = decodeHead(answer.headers[proxyHeadName]);
    if (backend.target === undefined) return sendOwn(exchange, answer, context);
    if (head === undefined) throw await agentError(answer, '');
    if (answer.connection !== undefined && exchange.upgrade !== undefined) {
      return this.#join(exchange.upgrade, head, answer.connection);
    }
    if (exchange.upgrade !== undefined && answer.status < 400) {
      answer.body.destroy();
      throw new StatusError(500, 'InternalError', `invalid upgrade response: status code ${answer.status}`);
    }
    await send(
      exchange,
      answer,
      { ...answeredHeaders(head), 'audit-id': String(context.headers['audit-id']) },
      passage.page,
    );
  }

  async #join(upgrade: Upgrade, head: HeaderPairs, connection: Duplex): Promise<undefined> {
    const { socket, head: first } = upgrade.take();
    socket.write(switchingHead(head));
    if (first.length > 0) connection.write(first);
    await joinStreams(socket, connection, { clock: this.#options.clock, lingerMsMax: limits.connectionLingerMsMax });
  }
}

function queryOf(url: string): string {
  const mark = url.indexOf('?');
  return mark < 0 ? '' : url.slice(mark);
}

const movedTo = (location: string): Answer => ({ status: 301, headers: { location }, body: [] });

function callOf({ context: { exchange }, backend, page, rest }: Passage): NodeRequest {
  const { method, headers, connection, upgrade } = exchange;
  const signal = closeSignal(exchange);
  if (backend.target === undefined) {
    if (agentInternal.test(rest)) throw new StatusError(404, 'NotFound', 'the node does not serve this path', {});
    return { method, path: rest, headers: {}, signal };
  }
  const body = upgrade === undefined ? exchange.requestBody : undefined;
  const head = encodeHead(
    forwardedHead({
      headers,
      remoteAddress: connection.remoteAddress,
      uri: joinPath(page.prefix, rest.split('?', 1)[0] ?? '/'),
      hasBody: body !== undefined,
      upgrade: upgrade?.protocol,
    }),
  );
  if (head.length > limits.proxiedHeaderBytesMax)
    throw new StatusError(431, 'BadRequest', 'the headers are too large to be proxied');
  return {
    method,
    path: proxyPath(backend.target, rest),
    headers: { [proxyHeadName]: head },
    signal,
    ...(body !== undefined && { body }),
    ...(upgrade !== undefined && { upgrade: upgrade.protocol }),
  };
}

/** What the agent serves itself, as it is. */
async function sendOwn(exchange: Exchange, answer: NodeResponse, { headers }: RequestContext): Promise<undefined> {
  await flow(exchange, answer.body, exchange.stream(answer.status, { ...headers, ...answer.headers }), []);
}

const bodiless: ReadonlySet<number> = new Set([204, 304]);

async function send(
  exchange: Exchange,
  answer: NodeResponse,
  headers: Record<string, string | string[]>,
  page: PageLocation,
): Promise<void> {
  const location = headerText(headers, 'location');
  if (location !== '') headers['location'] = rewriteUrl(location, page);
  const changes = location === '' && !bodiless.has(answer.status) ? rewriting(headers, page) : [];
  if (changes.length > 0) delete headers['content-length'];
  const out = exchange.stream(answer.status, headers);
  if (exchange.method === 'HEAD' || bodiless.has(answer.status)) {
    answer.body.resume();
    if (!out.writableEnded) out.end();
    return;
  }
  await flow(exchange, answer.body, out, changes);
}

/** What a page's body goes through; nothing for all other bodies, and for those whose encoding is not known. */
function rewriting(headers: Record<string, string | string[]>, page: PageLocation): Duplex[] {
  const type = headerText(headers, 'content-type').split(';', 1)[0]?.trim().toLowerCase();
  if (type !== 'text/html') return [];
  const rewriter = new LinkRewriter((url) => rewriteUrl(url, page));
  switch (headerText(headers, 'content-encoding')) {
    case '':
      return [rewriter];
    case 'gzip':
      return [createGunzip(), rewriter, createGzip()];
    case 'deflate':
      return [createInflateRaw(), rewriter, createDeflateRaw()];
    default:
      return [];
  }
}

async function flow(exchange: Exchange, body: Readable, out: Writable, changes: readonly Duplex[]): Promise<undefined> {
  try {
    await pipeline([body, ...changes, out]);
  } catch {
    // One of them broke off: the client must not take half an answer for a whole one.
    body.destroy();
    exchange.abort();
  }
}
