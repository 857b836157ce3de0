/**
 * The HTTPS server of an operator's webhooks, and its certificate: made here, kept in a Secret that all copies share, renewed when a third of
 * its life is left, and told to those who must trust it (webhook configurations and CustomResourceDefinitions that name its Service).
 *
 * Kept true: bodies and times are bounded; an answer that fails says so as a 500, and never what the object held.
 */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { KubeObject } from '../api/object.ts';
import type {
  MutatingWebhookConfiguration,
  ValidatingWebhookConfiguration,
} from '../api/schema/types/admissionregistration-v1.ts';
import type { CustomResourceDefinition } from '../api/schema/types/apiextensions-v1.ts';
import type { Secret } from '../api/schema/types/core-v1.ts';
import { hasReason } from '../api/status-error.ts';
import type { Client, Resource } from '../client/client.ts';
import { customResourceDefinitions, secrets } from '../client/resources.ts';
import type { Clock, Timer } from '../lib/clock.ts';
import type { Logger } from '../lib/log.ts';
import type { Service } from '../lib/service.ts';
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
const lifetimeMs = 365 * 24 * 60 * 60 * 1000;
const lookMs = 60 * 60 * 1000;

const mutatingConfigurations: Resource<MutatingWebhookConfiguration> = {
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  kind: 'MutatingWebhookConfiguration',
  resource: 'mutatingwebhookconfigurations',
  namespaced: false,
};
const validatingConfigurations: Resource<ValidatingWebhookConfiguration> = {
  ...mutatingConfigurations,
  kind: 'ValidatingWebhookConfiguration',
  resource: 'validatingwebhookconfigurations',
};

interface Pair {
  /** PEM. */
  readonly certificate: string;
  readonly key: string;
  readonly authority: string;
}

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
    this.#pair = await this.#agreedPair();
    const { port = 9443, host } = this.#options;
    const server = createServer(tlsOf(this.#pair), (request, response) => void this.#serve(request, response));
    server.requestTimeout = requestMsMax;
    this.#server = server;
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, host, () => resolve());
    });
    await this.#tellAll();
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
    this.#server?.closeAllConnections();
    this.#server?.close();
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const answer = (status: number, body: object): void => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(body));
    };
    const webhook = this.#byPath.get((request.url ?? '').split('?')[0] ?? '');
    if (webhook === undefined) return answer(404, { message: 'no webhook at this path' });
    if (request.method !== 'POST') return answer(405, { message: 'reviews are posted' });
    try {
      answer(200, await webhook.answer(JSON.parse(await textOf(request))));
    } catch (error) {
      const isBad = error instanceof BadReview || error instanceof SyntaxError;
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
      if (pair.certificate !== this.#pair?.certificate) {
        this.#pair = pair;
        this.#server?.setSecureContext(tlsOf(pair));
      }
      await this.#tellAll();
    } catch (error) {
      this.#options.log.error('the certificate of the webhooks could not be renewed', { error });
    }
    if (this.#server !== undefined) this.#renewLater();
  }

  get #secret(): { namespace: string; name: string } {
    const { namespace, name } = this.#options.service;
    return { namespace, name: `${name}-webhook-certificate` };
  }

  get #names(): readonly string[] {
    const { service, names = [] } = this.#options;
    return [`${service.name}.${service.namespace}.svc`, `${service.name}.${service.namespace}`, ...names];
  }

  /** The one in the Secret while it is good, else a new one; of two copies that write at a time, the first one's. */
  async #agreedPair(): Promise<Pair> {
    const { client } = this.#options;
    for (;;) {
      const found = await client.get(secrets, this.#secret).catch((error: unknown) => {
        if (hasReason(error, 'NotFound')) return undefined;
        throw error;
      });
      const kept = found && pairIn(found);
      if (kept !== undefined && this.#isGood(kept)) return kept;
      const made = await this.#make();
      const secret: Secret = {
        ...found,
        metadata: found?.metadata ?? this.#secret,
        type: 'kubernetes.io/tls',
        data: { 'tls.crt': base64(made.certificate), 'tls.key': base64(made.key), 'ca.crt': base64(made.authority) },
      };
      try {
        await (found === undefined ? client.create(secrets, secret) : client.update(secrets, secret));
        return made;
      } catch (error) {
        if (!hasReason(error, 'AlreadyExists', 'Conflict')) throw error;
      }
    }
  }

  #isGood({ certificate }: Pair): boolean {
    const x509 = new X509Certificate(certificate);
    const endMs = x509.validToDate.getTime();
    const renewAtMs = endMs - (endMs - x509.validFromDate.getTime()) / 3;
    const names = new Set(
      (x509.subjectAltName ?? '').split(', ').map((entry) => entry.replace(/^(DNS|IP Address):/, '')),
    );
    return this.#options.clock.now() < renewAtMs && this.#names.every((name) => names.has(name));
  }

  /** The authority's key is thrown away: a new certificate comes with a new authority. */
  async #make(): Promise<Pair> {
    const { issueAuthority, issueLeaf } = await import('../server/certificates/issue.ts');
    const lifetime = { nowMs: this.#options.clock.now(), lifetimeMs };
    const commonName = this.#names[0] ?? '';
    const authority = await issueAuthority(`${commonName} webhooks`.slice(0, 64), lifetime);
    const issuer = { certificate: authority.certificate, privateKey: createPrivateKey(authority.key) };
    const subject = { commonName: commonName.slice(0, 64), organizations: [] };
    const leaf = await issueLeaf(issuer, { ...lifetime, subject, usage: 'server', names: this.#names });
    return { certificate: leaf.certificate, key: leaf.key, authority: authority.certificate };
  }

  /** Every configuration and every definition whose Service is ours learns whom to trust. */
  async #tellAll(): Promise<void> {
    const bundle = base64(this.authority);
    const told = <T extends KubeObject>(resource: Resource<T>, change: (object: T) => T | undefined) =>
      this.#tell(resource, change);
    await told(mutatingConfigurations, (object) => this.#withBundle(object, bundle));
    await told(validatingConfigurations, (object) => this.#withBundle(object, bundle));
    await told(customResourceDefinitions, (object) => this.#convertedWith(object, bundle));
  }

  async #tell<T extends KubeObject>(resource: Resource<T>, change: (object: T) => T | undefined): Promise<void> {
    const { client } = this.#options;
    for (const object of (await client.list(resource)).items) {
      const changed = change(object);
      if (changed === undefined) continue;
      await client.update(resource, changed).catch((error: unknown) => {
        if (!hasReason(error, 'NotFound', 'Conflict')) throw error;
      });
    }
  }

  #isOurs(service: { readonly namespace?: string; readonly name?: string } | undefined): boolean {
    const { namespace, name } = this.#options.service;
    return service?.namespace === namespace && service.name === name;
  }

  #withBundle<T extends MutatingWebhookConfiguration | ValidatingWebhookConfiguration>(
    configuration: T,
    caBundle: string,
  ): T | undefined {
    const { webhooks = [] } = configuration;
    const isStale = webhooks.some(
      ({ clientConfig }) => this.#isOurs(clientConfig?.service) && clientConfig?.caBundle !== caBundle,
    );
    if (!isStale) return undefined;
    const changed = webhooks.map((webhook) =>
      this.#isOurs(webhook.clientConfig?.service)
        ? { ...webhook, clientConfig: { ...webhook.clientConfig, caBundle } }
        : webhook,
    );
    return { ...configuration, webhooks: changed };
  }

  #convertedWith(definition: CustomResourceDefinition, caBundle: string): CustomResourceDefinition | undefined {
    const conversion = definition.spec?.conversion;
    const clientConfig = conversion?.webhook?.clientConfig;
    if (!this.#isOurs(clientConfig?.service) || clientConfig?.caBundle === caBundle) return undefined;
    const webhook = { ...conversion?.webhook, clientConfig: { ...clientConfig, caBundle } };
    return {
      ...definition,
      spec: { ...definition.spec, conversion: { ...conversion, webhook } },
    } as CustomResourceDefinition;
  }
}

const tlsOf = ({ certificate, key }: Pair) => ({ cert: certificate, key, minVersion: 'TLSv1.2' as const });

const base64 = (text: string): string => Buffer.from(text).toString('base64');

function pairIn({ data = {} }: Secret): Pair | undefined {
  const [certificate, key, authority] = ['tls.crt', 'tls.key', 'ca.crt'].map((name) =>
    Buffer.from(data[name] ?? '', 'base64').toString(),
  );
  return certificate && key && authority ? { certificate, key, authority } : undefined;
}

/** @throws BadReview where it is too long */
async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > bodyBytesMax) throw new BadReview(`the body has more than ${bodyBytesMax} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
