/**
 * Requests for group-versions that another server answers for: passed on as they are, with this server's word on whom they are from.
 *
 * ```
 *  client ─▶ who, may they (pipeline) ─▶ APIService available? ─▶ its Service, by the front proxy's certificate, X-Remote-* ─▶ extension server
 *         ◀─ head without what is of one hop ◀─ body, at the client's pace, or bytes of another protocol ◀─
 * ```
 * Kept true: what a client itself says in such headers, and its credentials, go no further; a redirect is never followed nor passed on, since
 * the client would carry its credentials elsewhere; half an answer is never taken for a whole one.
 */
import type { IncomingMessage, RequestOptions } from 'node:http';
import { request } from 'node:https';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { tooManyRequests } from '../../api/status-error.ts';
import { type HeaderPairs, withoutHopHeaders } from '../../client/node-proxy.ts';
import type { Clock } from '../../lib/clock.ts';
import { joinStreams } from '../../lib/join-streams.ts';
import { limits } from '../../lib/limits.ts';
import { type Answer, textAnswer } from '../answer.ts';
import { remoteHeaderPairs } from '../authentication/remote-headers.ts';
import type { RequestContext } from '../context.ts';
import { closeSignal, type Exchange } from '../http/exchange.ts';
import { isClosedBefore } from '../outside/go-errors.ts';
import { NoEndpoints } from '../outside/service-endpoints.ts';
import { answeredHeaders, forwardedHead, switchingHead } from '../proxy/proxy-heads.ts';
import type { RemoteApi } from './api-service-index.ts';
import { type ExtensionServers, hostOf, reasonOf } from './extension-servers.ts';

export interface ExtensionProxyOptions {
  readonly servers: ExtensionServers;
  readonly clock: Clock;
}

/** What there is, is told quickly or not at all: clients ask many servers for it, one after the other. */
const discoveryMsMax = 5_000;

const bodiless: ReadonlySet<number> = new Set([204, 304]);

const unavailable = (why: string): Answer => textAnswer(503, `${why}\n`, { 'x-content-type-options': 'nosniff' });

const redirected = (): Answer =>
  textAnswer(502, 'the backend attempted to redirect this request, which is not permitted');

export class ExtensionProxy {
  readonly #options: ExtensionProxyOptions;
  /** Requests under way, by APIService. */
  readonly #underWay = new Map<string, number>();

  constructor(options: ExtensionProxyOptions) {
    this.#options = options;
  }

  /** Undefined: the answer went its own way. `isDiscovery`: the path is `/apis/GROUP/VERSION`. @throws StatusError TooManyRequests */
  async answer(context: RequestContext, api: RemoteApi, isDiscovery: boolean): Promise<Answer | undefined> {
    if (!api.isAvailable) return unavailable('service unavailable');
    if (lastsLong(context)) return this.#answer(context, api, isDiscovery);
    const count = this.#underWay.get(api.name) ?? 0;
    if (count >= limits.extensionRequestsInFlightMax) {
      throw tooManyRequests('Too many requests, please try again later.', 1);
    }
    this.#underWay.set(api.name, count + 1);
    try {
      return await this.#answer(context, api, isDiscovery);
    } finally {
      const left = (this.#underWay.get(api.name) ?? 1) - 1;
      if (left > 0) this.#underWay.set(api.name, left);
      else this.#underWay.delete(api.name);
    }
  }

  async #answer(context: RequestContext, api: RemoteApi, isDiscovery: boolean): Promise<Answer | undefined> {
    const gone = closeSignal(context.exchange);
    const given = new AbortController();
    gone.addEventListener('abort', () => given.abort(gone.reason), { once: true });
    const late = new Error('context deadline exceeded');
    const timer = isDiscovery ? this.#options.clock.after(discoveryMsMax, () => given.abort(late)) : undefined;
    try {
      return await this.#pass(context, await this.#reach(context, api, given.signal));
    } catch (error) {
      if (context.exchange.answered) throw error;
      // The text tells users no more than upstream's: where its endpoints are is not theirs to know.
      if (error instanceof NoEndpoints) return unavailable('service unavailable');
      return unavailable(`error trying to reach service: ${reasonOf(error)}`);
    } finally {
      timer?.cancel();
    }
  }

  /** A connection that was kept may have been closed at the far end just now: then once more, where nothing can have been done yet. */
  async #reach(context: RequestContext, api: RemoteApi, signal: AbortSignal): Promise<Reached> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#send(context, api, signal);
      } catch (error) {
        if (!(error instanceof StaleConnection) || attempt === attemptsMax) throw error;
      }
    }
  }

  #send(context: RequestContext, api: RemoteApi, signal: AbortSignal): Promise<Reached> {
    const { exchange } = context;
    const { requestBody: body, upgrade } = exchange;
    const passed = upgrade === undefined ? body : undefined;
    const options: RequestOptions = {
      agent: this.#options.servers.agentFor(api),
      host: hostOf(api),
      method: exchange.method,
      path: exchange.url,
      headers: headOf(context, api, passed !== undefined).flat(),
      setHost: false,
      signal,
    };
    return new Promise((resolve, reject) => {
      const sent = request(options);
      const fail = (error: NodeJS.ErrnoException): void => {
        const isStale = sent.reusedSocket && isClosedBefore(error) && passed === undefined;
        reject(isStale && !signal.aborted ? new StaleConnection(error) : error);
      };
      sent.on('error', fail);
      // A request whose connection does not stand yet would tell of it only when that does.
      signal.addEventListener('abort', () => fail(signal.reason as Error), { once: true });
      sent.once('response', (response) => resolve({ response }));
      sent.once('upgrade', (response, connection, first) => {
        connection.on('error', ignore);
        if (upgrade === undefined) {
          connection.destroy();
          return fail(new Error('malformed HTTP response: 101 Switching Protocols, without having been asked to'));
        }
        if (first.length > 0) connection.unshift(first);
        resolve({ response, connection });
      });
      if (passed === undefined) return void sent.end();
      passed.on('error', fail);
      // Not a pipeline: a server that answers and closes before it has read everything has answered all the same.
      passed.pipe(sent);
    });
  }

  async #pass({ exchange, headers }: RequestContext, reached: Reached): Promise<Answer | undefined> {
    const { response, connection } = reached;
    const { statusCode: status = 502 } = response;
    const pairs = pairsOf(response);
    if (connection !== undefined && exchange.upgrade !== undefined) {
      const { socket, head } = exchange.upgrade.take();
      socket.write(switchingHead(pairs));
      if (head.length > 0) connection.write(head);
      await joinStreams(socket, connection, { clock: this.#options.clock, lingerMsMax: limits.connectionLingerMsMax });
      return undefined;
    }
    if (status >= 300 && status < 400 && response.headers.location !== undefined) {
      response.destroy();
      return redirected();
    }
    const answered = answeredHeaders(withoutHopHeaders(pairs));
    await flow(exchange, response, { ...answered, 'audit-id': String(headers['audit-id']) }, status);
    return undefined;
  }
}

/** As long as the client likes. */
function lastsLong({ exchange, query }: RequestContext): boolean {
  return exchange.upgrade !== undefined || query.has('watch') || query.has('follow');
}

interface Reached {
  readonly response: IncomingMessage;
  readonly connection?: Duplex;
}

/** Nothing of an answer came over a connection that had been used before. */
class StaleConnection extends Error {
  constructor(cause: unknown) {
    super('EOF', { cause });
  }
}

const attemptsMax = 4;

function headOf({ exchange, user, path, headers: own }: RequestContext, api: RemoteApi, hasBody: boolean): HeaderPairs {
  const { headers, connection, upgrade } = exchange;
  const { remoteAddress } = connection;
  const head = forwardedHead({ headers, remoteAddress, uri: path, hasBody, upgrade: upgrade?.protocol });
  return [
    ['host', hostOf(api)],
    ...head.filter(([name]) => name !== 'host' && name !== 'audit-id'),
    ['audit-id', String(own['audit-id'])],
    ...remoteHeaderPairs(user),
  ];
}

function pairsOf({ rawHeaders }: IncomingMessage): HeaderPairs {
  const pairs: [string, string][] = [];
  for (let at = 0; at < rawHeaders.length; at += 2) pairs.push([rawHeaders[at] ?? '', rawHeaders[at + 1] ?? '']);
  return pairs;
}

async function flow(
  exchange: Exchange,
  response: IncomingMessage,
  headers: Record<string, string | string[]>,
  status: number,
): Promise<void> {
  const out = exchange.stream(status, headers);
  if (exchange.method === 'HEAD' || bodiless.has(status)) {
    response.resume();
    if (!out.writableEnded) out.end();
    return;
  }
  try {
    await pipeline(response, out);
  } catch {
    // One of them broke off: the client must not take half an answer for a whole one.
    response.destroy();
    exchange.abort();
  }
}

function ignore(): void {}
