/**
 * The HTTPS server of an operator's webhooks, with a certificate of its own that those who call it are told to trust.
 *
 * ```
 *  every minute:  the pair that all copies agree on (webhook-certificate.ts) ─▶ tell whom to trust (webhook-trust.ts) ─▶ serve with it
 * ```
 * Kept true: who calls trusts a certificate before it is served; bodies, times and connections are bounded; an answer that fails says so as
 * a 500, and never what the object held.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Client } from '../client/client.ts';
import type { Clock, Timer } from '../lib/clock.ts';
import type { Logger } from '../lib/log.ts';
import type { Service } from '../lib/service.ts';
import { agreedPair, base64, type Pair } from './webhook-certificate.ts';
import { tellWhomToTrust } from './webhook-trust.ts';
import { BadReview, type Webhook } from './webhooks.ts';

export interface WebhookServerOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly log: Logger;
  readonly webhooks: readonly Webhook[];
  /** Where the API reaches it. */
  readonly service: { readonly namespace: string; readonly name: string };
  /** 9443 where absent; 0: a free one. */
  readonly port?: number;
  /** All addresses where absent. */
  readonly host?: string;
  /** Other names in its certificate: for tests, or where the API reaches it by URL. */
  readonly names?: readonly string[];
}

const bodyBytesMax = 8 * 1024 * 1024;
const requestMsMax = 30_000;
/** So soon a configuration that was applied anew knows whom to trust, and this copy serves what another renewed. */
const lookMs = 60_000;
const handshakeMsMax = 10_000;
const connectionsMax = 1_000;

export class WebhookServer implements Service {
  readonly name = 'webhooks';
  readonly #options: WebhookServerOptions;
  readonly #byPath: ReadonlyMap<string, Webhook>;
  #server: Server | undefined;
  #renewal: Timer | undefined;
  #pair: Pair | undefined;

  constructor(options: WebhookServerOptions) {
    this.#options = options;
    this.#byPath = new Map(options.webhooks.map((webhook) => [webhook.path, webhook]));
  }

  /** 0 while it does not listen. */
  get port(): number {
    return (this.#server?.address() as AddressInfo | null | undefined)?.port ?? 0;
  }

  /** PEM: who is to trust it, trusts this. */
  get authority(): string {
    return this.#pair?.authority ?? '';
  }

  async start(): Promise<void> {
    const pair = await this.#agreedPair();
    this.#pair = pair;
    const { port = 9443, host } = this.#options;
    const limits = { handshakeTimeout: handshakeMsMax, requestTimeout: requestMsMax };
    const server = createServer({ ...tlsOf(pair), ...limits }, (request, response) => {
      void this.#serve(request, response);
    });
    server.maxConnections = connectionsMax;
    this.#server = server;
    try {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen(port, host, () => resolve());
      });
      await this.#tellAll(pair);
    } catch (error) {
      this.destroy();
      throw error;
    }
    this.#renewLater();
  }

  async close(): Promise<void> {
    this.#renewal?.cancel();
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    server.closeIdleConnections();
    await closed;
  }

  destroy(): void {
    this.#renewal?.cancel();
    const server = this.#server;
    this.#server = undefined;
    server?.closeAllConnections();
    server?.close();
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const answer = (status: number, body: object): void => {
      const text = JSON.stringify(body);
      response.writeHead(status, { 'content-type': 'application/json' }).end(text);
    };
    const webhook = this.#byPath.get((request.url ?? '').split('?')[0] ?? '');
    if (webhook === undefined) return answer(404, { message: 'no webhook at this path' });
    if (request.method !== 'POST') return answer(405, { message: 'reviews are posted' });
    try {
      answer(200, await webhook.answer(await reviewIn(request)));
    } catch (error) {
      if (request.destroyed && !request.complete) return; // The caller went away.
      const isBad = error instanceof BadReview;
      if (!isBad) this.#options.log.error('a webhook failed', { path: webhook.path, error });
      answer(isBad ? 400 : 500, { message: isBad ? error.message : 'the webhook failed; its log says why' });
    }
  }

  #renewLater(): void {
    this.#renewal = this.#options.clock.after(lookMs, () => void this.#renew());
  }

  /** Also where another copy of the program renewed it. */
  async #renew(): Promise<void> {
    try {
      const pair = await this.#agreedPair();
      await this.#tellAll(pair);
      if (pair.certificate !== this.#pair?.certificate) this.#server?.setSecureContext(tlsOf(pair));
      this.#pair = pair;
    } catch (error) {
      this.#options.log.error('the certificate of the webhooks could not be renewed', { error });
    }
    if (this.#server !== undefined) this.#renewLater();
  }

  #agreedPair(): Promise<Pair> {
    const { client, clock, service, names = [] } = this.#options;
    const { namespace, name } = service;
    const secret = { namespace, name: `${name}-webhook-certificate` };
    const all = [`${name}.${namespace}.svc`, `${name}.${namespace}`, ...names];
    return agreedPair({ client, clock, secret, names: all }, this.#pair);
  }

  #tellAll({ authority }: Pair): Promise<void> {
    const { client, service, webhooks } = this.#options;
    const kinds = new Set(webhooks.map(({ kind }) => kind));
    return tellWhomToTrust({ client, service, kinds }, base64(authority));
  }
}

const tlsOf = ({ certificate, key }: Pair) => ({ cert: certificate, key, minVersion: 'TLSv1.2' as const });

/** @throws BadReview where it is too long, or no JSON */
async function reviewIn(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  // Not destroyed at the limit: the caller is to be told.
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > bodyBytesMax) throw new BadReview(`the body has more than ${bodyBytesMax} bytes`);
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch {
    throw new BadReview('the body is not JSON');
  }
}
