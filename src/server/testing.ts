/** For the server's tests and benchmark: a server with real sockets over a registry that is a Map, and small clients for both HTTP versions. */
import { mkdtemp, rm } from 'node:fs/promises';
import { type ClientHttp2Session, connect as connectHttp2, type OutgoingHttpHeaders } from 'node:http2';
import { request as httpsRequest } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { JsonObject, JsonValue, KubeObject } from '../api/object.ts';
import { resourceTable } from '../api/resource-table.ts';
import { groupResource } from '../api/resources.ts';
import { builtinSchema } from '../api/schema/load.ts';
import { notFound } from '../api/status-error.ts';
import type { NodeConnections } from '../client/node-api.ts';
import { RealClock } from '../lib/clock.ts';
import { silentLogger } from '../lib/log.ts';
import { SeededPrng } from '../lib/prng.ts';
import type {
  Connected,
  ListOptions,
  ListResult,
  ObjectResult,
  RequestHandler,
  RequestTarget,
  WatchRequestOptions,
  WatchSink,
  WatchStream,
  WriteOptions,
} from '../registry/request.ts';
import { MemoryStore } from '../store/memory-store.ts';
import type { Entry } from '../store/store.ts';
import { ApiServer, type ApiServerOptions } from './api-server.ts';
import { storeAuthorization } from './authorization/store-authorization.ts';
import { CertificateAuthority } from './certificates/certificate-authority.ts';
import { NodeConnectionTable } from './node-tunnel.ts';

export interface Call {
  readonly verb: string;
  readonly target: RequestTarget;
  readonly options?: unknown;
  readonly body?: JsonValue;
}

/** Keeps what it is given, decides nothing, and remembers what it was asked. */
export class FakeRegistry implements RequestHandler {
  readonly calls: Call[] = [];
  readonly sinks: WatchSink[] = [];
  /** Told of each watch before it has begun: what it then sends is past. */
  afterWatch?: (sink: WatchSink) => void;
  cancelled = 0;
  /** Awaited before each answer. */
  gate: Promise<void> = Promise.resolve();
  warnings: readonly string[] = [];
  /** What admission makes of the options of a stream or a proxied request. */
  admitConnect: (options: JsonObject) => Connected = (options) => ({ options, warnings: [] });
  readonly #entries = new Map<string, Entry>();
  #revision = 1;

  add(collection: string, object: KubeObject): Entry {
    const { namespace = '', name = '' } = object.metadata ?? {};
    const revision = ++this.#revision;
    const versioned = { ...object, metadata: { ...object.metadata, resourceVersion: String(revision) } };
    const bytes = Buffer.from(JSON.stringify(versioned));
    const entry = { key: { collection, namespace, name }, object: versioned, revision, json: () => bytes };
    this.#entries.set(`${collection}/${namespace}/${name}`, entry);
    return entry;
  }

  async get(target: RequestTarget, options?: { readonly resourceVersion?: string }): Promise<ObjectResult> {
    await this.#note({ verb: 'get', target, options });
    return this.#result(this.#find(target), false);
  }

  async list(target: RequestTarget, options: ListOptions): Promise<ListResult> {
    await this.#note({ verb: 'list', target, options });
    const collection = groupResource(target.resource);
    const entries = [...this.#entries.values()].filter(
      ({ key }) => key.collection === collection && (target.namespace === '' || key.namespace === target.namespace),
    );
    const resourceVersion = String(this.#revision);
    return { entries, objects: entries.map(({ object }) => object), resourceVersion, continue: '' };
  }

  async watch(target: RequestTarget, options: WatchRequestOptions, sink: WatchSink): Promise<WatchStream> {
    await this.#note({ verb: 'watch', target, options });
    this.sinks.push(sink);
    this.afterWatch?.(sink);
    return { cancel: () => void this.cancelled++ };
  }

  async create(target: RequestTarget, body: JsonObject, options: WriteOptions): Promise<ObjectResult> {
    await this.#note({ verb: 'create', target, options, body });
    return this.#result(this.add(groupResource(target.resource), body), true);
  }

  async update(target: RequestTarget, body: JsonObject, options: WriteOptions): Promise<ObjectResult> {
    await this.#note({ verb: 'update', target, options, body });
    return this.#result(this.add(groupResource(target.resource), body), false);
  }

  async patch(target: RequestTarget, type: string, body: JsonValue, options: WriteOptions): Promise<ObjectResult> {
    await this.#note({ verb: `patch ${type}`, target, options, body });
    return this.#result(this.#find(target), false);
  }

  async delete(target: RequestTarget, options: object): Promise<ObjectResult> {
    await this.#note({ verb: 'delete', target, options });
    const object = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success' } as KubeObject;
    return { object, created: false, warnings: [] };
  }

  async deleteCollection(target: RequestTarget, list: ListOptions, options: object): Promise<ListResult> {
    await this.#note({ verb: 'deletecollection', target, options: { list, options } });
    return { entries: [], objects: [], resourceVersion: String(this.#revision), continue: '' };
  }

  async connect(target: RequestTarget, options: JsonObject): Promise<Connected> {
    await this.#note({ verb: 'connect', target, options });
    return this.admitConnect(options);
  }

  async #note(call: Call): Promise<void> {
    this.calls.push(call);
    await this.gate;
  }

  #find({ resource, namespace, name }: RequestTarget): Entry {
    const entry = this.#entries.get(`${groupResource(resource)}/${namespace}/${name}`);
    if (entry === undefined) throw notFound({ group: resource.group, kind: resource.resource, name });
    return entry;
  }

  #result(entry: Entry, created: boolean): ObjectResult {
    return { object: entry.object, entry, created, warnings: this.warnings };
  }
}

export interface Response {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  readonly text: string;
  json(this: void): JsonObject;
}

function response(status: number, headers: Record<string, string>, chunks: Buffer[]): Response {
  const body = Buffer.concat(chunks);
  const text = body.toString();
  return { status, headers, body, text, json: () => JSON.parse(text) as JsonObject };
}

export interface ClientRequest {
  readonly method?: string;
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: string | Buffer;
}

export interface TestServer {
  readonly server: ApiServer;
  readonly registry: FakeRegistry;
  readonly authority: CertificateAuthority;
  readonly nodes: NodeConnections;
  readonly folder: string;
  /** One HTTP/2 connection as `user`; undefined: anonymous. */
  http2(user?: string, groups?: readonly string[]): Promise<Http2Client>;
  http1(path: string, request?: ClientRequest, user?: string, groups?: readonly string[]): Promise<Response>;
  stop(): Promise<void>;
}

export interface Http2Client {
  readonly session: ClientHttp2Session;
  request(path: string, request?: ClientRequest): Promise<Response>;
  close(): void;
}

export async function startTestServer(options: Partial<ApiServerOptions> = {}): Promise<TestServer> {
  const folder = await mkdtemp(join(tmpdir(), 'naru-server-test-'));
  const clock = options.clock ?? new RealClock();
  const authority = await CertificateAuthority.open({ folder: join(folder, 'pki'), clock });
  const registry = new FakeRegistry();
  const nodes = new NodeConnectionTable();
  const store = new MemoryStore({ clock, log: silentLogger });
  const { authorizer, services } = storeAuthorization(store);
  for (const service of [store, ...services]) await service.start();
  const server = new ApiServer({
    handler: registry,
    authorizer,
    resources: resourceTable(),
    schema: builtinSchema(),
    clock,
    prng: new SeededPrng(1),
    log: silentLogger,
    host: '127.0.0.1',
    port: 0,
    certificates: authority,
    nodes,
    ...options,
  });
  try {
    await server.start();
  } catch (error) {
    await rm(folder, { recursive: true });
    throw error;
  }
  const clients: Http2Client[] = [];
  const credentials = async (user?: string, groups: readonly string[] = ['system:masters']) => {
    if (user === undefined) return { ca: authority.certificate };
    const { certificate, key } = await authority.issueClient({ user, groups });
    return { ca: authority.certificate, cert: certificate, key };
  };
  return {
    server,
    registry,
    authority,
    nodes,
    folder,
    async http2(user, groups) {
      const client = http2Client(server.address, await credentials(user, groups));
      clients.push(client);
      return client;
    },
    async http1(path, request = {}, user = 'admin', groups) {
      return http1Request(server.port, path, request, await credentials(user === '' ? undefined : user, groups));
    },
    async stop() {
      for (const client of clients) client.close();
      await server.close();
      for (const service of [...services.toReversed(), store]) await service.close();
      await rm(folder, { recursive: true });
    },
  };
}

export function http2Client(address: string, credentials: object): Http2Client {
  const session = connectHttp2(address, credentials);
  session.on('error', () => {});
  return {
    session,
    close: () => session.destroy(),
    request: (path, { method = 'GET', headers = {}, body } = {}) =>
      new Promise((resolve, reject) => {
        const stream = session.request(
          { ':path': path, ':method': method, ...headers },
          { endStream: body === undefined },
        );
        const chunks: Buffer[] = [];
        let head: Record<string, string> = {};
        stream.once('response', (received) => {
          head = received as unknown as Record<string, string>;
        });
        stream.on('data', (chunk: Buffer) => chunks.push(chunk));
        stream.once('error', reject);
        stream.once('end', () => resolve(response(Number(head[':status']), head, chunks)));
        if (body !== undefined) stream.end(body);
      }),
  };
}

function http1Request(
  port: number,
  path: string,
  { method = 'GET', headers = {}, body }: ClientRequest,
  credentials: object,
) {
  return new Promise<Response>((resolve, reject) => {
    const request = httpsRequest(
      { host: '127.0.0.1', port, path, method, headers, agent: false, ...credentials },
      (answer) => {
        const chunks: Buffer[] = [];
        answer.on('data', (chunk: Buffer) => chunks.push(chunk));
        answer.on('end', () =>
          resolve(response(answer.statusCode ?? 0, answer.headers as Record<string, string>, chunks)),
        );
        answer.on('error', reject);
      },
    );
    request.on('error', reject);
    request.end(body);
  });
}
