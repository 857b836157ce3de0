/** Requests whose URL names no resource: health, version, discovery, OpenAPI. Reading only. */
import { OpenApi } from '../api/openapi.ts';
import type { ResourceTable } from '../api/resource-table.ts';
import type { SchemaRegistry } from '../api/schema/schema.ts';
import { type Answer, textAnswer } from './answer.ts';
import type { RequestContext } from './context.ts';
import { discoveryAnswer } from './discovery-requests.ts';
import { type HealthCheck, healthAnswer } from './health.ts';
import { valueAnswer } from './object-answers.ts';
import { openApiAnswer } from './openapi-requests.ts';
import { splitPath } from './request-info.ts';
import { noSuchMethod } from './resource-lookup.ts';
import { versionInfo } from './version.ts';

export interface PathRequestsOptions {
  readonly resources: ResourceTable;
  readonly schema: SchemaRegistry;
  readonly healthChecks: readonly HealthCheck[];
}

export class PathRequests {
  readonly #options: PathRequestsOptions;
  readonly #openApi: OpenApi;

  constructor(options: PathRequestsOptions) {
    this.#options = options;
    const { schema, resources } = options;
    this.#openApi = new OpenApi({ schema, resources, version: versionInfo.gitVersion });
  }

  /** @throws StatusError */
  async answer(context: RequestContext): Promise<Answer> {
    const { method } = context.exchange;
    const segments = splitPath(context.path);
    const health = healthAnswer(segments, context.query, this.#options.healthChecks);
    if (method !== 'GET' && method !== 'HEAD') throw noSuchMethod();
    if (health !== undefined) return health;
    if (segments.length === 1 && segments[0] === 'version') {
      return valueAnswer(200, versionInfo, { encoding: 'json', pretty: true });
    }
    if (segments[0] === 'api' || segments[0] === 'apis') {
      return discoveryAnswer(this.#options.resources, segments, context);
    }
    const openApi = segments[0] === 'openapi' ? openApiAnswer(this.#openApi, segments.slice(1), context) : undefined;
    return openApi ?? textAnswer(404, '404 page not found\n');
  }
}
