/**
 * What one pod's worker keeps between two looks, and the small things that every step does with it: events, failures with their retries,
 * work in the background. Nothing is remembered here that the runtime or the API knows better.
 */

import type { Pod, PodStatus } from '../../api/schema/types/core-v1.ts';
import { Backoff } from '../../lib/backoff.ts';
import type { Logger } from '../../lib/log.ts';
import { SmallMap } from '../../lib/small-map.ts';
import type { Prober } from '../probes/prober.ts';
import type { PodIdentity, RuntimeState, SandboxStatus } from '../runtime.ts';
import { containerFieldPath, newestSandbox } from './containers.ts';
import type { Failure, ImageState, PodObservation } from './plan.ts';
import type { PodHost } from './pod-host.ts';
import { podIpsOf } from './pod-ips.ts';
import type { RestartBackoff } from './restart.ts';
import type { StatusWriter } from './status-writer.ts';

/** After a step failed that has no back-off of its own. */
const retryMs = { baseMs: 1000, maxMs: 20_000 };
const pullRetryMs = { baseMs: 10_000, maxMs: 300_000 };

export class PodMemory {
  readonly identity: PodIdentity;
  readonly host: PodHost;
  /** Decides anew, soon. */
  readonly wake: () => void;
  /** When the node first saw the pod. On the clock that never jumps. */
  readonly seenMs: number;
  readonly retries = new Backoff(retryMs);
  readonly pullRetries = new Backoff(pullRetryMs);
  readonly images = new SmallMap<string, ImageState>();
  readonly failures = new SmallMap<string, Failure>();
  readonly restarts = new SmallMap<string, RestartBackoff>();
  readonly messages = new SmallMap<string, string>();
  readonly postStarts = new SmallMap<string, true>();
  readonly preStops = new SmallMap<string, 'running' | 'done'>();
  readonly stops = new SmallMap<string, number>();
  readonly renewals = new Set<string>();
  /** Made for the first container that has probes. */
  prober: Prober | undefined;
  /** As the API has it; undefined: it is gone from there, or was never seen. */
  pod: Pod | undefined;
  lastPod: Pod | undefined;
  /** As this node decided it, which the API may not have yet. */
  status: PodStatus = {};
  writer: StatusWriter | undefined;
  state: RuntimeState = { sandboxes: [], containers: [] };
  volumes: PodObservation['volumes'] = 'unknown';
  /** Undefined: it need not end. On the clock that never jumps, as is the next. */
  endingSinceMs: number | undefined;
  decidedAtMs = 0;
  failed: PodObservation['failed'];
  deleteSent = false;
  /** Until nobody sends it anything new; undefined: that was not asked, or need not be waited for. */
  leaving: Promise<unknown> | undefined;
  /** When volumes made from objects are brought up to date. */
  refreshAtMs = Number.POSITIVE_INFINITY;
  /** How far the time of day was ahead of the clock that never jumps. */
  clockLeadMs: number | undefined;
  /** The agent lets go of the pod: nothing more is begun. */
  isClosed = false;
  /** Of pauses in the background. */
  #pauses: AbortController | undefined;

  constructor(identity: PodIdentity, host: PodHost, wake: () => void) {
    this.identity = identity;
    this.host = host;
    this.wake = wake;
    this.seenMs = host.clock.monotonic();
  }

  get sandbox(): SandboxStatus | undefined {
    return newestSandbox(this.state.sandboxes);
  }

  get podIps(): readonly string[] {
    return podIpsOf(this.lastPod, this.sandbox?.ips ?? [], this.host.hostIps);
  }

  get log(): Logger {
    const { namespace, name, uid } = this.identity;
    return this.host.log.with({ pod: `${namespace}/${name}`, uid });
  }

  event(type: 'Normal' | 'Warning', reason: string, message: string, container?: string): void {
    const pod = this.lastPod;
    if (pod === undefined) return;
    const fieldPath = container === undefined ? undefined : containerFieldPath(pod, container);
    this.host.events.record(pod, type, reason, message, fieldPath);
  }

  /** A step for `name` (a container; empty: the whole pod) failed: it waits, longer each time. */
  fail(name: string, backoffKey: string, reason: string, message: string): void {
    const retryAtMs = this.host.clock.now() + this.retries.next(backoffKey);
    this.failures.set(name, { reason, message, retryAtMs });
  }

  /** Volumes that are made of objects are due; what failed for want of an object is tried at once. */
  refresh(): void {
    if (this.host.platform.storage.isEmpty !== true) this.refreshAtMs = 0;
    if (this.volumes === 'unknown') this.failures.delete('');
    for (const [name, { reason }] of this.failures.entries()) {
      if (reason === 'CreateContainerConfigError') this.failures.delete(name);
    }
  }

  close(): void {
    this.isClosed = true;
    this.#pauses?.abort(new Error('closed'));
  }

  /** Ends early where the agent lets go. */
  async pause(durationMs: number): Promise<void> {
    if (this.isClosed) return;
    this.#pauses ??= new AbortController();
    await this.host.clock.sleep(durationMs, this.#pauses.signal).catch(() => {});
  }

  /** What takes long does not hold up the steps; its end wakes the worker. */
  inBackground(task: () => Promise<void>): void {
    void task()
      .catch((error: unknown) => this.log.error('a background task of a pod failed', { error }))
      .finally(() => this.wake());
  }
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
