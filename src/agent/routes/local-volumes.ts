/** `DELETE /localVolumes/NAME`: the server alone gets here, when a volume that lies on this node is released. */
import { StatusError } from '../../api/status-error.ts';
import type { NodeRequest, NodeResponse } from '../../client/node-api.ts';
import { jsonAnswer } from './route.ts';

export async function removedVolume({ method }: NodeRequest, remove: () => Promise<void>): Promise<NodeResponse> {
  if (method !== 'DELETE')
    throw new StatusError(405, 'MethodNotAllowed', 'volumes of this node can only be removed here');
  await remove();
  return jsonAnswer({});
}
