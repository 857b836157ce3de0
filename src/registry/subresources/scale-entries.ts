/**
 * Whoever owns `spec.replicas` of an object owns it of its scale, and the other way about: the object's `managedFields` as
 * those of the scale, and back. Pure; upstream's `managedfields.ScaleHandler`.
 */
import type { JsonObject, JsonValue } from '../../api/object.ts';
import type { ManagedFieldsEntry } from '../../api/schema/types/meta-v1.ts';
import type { ManagedFields } from '../managed-fields.ts';

const scaleVersion = 'autoscaling/v1';
/** In `fieldsV1`, of a scale and of every kind that has one. */
const replicasPath = ['f:spec', 'f:replicas'] as const;
const replicasOnly: JsonObject = { 'f:spec': { 'f:replicas': {} } };

/** The owners of the number, as owners of the scale. */
export function toScaleEntries(entries: ManagedFields): ManagedFields {
  return entries
    .filter(hasReplicas)
    .map((entry) => ({ ...entry, apiVersion: scaleVersion, fieldsV1: replicasOnly as never }));
}

/** The object's entries after a write to its scale; `apiVersion` is the object's, for owners that came by this write. */
export function toParentEntries(
  entries: ManagedFields,
  scaleEntries: ManagedFields,
  apiVersion: string,
): ManagedFields {
  const owners = new Map(scaleEntries.filter(hasReplicas).map((entry) => [identityOf(entry), entry]));
  const kept = entries.flatMap((entry): ManagedFieldsEntry[] => {
    if (!hasReplicas(entry)) return [entry];
    const owner = owners.get(identityOf(entry));
    if (owner === undefined) return withoutReplicas(entry);
    owners.delete(identityOf(entry));
    return [entry];
  });
  const came = [...owners.values()].map((entry) => ({ ...entry, apiVersion, fieldsV1: replicasOnly as never }));
  return [...kept, ...came];
}

function identityOf({ manager, operation, subresource }: ManagedFieldsEntry): string {
  return JSON.stringify([manager, operation, subresource ?? '']);
}

function hasReplicas({ fieldsV1 }: ManagedFieldsEntry): boolean {
  let at: JsonValue | undefined = fieldsV1 as unknown as JsonObject;
  for (const part of replicasPath) at = isObject(at) ? at[part] : undefined;
  return at !== undefined;
}

/** None where the entry held nothing else. */
function withoutReplicas(entry: ManagedFieldsEntry): ManagedFieldsEntry[] {
  const { 'f:spec': spec, ...others } = entry.fieldsV1 as unknown as JsonObject;
  const { 'f:replicas': _replicas, ...specRest } = spec as JsonObject;
  const fields = { ...others, ...(Object.keys(specRest).length > 0 && { 'f:spec': specRest }) };
  return Object.keys(fields).length === 0 ? [] : [{ ...entry, fieldsV1: fields }];
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
