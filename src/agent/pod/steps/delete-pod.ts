/** Telling the API that nothing of the pod is left here. */
import { hasReason } from '../../../api/status-error.ts';
import { pods } from '../../../client/resources.ts';
import type { PodMemory } from '../pod-memory.ts';

export async function deletePod(memory: PodMemory): Promise<boolean> {
  await memory.writer?.flush();
  const { namespace, name, uid } = memory.identity;
  try {
    await memory.host.client.delete(pods, { namespace, name }, { gracePeriodSeconds: 0, uid });
  } catch (error) {
    // Gone, or another pod has its name by now: either way, ours is no more.
    if (!hasReason(error, 'NotFound', 'Conflict')) throw error;
  }
  memory.deleteSent = true;
  return true;
}
