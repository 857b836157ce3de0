/**
 * A `Client` over HTTPS: JSON on one HTTP/2 connection, with a client certificate or a bearer token.
 *
 * Kept true: every call ends, by its answer or by `requestMs`; answers and watch lines are bounded in size; an error of the
 * server comes as the `StatusError` that the server meant, a failure on the way as `ServiceUnavailable` or `Timeout`. Reads are tried
 * once more where the connection broke; writes are not, since nobody knows whether they were carried out.
 * Objects are frozen, as they are in process.
 */
import { readFile } from 'node:fs/promises';
import type http2 from 'node:http2';
import type { KubeObject, ObjectReference } from '../api/object.ts';
import type { Status } from '../api/schema/types/meta-v1.ts';
import { hasReason, StatusError } from '../api/status-error.ts';
import type { Clock, Timer } from '../lib/clock.ts';
import { deepFreeze } from '../lib/deep-freeze.ts';
import type {
  Client,
  ClientDeleteOptions,
  ClientPatch,
  ClientWatch,
  ClientWatchEvent,
  ClientWatchHandler,
  ClientWriteOptions,
  ListQuery,
  Resource,
} from './client.ts';
import { errorFromStatus, reasonOf, timedOut, unreachable } from './errors.ts';
import { Http2Connection } from './http2-connection.ts';
import type { ClientConfig } from './kubeconfig.ts';
import { LineSplitter } from './line-splitter.ts';

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

export interface HttpsClient extends Client {
  /** The whole answer. @throws StatusError for one of 400 and above, as all other calls do */
  request(request: RawRequest): Promise<RawAnswer>;
  /** An answer that goes on: watches, logs that are followed. Destroying the stream ends it. @throws StatusError */
  stream(request: RawRequest): Promise<http2.ClientHttp2Stream>;
  /** Another certificate for the same server: requests use it from now on, and what is under way gets a while to end. */
  renew(config: ClientConfig): void;
  /** Ends the connection and with it what is under way. */
  close(): void;
}

/** A list of all pods of the largest cluster fits. At it: the call fails. */
const answerBytesMax = 1024 * 1024 * 1024;
/** Room for the largest object in its event. At it: the watch ends with an error. */
const lineBytesMax = 8 * 1024 * 1024;
const tokenMsMax = 60_000;

const patchTypes: Readonly<Record<ClientPatch['type'], string>> = {
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  apply: 'application/apply-patch+yaml',
};

export function httpsClient(options: HttpsClientOptions): HttpsClient {
  return new Http2Client(options);
}

class Http2Client implements HttpsClient {
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

  get<T extends KubeObject>(
    resource: Resource<T>,
    reference: ObjectReference,
    options: { readonly subresource?: string } = {},
  ): Promise<T> {
    return this.#call({ method: 'GET', path: pathOf(resource, reference, options.subresource) });
  }

  async list<T extends KubeObject>(
    resource: Resource<T>,
    query: ListQuery = {},
  ): Promise<{ readonly metadata: object; readonly items: readonly T[] }> {
    const list = await this.#call<{ metadata: object; items: T[] | null }>(
      { method: 'GET', path: collectionPath(resource, query) },
      false,
    );
    const apiVersion = apiVersionOf(resource);
    const items = (list.items ?? []).map((item) => deepFreeze({ apiVersion, kind: resource.kind, ...item }));
    return { metadata: list.metadata, items };
  }

  create<T extends KubeObject>(resource: Resource<T>, object: T, options: ClientWriteOptions = {}): Promise<T> {
    const reference = { namespace: object.metadata?.namespace ?? '', name: '' };
    const named = options.subresource === undefined ? reference : referenceOf(object);
    const path = pathOf(resource, named, options.subresource) + writeQuery(options);
    return this.#call({ method: 'POST', path, body: typed(resource, object) });
  }

  update<T extends KubeObject>(resource: Resource<T>, object: T, options: ClientWriteOptions = {}): Promise<T> {
    const path = pathOf(resource, referenceOf(object), options.subresource) + writeQuery(options);
    return this.#call({ method: 'PUT', path, body: typed(resource, object) });
  }

  patch<T extends KubeObject>(
    resource: Resource<T>,
    reference: ObjectReference,
    patch: ClientPatch,
    options: ClientWriteOptions = {},
  ): Promise<T> {
    const force = patch.type === 'apply' && patch.force ? 'true' : undefined;
    const path = pathOf(resource, reference, options.subresource) + writeQuery(options, { force });
    return this.#call({ method: 'PATCH', path, body: patch.body, contentType: patchTypes[patch.type] });
  }

  async delete<T extends KubeObject>(
    resource: Resource<T>,
    reference: ObjectReference,
    options: ClientDeleteOptions = {},
  ): Promise<void> {
    await this.#call({ method: 'DELETE', path: pathOf(resource, reference), body: deleteBody(options) });
  }

  async deleteCollection<T extends KubeObject>(
    resource: Resource<T>,
    query: ListQuery,
    options: ClientDeleteOptions = {},
  ): Promise<void> {
    await this.#call({ method: 'DELETE', path: collectionPath(resource, query), body: deleteBody(options) });
  }

  createSubresource<T extends KubeObject, B extends object>(
    resource: Resource<T>,
    reference: ObjectReference,
    subresource: string,
    body: B,
  ): Promise<B> {
    return this.#call({ method: 'POST', path: pathOf(resource, reference, subresource), body });
  }

  watch<T extends KubeObject>(
    resource: Resource<T>,
    query: ListQuery & { readonly resourceVersion: string },
    handler: ClientWatchHandler<T>,
  ): ClientWatch {
    const path = collectionPath(resource, query, {
      watch: 'true',
      allowWatchBookmarks: 'true',
      resourceVersion: query.resourceVersion,
    });
    const watch = new Http2Watch(handler);
    this.#open({ method: 'GET', path }).then(
      (stream) => watch.follow(stream, this.#options),
      (error: unknown) => watch.finish(error as Error),
    );
    return watch;
  }

  request(request: RawRequest): Promise<RawAnswer> {
    return this.#answer(request);
  }

  async stream(request: RawRequest): Promise<http2.ClientHttp2Stream> {
    const { stream, status } = await this.#answered(request);
    if (status < 400) return stream;
    throw errorOf(status, (await readAnswer(stream, status)).body);
  }

  /** A stream whose answer has begun, within the time that an answer may take. */
  async #answered(request: RawRequest): Promise<{ readonly stream: http2.ClientHttp2Stream; readonly status: number }> {
    const stream = await this.#open(request);
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

  async #call<R extends object>(request: RawRequest, freeze = true): Promise<R> {
    const { body } = await this.#answer(request);
    const value = JSON.parse(body.toString()) as R;
    return freeze ? deepFreeze(value) : value;
  }

  /** Reads may be repeated: once, where the connection broke under them. */
  async #answer(request: RawRequest): Promise<RawAnswer> {
    try {
      return await this.#exchange(request);
    } catch (error) {
      const broken = hasReason(error, 'ServiceUnavailable') && error.cause !== undefined;
      if ((request.method ?? 'GET') !== 'GET' || !broken) throw error;
      return this.#exchange(request);
    }
  }

  async #exchange(request: RawRequest): Promise<RawAnswer> {
    const stream = await this.#open(request);
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
    const requestMs = this.#options.requestMs ?? 60_000;
    return this.#options.clock.after(requestMs, () => {
      stream.destroy(timedOut(`${method} ${path}: no answer within ${requestMs} ms`));
    });
  }

  async #open({ method = 'GET', path, accept, body, contentType }: RawRequest): Promise<http2.ClientHttp2Stream> {
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

/** Follows the lines of one watch. Nothing is delivered after its end. */
class Http2Watch<T extends KubeObject> implements ClientWatch {
  readonly #handler: ClientWatchHandler<T>;
  #stream: http2.ClientHttp2Stream | undefined;
  #over = false;

  constructor(handler: ClientWatchHandler<T>) {
    this.#handler = handler;
  }

  cancel(): void {
    this.#over = true;
    this.#stream?.destroy();
  }

  follow(stream: http2.ClientHttp2Stream, { clock, requestMs }: HttpsClientOptions): void {
    this.#stream = stream;
    if (this.#over) {
      stream.destroy();
      return;
    }
    const late = clock.after(requestMs ?? 60_000, () => this.finish(timedOut('the watch was not answered')));
    let refused = false;
    stream.once('response', (headers) => {
      late.cancel();
      const status = headers[':status'] ?? 0;
      refused = status >= 400;
      if (refused) this.#refused(stream, status);
      else this.#lines(stream);
    });
    stream.on('error', (error) => this.finish(unreachable(`watch: ${error.message}`, error)));
    stream.once('close', () => {
      late.cancel();
      if (!refused) this.finish();
    });
  }

  finish(error?: Error): void {
    if (this.#over) return;
    this.cancel();
    this.#handler.end(error);
  }

  #refused(stream: http2.ClientHttp2Stream, code: number): void {
    readAnswer(stream, code).then(
      ({ status, body }) => this.finish(errorOf(status, body)),
      (error: unknown) => this.finish(error as Error),
    );
  }

  #lines(stream: http2.ClientHttp2Stream): void {
    const splitter = new LineSplitter(lineBytesMax, (line) => this.#line(line));
    stream.on('data', (chunk: Buffer) => {
      try {
        if (!this.#over) splitter.push(chunk);
      } catch (error) {
        this.finish(unreachable(`watch: ${(error as Error).message}`, error));
      }
    });
  }

  #line(line: string): void {
    if (this.#over) return;
    const event = JSON.parse(line) as ClientWatchEvent<T> | { readonly type: 'ERROR'; readonly object: Status };
    if (event.type === 'ERROR') this.finish(errorFromStatus(event.object));
    else this.#handler.event(deepFreeze(event));
  }
}

const payloadOf = (body: unknown): Buffer =>
  typeof body === 'string' || Buffer.isBuffer(body) ? Buffer.from(body) : Buffer.from(JSON.stringify(body));

const brokenOff = (): StatusError => unreachable('the connection broke before the answer', new Error('stream closed'));

interface WholeAnswer {
  readonly status: number;
  readonly headers: http2.IncomingHttpHeaders;
  readonly body: Buffer;
}

/** The whole answer; `status` where its headers were seen already. Rejects where the stream breaks before its end. */
function readAnswer(stream: http2.ClientHttp2Stream, status = 0): Promise<WholeAnswer> {
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

function errorOf(status: number, body: Buffer): StatusError {
  const text = body.toString();
  if (text.startsWith('{')) {
    const answer = JSON.parse(text) as Status;
    if (answer.kind === 'Status') return errorFromStatus(answer, status);
  }
  return new StatusError(status, reasonOf(status), text.slice(0, 1024) || `the server answered ${status}`);
}

const apiVersionOf = ({ group, version }: { readonly group: string; readonly version: string }): string =>
  group === '' ? version : `${group}/${version}`;

const referenceOf = (object: KubeObject): ObjectReference => ({
  namespace: object.metadata?.namespace ?? '',
  name: object.metadata?.name ?? '',
});

/** Writers may leave `apiVersion` and `kind` to the resource. */
function typed(resource: Resource<KubeObject>, object: KubeObject): object {
  return { apiVersion: apiVersionOf(resource), kind: resource.kind, ...object };
}

function pathOf(resource: Resource<KubeObject>, { namespace, name }: ObjectReference, subresource = ''): string {
  const { group, version } = resource;
  const segments = group === '' ? ['api', version] : ['apis', group, version];
  if (namespace !== '') segments.push('namespaces', namespace);
  segments.push(resource.resource);
  if (name !== '') segments.push(name);
  if (subresource !== '') segments.push(...subresource.split('/'));
  return `/${segments.map(encodeURIComponent).join('/')}`;
}

function collectionPath(
  resource: Resource<KubeObject>,
  query: ListQuery,
  more: Readonly<Record<string, string>> = {},
): string {
  const { namespace = '', labelSelector, fieldSelector, limit } = query;
  const parameters = { labelSelector, fieldSelector, limit, continue: query.continue, ...more };
  return pathOf(resource, { namespace, name: '' }) + queryText(parameters);
}

const writeQuery = (
  { dryRun, fieldManager }: ClientWriteOptions,
  more: { readonly force?: string | undefined } = {},
): string => queryText({ dryRun: dryRun === true ? 'All' : undefined, fieldManager, ...more });

function queryText(parameters: Readonly<Record<string, string | number | undefined>>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) if (value !== undefined) query.set(name, String(value));
  return query.size === 0 ? '' : `?${query.toString()}`;
}

function deleteBody({ gracePeriodSeconds, propagationPolicy, uid, resourceVersion }: ClientDeleteOptions): object {
  return {
    apiVersion: 'v1',
    kind: 'DeleteOptions',
    gracePeriodSeconds,
    propagationPolicy,
    ...((uid !== undefined || resourceVersion !== undefined) && { preconditions: { uid, resourceVersion } }),
  };
}
