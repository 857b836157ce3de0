/**
 * Requests over HTTP/1.1, written by hand onto TLS sockets, so that nothing on this side puts right what shall be wrong. One request
 * at a time on a connection, which is used again where the answer lets it.
 */
import type { Socket } from 'node:net';
import { connect, createSecureContext, type SecureContext, type TLSSocket } from 'node:tls';
import type { ClientConfig } from '../../../src/client/kubeconfig.ts';
import type { FuzzRequest } from '../make/request.ts';
import { answerMsMax, mayStream, type Received, streamMs } from './answer.ts';

interface Head {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Where the body begins. */
  readonly end: number;
}

export class Http1Client {
  readonly #config: ClientConfig;
  readonly #secureContext: SecureContext;
  readonly #idle: TLSSocket[] = [];
  readonly #open = new Set<TLSSocket>();

  constructor(config: ClientConfig) {
    this.#config = config;
    const { ca, clientCertificate, clientKey } = config;
    this.#secureContext = createSecureContext({
      ...(ca && { ca }),
      ...(clientCertificate && { cert: clientCertificate, key: clientKey }),
    });
  }

  async send(request: FuzzRequest): Promise<Received> {
    const used = this.#idle.pop();
    const received = await this.#exchange(used ?? this.#connect(), request);
    // The server may have closed an idle connection just before: then the request was not taken, and is sent again.
    return received.status === 0 && used !== undefined && received.ms < answerMsMax
      ? this.#exchange(this.#connect(), request)
      : received;
  }

  #connect(): TLSSocket {
    const { hostname, port } = new URL(this.#config.server);
    const secureContext = this.#secureContext;
    const socket = connect({ host: hostname, port: Number(port), ALPNProtocols: ['http/1.1'], secureContext });
    socket.setNoDelay(true);
    socket.on('error', () => {});
    this.#open.add(socket);
    socket.once('close', () => {
      this.#open.delete(socket);
      const at = this.#idle.indexOf(socket);
      if (at >= 0) this.#idle.splice(at, 1);
    });
    return socket;
  }

  #exchange(socket: TLSSocket, request: FuzzRequest): Promise<Received> {
    return new Promise((resolve) => {
      const startMs = performance.now();
      let bytes = Buffer.alloc(0);
      let head: Head | undefined;
      const finish = (problem: string, cut = false): void => {
        clearTimeout(late);
        socket.off('data', take).off('close', closed);
        const body = head === undefined ? bytes : (bodyOf(head, bytes, request.method) ?? bytes.subarray(head.end));
        const ms = performance.now() - startMs;
        const keep = problem === '' && !cut && head !== undefined && isReusable(head);
        if (keep) this.#idle.push(socket);
        else socket.destroy();
        resolve({ status: head?.status ?? 0, headers: head?.headers ?? {}, body, ms, cut, problem });
      };
      const chunks: Buffer[] = [];
      let taken = 0;
      const take = (chunk: Buffer): void => {
        chunks.push(chunk);
        taken += chunk.length;
        // A large answer is put together once, not with each of its pieces.
        if (head !== undefined && !mayBeWhole(head, taken, chunk)) return;
        bytes = Buffer.concat([bytes, ...chunks.splice(0)]);
        if (head === undefined) {
          head = headOf(bytes);
          if (head?.status === 100) {
            bytes = bytes.subarray(head.end);
            head = headOf(bytes);
          }
          if (head !== undefined && (head.status === 101 || (head.status === 200 && mayStream(request.path)))) {
            setTimeout(() => finish('', true), streamMs);
          }
        }
        if (head !== undefined && head.status !== 101 && bodyOf(head, bytes, request.method) !== undefined) finish('');
      };
      const closed = (): void => {
        bytes = Buffer.concat([bytes, ...chunks.splice(0)]);
        // The server ends the watch of somebody who did not read in time, and this process may have had no time to read.
        if (head?.status === 200 && mayStream(request.path)) return finish('', true);
        finish(head !== undefined && isUntilClosed(head) ? '' : 'the connection was closed');
      };
      const late = setTimeout(() => finish('no end of the answer'), answerMsMax);
      socket.on('data', take).once('close', closed);
      socket.write(headText(request, new URL(this.#config.server).host), 'latin1');
      if (request.body !== undefined) socket.write(request.body);
    });
  }

  /** Writes what is no request, and returns all that came back. */
  raw({ raw = [], abuse }: FuzzRequest): Promise<Buffer> {
    return new Promise((resolve) => {
      const socket = this.#connect();
      const chunks: Buffer[] = [];
      let timer = setTimeout(() => socket.destroy(), answerMsMax);
      socket.on('data', (chunk: Buffer) => chunks.push(chunk));
      socket.once('close', () => {
        clearTimeout(timer);
        resolve(Buffer.concat(chunks));
      });
      socket.once('secureConnect', () => {
        void writeRaw(socket, raw, abuse).then(() => {
          clearTimeout(timer);
          timer = setTimeout(() => socket.destroy(), 120);
        });
      });
    });
  }

  async close(): Promise<void> {
    await Promise.all(
      [...this.#open].map(
        (socket) =>
          new Promise((resolve) => {
            socket.once('close', resolve);
            socket.destroy();
          }),
      ),
    );
  }
}

async function writeRaw(socket: TLSSocket, pieces: readonly Buffer[], abuse: string | undefined): Promise<void> {
  const written = abuse === 'slow' ? pieces.flatMap(crumbs) : pieces;
  for (const piece of written) {
    if (socket.destroyed) return;
    socket.write(piece);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  if (abuse === 'end') socket.end();
  if (abuse === 'reset') (socket as Socket).destroy();
}

/** The first bytes one by one. */
function crumbs(bytes: Buffer): Buffer[] {
  const single = Array.from(bytes.subarray(0, 20), (byte) => Buffer.from([byte]));
  return [...single, bytes.subarray(20)];
}

function headText({ method, path, headers, body }: FuzzRequest, host: string): string {
  const lines = [`${method} ${path} HTTP/1.1`, `host: ${host}`];
  for (const [name, value] of Object.entries(headers)) lines.push(`${name}: ${value}`);
  if (body !== undefined) lines.push(`content-length: ${body.length}`);
  return `${lines.join('\r\n')}\r\n\r\n`;
}

function headOf(bytes: Buffer): Head | undefined {
  const at = bytes.indexOf('\r\n\r\n');
  if (at < 0) return undefined;
  const [first = '', ...lines] = bytes.toString('latin1', 0, at).split('\r\n');
  const headers = Object.fromEntries(
    lines.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
  return { status: Number(first.split(' ')[1]), headers, end: at + 4 };
}

const isUntilClosed = ({ headers }: Head): boolean =>
  headers['content-length'] === undefined && headers['transfer-encoding'] === undefined;

const isReusable = (head: Head): boolean => head.headers['connection'] !== 'close' && !isUntilClosed(head);

function mayBeWhole({ headers, end }: Head, bytes: number, last: Buffer): boolean {
  const length = headers['content-length'];
  return length === undefined ? last.subarray(-2).equals(Buffer.from('\r\n')) : bytes >= end + Number(length);
}

/** Undefined while it is not whole. */
function bodyOf(head: Head, bytes: Buffer, method: string): Buffer | undefined {
  const { status, headers, end } = head;
  if (method === 'HEAD' || status === 204 || status === 304) return Buffer.alloc(0);
  const length = headers['content-length'];
  if (length !== undefined) {
    return bytes.length >= end + Number(length) ? bytes.subarray(end, end + Number(length)) : undefined;
  }
  return headers['transfer-encoding'] === 'chunked' ? unchunked(bytes.subarray(end)) : undefined;
}

function unchunked(bytes: Buffer): Buffer | undefined {
  const parts: Buffer[] = [];
  for (let at = 0; ; ) {
    const line = bytes.indexOf('\r\n', at);
    if (line < 0) return undefined;
    const size = Number.parseInt(bytes.toString('latin1', at, line), 16);
    const start = line + 2;
    if (bytes.length < start + size + 2) return undefined;
    if (size === 0) return Buffer.concat(parts);
    parts.push(bytes.subarray(start, start + size));
    at = start + size + 2;
  }
}
