/** The image of a container: found at once, or pulled beside the other steps. */
import { findContainer } from '../containers.ts';
import type { PodMemory } from '../pod-memory.ts';
import type { StepOf } from './step.ts';

/** When to look again for an image that may not be pulled. */
const lookAgainMs = 10_000;

export async function ensureImage(memory: PodMemory, { container: name }: StepOf<'ensure-image'>): Promise<boolean> {
  const { pod } = memory;
  const container = pod === undefined ? undefined : findContainer(pod, name);
  if (pod === undefined || container === undefined) return true;
  const { images, clock } = memory.host;
  const image = container.image ?? '';
  const event = (type: 'Normal' | 'Warning', reason: string, message: string): void =>
    memory.event(type, reason, message, name);
  const found = await images.keeper.find(pod, container, event, clock.now() + lookAgainMs);
  if (found !== undefined) {
    memory.images.set(name, found);
    return true;
  }
  memory.images.set(name, { kind: 'pulling' });
  memory.inBackground(async () => {
    const state = await images.keeper.pull(pod, container, event, () => memory.pullRetries.next(image));
    if (state.kind === 'present') memory.pullRetries.forget(image);
    memory.images.set(name, state);
  });
  return true;
}
