/** `/containerLogs/NAMESPACE/POD/CONTAINER`: what `kubectl logs` shows. */
import { Readable } from 'node:stream';
import { notFound } from '../../api/status-error.ts';
import type { Clock } from '../../lib/clock.ts';
import { chooseRun, type LogRequest, parseLogRequest } from '../logs/log-request.ts';
import type { LogSource } from '../logs/log-source.ts';
import type { PodWorkers } from '../pod/pod-workers.ts';
import type { Runtime } from '../runtime.ts';
import { notServed, type Route, textAnswer } from './route.ts';

export interface ContainerLogsOptions {
  readonly pods: PodWorkers;
  readonly runtime: Runtime;
  readonly logs: LogSource;
  readonly clock: Clock;
}

export function containerLogs({ pods, runtime, logs, clock }: ContainerLogsOptions): Route {
  return {
    path: '/containerLogs/',
    async answer({ request: { path, signal } }) {
      const request = parseLogRequest(path, clock.now());
      if (request === undefined) throw notServed();
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
      const blocks = logs.stream(run, { ...request, follow, isRunning, signal });
      return textAnswer(Readable.from(guarded(request, blocks)), 'text/plain');
    },
  };
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
