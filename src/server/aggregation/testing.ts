/**
 * For tests of aggregation: an API server that extends a cluster, as upstream's sample-apiserver does, over TLS on this machine. It serves
 * `flunders` in `wardle.example.com/v1alpha1`, lets in only who shows a certificate of the front proxy's authority, and remembers whom each
 * request was from.
 */
import { once } from 'node:events';
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import type { JsonObject } from '../../api/object.ts';
import { type ServingCertificate, servingCertificate } from '../outside/testing.ts';

export const sampleGroup = 'wardle.example.com';
export const sampleVersion = 'v1alpha1';
export const samplePath = `/apis/${sampleGroup}/${sampleVersion}`;

export interface SeenRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly groups: readonly string[];
  /** Of the client's certificate. */
  readonly commonName: string;
}

export interface SampleOptions {
  /** PEM: whose certificates are let in; anybody is where absent. */
  readonly frontProxyAuthority?: string;
  /** Which namespace's Service `sample-api` it is. */
  readonly namespace?: string;
  /** It knows nothing of aggregated discovery. */
  readonly legacyOnly?: boolean;
}

/** In place of the usual answers; false: those. */
export type Override = (request: IncomingMessage, response: ServerResponse) => boolean;

export class SampleApiServer {
  readonly seen: SeenRequest[] = [];
  readonly flunders = new Map<string, JsonObject>();
  override: Override = () => false;
  readonly #options: SampleOptions;
  readonly #server: Server;
  readonly #sockets = new Set<Duplex>();
  readonly #watchers = new Set<ServerResponse>();
  readonly serving: ServingCertificate;
  #version = 1;

  private constructor(serving: ServingCertificate, options: SampleOptions) {
    this.serving = serving;
    this.#options = options;
    const { frontProxyAuthority } = options;
    this.#server = createServer(
      {
        cert: serving.certificate,
        key: serving.key,
        ...(frontProxyAuthority !== undefined && {
          ca: frontProxyAuthority,
          requestCert: true,
          rejectUnauthorized: true,
        }),
      },
      (request, response) => this.#answer(request, response),
    );
    this.#server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
    this.#server.on('upgrade', (request, socket) => this.#echo(request, socket));
  }

  static async start(options: SampleOptions = {}): Promise<SampleApiServer> {
    const { namespace = 'default' } = options;
    const made = new SampleApiServer(await servingCertificate([`sample-api.${namespace}.svc`]), options);
    await once(made.#server.listen(0), 'listening');
    return made;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  /** Cuts every connection, as a restart does. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  #note(request: IncomingMessage): void {
    const { method = '', url = '', headers, headersDistinct } = request;
    const certificate = (request.socket as TLSSocket).getPeerCertificate();
    const groups = headersDistinct['x-remote-group'] ?? [];
    this.seen.push({ method, url, headers, groups, commonName: String(certificate?.subject?.CN ?? '') });
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    this.#note(request);
    if (this.override(request, response)) return;
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => void chunks.push(chunk));
    request.on('end', () => this.#route(request, response, Buffer.concat(chunks)));
  }

  #route(request: IncomingMessage, response: ServerResponse, body: Buffer): void {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'https://x');
    const accept = request.headers.accept ?? '';
    const json = (status: number, value: object): void =>
      void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
    if (pathname === '/apis' && accept.includes('APIGroupDiscoveryList')) {
      return this.#options.legacyOnly ? void response.writeHead(406).end() : json(200, aggregatedDocument);
    }
    if (pathname === samplePath) return json(200, resourceList);
    if (pathname === '/openapi/v2') return json(200, openApiV2);
    if (pathname === '/openapi/v3') return json(200, openApiV3Index);
    if (pathname === `/openapi/v3${samplePath}`) return json(200, openApiV3);
    const [, namespace, name] = /^\/apis\/[^/]+\/[^/]+\/namespaces\/([^/]+)\/flunders\/?([^/]*)$/.exec(pathname) ?? [];
    if (namespace === undefined)
      return json(404, { kind: 'Status', status: 'Failure', message: 'not here', code: 404 });
    if (searchParams.get('watch') !== null) return this.#watch(response);
    return this.#flunder(request.method ?? '', `${namespace}/${name}`, body, json);
  }

  #watch(response: ServerResponse): void {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.flushHeaders();
    this.#watchers.add(response);
    response.once('close', () => this.#watchers.delete(response));
  }

  #flunder(method: string, key: string, body: Buffer, json: (status: number, value: object) => void): void {
    switch (method) {
      case 'POST': {
        const flunder = JSON.parse(body.toString()) as JsonObject & { metadata: Record<string, string> };
        flunder.metadata['resourceVersion'] = String(++this.#version);
        this.flunders.set(`${key}${flunder.metadata['name']}`, flunder);
        for (const watcher of this.#watchers) watcher.write(`${JSON.stringify({ type: 'ADDED', object: flunder })}\n`);
        return json(201, flunder);
      }
      case 'DELETE':
        this.flunders.delete(key);
        return json(200, { kind: 'Status', apiVersion: 'v1', status: 'Success' });
      default: {
        const found = this.flunders.get(key);
        if (found !== undefined) return json(200, found);
        const items = [...this.flunders].filter(([each]) => each.startsWith(key)).map(([, flunder]) => flunder);
        const metadata = { resourceVersion: String(this.#version) };
        return json(200, { kind: 'FlunderList', apiVersion: `${sampleGroup}/${sampleVersion}`, metadata, items });
      }
    }
  }

  /** Any protocol: what comes in goes out again. */
  #echo(request: IncomingMessage, socket: Duplex): void {
    this.#note(request);
    socket.on('error', () => {});
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${request.headers.upgrade}\r\n\r\n`,
    );
    socket.pipe(socket);
  }
}

const verbs = ['create', 'delete', 'get', 'list', 'watch'];

const resourceList = {
  kind: 'APIResourceList',
  apiVersion: 'v1',
  groupVersion: `${sampleGroup}/${sampleVersion}`,
  resources: [
    { name: 'flunders', singularName: 'flunder', namespaced: true, kind: 'Flunder', verbs, shortNames: ['fl'] },
    { name: 'flunders/status', singularName: '', namespaced: true, kind: 'Flunder', verbs: ['get'] },
  ],
};

const aggregatedDocument = {
  kind: 'APIGroupDiscoveryList',
  apiVersion: 'apidiscovery.k8s.io/v2',
  metadata: {},
  items: [
    {
      metadata: { name: sampleGroup },
      versions: [
        {
          version: sampleVersion,
          freshness: 'Current',
          resources: [
            {
              resource: 'flunders',
              responseKind: { group: sampleGroup, version: sampleVersion, kind: 'Flunder' },
              scope: 'Namespaced',
              singularResource: 'flunder',
              verbs,
              shortNames: ['fl'],
            },
          ],
        },
      ],
    },
  ],
};

const flunderSchema = {
  type: 'object',
  description: 'A flunder.',
  properties: {
    apiVersion: { type: 'string' },
    kind: { type: 'string' },
    spec: { type: 'object', description: 'What it is.', properties: { reference: { type: 'string' } } },
  },
  'x-kubernetes-group-version-kind': [{ group: sampleGroup, version: sampleVersion, kind: 'Flunder' }],
};

const operation = (schema: object) => ({
  get: {
    operationId: 'listFlunders',
    responses: { 200: { description: 'OK', ...schema } },
    'x-kubernetes-group-version-kind': { group: sampleGroup, version: sampleVersion, kind: 'Flunder' },
  },
});

const openApiV2 = {
  swagger: '2.0',
  info: { title: 'wardle', version: 'v1' },
  paths: {
    [`${samplePath}/namespaces/{namespace}/flunders`]: operation({ schema: { $ref: '#/definitions/wardle.Flunder' } }),
    '/elsewhere': operation({ schema: { $ref: '#/definitions/wardle.Other' } }),
  },
  definitions: { 'wardle.Flunder': flunderSchema, 'wardle.Other': { type: 'object' } },
};

const openApiV3Index = {
  paths: { [samplePath.slice(1)]: { serverRelativeURL: `/openapi/v3${samplePath}?hash=ABC` } },
};

const openApiV3 = {
  openapi: '3.0.0',
  info: { title: 'wardle', version: 'v1' },
  paths: {
    [`${samplePath}/namespaces/{namespace}/flunders`]: operation({
      content: { 'application/json': { schema: { $ref: '#/components/schemas/wardle.Flunder' } } },
    }),
  },
  components: { schemas: { 'wardle.Flunder': flunderSchema } },
};
