/**
 * What the API server asks of this node, by the kubelet's paths: streams first, then the table of routes (`routes/`, a file a concern), then
 * whatever is proxied to a program of the node.
 */
import { Readable } from 'node:stream';
import { parseLocalVolumePath } from '../api/local-volumes.ts';
import { StatusError } from '../api/status-error.ts';
import type { NodeHandler, NodeRequest, NodeResponse } from '../client/node-api.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/log.ts';
import type { NodeImages } from './images/node-images.ts';
import type { KubeletConfiguration } from './kubelet-configuration.ts';
import type { LogSource } from './logs/log-source.ts';
import type { AgentMetrics } from './metrics/agent-metrics.ts';
import type { NodeFacts } from './node-facts.ts';
import type { PodWorkers } from './pod/pod-workers.ts';
import type { NodeProxy } from './proxy.ts';
import { configz } from './routes/configz.ts';
import { containerLogs } from './routes/container-logs.ts';
import { healthRoutes } from './routes/health.ts';
import { localImages } from './routes/local-images.ts';
import { removedVolume } from './routes/local-volumes.ts';
import { nodeLogs } from './routes/node-logs.ts';
import { podRoutes } from './routes/pod-lists.ts';
import { checkReads, findRoute, type Route } from './routes/route.ts';
import { statsRoutes } from './routes/stats-routes.ts';
import type { Runtime } from './runtime.ts';
import type { StatsSource } from './stats/summary.ts';
import { isStreamingPath } from './streaming/streaming-request.ts';
import type { StreamingServer } from './streaming/streaming-server.ts';

export interface NodeServerOptions {
  readonly nodeName: string;
  readonly facts: NodeFacts;
  readonly configuration: KubeletConfiguration;
  readonly pods: PodWorkers;
  readonly runtime: Runtime;
  readonly logs: LogSource;
  readonly stats: StatsSource;
  readonly metrics?: AgentMetrics;
  /** Of the machine's own logs; absent where it has none. */
  readonly systemLogs?: string;
  readonly streaming: StreamingServer;
  /** For all other paths. */
  readonly proxy: NodeProxy;
  /** Removes the folder of a volume that naru made. */
  readonly removeVolume: (name: string) => Promise<void>;
  /** For other nodes; absent: none. */
  readonly localImages?: NodeImages['local'];
  readonly clock: Clock;
  readonly log: Logger;
}

export class NodeServer implements NodeHandler {
  readonly #options: NodeServerOptions;
  /** Made with the first request: most of thousands of simulated nodes never get one. */
  #routes: readonly Route[] | undefined;

  constructor(options: NodeServerOptions) {
    this.#options = options;
  }

  async handle(request: NodeRequest): Promise<NodeResponse> {
    try {
      return await this.#route(request);
    } catch (error) {
      if (error instanceof StatusError) return statusResponse(error);
      this.#options.log.error('a request to the node failed', { path: request.path, error });
      // The server says that it is internal.
      const message = error instanceof Error ? error.message : String(error);
      return statusResponse(new StatusError(500, 'InternalError', message));
    }
  }

  #route(request: NodeRequest): Promise<NodeResponse> {
    if (isStreamingPath(request.path)) return this.#options.streaming.handle(request);
    const [path = '/', query = ''] = request.path.split('?', 2);
    const volume = parseLocalVolumePath(path);
    if (volume !== undefined) return removedVolume(request, () => this.#options.removeVolume(volume));
    this.#routes ??= allRoutes(this.#options);
    const route = findRoute(this.#routes, path);
    if (route === undefined) return this.#options.proxy.handle(request);
    checkReads(request);
    return route.answer({ request, path, query: new URLSearchParams(query) });
  }
}

/** A new route is a line here. */
function allRoutes(options: NodeServerOptions): readonly Route[] {
  const { configuration, systemLogs, localImages: local, log } = options;
  return [
    containerLogs(options),
    ...healthRoutes(options),
    ...statsRoutes(options),
    ...podRoutes(options),
    configz(configuration),
    nodeLogs(systemLogs),
    localImages(local && { local: local.list, archives: local.archives, log }),
  ];
}

function statusResponse(error: StatusError): NodeResponse {
  const body = Readable.from([Buffer.from(JSON.stringify(error.toStatus()))]);
  return { status: error.code, headers: { 'content-type': 'application/json' }, body };
}
