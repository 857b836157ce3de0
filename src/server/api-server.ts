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
import { limits } from '../lib/limits.ts';
import type { Logger } from '../lib/log.ts';
import { MetricRegistry } from '../lib/metrics.ts';
import type { Prng } from '../lib/prng.ts';
import type { Service } from '../lib/service.ts';
import type { Authorizer, RequestHandler } from '../registry/request.ts';
import type { Aggregator } from './aggregation/aggregator.ts';
import type { Auditor } from './audit/auditor.ts';
import type { Authenticator } from './authentication/authentication.ts';
import { defaultAuthenticators } from './authentication/authenticators.ts';
import type { CertificateAuthority, IssuedCertificate } from './certificates/certificate-authority.ts';
import { localHost, servingNames } from './certificates/serving-names.ts';
import type { HealthCheck } from './health.ts';
import { type Listener, listen, type UpgradeHandler } from './http/listener.ts';
import type { SideDoor } from './http/side-door.ts';
import type { TlsSettings } from './http/tls-settings.ts';
import { asksForUpgrade, UpgradeExchange } from './http/upgrade-exchange.ts';
import { withWatchMetrics } from './metrics/watch-metrics.ts';
import { NodeTunnelEndpoint } from './node-tunnel.ts';
import { PathRequests } from './path-requests.ts';
import { RequestPipeline } from './request-pipeline.ts';
import { ResourceRequests } from './resource-requests.ts';
import type { ServiceAccountTokens } from './service-accounts/tokens.ts';
import type { SharedImageServer } from './shared-images.ts';

export interface ApiServerOptions {
  readonly handler: RequestHandler;
  /** Client certificates and `tokens` where absent. */
  readonly authenticators?: readonly Authenticator[];
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
  /** PEM: who signs certificates of front proxies. Absent: nobody is one. */
  readonly frontProxyAuthority?: string | undefined;
  /** Versions and cipher suites that it speaks. */
  readonly tls?: TlsSettings | undefined;
  readonly nodes: NodeConnections;
  /** The folder with agents' programs for nodes; absent: there are none. */
  readonly agentPrograms?: string | undefined;
  /** Absent: nodes do not get images from one another. */
  readonly sharedImages?: SharedImageServer | undefined;
  /** Service accounts' tokens, and where others find the keys that they are signed with. */
  readonly tokens?: ServiceAccountTokens;
  readonly healthChecks?: readonly HealthCheck[];
  /** Of servers that extend this one; absent: there are none. */
  readonly aggregator?: Aggregator | undefined;
  /** What is counted goes here, and is shown at `/metrics`. */
  readonly metrics?: MetricRegistry;
  /** Writes down who did what; nothing is written where absent. Closed with the server. */
  readonly auditor?: Auditor | undefined;
  /** How long the server still answers after `readyz` says that it is closing, for load balancers to notice; 0 where absent. */
  readonly shutdownDelayMs?: number;
  /** What else the server is reached by: names and addresses for its certificate. */
  readonly names?: readonly string[];
  /** Of the service `kubernetes`; asked when the server starts. */
  readonly serviceAddress?: () => string;
  /** Where pods get in if `host` is nowhere that they reach; asked when the server starts. */
  readonly podDoor?: () => SideDoor | undefined;
}

/** How long watches, logs and their like get to end by themselves when the server closes. */
const longRunningGraceMs = 1_000;

/** How often the serving certificate is looked at. */
const renewalLookMs = 60 * 60 * 1000;

export class ApiServer implements Service {
  readonly name = 'api-server';
  readonly #options: ApiServerOptions;
  readonly #resourceRequests: ResourceRequests;
  readonly #pipeline: RequestPipeline;
  readonly #tunnel: NodeTunnelEndpoint;
  /** The first that a request is for takes its connection. */
  readonly #upgrades: readonly UpgradeHandler[];
  #listener: Listener | undefined;
  #renewal: Timer | undefined;
  #closing = false;
  #ending: Promise<void> | undefined;

  constructor(options: ApiServerOptions) {
    this.#options = options;
    const { handler, resources, nodes, clock, prng, log } = options;
    const authenticators = options.authenticators ?? defaultAuthenticators(clock, options.tokens);
    const metrics = options.metrics ?? new MetricRegistry();
    this.#resourceRequests = new ResourceRequests({
      handler: withWatchMetrics(handler, metrics),
      authorizer: options.authorizer,
      resources,
      nodes,
      clock,
      prng,
    });
    this.#pipeline = new RequestPipeline({
      ...options,
      metrics,
      authenticators,
      resourceRequests: this.#resourceRequests,
      pathRequests: new PathRequests({ ...options, metrics, healthChecks: this.#healthChecks() }),
    });
    this.#tunnel = new NodeTunnelEndpoint({ nodes, authenticators, clock, log });
    this.#upgrades = [
      this.#tunnel,
      // WebSocket and SPDY for any URL of the API: requests like all others, with `exchange.upgrade`.
      {
        isFor: asksForUpgrade,
        accept: (request, socket, head, connection) =>
          this.#pipeline.handle(UpgradeExchange.from(request, socket, head, connection)),
      },
    ];
  }

  /** The port that it listens on; 0 while it does not. */
  get port(): number {
    return this.#listener?.port ?? 0;
  }

  /** `https://127.0.0.1:6443`: how clients on this machine reach it. */
  get address(): string {
    return `https://${localHost(this.#options.host)}:${this.port}`;
  }

  async start(): Promise<void> {
    const certificate = await this.#options.certificates.servingCertificate(this.#names());
    this.#closing = false;
    this.#ending = undefined;
    this.#listener = await listen(this.#options.host ?? '::', this.#options.port, {
      certificate,
      clientAuthority: this.#options.certificates.certificate,
      frontProxyAuthority: this.#options.frontProxyAuthority,
      tls: this.#options.tls,
      exchange: (exchange) => void this.#pipeline.handle(exchange),
      upgrades: this.#upgrades,
      clock: this.#options.clock,
    });
    this.#renewLater(certificate);
    this.#options.log.info('api server listens', { port: this.port, address: this.#listener.address });
    await this.#openForPods(this.#listener);
  }

  /** Everybody else is served also where this fails. */
  async #openForPods(listener: Listener): Promise<void> {
    const door = this.#options.podDoor?.();
    if (door === undefined) return;
    try {
      await listener.openDoor(door);
    } catch (error) {
      this.#options.log.warn(
        'pods cannot reach the API: its port is not free at the address for them; choose another port',
        {
          address: door.host,
          port: listener.port,
          error,
        },
      );
    }
  }

  /**
   * Loses no answer: first `readyz` fails, for as long as `shutdownDelayMs` all else goes on; then nothing new is taken, and
   * every request that was taken gets its whole answer; long-running ones are ended.
   */
  close(): Promise<void> {
    this.#ending ??= this.#end();
    return this.#ending;
  }

  async #end(): Promise<void> {
    const listener = this.#listener;
    if (listener === undefined) return;
    this.#closing = true;
    this.#renewal?.cancel();
    const { clock, shutdownDelayMs = 0 } = this.#options;
    if (shutdownDelayMs > 0) await clock.sleep(shutdownDelayMs);
    const late = clock.after(limits.drainMsMax, () => {
      listener.destroy();
      void this.#resourceRequests.close();
    });
    const idle = this.#pipeline.drain();
    const closed = listener.close();
    this.#resourceRequests.endWatches();
    this.#tunnel.close();
    await idle;
    const cut = clock.after(longRunningGraceMs, () => this.#pipeline.endLongRunning());
    await closed;
    cut.cancel();
    late.cancel();
    this.#listener = undefined;
    await this.#resourceRequests.close();
    await this.#options.auditor?.close();
  }

  destroy(): void {
    this.#renewal?.cancel();
    this.#tunnel.close();
    void this.#resourceRequests.close();
    this.#listener?.destroy();
    void this.#listener?.close();
    this.#listener = undefined;
  }

  #healthChecks(): readonly HealthCheck[] {
    const check = (): string | undefined => (this.#closing ? 'process is shutting down' : undefined);
    const shutdown: HealthCheck = { name: 'shutdown', on: ['readyz'], check };
    return [...(this.#options.healthChecks ?? []), shutdown];
  }

  #names(): readonly string[] {
    const { names = [], serviceAddress } = this.#options;
    return servingNames({ hostname: machineName(), addresses: names, serviceAddress: serviceAddress?.() });
  }

  /** Looked at often, since a machine may sleep through the date that a timer was set to. */
  #renewLater(certificate: IssuedCertificate): void {
    this.#renewal = this.#options.clock.after(renewalLookMs, () => void this.#renew(certificate));
  }

  /** Connections that exist keep theirs; a failure is tried again, long before the old one ends. */
  async #renew(current: IssuedCertificate): Promise<void> {
    let certificate = current;
    try {
      certificate = await this.#options.certificates.servingCertificate(this.#names());
    } catch (error) {
      this.#options.log.error('serving certificate could not be renewed', { error });
    }
    if (this.#listener === undefined || this.#closing) return;
    if (certificate.certificate !== current.certificate) {
      this.#listener.setCertificate(certificate);
      this.#options.log.info('serving certificate renewed');
    }
    this.#renewLater(certificate);
  }
}
