/** What the pod worker can do: a row a kind of step. A new step is a kind in `plan.ts`, a function in this folder, and its row here. */
import type { Step } from '../plan.ts';
import type { PodMemory } from '../pod-memory.ts';
import { deletePod } from './delete-pod.ts';
import { ensureImage } from './ensure-image.ts';
import { removeContainer } from './remove-container.ts';
import { resizePod } from './resize-pod.ts';
import { runContainer } from './run-container.ts';
import { makeSandbox, removeSandbox, stopSandbox } from './sandbox.ts';
import type { StepAction } from './step.ts';
import { preStopContainer, stopContainer } from './stop-container.ts';
import { prepareVolumes, removeVolumes } from './volumes.ts';

const actions: { readonly [K in Step['kind']]: StepAction<K> } = {
  event: (memory, { type, reason, message, container }) => {
    memory.event(type, reason, message, container);
    return true;
  },
  'prepare-volumes': prepareVolumes,
  'make-sandbox': makeSandbox,
  'ensure-image': ensureImage,
  'start-container': runContainer,
  'pre-stop-container': preStopContainer,
  'stop-container': stopContainer,
  'resize-pod': resizePod,
  'remove-container': removeContainer,
  'stop-sandbox': stopSandbox,
  'remove-sandbox': removeSandbox,
  'remove-volumes': removeVolumes,
  'delete-pod': deletePod,
};

/** False ends the round. */
export async function carryOut(memory: PodMemory, step: Step): Promise<boolean> {
  const action = actions[step.kind] as StepAction<Step['kind']>;
  return action(memory, step);
}
