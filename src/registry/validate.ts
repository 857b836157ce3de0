/** All rules that an object has to keep, in upstream's order: metadata, then its kind's; and between it and what it replaces. */
import type { KubeObject } from '../api/object.ts';
import type { FieldError } from '../api/status-error.ts';
import { sameJson } from './draft.ts';
import type { ServedResource } from './served-resource.ts';
import { validateMetadata, validateMetadataUpdate } from './validation/metadata.ts';
import { validateByTable } from './validation/required-fields.ts';

export function validateNew(served: ServedResource, object: KubeObject): FieldError[] {
  return [...validateOwnMetadata(served, object), ...validateKind(served, object)];
}

function validateOwnMetadata({ strategy, info }: ServedResource, object: KubeObject): FieldError[] {
  const rule = { namespaced: info.namespaced, ...(strategy.nameErrors && { nameErrors: strategy.nameErrors }) };
  return validateMetadata(object.metadata ?? {}, rule);
}

/** Kinds without a validator of their own are held to what their table says. */
function validateKind({ strategy, storedType, custom }: ServedResource, object: KubeObject): FieldError[] {
  if (strategy.validate) return strategy.validate(object);
  return custom ? [] : validateByTable(storedType, object);
}

export function validateChange(served: ServedResource, object: KubeObject, old: KubeObject): FieldError[] {
  return [
    ...validateMetadataUpdate(object.metadata ?? {}, old.metadata ?? {}),
    ...validateNew(served, object),
    ...(served.strategy.validateUpdate?.(object, old) ?? []),
  ];
}

/** Most reports of status leave the metadata as it was: then there is nothing to look at. */
export function validateStatusChange(served: ServedResource, object: KubeObject, old: KubeObject): FieldError[] {
  const metadataErrors = sameJson(object.metadata, old.metadata)
    ? []
    : [...validateMetadataUpdate(object.metadata ?? {}, old.metadata ?? {}), ...validateOwnMetadata(served, object)];
  return [...metadataErrors, ...(served.strategy.validateStatusUpdate?.(object, old) ?? [])];
}
