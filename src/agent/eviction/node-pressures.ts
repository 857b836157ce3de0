/**
 * The pressures that the node is under, as the eviction manager found them last, for all who ask: the Node's conditions, and pods that are
 * new. A node without a manager is never under any.
 */
import type { NodeStatusPart } from '../node-status.ts';
import type { PodHook } from '../pod/pod-hook.ts';
import { refusalUnder, withPressures } from './pressure-conditions.ts';
import type { Pressure } from './signals.ts';

export class NodePressures {
  /** Since when, by the wall clock. */
  #since: ReadonlyMap<Pressure, number> = new Map();

  /** Keeps new pods away. One that runs already, as an agent finds it that starts anew, stays. */
  readonly hook: PodHook = {
    name: 'pressure',
    admit: (pod) =>
      this.#since.size === 0 || pod.status?.startTime !== undefined
        ? undefined
        : refusalUnder([...this.#since.keys()], pod),
  };

  readonly statusPart: NodeStatusPart = (status) => withPressures(status, this.#since);

  /** What has changed. */
  set(
    pressures: readonly Pressure[],
    nowMs: number,
  ): { readonly begun: readonly Pressure[]; readonly ended: readonly Pressure[] } {
    const before = this.#since;
    this.#since = new Map(pressures.map((one) => [one, before.get(one) ?? nowMs]));
    return {
      begun: pressures.filter((pressure) => !before.has(pressure)),
      ended: [...before.keys()].filter((pressure) => !pressures.includes(pressure)),
    };
  }
}
