/**
 * What the API server asks of this node, by the kubelet's paths: logs of containers, exec, attach, port-forward, and whether it is well. More routes take their
 * place in `#route`.
 */
import { Readable } from 'node:stream';
import { notFound, StatusError } from '../api/status-error.ts';
import type { NodeHandler, NodeRequest, NodeResponse } from '../client/node-api.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/log.ts';
import { chooseRun, type LogRequest, parseLogRequest } from './logs/log-request.ts';
import type { LogSource } from './logs/log-source.ts';
import type { PodWorkers } from './pod/pod-workers.ts';
import type { NodeProxy } from './proxy.ts';
import type { Runtime } from './runtime.ts';
import { isStreamingPath } from './streaming/streaming-request.ts';
import type { StreamingServer } from './streaming/streaming-server.ts';

export interface NodeServerOptions {
  readonly pods: PodWorkers;
  readonly runtime: Runtime;
  readonly logs: LogSource;
  readonly streaming: StreamingServer;
  /** For all other paths. */
  readonly proxy: NodeProxy;
  readonly clock: Clock;
  readonly log: Logger;
}

export class NodeServer implements NodeHandler {
  readonly #options: NodeServerOptions;

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
    const [, kind = ''] = request.path.split(/[/?]/);
    if (isStreamingPath(request.path)) return this.#options.streaming.handle(request);
    if (kind === 'containerLogs') return this.#containerLogs(request);
    if (kind === 'healthz') return Promise.resolve(textResponse(Readable.from(['ok'])));
    return this.#options.proxy.handle(request);
  }

  async #containerLogs({ path, signal }: NodeRequest): Promise<NodeResponse> {
    const { clock, logs, runtime, pods } = this.#options;
    const request = parseLogRequest(path, clock.now());
    if (request === undefined) throw new StatusError(404, 'NotFound', 'the node does not serve this path', {});
    const worker = pods.find({ namespace: request.namespace, name: request.pod });
    const pod = worker?.lastPod;
    if (worker === undefined || pod === undefined) throw notFound({ group: '', kind: 'pods', name: request.pod });
    // Logs are files: they can be read also while the runtime is away, which is when they are needed most.
    const { containers } = await runtime.state(worker.identity.uid).catch(() => worker);
    const run = chooseRun(request, pod, worker.status, containers);
    const isRunning = async (): Promise<boolean> => {
      const state = await runtime.state(worker.identity.uid).catch(() => undefined);
      return state?.containers.find(({ id }) => id === run.id)?.state === 'running';
    };
    const { follow } = request;
    return textResponse(Readable.from(guarded(request, logs.stream(run, { ...request, follow, isRunning, signal }))));
  }
}

/** Once text has gone out, an error can only be part of it. */
async function* guarded({ container }: LogRequest, blocks: AsyncIterable<Buffer>): AsyncIterable<Buffer> {
  try {
    yield* blocks;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    yield Buffer.from(`unable to retrieve container logs for ${container}: ${why}\n`);
  }
}

function textResponse(body: Readable): NodeResponse {
  return { status: 200, headers: { 'content-type': 'text/plain' }, body };
}

function statusResponse(error: StatusError): NodeResponse {
  const body = Readable.from([Buffer.from(JSON.stringify(error.toStatus()))]);
  return { status: error.code, headers: { 'content-type': 'application/json' }, body };
}
