/**
 * A WebSocket whose handshake came as a request to the node, and whose bytes come over a connection of their own. `ws` does the work; what
 * it answers to the handshake goes back as headers, and the client's end of the connection to whoever passes the bytes on.
 */
import type { IncomingMessage } from 'node:http';
import { Duplex } from 'node:stream';
import { type ServerOptions, type WebSocket, WebSocketServer } from 'ws';
import { badRequest } from '../../api/status-error.ts';
import { limits } from '../../lib/limits.ts';
import { answerPings } from '../../lib/websocket-pings.ts';
import { connectionPair } from './connection-pair.ts';

export interface AcceptedWebSocket {
  readonly webSocket: WebSocket;
  /** Of the 101. */
  readonly headers: Readonly<Record<string, string>>;
  /** The client's end. */
  readonly connection: Duplex;
}

const options: ServerOptions & { readonly closeTimeout: number } = {
  noServer: true,
  clientTracking: false,
  perMessageDeflate: false,
  autoPong: false,
  maxPayload: limits.webSocketMessageBytesMax,
  skipUTF8Validation: true,
  // After our goodbye a slow client still reads what was sent before.
  closeTimeout: limits.connectionLingerMsMax,
};

/** `protocol`: the one to confirm; empty for none. @throws StatusError where the handshake is malformed */
export function acceptWebSocket(headers: Readonly<Record<string, string>>, protocol: string): AcceptedWebSocket {
  const [ours, connection] = connectionPair();
  const server = new WebSocketServer({ ...options, handleProtocols: () => protocol || false });
  const answer = new Map<string, string>();
  server.on('headers', (lines) => {
    for (const line of lines.slice(1)) {
      const colon = line.indexOf(':');
      answer.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
    }
  });
  // Within the tunnel nobody may say so.
  const request = { method: 'GET', headers: { ...headers, upgrade: 'websocket', connection: 'upgrade' } };
  let accepted: WebSocket | undefined;
  server.handleUpgrade(request as unknown as IncomingMessage, ours, Buffer.alloc(0), (webSocket) => {
    accepted = webSocket;
  });
  // The handshake's answer in bytes: its headers travel apart.
  connection.read();
  if (accepted === undefined) {
    connection.destroy();
    throw badRequest('the WebSocket handshake is malformed');
  }
  for (const name of ['upgrade', 'connection']) answer.delete(name);
  accepted.on('error', ignore);
  answerPings(accepted);
  return { webSocket: accepted, headers: Object.fromEntries(answer), connection };
}

/** Every message must be bytes to us: `ws` gives one Buffer unless told otherwise. */
export function bytesOf(data: WebSocket.RawData): Buffer {
  return data as Buffer;
}

/** A WebSocket whose binary messages are one stream of bytes, cut anywhere: how SPDY goes through WebSocket-only proxies. */
export class WebSocketTunnel extends Duplex {
  readonly #webSocket: WebSocket;

  constructor(webSocket: WebSocket) {
    super({ readableHighWaterMark: 256 * 1024, writableHighWaterMark: 64 * 1024 });
    this.#webSocket = webSocket;
    webSocket.on('message', (data) => {
      const bytes = bytesOf(data);
      if (bytes.length > 0 && !this.push(bytes)) webSocket.pause();
    });
    webSocket.on('close', () => {
      this.push(null);
      this.destroy();
    });
  }

  override _read(): void {
    this.#webSocket.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#webSocket.send(chunk, { binary: true }, done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#webSocket.close(1000);
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    if (this.writableFinished) this.#webSocket.close(1000);
    else this.#webSocket.terminate();
    done(error);
  }
}

function ignore(): void {}
