/**
 * A request to the API that becomes a connection of its own: a WebSocket with one of the protocols that are offered. A refusal comes as the
 * `StatusError` that the server meant, a failure on the way as for any other request.
 */
import { readFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { WebSocket } from 'ws';
import { unreachable } from '../../../client/errors.ts';
import { errorOf } from '../../../client/http2-transport.ts';
import type { ClientConfig } from '../../../client/kubeconfig-reader.ts';
import type { Clock } from '../../../lib/clock.ts';
import { limits } from '../../../lib/limits.ts';
import { UserError } from '../../user-error.ts';

/** As kubectl: so often a sign of life is asked for, and so long one may stay away (ms). */
const pingEveryMs = 5_000;
const pongMsMax = 60_000;
const handshakeMsMax = 30_000;
/** Of a refusal's text. */
const refusalBytesMax = 64 * 1024;

export interface UpgradeRequest {
  readonly config: ClientConfig;
  readonly clock: Clock;
  /** With its query. */
  readonly path: string;
  /** The best first. */
  readonly protocols: readonly string[];
}

/** Something on the way answers as no API does. */
const noUpgrade = ({ server }: ClientConfig, why: string): UserError =>
  new UserError(
    `${server} does not open a stream (${why}): does something in between let no WebSocket or SPDY through?`,
  );

/** @throws StatusError, UserError */
export async function openWebSocket({ config, clock, path, protocols }: UpgradeRequest): Promise<WebSocket> {
  const url = new URL(path, config.server);
  const webSocket = new WebSocket(url, [...protocols], {
    ...(await connectionOptions(config)),
    perMessageDeflate: false,
    skipUTF8Validation: true,
    handshakeTimeout: handshakeMsMax,
    maxPayload: limits.webSocketMessageBytesMax,
  });
  await new Promise<void>((resolve, reject) => {
    webSocket.once('open', resolve);
    webSocket.once('unexpected-response', (_request, response) => {
      refusalOf(response, config).then(reject, reject);
    });
    webSocket.on('error', (error) => {
      const isProtocol = /subprotocol|Sec-WebSocket|Upgrade header/i.test(error.message);
      reject(isProtocol ? noUpgrade(config, error.message) : unreachable(`${config.server}: ${error.message}`, error));
    });
  });
  keepAlive(webSocket, clock);
  return webSocket;
}

/** Credentials and trust, for `ws` and for `node:https`. */
export async function connectionOptions(config: ClientConfig): Promise<{
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly servername?: string;
  readonly rejectUnauthorized?: boolean;
  readonly headers: Record<string, string>;
}> {
  const token = config.tokenFile === undefined ? config.token : (await readFile(config.tokenFile, 'utf8')).trim();
  return {
    ...(config.ca !== undefined && { ca: config.ca }),
    ...(config.clientCertificate !== undefined && { cert: config.clientCertificate }),
    ...(config.clientKey !== undefined && { key: config.clientKey }),
    ...(config.tlsServerName !== undefined && { servername: config.tlsServerName }),
    ...(config.insecureSkipTlsVerify === true && { rejectUnauthorized: false }),
    headers: { 'user-agent': 'naru', ...(token !== undefined && { authorization: `Bearer ${token}` }) },
  };
}

/** Why there is no stream, from the answer that came in its place. */
export async function refusalOf(response: IncomingMessage, config: ClientConfig): Promise<Error> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > refusalBytesMax) break;
  }
  const status = response.statusCode ?? 0;
  const error = errorOf(status, Buffer.concat(chunks));
  return status < 400 ? noUpgrade(config, `${status} instead of 101`) : error;
}

function keepAlive(webSocket: WebSocket, clock: Clock): void {
  let lastMs = clock.monotonic();
  const alive = (): void => {
    lastMs = clock.monotonic();
  };
  for (const event of ['pong', 'message', 'ping'] as const) webSocket.on(event, alive);
  const beat = (): void => {
    if (webSocket.readyState !== webSocket.OPEN) return;
    // What waits here unread is ours, and no sign of the other side's death.
    if (!webSocket.isPaused && clock.monotonic() - lastMs > pongMsMax) return webSocket.terminate();
    webSocket.ping();
    timer = clock.after(pingEveryMs, beat);
  };
  let timer = clock.after(pingEveryMs, beat);
  webSocket.once('close', () => timer.cancel());
}
