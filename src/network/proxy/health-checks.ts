/**
 * For load balancers outside: which nodes have endpoints of a Service whose external traffic stays local. On each such Service's health check port an HTTP
 * server says 200 or 503, with the same JSON and header as upstream's.
 */
import { createServer, type Server } from 'node:http';
import type { Logger } from '../../lib/log.ts';

export interface HealthCheck {
  /** `namespace/name` of the Service. */
  readonly service: string;
  readonly port: number;
  readonly localEndpoints: number;
}

/** Whoever reaches a node may ask; load balancers are few, and their questions short. */
const connectionsMax = 100;
const questionMsMax = 5000;

interface Listening {
  readonly port: number;
  readonly server: Server;
  localEndpoints: number;
}

export interface HealthCheckOptions {
  readonly log: Logger;
  /** A port that cannot be had. */
  readonly failed: (check: HealthCheck, why: string) => void;
  /** All addresses where absent. */
  readonly address?: string;
}

export class HealthChecks {
  readonly #options: HealthCheckOptions;
  readonly #listening = new Map<string, Listening>();

  constructor(options: HealthCheckOptions) {
    this.#options = options;
  }

  /** Undefined: the Service wants none (any longer). */
  set(service: string, check: HealthCheck | undefined): void {
    const known = this.#listening.get(service);
    if (known !== undefined && known.port === check?.port) {
      known.localEndpoints = check.localEndpoints;
      return;
    }
    known?.server.close();
    known?.server.closeAllConnections();
    this.#listening.delete(service);
    if (check !== undefined) this.#listen(check);
  }

  close(): void {
    for (const service of this.#listening.keys()) this.set(service, undefined);
  }

  #listen(check: HealthCheck): void {
    const [namespace = '', name = ''] = check.service.split('/');
    const server = createServer({
      requestTimeout: questionMsMax,
      headersTimeout: questionMsMax,
      connectionsCheckingInterval: 1000,
    });
    server.maxConnections = connectionsMax;
    const listening: Listening = { port: check.port, localEndpoints: check.localEndpoints, server };
    this.#listening.set(check.service, listening);
    listening.server.on('request', (_, response) => {
      const { localEndpoints } = listening;
      response.writeHead(localEndpoints > 0 ? 200 : 503, {
        'Content-Type': 'application/json',
        'X-Content-Type-Options': 'nosniff',
        'X-Load-Balancing-Endpoint-Weight': String(localEndpoints),
      });
      response.end(JSON.stringify({ service: { namespace, name }, localEndpoints, serviceProxyHealthy: true }));
    });
    listening.server.on('error', (error) => {
      this.#options.log.warn('a health check port cannot be served', {
        service: check.service,
        port: check.port,
        error,
      });
      this.#options.failed(check, error.message);
      // Another change of the Service tries again.
      if (this.#listening.get(check.service) === listening) this.#listening.delete(check.service);
    });
    listening.server.listen({
      port: check.port,
      ...(this.#options.address === undefined ? {} : { host: this.#options.address }),
    });
    listening.server.unref();
  }
}
