/** The control loops of the network: they run with the control plane, and write statuses, addresses, certificates and names. A line each. */
import type { ControllerContext } from '../controllers/shared/context.ts';
import type { Service } from '../lib/service.ts';

export type NetworkLoops = (context: ControllerContext) => readonly Service[];

const loops: readonly NetworkLoops[] = [];

export function networkLoops(context: ControllerContext): Service[] {
  return loops.flatMap((make) => make(context));
}
