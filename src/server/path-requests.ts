/** Requests whose URL names no resource: health, metrics, version, discovery, OpenAPI. Reading only. */

import type { Pause } from '../api/openapi/kept-documents.ts';
import { OpenApi } from '../api/openapi.ts';
import type { ResourceTable } from '../api/resource-table.ts';
import type { SchemaRegistry } from '../api/schema/schema.ts';
import { sharedImageIn } from '../api/shared-images.ts';
import type { Clock } from '../lib/clock.ts';
import type { MetricRegistry } from '../lib/metrics.ts';
import { agentProgramAnswer } from './agent-programs.ts';
import type { Aggregator } from './aggregation/aggregator.ts';
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
import type { SharedImageServer } from './shared-images.ts';
import { versionInfo } from './version.ts';

export interface PathRequestsOptions {
  readonly clock: Clock;
  readonly resources: ResourceTable;
  readonly schema: SchemaRegistry;
  readonly healthChecks: readonly HealthCheck[];
  readonly metrics: MetricRegistry;
  /** Absent: no other servers extend this one. */
  readonly aggregator?: Aggregator | undefined;
  /** The folder with agents' programs for nodes; absent: there are none. */
  readonly agentPrograms?: string | undefined;
  /** Absent: nodes do not get images from one another. */
  readonly sharedImages?: Pick<SharedImageServer, 'answer'> | undefined;
  /** Absent: nobody signs tokens here. */
  readonly tokens?: ServiceAccountTokens;
}

export class PathRequests {
  readonly #options: PathRequestsOptions;
  #openApi: OpenApi | undefined;
  readonly #metrics: MetricsEndpoint;

  constructor(options: PathRequestsOptions) {
    this.#options = options;
    this.#metrics = new MetricsEndpoint(options.metrics);
  }

  /** Undefined where it was sent as a stream. @throws StatusError */
  async answer(context: RequestContext): Promise<Answer | undefined> {
    const { method } = context.exchange;
    const segments = splitPath(context.path);
    const { healthChecks, sharedImages } = this.#options;
    if (sharedImages !== undefined && sharedImageIn(context.path) !== undefined) return sharedImages.answer(context);
    const health = healthAnswer(segments, context.query, healthChecks, this.#metrics.observeHealth);
    if (health !== undefined) return health;
    const answer = await this.#document(segments, context);
    if (answer === undefined) return pageNotFound();
    if (method !== 'GET' && method !== 'HEAD') throw noSuchMethod();
    return answer;
  }

  /** Of what is served at this moment. */
  #currentOpenApi(): OpenApi {
    const { schema, resources, aggregator } = this.#options;
    const previous = this.#openApi;
    const remote = aggregator?.openApi;
    if (previous?.resources === resources.current && previous.remote === remote) return previous;
    const more = previous === undefined ? {} : { previous };
    const version = versionInfo.gitVersion;
    this.#openApi = new OpenApi({ schema, resources: resources.current, version, remote, ...more });
    return this.#openApi;
  }

  /** Undefined where there is none. @throws StatusError */
  async #document(segments: readonly string[], context: RequestContext): Promise<Answer | undefined> {
    const { resources: own, healthChecks, tokens, aggregator } = this.#options;
    const resources = aggregator?.discovered(own) ?? own;
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
        return openApiAnswer(this.#currentOpenApi(), rest, {
          ...context,
          nowMs: this.#options.clock.now(),
          pause: pauses(this.#options.clock),
        });
      case 'metrics':
        return this.#metrics.answer(rest);
      case 'naru':
        return agentProgramAnswer(this.#options.agentPrograms, rest);
      default:
        return undefined;
    }
  }
}

/** How long others wait at most for a document that takes long to make. */
const sliceMsMax = 5;

function pauses(clock: Clock): Pause {
  let since = clock.monotonic();
  return () => {
    if (clock.monotonic() - since < sliceMsMax) return undefined;
    return clock.sleep(0).then(() => {
      since = clock.monotonic();
    });
  };
}

/** Where upstream has no router that would know better. */
export const pageNotFound = (): Answer => textAnswer(404, '404 page not found\n');
