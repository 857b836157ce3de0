/**
 * The cgroups above pods, made and kept by the agent:
 *
 * ```
 *   /naru-…/kubepods              memory, processes and shares of all pods: what is left for them (`node-allocatable.ts`)
 *           ├── pod…              guaranteed pods
 *           ├── burstable/pod…    shares: what its pods ask for together
 *           └── besteffort/pod…   shares: the least there is
 * ```
 * Kept true: they are there before the first pod is, and an agent that starts anew finds and keeps them. Where the node may not limit them,
 * it says so, runs pods all the same, and tries again every minute.
 */
import { qualityOfService } from '../../api/pod-quality.ts';
import type { Pod } from '../../api/schema/types/core-v1.ts';
import type { Clock, Timer } from '../../lib/clock.ts';
import type { Logger } from '../../lib/log.ts';
import type { CgroupLimits } from '../pod/cgroup-limits.ts';
import type { PodCgroups } from '../pod/cgroups.ts';
import type { PodHook } from '../pod/pod-hook.ts';
import type { EventSink } from '../pod/pod-host.ts';
import { cpuShares, podAmount } from '../pod/qos.ts';

const retryMs = 60_000;

export interface QosTiersOptions {
  readonly cgroups: PodCgroups;
  readonly cgroupRoot: string;
  /** What all pods together are held to. */
  readonly enforced: CgroupLimits;
  readonly events: EventSink;
  readonly clock: Clock;
  readonly log: Logger;
}

export class QosTiers implements PodHook {
  readonly name = 'qos-tiers';
  readonly #options: QosTiersOptions;
  readonly #root: string;
  /** What burstable pods ask for, in thousandths of a CPU, by uid. */
  readonly #asked = new Map<string, number>();
  #writtenShares = 0;
  #writing: Promise<void> = Promise.resolve();
  #isDirty = false;
  #retry: Timer | undefined;
  #sharesRetry: Timer | undefined;
  #closed = false;

  constructor(options: QosTiersOptions) {
    this.#options = options;
    this.#root = `${options.cgroupRoot}/kubepods`;
  }

  async start(): Promise<void> {
    const { cgroups } = this.#options;
    await cgroups.prepare(this.#root, {});
    await cgroups.prepare(`${this.#root}/burstable`, {});
    await cgroups.prepare(`${this.#root}/besteffort`, { cpuShares: 2 });
    await this.#enforce();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#retry?.cancel();
    this.#sharesRetry?.cancel();
    await this.#writing;
  }

  /** Also of a pod that was given other resources. */
  admit(pod: Pod): undefined {
    if (qualityOfService(pod.spec) !== 'Burstable') return undefined;
    this.#asked.set(pod.metadata?.uid ?? '', podAmount(pod, 'requests', 'cpu'));
    this.#update();
    return undefined;
  }

  async prepare(): Promise<void> {
    await this.#writing;
  }

  release(uid: string): void {
    if (this.#asked.delete(uid)) this.#update();
  }

  async #enforce(): Promise<void> {
    const { cgroups, enforced, events, clock, log } = this.#options;
    try {
      await cgroups.set(this.#root, enforced);
      events.recordNode?.('Normal', 'NodeAllocatableEnforced', 'Updated Node Allocatable limit across pods');
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      log.warn('what all pods use together cannot be limited', { cgroup: this.#root, error });
      const message = `Failed to update Node Allocatable Limits "${this.#root}": ${why}`;
      events.recordNode?.('Warning', 'FailedNodeAllocatableEnforcement', message);
      if (!this.#closed) this.#retry = clock.after(retryMs, () => void this.#enforce());
    }
  }

  /** Pods that come or go together are one writing. */
  #update(): void {
    if (this.#isDirty || this.#closed) return;
    this.#isDirty = true;
    this.#writing = this.#writing.then(() => this.#writeOrRetry());
  }

  /** Never rejects: shares are no reason to keep pods from starting. */
  async #writeOrRetry(): Promise<void> {
    try {
      await this.#write();
    } catch (error) {
      const { clock, log } = this.#options;
      log.warn('the shares of burstable pods cannot be written', { cgroup: this.#root, error });
      this.#sharesRetry?.cancel();
      if (!this.#closed) this.#sharesRetry = clock.after(retryMs, () => this.#update());
    }
  }

  async #write(): Promise<void> {
    this.#isDirty = false;
    const shares = cpuShares([...this.#asked.values()].reduce((sum, milli) => sum + milli, 0));
    if (shares === this.#writtenShares) return;
    await this.#options.cgroups.prepare(`${this.#root}/burstable`, { cpuShares: shares });
    this.#writtenShares = shares;
  }
}
