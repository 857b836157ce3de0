/** Where the logs of containers are: files on a node, memory on a simulated one. */
import type { ContainerStatus, PodIdentity } from '../runtime.ts';
import type { LogOptions } from './log-filter.ts';

export interface LogStreamOptions extends LogOptions {
  readonly follow: boolean;
  /** Tells whether the container still runs: a follower ends when it does not and all is read. */
  readonly isRunning: () => Promise<boolean>;
  readonly signal: AbortSignal;
}

export interface LogSource {
  /** Makes the folder that the runtime will write to. */
  prepare(folder: string): Promise<void>;
  /** Rendered text, as `kubectl logs` shows it. @throws Error where there is no log */
  stream(run: ContainerStatus, options: LogStreamOptions): AsyncIterable<Buffer>;
  /** The end of a log, for termination messages. */
  tail(run: ContainerStatus, bounds: { readonly lines: number; readonly bytes: number }): Promise<string>;
  removeRun(run: ContainerStatus): Promise<void>;
  /** The pods that logs are kept for. */
  pods(): Promise<readonly PodIdentity[]>;
  /** All logs of a pod. Idempotent. */
  remove(pod: PodIdentity): Promise<void>;
}
