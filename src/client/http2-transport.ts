/**
 * Requests and their answers over one HTTP/2 connection, with a client certificate or a bearer token: bytes in, bytes out. The typed client
 * (`https-client.ts`) stands on it.
 *
 * Kept true: every call ends, by its answer or by `requestMs`; answers are bounded in size; an error of the server comes as the
 * `StatusError` that the server meant, a failure on the way as `ServiceUnavailable` or `Timeout`. Reads are tried once more where the
 * connection broke; writes are not, since nobody knows whether they were carried out.
 */
import { readFile } from 'node:fs/promises';
import type http2 from 'node:http2';
import type { Status } from '../api/schema/types/meta-v1.ts';
import { hasReason, StatusError } from '../api/status-error.ts';
import type { Clock, Timer } from '../lib/clock.ts';
import { errorFromStatus, reasonOf, timedOut, unreachable } from './errors.ts';
import { Http2Connection } from './http2-connection.ts';
import type { ClientConfig } from './kubeconfig.ts';

export interface HttpsClientOptions {
  readonly config: ClientConfig;
  readonly clock: Clock;
  /** Longest wait for a whole answer (ms); 60 s where absent. Watches last as long as they last. */
  readonly requestMs?: number;
  readonly userAgent?: string;
}

/** A request as it goes over the wire, for who means no object: tables, discovery, logs, whatever a path answers. */
export interface RawRequest {
  /** `GET` where absent. */
  readonly method?: string;
  /** With its query: `/api/v1/pods?limit=5`. */
  readonly path: string;
  /** `application/json` where absent. */
  readonly accept?: string;
  readonly contentType?: string;
  /** Bytes or text as they are; anything else as JSON. */
  readonly body?: unknown;
}

export interface RawAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly headers: http2.IncomingHttpHeaders;
  readonly body: Buffer;
}

/** A list of all pods of the largest cluster fits. At it: the call fails. */
const answerBytesMax = 1024 * 1024 * 1024;
const tokenMsMax = 60_000;
/** Where `requestMs` is absent. */
export const requestMsDefault = 60_000;

export class Http2Transport {
  readonly #options: HttpsClientOptions;
  readonly #connection: Http2Connection;
  #token: { readonly text: string; readonly readMs: number } | undefined;

  constructor(options: HttpsClientOptions) {
    this.#options = options;
    this.#connection = new Http2Connection(options.config, options.clock);
  }

  renew(config: ClientConfig): void {
    this.#connection.renew(config);
  }

  close(): void {
    this.#connection.close();
  }

  /** The whole answer. Reads are repeated once where the connection broke under them. @throws StatusError for one of 400 and above */
  async request(request: RawRequest): Promise<RawAnswer> {
    try {
      return await this.#exchange(request);
    } catch (error) {
      const broken = hasReason(error, 'ServiceUnavailable') && error.cause !== undefined;
      if ((request.method ?? 'GET') !== 'GET' || !broken) throw error;
      return this.#exchange(request);
    }
  }

  /** An answer that goes on. Destroying the stream ends it. @throws StatusError */
  async stream(request: RawRequest): Promise<http2.ClientHttp2Stream> {
    const { stream, status } = await this.#answered(request);
    if (status < 400) return stream;
    throw errorOf(status, (await readAnswer(stream, status)).body);
  }

  /** A stream whose answer has begun, within the time that an answer may take. */
  async #answered(request: RawRequest): Promise<{ readonly stream: http2.ClientHttp2Stream; readonly status: number }> {
    const stream = await this.open(request);
    const late = this.#expire(stream, request);
    try {
      return await new Promise((resolve, reject) => {
        stream.once('response', (headers) => resolve({ stream, status: headers[':status'] ?? 0 }));
        stream.once('error', (error) =>
          reject(hasReason(error, 'Timeout') ? error : unreachable(error.message, error)),
        );
        stream.once('close', () => reject(brokenOff()));
      });
    } finally {
      late.cancel();
    }
  }

  async #exchange(request: RawRequest): Promise<RawAnswer> {
    const stream = await this.open(request);
    const late = this.#expire(stream, request);
    try {
      const { status, headers, body } = await readAnswer(stream);
      if (status >= 400) throw errorOf(status, body);
      return { status, headers, contentType: headers['content-type'] ?? '', body };
    } finally {
      late.cancel();
    }
  }

  #expire(stream: http2.ClientHttp2Stream, { method = 'GET', path }: RawRequest): Timer {
    const requestMs = this.#options.requestMs ?? requestMsDefault;
    return this.#options.clock.after(requestMs, () => {
      stream.destroy(timedOut(`${method} ${path}: no answer within ${requestMs} ms`));
    });
  }

  /** The answer's headers are still to come, and nothing bounds the wait for them. */
  async open({ method = 'GET', path, accept, body, contentType }: RawRequest): Promise<http2.ClientHttp2Stream> {
    const payload = body === undefined ? undefined : payloadOf(body);
    const token = await this.#bearer();
    const stream = await this.#connection.open(
      {
        ':method': method,
        ':path': path,
        accept: accept ?? 'application/json',
        'user-agent': this.#options.userAgent ?? 'naru',
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...(payload !== undefined && {
          'content-type': contentType ?? 'application/json',
          'content-length': payload.length,
        }),
      },
      payload === undefined,
    );
    // Until a reader stands, an error must not bring the process down.
    stream.on('error', () => {});
    if (payload !== undefined) stream.end(payload);
    return stream;
  }

  async #bearer(): Promise<string | undefined> {
    const { token, tokenFile } = this.#options.config;
    if (tokenFile === undefined) return token;
    const nowMs = this.#options.clock.monotonic();
    if (this.#token === undefined || nowMs - this.#token.readMs > tokenMsMax) {
      this.#token = { text: (await readFile(tokenFile, 'utf8')).trim(), readMs: nowMs };
    }
    return this.#token.text;
  }
}

const payloadOf = (body: unknown): Buffer =>
  typeof body === 'string' || Buffer.isBuffer(body) ? Buffer.from(body) : Buffer.from(JSON.stringify(body));

/** The other side has gone without a word; the code is the system's for that. */
const brokenOff = (): StatusError =>
  unreachable(
    'the connection broke before the answer',
    Object.assign(new Error('stream closed'), { code: 'ECONNRESET' }),
  );

interface WholeAnswer {
  readonly status: number;
  readonly headers: http2.IncomingHttpHeaders;
  readonly body: Buffer;
}

/** The whole answer; `status` where its headers were seen already. Rejects where the stream breaks before its end. */
export function readAnswer(stream: http2.ClientHttp2Stream, status = 0): Promise<WholeAnswer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    let ended = false;
    let code = status;
    let headers: http2.IncomingHttpHeaders = {};
    stream.once('response', (received) => {
      headers = received;
      code = received[':status'] ?? 0;
    });
    stream.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      chunks.push(chunk);
      if (bytes > answerBytesMax) stream.destroy(new RangeError(`the answer exceeds ${answerBytesMax} bytes`));
    });
    stream.once('end', () => {
      ended = true;
    });
    stream.once('error', (error) => reject(hasReason(error, 'Timeout') ? error : unreachable(error.message, error)));
    stream.once('close', () => {
      if (ended && code > 0) resolve({ status: code, headers, body: Buffer.concat(chunks) });
      else reject(brokenOff());
    });
  });
}

/** The `Status` that an answer holds, or one made of what it says. */
export function errorOf(status: number, body: Buffer): StatusError {
  const text = body.toString();
  const answer = statusIn(text);
  if (answer !== undefined) return errorFromStatus(answer, status);
  return new StatusError(status, reasonOf(status), text.slice(0, 1024) || `the server answered ${status}`);
}

/** Proxies on the way answer in forms of their own. */
function statusIn(text: string): Status | undefined {
  if (!text.startsWith('{')) return undefined;
  try {
    const answer = JSON.parse(text) as Status;
    return answer.kind === 'Status' ? answer : undefined;
  } catch {
    return undefined;
  }
}
