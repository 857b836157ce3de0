/**
 * When a pull begins: so many at a time, and not more a second than the registries bear (`registryPullQPS`, with `registryBurst` at once). Who
 * comes too early waits, in order.
 */
import type { Clock } from '../../lib/clock.ts';
import { Gate } from '../gate.ts';
import type { KubeletConfiguration } from '../kubelet-configuration.ts';

export type PullSettings = Pick<
  KubeletConfiguration,
  'serializeImagePulls' | 'maxParallelImagePulls' | 'registryPullQPS' | 'registryBurst'
>;

export class PullQueue {
  readonly #gate: Gate;
  readonly #clock: Clock;
  readonly #perMs: number;
  readonly #burst: number;
  #tokens: number;
  #countedAtMs: number;

  constructor(settings: PullSettings, clock: Clock) {
    const { serializeImagePulls, maxParallelImagePulls, registryPullQPS, registryBurst } = settings;
    this.#gate = new Gate(serializeImagePulls ? 1 : (maxParallelImagePulls ?? Number.POSITIVE_INFINITY));
    this.#clock = clock;
    this.#perMs = registryPullQPS / 1000;
    this.#burst = Math.max(1, registryBurst);
    this.#tokens = this.#burst;
    this.#countedAtMs = clock.monotonic();
  }

  run<T>(pull: () => Promise<T>): Promise<T> {
    return this.#gate.run(async () => {
      const waitMs = this.#take();
      if (waitMs > 0) await this.#clock.sleep(waitMs);
      return pull();
    });
  }

  /** Takes a place, which may lie in the future: how long until then. */
  #take(): number {
    if (this.#perMs <= 0) return 0;
    const nowMs = this.#clock.monotonic();
    this.#tokens = Math.min(this.#burst, this.#tokens + (nowMs - this.#countedAtMs) * this.#perMs);
    this.#countedAtMs = nowMs;
    this.#tokens -= 1;
    return this.#tokens >= 0 ? 0 : Math.ceil(-this.#tokens / this.#perMs);
  }
}
