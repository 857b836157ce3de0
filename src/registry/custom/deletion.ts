/** What becomes of a CustomResourceDefinition that is deleted: it stays until its objects are gone (`definition-keeper.ts`). */
import type { CustomResourceDefinition } from '../../api/schema/types/apiextensions-v1.ts';
import { withCondition } from './names.ts';

export const cleanupFinalizer = 'customresourcecleanup.apiextensions.k8s.io';

/** With the finalizer that holds it, and with what its status says of it. Pure. */
export function doomedDefinition(definition: CustomResourceDefinition, nowMs: number): CustomResourceDefinition {
  const { metadata, status } = definition;
  const finalizers = metadata?.finalizers ?? [];
  const condition = {
    type: 'Terminating',
    status: 'True',
    reason: 'InstanceDeletionPending',
    message: 'CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon',
  };
  const held = finalizers.includes(cleanupFinalizer) ? finalizers : [...finalizers, cleanupFinalizer];
  return {
    ...definition,
    metadata: { ...metadata, finalizers: held },
    status: { ...status, conditions: withCondition(status?.conditions ?? [], condition, nowMs) },
  };
}
