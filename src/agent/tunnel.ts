/**
 * The agent's end of its connection to the server (ARCHITECTURE.md, D7): dials out, and then answers the calls that come back
 * over the same connection. A node needs no open port.
 *
 * It dials for as long as it lives, waiting longer after each failure, and a server that vanished is noticed within 20 s. What
 * the calls do is the `NodeHandler`'s; how the server makes them is told in `src/server/node-tunnel.ts`.
 */
import { type IncomingMessage, STATUS_CODES } from 'node:http';
import {
  constants,
  type IncomingHttpHeaders,
  performServerHandshake,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import { request as httpsRequest, type RequestOptions } from 'node:https';
import { pipeline } from 'node:stream/promises';
import type { ConnectionOptions, TLSSocket } from 'node:tls';
import { internalError, StatusError } from '../api/status-error.ts';
import {
  type NodeHandler,
  type NodeRequest,
  type NodeResponse,
  tunnelHttp2,
  tunnelPath,
  tunnelProtocol,
  tunnelUpgradeHeader,
} from '../client/node-api.ts';
import { Backoff } from '../lib/backoff.ts';
import type { Clock } from '../lib/clock.ts';
import { keepAlive } from '../lib/http2-keep-alive.ts';
import { joinStreams } from '../lib/join-streams.ts';
import { limits } from '../lib/limits.ts';
import type { Logger } from '../lib/log.ts';
import type { Prng } from '../lib/prng.ts';
import type { Service } from '../lib/service.ts';

/** PEM texts. */
export interface TunnelCredentials {
  readonly authority: string;
  readonly certificate: string;
  readonly key: string;
}

export interface NodeTunnelOptions {
  readonly server: { readonly host: string; readonly port: number };
  readonly node: string;
  /** Asked at each dial, so that a renewed certificate is taken up. */
  readonly credentials: () => TunnelCredentials;
  readonly handler: NodeHandler;
  readonly clock: Clock;
  readonly prng: Prng;
  readonly log: Logger;
}

const dialMsMax = 15_000;
const retry = { baseMs: 500, maxMs: 10_000 } as const;

export class NodeTunnel implements Service {
  readonly name = 'node-tunnel';
  readonly #options: NodeTunnelOptions;
  readonly #backoff = new Backoff(retry);
  #stop: AbortController | undefined;
  #running: Promise<void> = Promise.resolve();
  #session: ServerHttp2Session | undefined;

  constructor(options: NodeTunnelOptions) {
    this.#options = options;
  }

  /** The server can call now. */
  get connected(): boolean {
    return this.#session !== undefined;
  }

  /** Begins to dial and does not wait: an agent does its work also while the server is away. */
  async start(): Promise<void> {
    const stop = new AbortController();
    this.#stop = stop;
    this.#running = this.#run(stop.signal);
  }

  async close(): Promise<void> {
    this.destroy();
    await this.#running;
  }

  destroy(): void {
    this.#stop?.abort(new Error('the tunnel was closed'));
    this.#session?.destroy();
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { clock, log, node, prng } = this.#options;
    while (!signal.aborted) {
      try {
        await this.#connectOnce(signal);
      } catch (error) {
        if (!signal.aborted) log.warn('no connection to the server', { node, error });
      }
      // Many agents lose the same server at once: they must not come back at once.
      const waitMs = this.#backoff.next('dial') * (0.5 + prng.next() / 2);
      await clock.sleep(waitMs, signal).catch(ignore);
    }
  }

  /** Resolves when a connection that stood has ended. */
  async #connectOnce(signal: AbortSignal): Promise<void> {
    const socket = await this.#dial(signal);
    const { clock, log, node } = this.#options;
    const session = openSession(socket);
    keepAlive(session, { clock, intervalMs: tunnelHttp2.pingIntervalMs, answerMsMax: tunnelHttp2.pingAnswerMsMax });
    session.on('stream', (stream, headers) => void serve(this.#options, stream, headers));
    session.on('error', (error) => log.info('connection to the server broke', { node, error }));
    this.#session = session;
    this.#backoff.forget('dial');
    log.info('connected to the server', { node });
    await new Promise<void>((resolve) => session.once('close', resolve));
    this.#session = undefined;
  }

  #dial(signal: AbortSignal): Promise<TLSSocket> {
    const { server, node, clock } = this.#options;
    const { authority, certificate, key } = this.#options.credentials();
    return new Promise((resolve, reject) => {
      const options: RequestOptions & Pick<ConnectionOptions, 'ALPNProtocols'> = {
        ...server,
        ca: authority,
        cert: certificate,
        key,
        agent: false,
        signal,
        minVersion: 'TLSv1.2',
        ALPNProtocols: ['http/1.1'],
        path: tunnelPath(node),
        headers: { connection: 'Upgrade', upgrade: tunnelProtocol },
      };
      const request = httpsRequest(options);
      const late = clock.after(dialMsMax, () => request.destroy(new Error('the server did not answer in time')));
      request.once('close', () => late.cancel());
      request.once('error', reject);
      request.once('response', (response) => void refusal(response).then(reject, reject));
      request.once('upgrade', (_response, socket, head) => {
        late.cancel();
        socket.setKeepAlive(true, 30_000);
        socket.setNoDelay(true);
        if (head.length > 0) socket.unshift(head);
        resolve(socket as TLSSocket);
      });
      request.end();
    });
  }
}

function openSession(socket: TLSSocket): ServerHttp2Session {
  const session = performServerHandshake(socket, {
    settings: { initialWindowSize: tunnelHttp2.streamWindowBytes, maxConcurrentStreams: tunnelHttp2.streamsMax },
    maxSessionMemory: tunnelHttp2.sessionMemoryMegabytesMax,
  });
  session.setLocalWindowSize(tunnelHttp2.connectionWindowBytes);
  return session;
}

async function refusal(response: IncomingMessage): Promise<Error> {
  let text = '';
  response.setEncoding('utf8');
  for await (const chunk of response) if (text.length < 4096) text += chunk as string;
  const code = response.statusCode ?? 0;
  return new Error(`the server refused the connection: ${code} ${STATUS_CODES[code] ?? ''} ${text.trim()}`);
}

/** One call. Never rejects. */
async function serve(
  { handler, clock }: Pick<NodeTunnelOptions, 'handler' | 'clock'>,
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
): Promise<void> {
  stream.on('error', ignore);
  const answer = await answerOf(handler, requestOf(stream, headers));
  if (stream.destroyed) {
    answer.connection?.destroy();
    return void (typeof answer.body === 'string' || answer.body.destroy());
  }
  if (answer.connection !== undefined) {
    stream.respond({ ...answer.headers, [tunnelUpgradeHeader]: 'accepted', ':status': 200 });
    return joinStreams(stream, answer.connection, { clock, lingerMsMax: limits.connectionLingerMsMax });
  }
  stream.respond({ ...answer.headers, ':status': answer.status });
  if (typeof answer.body === 'string') stream.end(answer.body);
  else await pipeline(answer.body, stream).catch(() => stream.close(constants.NGHTTP2_INTERNAL_ERROR));
}

function requestOf(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): NodeRequest {
  const gone = new AbortController();
  stream.once('close', () => gone.abort(new Error('the call is over')));
  const plain: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (!name.startsWith(':') && name !== tunnelUpgradeHeader && value !== undefined) plain[name] = String(value);
  }
  const upgrade = headers[tunnelUpgradeHeader];
  return {
    method: headers[':method'] ?? '',
    path: headers[':path'] ?? '',
    headers: plain,
    // An upgrade's bytes are the connection's, not a body.
    ...(upgrade === undefined ? { body: stream } : { upgrade: String(upgrade) }),
    signal: gone.signal,
  };
}

type Answer = Omit<NodeResponse, 'body'> & { readonly body: NodeResponse['body'] | string };

async function answerOf(handler: NodeHandler, request: NodeRequest): Promise<Answer> {
  try {
    return await handler.handle(request);
  } catch (error) {
    return asAnswer(error);
  }
}

function asAnswer(error: unknown): Answer {
  const failure = error instanceof StatusError ? error : internalError(error);
  const headers = { 'content-type': 'application/json' };
  return { status: failure.code, headers, body: JSON.stringify(failure.toStatus()) };
}

function ignore(): void {}
