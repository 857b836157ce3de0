/** All rules that an object has to keep, in upstream's order: metadata, then its kind's; and between it and what it replaces. */
import type { KubeObject } from '../api/object.ts';
import type { FieldError } from '../api/status-error.ts';
import { sameJson } from './draft.ts';
import type { ServedResource } from './served-resource.ts';
import type { StrategyContext } from './strategy.ts';
import { finalizerWarnings, validateMetadata, validateMetadataUpdate } from './validation/metadata.ts';
import { validateByTable } from './validation/required-fields.ts';

export function validateNew(served: ServedResource, object: KubeObject, context: StrategyContext): FieldError[] {
  const among = served.strategy.validateCreate?.(object, context) ?? [];
  return [...validateOwnMetadata(served, object), ...among, ...validateKind(served, object)];
}

function validateOwnMetadata({ strategy, info, custom }: ServedResource, object: KubeObject): FieldError[] {
  const { nameErrors } = strategy;
  const rule = { namespaced: info.namespaced, anyFinalizer: custom, ...(nameErrors && { nameErrors }) };
  return validateMetadata(object.metadata ?? {}, rule);
}

/** Beside the errors. */
export function warningsFor({ strategy, custom }: ServedResource, object: KubeObject, old?: KubeObject): string[] {
  const finalizers = custom ? finalizerWarnings(object.metadata ?? {}, old?.metadata) : [];
  return [...finalizers, ...(strategy.warnings?.(object, old) ?? [])];
}

/** Who owns what is none of the client's. */
function withoutEntries({ metadata }: KubeObject): object {
  const { managedFields: _entries, ...rest } = metadata ?? {};
  return rest;
}

/** Kinds without a validator of their own are held to what their table says. */
function validateKind(
  { strategy, storedType, custom }: ServedResource,
  object: KubeObject,
  old?: KubeObject,
  context?: StrategyContext,
): FieldError[] {
  if (strategy.validate) return strategy.validate(object, old, context);
  return custom ? [] : validateByTable(storedType, object);
}

export function validateChange(
  served: ServedResource,
  object: KubeObject,
  old: KubeObject,
  context: StrategyContext,
): FieldError[] {
  const { strategy } = served;
  const { updateRules } = strategy;
  const whole = updateRules === 'change only' ? [] : validateKind(served, object, old, context);
  const change = strategy.validateUpdate?.(object, old) ?? [];
  return [
    ...validateMetadataUpdate(object.metadata ?? {}, old.metadata ?? {}),
    ...validateOwnMetadata(served, object),
    ...(updateRules === 'change first' ? [...change, ...whole] : [...whole, ...change]),
  ];
}

/** Most reports of status leave the metadata as it was: then there is nothing to look at. */
export function validateStatusChange(
  served: ServedResource,
  object: KubeObject,
  old: KubeObject,
  context: StrategyContext,
): FieldError[] {
  const metadataErrors = validateMetadataChange(served, object, old);
  return [...metadataErrors, ...(served.strategy.validateStatusUpdate?.(object, old, context) ?? [])];
}

export function validateMetadataChange(served: ServedResource, object: KubeObject, old: KubeObject): FieldError[] {
  if (sameJson(withoutEntries(object), withoutEntries(old))) return [];
  return [...validateMetadataUpdate(object.metadata ?? {}, old.metadata ?? {}), ...validateOwnMetadata(served, object)];
}
