/** Requests over HTTP/2: a few connections for each user, many streams on each; and streams that their client breaks. */
import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from 'node:http2';
import type { ClientConfig } from '../../../src/client/kubeconfig.ts';
import type { FuzzRequest } from '../make/request.ts';
import { answerMsMax, mayStream, type Received, streamMs } from './answer.ts';

/** A connection is given up after so many requests, so that connections come and go. */
const requestsPerConnection = 2_000;

/** With how many of its streams are open, so that none is cut off when the connection is given up. */
interface Pooled {
  readonly session: ClientHttp2Session;
  requests: number;
  streams: number;
}

export class Http2Client {
  readonly #config: ClientConfig;
  readonly #all = new Set<ClientHttp2Session>();
  #current: Pooled | undefined;

  constructor(config: ClientConfig) {
    this.#config = config;
  }

  /** Undefined where HTTP/2 has no words for the request. */
  send(request: FuzzRequest): Promise<Received | undefined> {
    return new Promise((resolve) => {
      const pooled = this.#connection();
      let stream: ClientHttp2Stream;
      try {
        const headers = headersOf(request, this.#config.server);
        stream = pooled.session.request(headers, { endStream: request.body === undefined });
      } catch {
        return resolve(undefined);
      }
      pooled.streams++;
      stream.once('close', () => {
        pooled.streams--;
        if (pooled !== this.#current && pooled.streams === 0) pooled.session.close();
      });
      collect(stream, request, resolve);
      if (request.body !== undefined) stream.end(request.body);
    });
  }

  /** On a connection of its own, which ends with it. */
  async abuse(request: FuzzRequest): Promise<void> {
    const window = request.abuse === 'no-window' ? 0 : 65_535;
    const session = open(this.#config, { initialWindowSize: window });
    await new Promise<void>((resolve) => {
      session.once('close', resolve);
      session.once('connect', () => misbehave(session, request, this.#config.server));
      setTimeout(() => session.destroy(), answerMsMax).unref();
    });
  }

  async close(): Promise<void> {
    this.#current = undefined;
    await Promise.all(
      [...this.#all].map(
        (session) =>
          new Promise((resolve) => {
            session.once('close', resolve);
            session.destroy();
          }),
      ),
    );
  }

  #connection(): Pooled {
    const { session, requests = 0 } = this.#current ?? {};
    if (session === undefined || session.closed || requests >= requestsPerConnection) this.#current = this.#open();
    const pooled = this.#current as Pooled;
    pooled.requests++;
    return pooled;
  }

  #open(): Pooled {
    const session = open(this.#config);
    this.#all.add(session);
    session.once('close', () => this.#all.delete(session));
    return { session, requests: 0, streams: 0 };
  }
}

function open({ server, ca, clientCertificate, clientKey }: ClientConfig, settings = {}): ClientHttp2Session {
  const credentials = { ...(ca && { ca }), ...(clientCertificate && { cert: clientCertificate, key: clientKey }) };
  const session = connect(server, { ...credentials, settings, maxSendHeaderBlockLength: 1024 * 1024 });
  session.on('error', () => {});
  return session;
}

/** Headers of connections mean nothing here, and the library refuses them. */
const ofConnections: ReadonlySet<string> = new Set(['connection', 'upgrade', 'http2-settings', 'keep-alive']);

function headersOf({ method, path, headers }: FuzzRequest, server: string): Record<string, string> {
  const own = Object.entries(headers).filter(([name]) => !ofConnections.has(name));
  return { ':method': method, ':path': path, ':authority': new URL(server).host, ...Object.fromEntries(own) };
}

function collect(stream: ClientHttp2Stream, request: FuzzRequest, resolve: (received: Received) => void): void {
  const startMs = performance.now();
  const chunks: Buffer[] = [];
  let status = 0;
  let headers: Record<string, string> = {};
  let problem = '';
  let cut = false;
  const late = setTimeout(() => {
    problem = 'no end of the answer';
    stream.close(constants.NGHTTP2_CANCEL);
  }, answerMsMax);
  stream.on('response', (head) => {
    status = head[':status'] ?? 0;
    headers = Object.fromEntries(Object.entries(head).map(([name, value]) => [name, String(value)]));
    if (status !== 200 || !mayStream(request.path)) return;
    setTimeout(() => {
      cut = true;
      stream.close(constants.NGHTTP2_CANCEL);
    }, streamMs);
  });
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  stream.on('error', (error) => {
    problem ||= error.message;
  });
  stream.on('close', () => {
    clearTimeout(late);
    if (status === 0) problem ||= `stream closed with code ${stream.rstCode}`;
    resolve({ status, headers, body: Buffer.concat(chunks), ms: performance.now() - startMs, cut, problem });
  });
}

/** Ends the session, sooner or later. */
function misbehave(session: ClientHttp2Session, request: FuzzRequest, server: string): void {
  const { body = Buffer.alloc(0), abuse } = request;
  let stream: ClientHttp2Stream;
  try {
    stream = session.request(headersOf(request, server), { endStream: false });
  } catch {
    return session.destroy();
  }
  stream.on('error', () => {});
  switch (abuse) {
    case 'reset':
      stream.close(constants.NGHTTP2_CANCEL);
      break;
    case 'reset-later':
      stream.write(body.subarray(0, body.length / 2), () => stream.close(constants.NGHTTP2_CANCEL));
      break;
    case 'no-end':
      stream.write(body);
      break;
    case undefined:
    default:
      stream.pause();
      stream.end(body);
  }
  setTimeout(() => session.destroy(), 150);
}
