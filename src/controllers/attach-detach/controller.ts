/**
 * Attaches volumes of CSI drivers to the nodes whose pods want them, and detaches them when none does any more: as objects, VolumeAttachments,
 * that the driver's attacher carries out. Two loops: one a volume (`decide.ts`, `attacher.ts`), one a node, which writes into its status what
 * is attached (`node-status.ts`).
 *
 * A volume leaves a node in an order that nothing may change: nobody wants it; the node has it mounted no more; the node's status does not say
 * any more that it may be mounted; the server, asked once more, says the same; then the attachment is deleted.
 *
 * What stands only in memory, and begins anew with the process: since when nobody has wanted a volume, and what pods were told.
 */
import { ControlLoop } from '../../client/controller.ts';
import type { Service } from '../../lib/service.ts';
import type { ControllerContext } from '../shared/context.ts';
import { Attacher } from './attacher.ts';
import { reportAttached } from './node-status.ts';
import { Surroundings } from './surroundings.ts';
import { wakeForChanges } from './wakes.ts';

export function attachDetachController(context: ControllerContext): Service[] {
  const surroundings = new Surroundings(context);
  const { own, informers } = surroundings;
  const attacher = new Attacher(surroundings, (node) => nodeLoop.queue.add(node));
  const volumeLoop = new ControlLoop({
    ...own,
    name: 'attach-detach',
    informers,
    reconcile: (name) => attacher.reconcile(name),
  });
  const nodeLoop = new ControlLoop({
    ...own,
    name: 'attached-volumes',
    informers,
    reconcile: (name) => reportAttached(surroundings, name, attacher.leaving),
  });
  wakeForChanges(surroundings, {
    volume: (name) => volumeLoop.queue.add(name),
    node: (name) => nodeLoop.queue.add(name),
  });
  return [volumeLoop, nodeLoop];
}
