/**
 * The server's way to its nodes (ARCHITECTURE.md, D7): a table of who is connected, and the endpoint where agents dial in.
 *
 * ```
 *  agent ── TLS, GET /connect/v1/nodes/NAME, Upgrade ──▶ endpoint ── 101 ──▶ same socket, HTTP/2, roles turned round
 *  agent ◀── requests: logs, exec, … ──────────────────── NodeConnectionTable.call()
 * ```
 * Kept true: only `system:node:NAME` connects as NAME; the newest connection of a node is the one that counts; an agent that
 * vanished is noticed within 20 s. The agent's end is `src/agent/tunnel.ts`.
 */
import type { IncomingMessage } from 'node:http';
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  type IncomingHttpHeaders,
  type IncomingHttpStatusHeader,
} from 'node:http2';
import { Readable } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { StatusError } from '../api/status-error.ts';
import {
  type NodeConnections,
  type NodeHandler,
  type NodeRequest,
  type NodeResponse,
  tunnelHttp2,
  tunnelNode,
  tunnelProtocol,
  tunnelUpgradeHeader,
} from '../client/node-api.ts';
import type { Clock } from '../lib/clock.ts';
import { keepAlive } from '../lib/http2-keep-alive.ts';
import type { Logger } from '../lib/log.ts';
import { nodeNameOf } from '../registry/node-identity.ts';
import { type Authenticator, authenticate } from './authentication/authentication.ts';
import type { Connection } from './http/connection.ts';
import { errorAnswer } from './object-answers.ts';

const unavailable = (message: string, cause?: unknown): StatusError =>
  new StatusError(503, 'ServiceUnavailable', message, undefined, { cause });

export class NodeConnectionTable implements NodeConnections {
  readonly #handlers = new Map<string, NodeHandler>();

  async call(node: string, request: NodeRequest): Promise<NodeResponse> {
    const handler = this.#handlers.get(node);
    if (handler === undefined) throw unavailable(`node ${JSON.stringify(node)} is not connected`);
    return handler.handle(request);
  }

  register(node: string, handler: NodeHandler): () => void {
    this.#handlers.set(node, handler);
    return () => {
      if (this.#handlers.get(node) === handler) this.#handlers.delete(node);
    };
  }

  /** The names of the nodes that are connected now. */
  get connected(): readonly string[] {
    return [...this.#handlers.keys()];
  }
}

export interface NodeTunnelEndpointOptions {
  readonly nodes: NodeConnections;
  readonly authenticators: readonly Authenticator[];
  readonly clock: Clock;
  readonly log: Logger;
}

export class NodeTunnelEndpoint {
  readonly #options: NodeTunnelEndpointOptions;
  readonly #sessions = new Map<string, ClientHttp2Session>();

  constructor(options: NodeTunnelEndpointOptions) {
    this.#options = options;
  }

  isFor(request: IncomingMessage): boolean {
    return request.headers.upgrade === tunnelProtocol && tunnelNode(request.url ?? '') !== '';
  }

  /** Takes the socket over, or answers why not. Never rejects. */
  async accept(request: IncomingMessage, socket: TLSSocket, head: Buffer, connection: Connection): Promise<void> {
    const node = tunnelNode(request.url ?? '');
    socket.on('error', ignore);
    try {
      const user = await authenticate(this.#options.authenticators, {
        certificate: connection.certificate,
        headers: request.headers,
      });
      if (nodeNameOf(user) !== node) throw notThisNode(user.name, node);
    } catch (error) {
      this.#options.log.warn('node connection refused', { node, remoteAddress: connection.remoteAddress, error });
      return refuse(socket, error);
    }
    if (head.length > 0) socket.unshift(head);
    // With a write under way, handing the socket to HTTP/2 aborts the process (a native assertion of Node).
    socket.write(switching, () => setImmediate(() => this.#open(node, socket)));
  }

  /** Cuts all tunnels; the agents dial again. */
  close(): void {
    for (const session of this.#sessions.values()) session.destroy();
  }

  #open(node: string, socket: TLSSocket): void {
    if (socket.destroyed) return;
    const { clock, log, nodes } = this.#options;
    const session = openSession(socket);
    keepAlive(session, { clock, intervalMs: tunnelHttp2.pingIntervalMs, answerMsMax: tunnelHttp2.pingAnswerMsMax });
    this.#sessions.get(node)?.destroy();
    this.#sessions.set(node, session);
    const withdraw = nodes.register(node, new TunnelHandler(node, session));
    log.info('node connected', { node });
    session.on('error', (error) => log.info('node connection broke', { node, error }));
    session.once('close', () => {
      withdraw();
      if (this.#sessions.get(node) === session) this.#sessions.delete(node);
      log.info('node disconnected', { node });
    });
  }
}

function openSession(socket: TLSSocket): ClientHttp2Session {
  const session = connect('http://agent', {
    createConnection: () => socket,
    settings: { initialWindowSize: tunnelHttp2.streamWindowBytes, enablePush: false },
    peerMaxConcurrentStreams: tunnelHttp2.streamsMax,
    maxSessionMemory: tunnelHttp2.sessionMemoryMegabytesMax,
  });
  session.once('connect', () => session.setLocalWindowSize(tunnelHttp2.connectionWindowBytes));
  return session;
}

const switching = `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${tunnelProtocol}\r\n\r\n`;

function notThisNode(user: string, node: string): StatusError {
  return new StatusError(403, 'Forbidden', `forbidden: User "${user}" cannot connect as node "${node}"`, {});
}

function refuse(socket: TLSSocket, error: unknown): void {
  const { status, body } = errorAnswer(error, { encoding: 'json', pretty: false });
  const text = Buffer.concat(body).toString();
  const head = `HTTP/1.1 ${status} Refused\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(text)}`;
  // What was sent beyond the request has to be read: with it unread, the socket would not see that its client has gone.
  socket.resume();
  socket.write(`${head}\r\nConnection: close\r\n\r\n${text}`);
  socket.destroySoon();
}

/** The far agent as if it were here. */
class TunnelHandler implements NodeHandler {
  readonly #node: string;
  readonly #session: ClientHttp2Session;

  constructor(node: string, session: ClientHttp2Session) {
    this.#node = node;
    this.#session = session;
  }

  handle(request: NodeRequest): Promise<NodeResponse> {
    return new Promise((resolve, reject) => {
      if (request.signal.aborted) throw unavailable('the client has gone', request.signal.reason);
      const stream = this.#request(request);
      const cancel = (): void => stream.close(constants.NGHTTP2_CANCEL);
      request.signal.addEventListener('abort', cancel, { once: true });
      stream.once('response', (headers) => resolve(responseOf(stream, headers)));
      stream.on('error', (error) => reject(this.#broken(error)));
      stream.once('close', () => {
        request.signal.removeEventListener('abort', cancel);
        reject(this.#broken());
      });
      if (request.body !== undefined) upload(request.body, stream);
    });
  }

  #request({ method, path, headers, body, upgrade }: NodeRequest): ClientHttp2Stream {
    try {
      const asked = upgrade === undefined ? {} : { [tunnelUpgradeHeader]: upgrade };
      const head = { ...headers, ...asked, ':method': method, ':path': path };
      return this.#session.request(head, { endStream: body === undefined && upgrade === undefined });
    } catch (error) {
      throw this.#broken(error);
    }
  }

  #broken(cause?: unknown): StatusError {
    return unavailable(`the connection to node ${JSON.stringify(this.#node)} broke`, cause);
  }
}

/**
 * Not a pipeline: an agent that answers and closes before it has read everything has answered all the same, and its answer needs the
 * client's connection, which would go with the body.
 */
function upload(body: Readable, stream: ClientHttp2Stream): void {
  const brokenOff = (): void => {
    if (!body.readableEnded) stream.close(constants.NGHTTP2_CANCEL);
  };
  if (body.destroyed) return stream.close(constants.NGHTTP2_CANCEL);
  body.on('error', brokenOff);
  body.once('close', brokenOff);
  stream.once('close', () => {
    // What nobody will read any more must not keep the client from reading.
    body.unpipe(stream);
    body.resume();
  });
  body.pipe(stream);
}

function responseOf(stream: ClientHttp2Stream, headers: IncomingHttpHeaders & IncomingHttpStatusHeader): NodeResponse {
  const plain: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (!name.startsWith(':') && name !== tunnelUpgradeHeader && value !== undefined) plain[name] = String(value);
  }
  if (headers[tunnelUpgradeHeader] !== undefined) {
    return { status: 101, headers: plain, body: Readable.from([]), connection: stream };
  }
  return { status: headers[':status'] ?? 502, headers: plain, body: stream };
}

function ignore(): void {}
