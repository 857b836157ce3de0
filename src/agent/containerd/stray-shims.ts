/**
 * Shims that containerd has forgotten. A containerd that starts while the machine is very busy may take a shim that answers late for dead, and
 * clean up behind it; the shim itself, and what it kept, would stay for ever. One whose container containerd does not know at two looks in a
 * row is ended.
 *
 * A container is known before its shim starts, and until that has ended, so that none which is wanted is ever suspected.
 */
import type { ProcessIdentity } from '../../lib/process-identity.ts';

export interface Shim extends ProcessIdentity {
  /** The container that it was started for. */
  readonly container: string;
}

export interface ShimWorld {
  /** Those of this containerd that run now. */
  shims(): Promise<readonly Shim[]>;
  /** @throws Error where containerd does not say */
  isKnown(container: string): Promise<boolean>;
  end(shim: Shim): void;
}

export class StrayShims {
  readonly #world: ShimWorld;
  #suspects: ReadonlySet<string> = new Set();

  constructor(world: ShimWorld) {
    this.#world = world;
  }

  /** To be called from time to time. Resolves with those that it ended. @throws Error where containerd does not say what it knows */
  async look(): Promise<readonly Shim[]> {
    const suspects = new Set<string>();
    const ended: Shim[] = [];
    for (const shim of await this.#world.shims()) {
      if (await this.#world.isKnown(shim.container)) continue;
      const name = `${shim.pid} ${shim.startTicks}`;
      if (this.#suspects.has(name)) {
        this.#world.end(shim);
        ended.push(shim);
      } else suspects.add(name);
    }
    this.#suspects = suspects;
    return ended;
  }
}
