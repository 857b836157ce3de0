/**
 * What must be ready before containers of a pod run, and before they are told to end, said by parts of the node that the agent does not know: its
 * network, which judges the addresses of a pod before anything in it can use them, and knows when nobody sends it anything new. Gates stand between the
 * sandbox, which gives the addresses, and each container; farewells between a deletion and the containers' signals.
 */
import type { Pod } from '../../api/schema/types/core-v1.ts';
import type { ContainerConfig } from '../runtime.ts';
import type { ContainerHookTarget, PodHook } from './pod-hook.ts';

export type PodGate = (pod: Pod, addresses: readonly string[]) => Promise<void>;

export type PodFarewell = (pod: Pod, msMax: number) => Promise<void> | undefined;

export class PodGates implements PodHook {
  readonly name = 'gates';
  readonly #gates = new Set<PodGate>();
  readonly #farewells = new Set<PodFarewell>();

  /** The result takes the gate out. */
  add(gate: PodGate): () => void {
    this.#gates.add(gate);
    return () => void this.#gates.delete(gate);
  }

  /** The result takes the farewell out. */
  addFarewell(farewell: PodFarewell): () => void {
    this.#farewells.add(farewell);
    return () => void this.#farewells.delete(farewell);
  }

  leave(pod: Pod, msMax: number): Promise<void> | undefined {
    const waits = [...this.#farewells].flatMap((farewell) => farewell(pod, msMax) ?? []);
    return waits.length === 0 ? undefined : Promise.all(waits).then(() => {});
  }

  async container(config: ContainerConfig, { pod, podIps }: ContainerHookTarget): Promise<ContainerConfig> {
    for (const gate of this.#gates) await gate(pod, podIps);
    return config;
  }
}
