/**
 * The API's front door: one TLS port, behind which everything that is asked goes to a `RequestHandler` (the registry).
 *
 * This file puts the parts together and gives them a life: certificate, listener, pipeline, node tunnel. What happens to a
 * request is told in `request-pipeline.ts`, how bytes come in and go out in `http/`, who may in `authorization.ts`.
 */
import { hostname as machineName } from 'node:os';
import type { ResourceTable } from '../api/resource-table.ts';
import type { SchemaRegistry } from '../api/schema/schema.ts';
import type { NodeConnections } from '../client/node-api.ts';
import type { Clock, Timer } from '../lib/clock.ts';
import type { Logger } from '../lib/log.ts';
import type { Prng } from '../lib/prng.ts';
import type { Service } from '../lib/service.ts';
import type { Authorizer, RequestHandler } from '../registry/request.ts';
import { type Authenticator, BearerRefusal, CertificateAuthenticator } from './authentication.ts';
import {
  type CertificateAuthority,
  type IssuedCertificate,
  renewalTimeMs,
} from './certificates/certificate-authority.ts';
import { servingNames } from './certificates/serving-names.ts';
import type { HealthCheck } from './health.ts';
import { type Listener, listen } from './http/listener.ts';
import { NodeTunnelEndpoint } from './node-tunnel.ts';
import { PathRequests } from './path-requests.ts';
import { RequestPipeline } from './request-pipeline.ts';
import { ResourceRequests } from './resource-requests.ts';

export interface ApiServerOptions {
  readonly handler: RequestHandler;
  readonly authorizer: Authorizer;
  readonly resources: ResourceTable;
  readonly schema: SchemaRegistry;
  readonly clock: Clock;
  readonly prng: Prng;
  readonly log: Logger;
  /** The address to listen on; all addresses where absent. */
  readonly host?: string;
  /** 0: a free one. */
  readonly port: number;
  readonly certificates: CertificateAuthority;
  readonly nodes: NodeConnections;
  /** Asked in this order; client certificates alone where absent. */
  readonly authenticators?: readonly Authenticator[];
  readonly healthChecks?: readonly HealthCheck[];
  /** What else the server is reached by: names and addresses for its certificate. */
  readonly names?: readonly string[];
  /** Of the service `kubernetes`. */
  readonly serviceAddress?: string;
}

/** How long `close` lets requests finish that are under way. */
const drainMsMax = 5_000;

export class ApiServer implements Service {
  readonly name = 'api-server';
  readonly #options: ApiServerOptions;
  readonly #resourceRequests: ResourceRequests;
  readonly #pipeline: RequestPipeline;
  readonly #tunnel: NodeTunnelEndpoint;
  #listener: Listener | undefined;
  #renewal: Timer | undefined;
  #closing = false;

  constructor(options: ApiServerOptions) {
    this.#options = options;
    const { handler, resources, nodes, clock, log } = options;
    const authenticators = options.authenticators ?? [new CertificateAuthenticator(clock), new BearerRefusal()];
    this.#resourceRequests = new ResourceRequests({ handler, resources, nodes, clock });
    this.#pipeline = new RequestPipeline({
      ...options,
      authenticators,
      resourceRequests: this.#resourceRequests,
      pathRequests: new PathRequests({ ...options, healthChecks: this.#healthChecks() }),
    });
    this.#tunnel = new NodeTunnelEndpoint({ nodes, authenticators, clock, log });
  }

  /** The port that it listens on; 0 while it does not. */
  get port(): number {
    return this.#listener?.port ?? 0;
  }

  /** `https://127.0.0.1:6443`: how clients on this machine reach it. */
  get address(): string {
    return `https://127.0.0.1:${this.port}`;
  }

  async start(): Promise<void> {
    const certificate = await this.#options.certificates.servingCertificate(this.#names());
    this.#closing = false;
    this.#listener = await listen(this.#options.host ?? '::', this.#options.port, {
      certificate,
      clientAuthority: this.#options.certificates.certificate,
      exchange: (exchange) => void this.#pipeline.handle(exchange),
      isUpgrade: (request) => this.#tunnel.isFor(request),
      upgrade: (request, socket, head, connection) => void this.#tunnel.accept(request, socket, head, connection),
    });
    this.#renewLater(certificate);
    this.#options.log.info('api server listens', { port: this.port, address: this.#listener.address });
  }

  async close(): Promise<void> {
    const listener = this.#listener;
    this.#closing = true;
    this.#listener = undefined;
    this.#renewal?.cancel();
    if (listener === undefined) return;
    this.#tunnel.close();
    const late = this.#options.clock.after(drainMsMax, () => listener.destroy());
    const closed = listener.close();
    this.#resourceRequests.endWatches();
    await closed;
    late.cancel();
  }

  destroy(): void {
    this.#renewal?.cancel();
    this.#tunnel.close();
    this.#listener?.destroy();
    void this.#listener?.close();
    this.#listener = undefined;
  }

  #healthChecks(): readonly HealthCheck[] {
    const shutdown: HealthCheck = { name: 'shutdown', on: ['readyz'], check: () => !this.#closing };
    return [...(this.#options.healthChecks ?? []), shutdown];
  }

  #names(): readonly string[] {
    const { names = [], serviceAddress } = this.#options;
    return servingNames({ hostname: machineName(), addresses: names, ...(serviceAddress && { serviceAddress }) });
  }

  #renewLater({ notAfterMs }: IssuedCertificate): void {
    const now = this.#options.clock.now();
    this.#renewal = this.#options.clock.after(renewalTimeMs(now, notAfterMs) - now, () => void this.#renew());
  }

  /** Connections that exist keep theirs; a failure is tried again in an hour, long before the old one ends. */
  async #renew(): Promise<void> {
    try {
      const certificate = await this.#options.certificates.servingCertificate(this.#names());
      this.#listener?.setCertificate(certificate);
      if (this.#listener !== undefined) this.#renewLater(certificate);
      this.#options.log.info('serving certificate renewed');
    } catch (error) {
      this.#options.log.error('serving certificate could not be renewed', { error });
      if (this.#listener !== undefined)
        this.#renewal = this.#options.clock.after(60 * 60 * 1000, () => void this.#renew());
    }
  }
}
