/** The same runtime, with its calls counted under upstream's names of them. */
import type { Clock } from '../../lib/clock.ts';
import { type Runtime, RuntimeError } from '../runtime.ts';
import type { AgentMetrics } from './agent-metrics.ts';

/** Of each method; those that are not here are not counted. */
const operations = {
  info: 'status',
  state: 'list_containers',
  runSandbox: 'run_podsandbox',
  stopSandbox: 'stop_podsandbox',
  removeSandbox: 'remove_podsandbox',
  createContainer: 'create_container',
  startContainer: 'start_container',
  stopContainer: 'stop_container',
  updateContainer: 'update_container',
  reopenLog: 'reopen_container_log',
  exec: 'exec_sync',
  openExec: 'exec',
  attach: 'attach',
  dialPod: 'port_forward',
  removeContainer: 'remove_container',
  imageStatus: 'image_status',
  images: 'list_images',
  pullImage: 'pull_image',
  removeImage: 'remove_image',
  imageFilesystem: 'image_fs_info',
  layerUsage: 'list_container_stats',
} as const satisfies Partial<Record<keyof Runtime, string>>;

/** What some calls tell beside their time, by operation. */
type Finished = Readonly<Record<string, (result: unknown, ms: number) => void | Promise<void>>>;

type Call = (...args: readonly unknown[]) => Promise<unknown>;

export function measuredRuntime(runtime: Runtime, metrics: AgentMetrics, clock: Clock): Runtime {
  const methods = new Map<string, unknown>();
  const finished: Finished = {
    [operations.runSandbox]: () => metrics.sandboxMade(false),
    [operations.pullImage]: async (imageId, ms) => {
      const image = await runtime.imageStatus(String(imageId)).catch(() => undefined);
      metrics.pulled(ms, image?.sizeBytes ?? 0);
    },
  };
  for (const [method, operation] of Object.entries(operations)) {
    const call = (runtime[method as keyof Runtime] as unknown as Call).bind(runtime);
    methods.set(method, measured(call, { operation, metrics, clock, finished }));
  }
  return new Proxy(runtime, {
    get(target, key) {
      const known = typeof key === 'string' ? methods.get(key) : undefined;
      if (known !== undefined) return known;
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}

interface Measure {
  readonly operation: string;
  readonly metrics: AgentMetrics;
  readonly clock: Clock;
  readonly finished: Finished;
}

function measured(call: Call, { operation, metrics, clock, finished }: Measure): Call {
  return async (...args) => {
    const startedMs = clock.monotonic();
    try {
      const result = await call(...args);
      const tookMs = clock.monotonic() - startedMs;
      metrics.operation(operation, tookMs, false);
      await finished[operation]?.(result, tookMs);
      return result;
    } catch (error) {
      // What is not there any more was asked for too late, which is no failure of the runtime's.
      const isFailure = !(error instanceof RuntimeError) || error.kind !== 'not-found';
      metrics.operation(operation, clock.monotonic() - startedMs, isFailure);
      if (operation === operations.runSandbox) metrics.sandboxMade(true);
      throw error;
    }
  };
}
