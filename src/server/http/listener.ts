/**
 * One TLS port for HTTP/2 and HTTP/1.1. The client's ALPN decides: `h2` goes to an HTTP/2 server, everything else (kubectl's
 * upgrades offer no ALPN at all) to an HTTP/1.1 one. Two servers behind one port, rather than one with `allowHTTP1`, because
 * each keeps its own limits and time-outs.
 *
 * It knows nothing of Kubernetes: requests come out as `Exchange`s, upgrades as sockets.
 */
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { createServer as createHttp1Server, type IncomingMessage } from 'node:http';
import { createServer as createHttp2Server, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { createServer as createTlsServer, type TLSSocket } from 'node:tls';
import type { Clock } from '../../lib/clock.ts';
import { limits } from '../../lib/limits.ts';
import { type Connection, describeConnection } from './connection.ts';
import type { Exchange } from './exchange.ts';
import { Http1Exchange, type Http1Server } from './http1-exchange.ts';
import { Http2Exchange } from './http2-exchange.ts';
import { type OpenDoor, openSideDoor, type SideDoor } from './side-door.ts';
import { secureOptions, type TlsSettings } from './tls-settings.ts';

export interface ServingCertificate {
  readonly certificate: string;
  readonly key: string;
}

export interface ListenerOptions {
  readonly certificate: ServingCertificate;
  /** PEM: who signs client certificates. */
  readonly clientAuthority: string;
  /** PEM: who signs certificates of front proxies, which say in headers whom a request is from. */
  readonly frontProxyAuthority?: string | undefined;
  /** Versions and cipher suites. */
  readonly tls?: TlsSettings | undefined;
  readonly exchange: (exchange: Exchange) => void;
  /** In this order: the first that a request is for gets its connection. All others are answered as ordinary requests. */
  readonly upgrades: readonly UpgradeHandler[];
  /** After which a connection that asks for nothing is closed; upstream's where absent. */
  readonly times?: ConnectionTimes;
  readonly clock: Clock;
}

/** Who takes connections that are to become something else. */
export interface UpgradeHandler {
  isFor(request: IncomingMessage): boolean;
  /** `head`: bytes that were read already. Never rejects. */
  accept(request: IncomingMessage, socket: TLSSocket, head: Buffer, connection: Connection): Promise<void>;
}

export interface Listener {
  readonly port: number;
  readonly address: string;
  /** For new connections; the others keep the one they have. */
  setCertificate(certificate: ServingCertificate): void;
  /** A further address for the same port, until `close`. @throws Error of Node.js where it cannot be had there */
  openDoor(door: SideDoor): Promise<void>;
  /** No new connections and requests; resolves when the last connection has ended. */
  close(): Promise<void>;
  /** Cuts every connection. */
  destroy(): void;
}

const handshakeMsMax = 10_000;

export interface ConnectionTimes {
  /** For the head of a request, and of a connection that never sends one. */
  readonly headersMsMax: number;
  /** Between two requests. */
  readonly idleMsMax: number;
  /** How often connections are looked at for the first, over HTTP/1.1. */
  readonly checkIntervalMs: number;
}

const usualTimes: ConnectionTimes = { headersMsMax: 32_000, idleMsMax: 90_000, checkIntervalMs: 5_000 };

/** @throws Error, one sentence with the way out, where the port cannot be had */
export async function listen(host: string, port: number, options: ListenerOptions): Promise<Listener> {
  const connections = new Connections(options.frontProxyAuthority);
  const state = { draining: false, clock: options.clock };
  const http1 = http1Server(options, connections, state);
  const sessions = new Set<ServerHttp2Session>();
  const http2 = http2Server(options, connections, sessions);
  const sockets = new Set<TLSSocket>();
  const { clientAuthority, frontProxyAuthority } = options;
  const ca = [clientAuthority, ...(frontProxyAuthority === undefined ? [] : [frontProxyAuthority])];
  const context = { ca, ...secureOptions(options.tls) };
  const server = createTlsServer(
    {
      ...context,
      key: options.certificate.key,
      cert: options.certificate.certificate,
      requestCert: true,
      // Whoever shows no certificate may still show a token, or be anonymous.
      rejectUnauthorized: false,
      ALPNProtocols: ['h2', 'http/1.1'],
      handshakeTimeout: handshakeMsMax,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: 30_000,
    },
    (socket) => {
      // Whoever was still shaking hands when the server began to close has asked for nothing yet.
      if (state.draining) return void socket.destroy();
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
      socket.on('error', ignore);
      (socket.alpnProtocol === 'h2' ? http2 : http1).emit('connection', socket);
    },
  );
  server.on('tlsClientError', (_error, socket) => socket.destroy());
  await bind(server, host, port);
  const bound = server.address() as AddressInfo;
  const doors: OpenDoor[] = [];
  return {
    port: bound.port,
    address: bound.address,
    setCertificate: ({ certificate, key }) => server.setSecureContext({ ...context, key, cert: certificate }),
    openDoor: async (door) => {
      doors.push(await openSideDoor(door, bound.port, (socket) => void server.emit('connection', socket)));
    },
    close: async () => {
      const closed = once(server, 'close');
      state.draining = true;
      for (const door of doors) door.close();
      server.close();
      for (const session of sessions) session.close();
      http1.close();
      await closed;
    },
    destroy: () => {
      for (const socket of sockets) socket.destroy();
    },
  };
}

async function bind(server: ReturnType<typeof createTlsServer>, host: string, port: number): Promise<void> {
  server.listen({ host, port });
  try {
    await once(server, 'listening');
  } catch (error) {
    throw new Error(bindProblem(error as NodeJS.ErrnoException, host, port), { cause: error });
  }
}

function bindProblem(error: NodeJS.ErrnoException, host: string, port: number): string {
  switch (error.code ?? '') {
    case 'EADDRINUSE':
      return `port ${port} is in use by another program; choose another with --port N, or 0 for a free one`;
    case 'EACCES':
      return `port ${port} needs more rights than this user has; choose one above 1023 with --port N, or 0 for a free one`;
    case 'EADDRNOTAVAIL':
      return `${host} is not an address of this machine; listen on 0.0.0.0 for all of its addresses`;
    default:
      return `cannot listen on ${host}, port ${port}: ${error.message}`;
  }
}

function http1Server(options: ListenerOptions, connections: Connections, state: Http1Server) {
  const { headersMsMax, idleMsMax, checkIntervalMs } = options.times ?? usualTimes;
  const server = createHttp1Server({
    maxHeaderSize: limits.headerBytesMax,
    headersTimeout: headersMsMax,
    connectionsCheckingInterval: checkIntervalMs,
    // A body may be on its way to a pod for hours; requests for the API itself have their own bound, `limits.requestMsMax`.
    requestTimeout: 0,
    keepAliveTimeout: idleMsMax,
    shouldUpgradeCallback: (request) => options.upgrades.some((handler) => handler.isFor(request)),
  });
  // Node keeps an eye on a server's connections from here on, and this one never listens itself: it is handed its connections.
  server.emit('listening');
  server.on('request', (request, response) => {
    const socket = request.socket as TLSSocket;
    options.exchange(new Http1Exchange(request, response, connections.of(socket, socket), state));
  });
  server.on('upgrade', (request, socket: Duplex, head) => {
    const tls = socket as TLSSocket;
    const handler = options.upgrades.find((each) => each.isFor(request));
    if (handler === undefined) tls.destroy();
    else void handler.accept(request, tls, head, connections.of(tls, tls));
  });
  return server;
}

function http2Server(options: ListenerOptions, connections: Connections, sessions: Set<ServerHttp2Session>) {
  const { idleMsMax } = options.times ?? usualTimes;
  const server = createHttp2Server({
    // MB for one connection. Node's default of 10 would refuse requests while a large list is on its way.
    maxSessionMemory: 512,
    // As many as HTTP/1.1 takes. Node's default of 128 would reset the stream of whoever sends more.
    maxHeaderListPairs: 2_000,
    settings: {
      maxConcurrentStreams: limits.streamsPerConnectionMax,
      maxHeaderListSize: limits.headerBytesMax,
      // Bodies are small: one window holds most of them.
      initialWindowSize: 1024 * 1024,
      enablePush: false,
    },
  });
  server.on('session', (session) => {
    sessions.add(session);
    session.once('close', () => sessions.delete(session));
    session.on('error', ignore);
    session.setLocalWindowSize(4 * 1024 * 1024);
    closeWhenIdle(session, options.clock, idleMsMax);
  });
  server.on('stream', (stream: ServerHttp2Stream, headers) => {
    const { session } = stream;
    if (session === undefined) return;
    const socket = session.socket as TLSSocket;
    options.exchange(new Http2Exchange(stream, headers, connections.of(session, socket)));
  });
  server.on('sessionError', ignore);
  return server;
}

/** Whoever has nothing under way keeps no connection for ever: it is closed within twice `idleMsMax`. A request costs no timer. */
function closeWhenIdle(session: ServerHttp2Session, clock: Clock, idleMsMax: number): void {
  let open = 0;
  let isUsed = false;
  const count = (change: 1 | -1): void => {
    open += change;
    isUsed = true;
  };
  session.on('stream', (stream: ServerHttp2Stream) => {
    count(1);
    stream.once('close', () => count(-1));
  });
  const look = (): void => {
    if (open === 0 && !isUsed) return session.close();
    isUsed = false;
    timer = clock.after(idleMsMax, look);
  };
  let timer = clock.after(idleMsMax, look);
  session.once('close', () => timer.cancel());
}

/** What is known of each connection, found out once. */
class Connections {
  readonly #known = new WeakMap<object, Connection>();
  readonly #frontProxyAuthority: X509Certificate | undefined;

  constructor(frontProxyAuthority: string | undefined) {
    this.#frontProxyAuthority =
      frontProxyAuthority === undefined ? undefined : new X509Certificate(frontProxyAuthority);
  }

  of(key: object, socket: TLSSocket): Connection {
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const made = describeConnection(socket, (certificate) => this.#isOfFrontProxy(certificate));
    this.#known.set(key, made);
    return made;
  }

  #isOfFrontProxy(der: Buffer): boolean {
    const authority = this.#frontProxyAuthority;
    if (authority === undefined) return false;
    const certificate = new X509Certificate(der);
    return certificate.issuer === authority.subject && certificate.verify(authority.publicKey);
  }
}

function ignore(): void {}
