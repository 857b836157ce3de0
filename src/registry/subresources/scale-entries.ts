/**
 * Whoever owns the number of replicas of an object owns it of its scale, and the other way about: the object's `managedFields` as
 * those of the scale, and back. Pure; upstream's `managedfields.ScaleHandler`.
 */
import type { JsonObject, JsonValue } from '../../api/object.ts';
import type { ManagedFieldsEntry } from '../../api/schema/types/meta-v1.ts';
import type { ManagedFields } from '../managed-fields.ts';

const scaleVersion = 'autoscaling/v1';
/** Where the number stands in the object, in each of its versions. Undefined: nowhere. */
export type ReplicasPath = (apiVersion: string) => readonly string[] | undefined;

const inScale = ['spec', 'replicas'] as const;

/** The owners of the number, as owners of the scale. */
export function toScaleEntries(entries: ManagedFields, pathIn: ReplicasPath): ManagedFields {
  return entries
    .filter((entry) => has(entry, pathIn(entry.apiVersion ?? '')))
    .map((entry) => ({ ...entry, apiVersion: scaleVersion, fieldsV1: fieldAt(inScale) as never }));
}

/** The object's entries after a write to its scale; `apiVersion` is the object's, for owners that came by this write. */
export function toParentEntries(
  entries: ManagedFields,
  scaleEntries: ManagedFields,
  apiVersion: string,
  pathIn: ReplicasPath,
): ManagedFields {
  const owners = new Map(
    scaleEntries.filter((entry) => has(entry, inScale)).map((entry) => [identityOf(entry), entry]),
  );
  const kept = entries.flatMap((entry): ManagedFieldsEntry[] => {
    const path = pathIn(entry.apiVersion ?? '');
    if (path === undefined || !has(entry, path)) return [entry];
    const owner = owners.get(identityOf(entry));
    if (owner === undefined) return withoutField(entry, path);
    owners.delete(identityOf(entry));
    return [entry];
  });
  const fieldsV1 = fieldAt(pathIn(apiVersion) ?? inScale) as never;
  const came = [...owners.values()].map((entry) => ({ ...entry, apiVersion, fieldsV1 }));
  return [...kept, ...came];
}

/** `{ f:spec: { f:replicas: {} } }`. */
function fieldAt([step, ...rest]: readonly string[]): JsonObject {
  return step === undefined ? {} : { [`f:${step}`]: fieldAt(rest) };
}

function identityOf({ manager, operation, subresource }: ManagedFieldsEntry): string {
  return JSON.stringify([manager, operation, subresource ?? '']);
}

function has({ fieldsV1 }: ManagedFieldsEntry, path: readonly string[] | undefined): boolean {
  if (path === undefined) return false;
  let at: JsonValue | undefined = fieldsV1 as unknown as JsonObject;
  for (const step of path) at = isObject(at) ? at[`f:${step}`] : undefined;
  return at !== undefined;
}

/** None where the entry held nothing else. */
function withoutField(entry: ManagedFieldsEntry, path: readonly string[]): ManagedFieldsEntry[] {
  const fields = without(entry.fieldsV1 as unknown as JsonObject, path);
  return Object.keys(fields).length === 0 ? [] : [{ ...entry, fieldsV1: fields }];
}

function without(fields: JsonObject, [step = '', ...rest]: readonly string[]): JsonObject {
  const { [`f:${step}`]: below, ...others } = fields;
  if (rest.length === 0 || !isObject(below)) return others;
  const left = without(below, rest);
  return Object.keys(left).length === 0 ? others : { ...others, [`f:${step}`]: left };
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
