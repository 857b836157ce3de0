/**
 * What must be ready before containers of a pod run, said by parts of the node that the agent does not know: its network, which judges the addresses
 * of a pod before anything in it can use them. Between the sandbox, which gives the addresses, and each container.
 */
import type { Pod } from '../../api/schema/types/core-v1.ts';
import type { ContainerConfig } from '../runtime.ts';
import type { ContainerHookTarget, PodHook } from './pod-hook.ts';

export type PodGate = (pod: Pod, addresses: readonly string[]) => Promise<void>;

export class PodGates implements PodHook {
  readonly name = 'gates';
  readonly #gates = new Set<PodGate>();

  /** The result takes the gate out. */
  add(gate: PodGate): () => void {
    this.#gates.add(gate);
    return () => void this.#gates.delete(gate);
  }

  async container(config: ContainerConfig, { pod, podIps }: ContainerHookTarget): Promise<ContainerConfig> {
    for (const gate of this.#gates) await gate(pod, podIps);
    return config;
  }
}
