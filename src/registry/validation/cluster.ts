/** The rules of Namespaces. */
import { invalidValue } from '../../api/field-error.ts';
import type { Namespace } from '../../api/schema/types/core-v1.ts';
import type { FieldError } from '../../api/status-error.ts';
import { validateFinalizerName } from './metadata.ts';

export function validateNamespace({ spec }: Namespace): FieldError[] {
  return (spec?.finalizers ?? []).flatMap((name) => validateFinalizerName('spec.finalizers', name));
}

export function validateNamespaceFinalize({ spec }: Namespace): FieldError[] {
  return (spec?.finalizers ?? []).flatMap((name, index) => validateFinalizerName(`spec.finalizers[${index}]`, name));
}

/** A namespace ends when it is deleted, and not before. The path is upstream's. */
export function validateNamespaceStatus({ metadata, status }: Namespace): FieldError[] {
  const isDeleted = metadata?.deletionTimestamp !== undefined;
  const phase = isDeleted ? 'Terminating' : 'Active';
  if (status?.phase === phase) return [];
  const why = `may only be '${phase}' if \`deletionTimestamp\` is ${isDeleted ? 'not ' : ''}empty`;
  return [invalidValue('status.Phase', status?.phase ?? '', why)];
}
