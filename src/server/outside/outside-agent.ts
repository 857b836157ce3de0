/**
 * Connections to one server outside, over TLS, kept for the next request: how the bytes get there is the `dial` that it is given.
 *
 * Kept true: a connection bears a certificate for `servername` that `ca` vouches for, unless `insecure`; each is closed when nobody has used
 * it for a while; HTTP/1.1 only, as upstream's webhooks, so that requests spread over all endpoints.
 */
import type { ClientRequestArgs } from 'node:http';
import { Agent } from 'node:https';
import { isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as connectTls, createSecureContext, type SecureContext, type TLSSocket } from 'node:tls';
import type { Clock } from '../../lib/clock.ts';
import { callText, nameProblem } from './go-errors.ts';
import { DialFault } from './service-dialer.ts';

export interface OutsideTrust {
  /** The name or address that the server's certificate must be for. */
  readonly servername: string;
  /** PEM; the system's authorities where absent. */
  readonly ca?: string | undefined;
  /** PEM: what this side shows. Asked for each connection, so that a renewed one is taken up. */
  readonly client?: (() => Promise<{ readonly certificate: string; readonly key: string }>) | undefined;
  /** Whoever answers is believed. */
  readonly insecure?: boolean | undefined;
}

export interface OutsideAgentOptions {
  readonly dial: (signal: AbortSignal) => Promise<Duplex>;
  readonly trust: OutsideTrust;
  readonly clock: Clock;
  /** Connections that are kept for later. How many there are at a time is the caller's to bound: one is made for each request that finds none. */
  readonly keptMax: number;
}

const idleMsMax = 90_000;
const handshakeMsMax = 10_000;

export class OutsideAgent extends Agent {
  readonly #options: OutsideAgentOptions;
  readonly #closed = new AbortController();
  #context: { readonly key: string; readonly context: SecureContext } | undefined;

  constructor(options: OutsideAgentOptions) {
    super({
      keepAlive: true,
      maxFreeSockets: options.keptMax,
      timeout: idleMsMax,
    });
    this.#options = options;
  }

  override createConnection(
    _options: ClientRequestArgs,
    callback: (error: Error | null, stream: Duplex) => void = () => {},
  ): undefined {
    this.connection().then(
      (socket) => callback(null, socket),
      (error: unknown) => callback(error as Error, undefined as unknown as Duplex),
    );
  }

  /** A connection of the caller's own. @throws DialFault, NoEndpoints, StatusError */
  async connection(): Promise<TLSSocket> {
    const { signal } = this.#closed;
    const stream = await this.#options.dial(signal);
    try {
      signal.throwIfAborted();
      const context = await this.#secureContext();
      const socket = await this.#handshake(stream, context);
      socket.setTimeout(idleMsMax);
      return socket;
    } catch (error) {
      stream.destroy();
      throw error;
    }
  }

  /** Ends all connections, those in use, too. */
  override destroy(): void {
    this.#closed.abort(new DialFault('the connection is no longer wanted'));
    super.destroy();
  }

  async #secureContext(): Promise<SecureContext> {
    const { ca, client } = this.#options.trust;
    const own = await client?.();
    const key = own?.certificate ?? '';
    if (this.#context?.key === key) return this.#context.context;
    const unreadable = 'unable to load root certificates: unable to parse bytes as PEM block';
    if (ca?.includes('-----BEGIN CERTIFICATE-----') === false) throw new DialFault(unreadable);
    try {
      const context = createSecureContext({
        ...(ca !== undefined && { ca }),
        ...(own && { cert: own.certificate, key: own.key }),
      });
      this.#context = { key, context };
      return context;
    } catch (error) {
      throw new DialFault(unreadable, { cause: error });
    }
  }

  #handshake(stream: Duplex, secureContext: SecureContext): Promise<TLSSocket> {
    const { servername, insecure = false } = this.#options.trust;
    return new Promise((resolve, reject) => {
      const socket = connectTls({
        socket: stream,
        secureContext,
        rejectUnauthorized: !insecure,
        minVersion: 'TLSv1.2',
        ALPNProtocols: ['http/1.1'],
        ...(isIP(servername) === 0 && { servername }),
        checkServerIdentity: (_host, certificate) => {
          const problem = nameProblem(servername, certificate);
          return problem === undefined ? undefined : new DialFault(problem);
        },
      });
      const fail = (error: Error): void => {
        late.cancel();
        socket.destroy();
        reject(error instanceof DialFault ? error : new DialFault(callText(error), { cause: error }));
      };
      const late = this.#options.clock.after(handshakeMsMax, () =>
        fail(new DialFault('net/http: TLS handshake timeout')),
      );
      const ended = (): void => fail(new DialFault('EOF'));
      const closed = (): void => fail(this.#closed.signal.reason as Error);
      this.#closed.signal.addEventListener('abort', closed, { once: true });
      socket.once('close', () => this.#closed.signal.removeEventListener('abort', closed));
      socket.once('error', fail);
      socket.once('close', ended);
      // Its failure after this one, or at the same time: the TLS connection tells of it.
      stream.on('error', ignore);
      socket.once('secureConnect', () => {
        late.cancel();
        socket.off('error', fail);
        socket.off('close', ended);
        resolve(socket);
      });
    });
  }
}

function ignore(): void {}
