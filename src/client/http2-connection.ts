/**
 * One HTTP/2 session to a server, made when first needed and again after it was lost.
 *
 * ```
 *  none ──open()──▶ connecting ──▶ connected ──goaway, close, error, no pong──▶ none
 * ```
 * Kept true: streams of a lost session end with an error; the next request dials anew, so one lost connection costs one round of
 * errors. A silent connection is found out by pings while anything is open. Nothing is retried here.
 */
import http2 from 'node:http2';
import type { Clock, Timer } from '../lib/clock.ts';
import { timedOut, unreachable } from './errors.ts';
import type { ClientConfig } from './kubeconfig.ts';

/** As upstream's: a connection that is silent for so long is asked whether it lives, and has so long to answer. */
const pingEveryMs = 30_000;
const pongWithinMs = 15_000;
const connectMsMax = 10_000;
/** Longer than any answer may take. */
const leaveMsMax = 60_000;

/** Windows large enough for a long list to come in few round trips. */
const streamWindowBytes = 1024 * 1024;
const sessionWindowBytes = 16 * 1024 * 1024;

export class Http2Connection {
  #config: ClientConfig;
  readonly #clock: Clock;
  #session: Promise<http2.ClientHttp2Session> | undefined;
  #current: http2.ClientHttp2Session | undefined;
  /** Of old certificates. */
  readonly #leaving = new Set<http2.ClientHttp2Session>();
  #closed = false;

  constructor(config: ClientConfig, clock: Clock) {
    this.#config = config;
    this.#clock = clock;
  }

  /** A new stream. @throws StatusError ServiceUnavailable where the server cannot be reached */
  async open(headers: http2.OutgoingHttpHeaders, endStream: boolean): Promise<http2.ClientHttp2Stream> {
    if (this.#closed) throw unreachable('the client is closed');
    this.#session ??= this.#connect();
    const session = await this.#session;
    try {
      return session.request(headers, { endStream });
    } catch (error) {
      throw this.#failed(error);
    }
  }

  /** The next request dials with `config`. The old session gets a while for what is under way; then it is cut, watches with it. */
  renew(config: ClientConfig): void {
    this.#config = config;
    const old = this.#current;
    this.#forget();
    if (old === undefined) return;
    this.#leaving.add(old);
    const late = this.#clock.after(leaveMsMax, () => old.destroy());
    old.once('close', () => {
      late.cancel();
      this.#leaving.delete(old);
    });
    old.close();
  }

  close(): void {
    this.#closed = true;
    this.#current?.destroy();
    for (const session of this.#leaving) session.destroy();
    this.#forget();
  }

  #forget(session?: http2.ClientHttp2Session): void {
    if (session !== undefined && session !== this.#current) return;
    this.#session = undefined;
    this.#current = undefined;
  }

  #failed(error: unknown): Error {
    return unreachable(`${this.#config.server}: ${error instanceof Error ? error.message : String(error)}`, error);
  }

  #connect(): Promise<http2.ClientHttp2Session> {
    const session = http2.connect(this.#config.server, {
      ...tlsOptions(this.#config),
      settings: { initialWindowSize: streamWindowBytes, enablePush: false },
    });
    this.#current = session;
    return new Promise((resolve, reject) => {
      const late = this.#clock.after(connectMsMax, () => {
        reject(timedOut(`${this.#config.server}: no connection within ${connectMsMax} ms`));
        session.destroy();
      });
      let pings: Timer | undefined;
      session.once('connect', () => {
        late.cancel();
        if (session.alpnProtocol === 'h2') session.setLocalWindowSize(sessionWindowBytes);
        pings = this.#keepAlive(session);
        resolve(session);
      });
      session.on('goaway', () => this.#forget(session));
      session.on('error', (error) => reject(this.#failed(error)));
      session.once('close', () => {
        late.cancel();
        pings?.cancel();
        this.#forget(session);
        reject(this.#failed('the connection was closed (does the server speak HTTP/2?)'));
      });
    });
  }

  /** The timer in the result changes with each ping; cancelling it ends them all. */
  #keepAlive(session: http2.ClientHttp2Session): Timer {
    let timer = this.#clock.after(pingEveryMs, () => ping());
    const ping = (): void => {
      if (session.destroyed) return;
      timer = this.#clock.after(pongWithinMs, () => session.destroy(new Error('the server does not answer pings')));
      session.ping(() => {
        timer.cancel();
        if (!session.destroyed) timer = this.#clock.after(pingEveryMs, ping);
      });
    };
    return { cancel: () => timer.cancel() };
  }
}

function tlsOptions(config: ClientConfig): http2.SecureClientSessionOptions {
  return {
    ...(config.ca !== undefined && { ca: config.ca }),
    ...(config.clientCertificate !== undefined && { cert: config.clientCertificate }),
    ...(config.clientKey !== undefined && { key: config.clientKey }),
    ...(config.tlsServerName !== undefined && { servername: config.tlsServerName }),
    ...(config.insecureSkipTlsVerify === true && { rejectUnauthorized: false }),
  };
}
