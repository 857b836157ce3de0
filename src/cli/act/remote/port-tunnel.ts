/**
 * Connections to a pod's ports through the API, over SPDY/3.1, which every Kubernetes server speaks (its form within a
 * WebSocket has a protocol name that RFC 6455 does not allow). Each connection has a stream for its bytes and one for the error, if there is one.
 *
 * Kept true: an end in one direction is passed on by itself; the tunnel's end ends every connection.
 */
import http from 'node:http';
import https from 'node:https';
import type { Duplex } from 'node:stream';
import { SpdyConnection } from '../../../agent/streaming/spdy/connection.ts';
import { unreachable } from '../../../client/errors.ts';
import type { ClientConfig } from '../../../client/kubeconfig-reader.ts';
import { pathOf } from '../../../client/resource-path.ts';
import { pods } from '../../../client/resources.ts';
import type { Clock, Timer } from '../../../lib/clock.ts';
import { joinStreams } from '../../../lib/join-streams.ts';
import { connectionOptions, refusalOf } from './upgrade.ts';

const protocol = 'portforward.k8s.io';
/** So often a sign of life goes over an idle tunnel (ms). */
const pingEveryMs = 10_000;
/** Of an error's text (bytes). */
const errorBytesMax = 16 * 1024;

export interface TunnelOptions {
  readonly config: ClientConfig;
  readonly clock: Clock;
  readonly namespace: string;
  readonly pod: string;
}

export class PortTunnel {
  readonly #connection: SpdyConnection;
  readonly #clock: Clock;
  #pings: Timer;
  #requests = 0;

  /** @throws StatusError */
  static async open(options: TunnelOptions): Promise<PortTunnel> {
    return new PortTunnel(await tunnelSocket(options), options.clock);
  }

  private constructor(socket: Duplex, clock: Clock) {
    this.#clock = clock;
    this.#connection = new SpdyConnection(socket, { role: 'client', closed: () => this.#pings.cancel() });
    const ping = (): Timer =>
      clock.after(pingEveryMs, () => {
        this.#connection.ping();
        this.#pings = ping();
      });
    this.#pings = ping();
  }

  get hasEnded(): boolean {
    return this.#connection.hasEnded;
  }

  close(): void {
    this.#pings.cancel();
    this.#connection.destroy();
  }

  /** Resolves when `local` is done. Rejects with what the pod's side says, such as that nobody listens there. */
  async carry(local: Duplex, port: number): Promise<void> {
    const headers = { port: String(port), requestid: String(this.#requests++) };
    const errors = this.#connection.open({ ...headers, streamtype: 'error' });
    const data = this.#connection.open({ ...headers, streamtype: 'data' });
    errors.end();
    const said = textOf(errors);
    try {
      await Promise.all([errors.ready, data.ready]);
      data.once('broken', () => local.destroy());
      await joinStreams(local, data, { clock: this.#clock });
    } finally {
      local.destroy();
    }
    const error = await said;
    if (error !== '') throw new Error(error);
  }
}

async function tunnelSocket({ config, namespace, pod }: TunnelOptions): Promise<Duplex> {
  const path = pathOf(pods, { namespace, name: pod }, 'portforward');
  const { headers, ...tls } = await connectionOptions(config);
  const url = new URL(path, config.server);
  const request = (url.protocol === 'http:' ? http : https).request(url, {
    method: 'POST',
    ...tls,
    headers: { ...headers, connection: 'Upgrade', upgrade: 'SPDY/3.1', 'x-stream-protocol-version': protocol },
  });
  return new Promise((resolve, reject) => {
    request.once('upgrade', (_response, socket: Duplex, head: Buffer) => {
      if (head.length > 0) socket.unshift(head);
      resolve(socket);
    });
    request.once('response', (response) => void refusalOf(response, config).then(reject, reject));
    request.once('error', (error) => reject(unreachable(`${config.server}: ${error.message}`, error)));
    request.end();
  });
}

async function textOf(stream: Duplex): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes <= errorBytesMax) chunks.push(chunk);
    }
  } catch {
    // A broken tunnel: its connections have ended with it.
  }
  return Buffer.concat(chunks).toString();
}
