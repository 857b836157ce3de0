/** `CreateOptions`, `UpdateOptions`, `PatchOptions`, `DeleteOptions`: what a client said of a write beside the object, as an object of the API. */
import type { JsonObject } from '../../api/object.ts';
import type { DeleteOptions, WriteOptions } from '../request.ts';
import type { Admitted } from './admission.ts';

type Asking = Pick<Admitted, 'operation' | 'patched'>;

/** Undefined for CONNECT, whose options are its object. */
export function optionsObject(
  { operation, patched }: Asking,
  options: WriteOptions | DeleteOptions,
): JsonObject | undefined {
  if (operation === 'CONNECT') return undefined;
  if (operation === 'DELETE') return deleteOptions(options);
  const kind = operation === 'CREATE' ? 'CreateOptions' : patched ? 'PatchOptions' : 'UpdateOptions';
  const { dryRun, force, fieldManager, fieldValidation } = options as WriteOptions;
  return {
    ...typeMeta(kind),
    ...(dryRun && { dryRun: ['All'] }),
    ...(kind === 'PatchOptions' && force !== undefined && { force }),
    ...(fieldManager && { fieldManager }),
    ...(fieldValidation && { fieldValidation }),
  };
}

function deleteOptions(options: DeleteOptions): JsonObject {
  const { dryRun, gracePeriodSeconds, preconditions, orphanDependents, propagationPolicy } = options;
  return {
    ...typeMeta('DeleteOptions'),
    ...(gracePeriodSeconds !== undefined && { gracePeriodSeconds }),
    ...(preconditions && { preconditions: { ...preconditions } }),
    ...(orphanDependents !== undefined && { orphanDependents }),
    ...(propagationPolicy && { propagationPolicy }),
    ...(dryRun && { dryRun: ['All'] }),
    ...(options.ignoreStoreReadError && { ignoreStoreReadErrorWithClusterBreakingPotential: true }),
  };
}

const typeMeta = (kind: string): JsonObject => ({ kind, apiVersion: 'meta.k8s.io/v1' });
