/**
 * Forwarded connections over SPDY/3.1 (bare, or in a WebSocket's messages). The client opens two streams for each connection, with
 * the headers `port`, `requestid` and `streamtype`: one for its bytes, one for the error that is told where there is one.
 *
 * Kept true: an end in one direction is passed on by itself, so that a program which answers after the end of its input is heard; half
 * a pair is forgotten after a while; when the client has gone, so have all connections.
 */
import type { Duplex } from 'node:stream';
import type { Clock, Timer } from '../../lib/clock.ts';
import { joinStreams } from '../../lib/join-streams.ts';
import { limits } from '../../lib/limits.ts';
import { IdleWatch } from './idle-watch.ts';
import { SpdyConnection } from './spdy/connection.ts';
import type { SpdyStream } from './spdy/stream.ts';

export const portForwardProtocol = 'portforward.k8s.io';
export const portForwardTunnelProtocol = 'SPDY/3.1+portforward.k8s.io';

export interface PortForwardOptions {
  readonly clock: Clock;
  /** For error messages: `web, uid 4e1f…`. */
  readonly pod: string;
  /** A connection to the port, from inside the pod. Rejects with why there is none. */
  readonly dial: (port: number) => Promise<Duplex>;
}

export function forwardError(port: number, pod: string, error: unknown): string {
  return `error forwarding port ${port} to pod ${pod}: ${error instanceof Error ? error.message : String(error)}`;
}

/** 0 where it is no port. */
export function portOf(text: string | undefined): number {
  const port = /^\d{1,5}$/.test(text ?? '') ? Number(text) : 0;
  return port <= 65_535 ? port : 0;
}

interface Pair {
  error?: SpdyStream;
  data?: SpdyStream;
  readonly late: Timer;
}

export class SpdyPortForward {
  readonly #options: PortForwardOptions;
  readonly #connection: SpdyConnection;
  readonly #pairs = new Map<string, Pair>();
  readonly #gone = Promise.withResolvers<void>();
  readonly #idle: IdleWatch;

  constructor(socket: Duplex, options: PortForwardOptions) {
    this.#options = options;
    this.#idle = new IdleWatch({
      clock: options.clock,
      beat: () => this.#connection.ping(),
      idle: () => this.stop('idle'),
    });
    this.#connection = new SpdyConnection(socket, {
      role: 'server',
      opened: (stream) => this.#opened(stream),
      active: () => this.#idle.active(),
      closed: () => this.#gone.resolve(),
    });
  }

  /** Resolves when the client has gone. Never rejects. */
  async run(): Promise<void> {
    this.#idle.start();
    await this.#gone.promise;
    this.#idle.stop();
    for (const { late } of this.#pairs.values()) late.cancel();
    this.#pairs.clear();
  }

  stop(_reason: string): void {
    this.#connection.close();
  }

  destroy(): void {
    this.#connection.destroy();
  }

  #opened(stream: SpdyStream): void {
    const { streamtype: type, requestid } = stream.headers;
    const port = portOf(stream.headers['port']);
    if (port === 0 || (type !== 'error' && type !== 'data')) return void stream.destroy();
    // Clients older than the header open the error stream first, and the data stream next.
    const id = requestid ?? String(type === 'data' ? stream.id - 2 : stream.id);
    const pair = this.#pairs.get(id) ?? {
      late: this.#options.clock.after(limits.streamCreationMsMax, () => this.#drop(id)),
    };
    if (pair[type] !== undefined) return void stream.destroy();
    this.#pairs.set(id, pair);
    pair[type] = stream;
    stream.reply();
    const { error, data } = pair;
    if (error === undefined || data === undefined) return;
    pair.late.cancel();
    this.#pairs.delete(id);
    void this.#forward(port, error, data);
  }

  #drop(id: string): void {
    const pair = this.#pairs.get(id);
    this.#pairs.delete(id);
    pair?.error?.destroy();
    pair?.data?.destroy();
  }

  async #forward(port: number, error: SpdyStream, data: SpdyStream): Promise<void> {
    const { clock, dial, pod } = this.#options;
    error.resume();
    try {
      const socket = await dial(port);
      if (data.isBroken) return void socket.destroy();
      data.once('broken', () => socket.destroy());
      // kubectl up to 1.31 waits for the end of both streams before it closes its own side.
      socket.once('end', () => error.end());
      await joinStreams(data, socket, { clock });
    } catch (failure) {
      error.write(forwardError(port, pod, failure));
      data.end();
      data.resume();
    }
    error.end();
  }
}
