/**
 * Who holds which ports of the node. The scheduler gives no port twice; a pod that names its node itself came past it, and is refused
 * here, with the words that a kubelet has for it.
 *
 * Kept true: a port has one holder at a time; a pod that runs already is never refused, so that an agent that starts anew takes all over
 * as it stands. Pods that want no ports, nearly all, leave no trace.
 */
import { type HostPort, hostPortsOf, portsConflict } from '../../api/host-ports.ts';
import type { Pod } from '../../api/schema/types/core-v1.ts';
import type { PodHook, Refusal } from './pod-hook.ts';

const portsTaken: Refusal = {
  reason: 'NodePorts',
  message: "Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports",
};

export class PortBook implements PodHook {
  readonly name = 'host-ports';
  readonly #held = new Map<string, readonly HostPort[]>();

  /** The pod holds its ports from now on, or is told why it cannot. */
  admit(pod: Pod): Refusal | undefined {
    const ports = hostPortsOf(pod);
    if (ports.length === 0) return undefined;
    const isTaken = (wanted: HostPort): boolean =>
      [...this.#held.values()].some((held) => held.some((port) => portsConflict(port, wanted)));
    if (pod.status?.startTime === undefined && ports.some(isTaken)) return portsTaken;
    this.#held.set(pod.metadata?.uid ?? '', ports);
    return undefined;
  }

  release(uid: string): void {
    this.#held.delete(uid);
  }
}
