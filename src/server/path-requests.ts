/** Requests whose URL names no resource: health, metrics, version, discovery, OpenAPI. Reading only. */
import { OpenApi } from '../api/openapi.ts';
import type { ResourceTable } from '../api/resource-table.ts';
import type { SchemaRegistry } from '../api/schema/schema.ts';
import type { Clock } from '../lib/clock.ts';
import type { MetricRegistry } from '../lib/metrics.ts';
import { type Answer, rawJsonAnswer, textAnswer } from './answer.ts';
import type { RequestContext } from './context.ts';
import { discoveryAnswer } from './discovery-requests.ts';
import { type HealthCheck, healthAnswer } from './health.ts';
import { MetricsEndpoint } from './metrics/metrics-endpoint.ts';
import { openApiAnswer } from './openapi-requests.ts';
import { pathIndex } from './path-index.ts';
import { splitPath } from './request-info.ts';
import { noSuchMethod } from './resource-lookup.ts';
import { issuerDiscovery } from './service-accounts/discovery.ts';
import type { ServiceAccountTokens } from './service-accounts/tokens.ts';
import { versionInfo } from './version.ts';

export interface PathRequestsOptions {
  readonly clock: Clock;
  readonly resources: ResourceTable;
  readonly schema: SchemaRegistry;
  readonly healthChecks: readonly HealthCheck[];
  readonly metrics: MetricRegistry;
  /** Absent: nobody signs tokens here. */
  readonly tokens?: ServiceAccountTokens;
}

export class PathRequests {
  readonly #options: PathRequestsOptions;
  readonly #openApi: OpenApi;
  readonly #metrics: MetricsEndpoint;

  constructor(options: PathRequestsOptions) {
    this.#options = options;
    const { schema, resources, metrics } = options;
    this.#openApi = new OpenApi({ schema, resources, version: versionInfo.gitVersion });
    this.#metrics = new MetricsEndpoint(metrics);
  }

  /** @throws StatusError */
  async answer(context: RequestContext): Promise<Answer> {
    const { method } = context.exchange;
    const segments = splitPath(context.path);
    const { healthChecks } = this.#options;
    const health = healthAnswer(segments, context.query, healthChecks, this.#metrics.observeHealth);
    if (health !== undefined) return health;
    const answer = await this.#document(segments, context);
    if (answer === undefined) return pageNotFound();
    if (method !== 'GET' && method !== 'HEAD') throw noSuchMethod();
    return answer;
  }

  /** Undefined where there is none. @throws StatusError */
  async #document(segments: readonly string[], context: RequestContext): Promise<Answer | undefined> {
    const { resources, healthChecks, tokens } = this.#options;
    const issuer = tokens && (await issuerDiscovery(tokens, context.path));
    if (issuer !== undefined) return issuer;
    const [first = '', ...rest] = segments;
    switch (first) {
      case '':
      case 'index.html':
        return rest.length === 0 ? rawJsonAnswer(pathIndex(resources, healthChecks)) : undefined;
      case 'version':
        return rest.length === 0 ? rawJsonAnswer(versionInfo) : undefined;
      case 'api':
      case 'apis':
        return discoveryAnswer(resources, segments, context);
      case 'openapi':
        return openApiAnswer(this.#openApi, rest, { ...context, nowMs: this.#options.clock.now() });
      case 'metrics':
        return this.#metrics.answer(rest);
      default:
        return undefined;
    }
  }
}

/** Where upstream has no router that would know better. */
export const pageNotFound = (): Answer => textAnswer(404, '404 page not found\n');
