/** The load: as little client as it takes, on node:http2. */
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from 'node:http2';
import type { ClientConfig } from '../../src/client/kubeconfig.ts';
import { RealClock } from '../../src/lib/clock.ts';

const clock = new RealClock({ keepsAlive: true });

export interface Reply {
  readonly status: number;
  readonly body: Buffer;
}

export function connectTo(config: ClientConfig): ClientHttp2Session {
  const { server, ca = '', clientCertificate = '', clientKey = '' } = config;
  return open(server, { ca, cert: clientCertificate, key: clientKey });
}

export function connectBare(address: string, authority: string): ClientHttp2Session {
  return open(address, { ca: authority });
}

function open(address: string, credentials: { ca: string; cert?: string; key?: string }): ClientHttp2Session {
  const session = connect(address, { ...credentials, settings: { initialWindowSize: 8 * 1024 * 1024 } });
  session.once('connect', () => session.setLocalWindowSize(256 * 1024 * 1024));
  session.setMaxListeners(0);
  return session;
}

/** @throws Error for any status of 400 and above */
export function send(
  session: ClientHttp2Session,
  path: string,
  method = 'GET',
  body?: Buffer,
  contentType = 'application/json',
  accept?: string,
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const type = { ...(body && { 'content-type': contentType }), ...(accept !== undefined && { accept }) };
    const headers = { ':path': path, ':method': method, ...type };
    const stream = session.request(headers, { endStream: body === undefined });
    const chunks: Buffer[] = [];
    let status = 0;
    stream.once('response', (head) => {
      status = Number(head[':status']);
    });
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.once('error', reject);
    stream.once('end', () => {
      const reply = { status, body: Buffer.concat(chunks) };
      if (status < 400) resolve(reply);
      else reject(new Error(`${method} ${path}: ${status} ${reply.body.toString().slice(0, 300)}`));
    });
    if (body !== undefined) stream.end(body);
  });
}

/** Like `send` for a GET, but counts the bytes instead of keeping them. */
export function drain(session: ClientHttp2Session, path: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const stream = session.request({ ':path': path });
    let bytes = 0;
    stream.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
    });
    stream.once('error', reject);
    stream.once('end', () => resolve(bytes));
  });
}

/** `total` pieces of work, `concurrency` at a time; the milliseconds that they took together. */
export async function timed(
  total: number,
  concurrency: number,
  work: (index: number, worker: number) => Promise<unknown>,
): Promise<number> {
  let next = 0;
  const worker = async (_: unknown, id: number): Promise<void> => {
    while (next < total) await work(next++, id);
  };
  const startMs = clock.monotonic();
  await Promise.all(Array.from({ length: Math.min(concurrency, total) }, worker));
  return clock.monotonic() - startMs;
}

export interface Watchers {
  /** Events that all of them together have received. */
  readonly events: () => number;
  /** Resolves when `events()` has reached `wanted`. @throws Error where the server ended a watch */
  reached(wanted: number): Promise<void>;
  close(): void;
}

/** A watch on each of `paths`, `perSession` of them on a connection; resolves when all are answered. Counts lines, which are events. */
export async function openWatchers(
  config: ClientConfig,
  paths: readonly string[],
  perSession: number,
): Promise<Watchers> {
  const sessions: ClientHttp2Session[] = [];
  let events = 0;
  let wanted = Infinity;
  let arrived = Promise.withResolvers<void>();
  const count = (chunk: Buffer): void => {
    for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) events++;
    if (events >= wanted) arrived.resolve();
  };
  const lost = (path: string): void => arrived.reject(new Error(`the server ended the watch ${path}`));
  for (let first = 0; first < paths.length; first += perSession) {
    const session = connectTo(config);
    sessions.push(session);
    await Promise.all(paths.slice(first, first + perSession).map((path) => openWatch(session, path, count, lost)));
  }
  return {
    events: () => events,
    reached: (target) => {
      wanted = target;
      arrived = Promise.withResolvers<void>();
      if (events >= wanted) arrived.resolve();
      return arrived.promise;
    },
    close: () => {
      arrived.resolve();
      for (const session of sessions) session.destroy();
    },
  };
}

function openWatch(
  session: ClientHttp2Session,
  path: string,
  count: (chunk: Buffer) => void,
  lost: (path: string) => void,
): Promise<ClientHttp2Stream> {
  return new Promise((resolve, reject) => {
    const stream = session.request({ ':path': path });
    stream.on('data', count);
    stream.on('error', reject);
    stream.once('close', () => lost(path));
    stream.once('response', (head) => {
      if (Number(head[':status']) === 200) resolve(stream);
      else reject(new Error(`watch ${path}: ${String(head[':status'])}`));
    });
  });
}
