/** A run that nobody asks about any more goes, with its log. */
import type { PodMemory } from '../pod-memory.ts';
import type { StepOf } from './step.ts';

export async function removeContainer(
  memory: PodMemory,
  { containerId }: StepOf<'remove-container'>,
): Promise<boolean> {
  const { host, state } = memory;
  const run = state.containers.find(({ id }) => id === containerId);
  await host.runtime.removeContainer(containerId);
  memory.messages.delete(containerId);
  memory.renewals.delete(containerId);
  memory.postStarts.delete(containerId);
  memory.preStops.delete(containerId);
  if (run !== undefined && run.state === 'exited') await host.platform.logs.removeRun(run);
  return true;
}
