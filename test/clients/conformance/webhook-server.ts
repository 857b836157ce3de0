/** A webhook, for admission or conversion, that stands outside of the cluster: HTTPS on loopback, a function for each path. */
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { servingCertificate } from '../../../src/server/outside/testing.ts';
import type { Sent } from './wire.ts';

/** What it says of a request; `patch` as operations. */
export interface Verdict {
  readonly allowed: boolean;
  readonly message?: string;
  readonly patch?: readonly object[];
}

export type Handler = (request: Sent) => Verdict | Promise<Verdict>;

export class WebhookServer {
  readonly handlers = new Map<string, Handler>();
  /** Makes an object of another version of one. */
  readonly converters = new Map<string, (object: Sent, apiVersion: string) => Sent>();
  /** Paths with their queries, as they were asked for. */
  readonly asked: string[] = [];
  readonly #server: Server;
  readonly #authority: string;

  private constructor(server: Server, authority: string) {
    this.#server = server;
    this.#authority = authority;
  }

  static async start(): Promise<WebhookServer> {
    const { authority, certificate, key } = await servingCertificate(['127.0.0.1']);
    const server = createServer({ cert: certificate, key });
    const webhook = new WebhookServer(server, authority);
    server.on('request', (request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => void chunks.push(chunk));
      request.on('end', () => {
        void webhook.#answer(request.url ?? '', Buffer.concat(chunks)).then(
          (body) => response.writeHead(200, { 'content-type': 'application/json' }).end(body),
          (error: unknown) => response.writeHead(500).end(String(error)),
        );
      });
    });
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    return webhook;
  }

  /** `trusted: false`: whoever calls does not know its authority. */
  clientConfig(path: string, { trusted = true }: { readonly trusted?: boolean } = {}): object {
    const { port } = this.#server.address() as AddressInfo;
    const url = `https://127.0.0.1:${port}${path}`;
    return trusted ? { url, caBundle: Buffer.from(this.#authority).toString('base64') } : { url };
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => {
      this.#server.close(resolve);
    });
  }

  async #answer(url: string, body: Buffer): Promise<string> {
    this.asked.push(url);
    const { apiVersion, request }: Sent = JSON.parse(body.toString());
    const { pathname } = new URL(url, 'https://localhost');
    const converter = this.converters.get(pathname);
    if (converter !== undefined) return converted(apiVersion, request, converter);
    const handler = this.handlers.get(pathname);
    if (handler === undefined) throw new Error(`nobody answers at ${url}`);
    const { allowed, message, patch } = await handler(request);
    const response = {
      uid: request.uid,
      allowed,
      ...(message && { status: { message } }),
      ...(patch && { patch: Buffer.from(JSON.stringify(patch)).toString('base64'), patchType: 'JSONPatch' }),
    };
    return JSON.stringify({ kind: 'AdmissionReview', apiVersion, response });
  }
}

function converted(apiVersion: string, request: Sent, converter: (object: Sent, apiVersion: string) => Sent): string {
  const { uid, objects, desiredAPIVersion } = request;
  const convertedObjects = objects.map((object: Sent) => converter(object, desiredAPIVersion));
  const response = { uid, convertedObjects, result: { status: 'Success' } };
  return JSON.stringify({ kind: 'ConversionReview', apiVersion, response });
}
