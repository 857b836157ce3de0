/**
 * Who wrote which field (`metadata.managedFields`): where a write meets `api/apply`, which does the reckoning.
 *
 * ```
 *  decode ─ defaults ─ TRACK ─ admission ─ prepare ─ validate ─ same but for the times? ─ write
 * ```
 * Kept true, as upstream: what defaults fill in is the writer's; what admission and the kind's own rules change is nobody's;
 * what the request cannot change (`reset-fields.ts`) does not become the writer's. Bindings, deletes and the server's own
 * marks leave the entries as they are.
 */
import { type OwnershipRequest, type TypedObject, trackCreate, trackUpdate } from '../api/apply/apply.ts';
import { normalizeObject, normalizeWithNulls } from '../api/normalize.ts';
import type { JsonObject, KubeObject } from '../api/object.ts';
import type { ManagedFieldsEntry } from '../api/schema/types/meta-v1.ts';
import { formatTime } from '../lib/clock.ts';
import { sharedTree } from '../store/compact.ts';
import { type Entry, ObjectTooLarge, type Store, type StoreKey } from '../store/store.ts';
import { convert } from './conversion.ts';
import { type Draft, draftOf, type ObjectDraft, sameJson } from './draft.ts';
import type { Environment } from './environment.ts';
import type { RequestTarget, WriteOptions } from './request.ts';
import { onlyFieldsOf, resetFieldsOf } from './reset-fields.ts';
import { type ServedResource, shown } from './served-resource.ts';

export type ManagedFields = readonly ManagedFieldsEntry[];

/** Where neither the request nor its user agent names anybody. */
const unknownManager = 'unknown';

export function managerOf({ fieldManager, defaultManager }: WriteOptions): string {
  return fieldManager || defaultManager || unknownManager;
}

/** `served` is the object that the entries describe. */
export function ownershipRequest(
  environment: Environment,
  served: ServedResource,
  { subresource }: Pick<RequestTarget, 'subresource'>,
  options: WriteOptions,
): OwnershipRequest {
  const resetFields = resetFieldsOf(served, subresource);
  const onlyFields = onlyFieldsOf(served, subresource);
  return {
    manager: managerOf(options),
    subresource,
    time: formatTime(environment.clock.now()),
    ...(resetFields && { resetFields }),
    ...(onlyFields && { onlyFields }),
    inVersion: (object, apiVersion) => inVersion(environment, served, object, apiVersion),
  };
}

/** Undefined where the version is not served any more, or holds objects of another kind. @throws ConversionDue */
function inVersion(
  { served: all }: Environment,
  served: ServedResource,
  object: TypedObject,
  apiVersion: string,
): TypedObject | undefined {
  if (apiVersion === object.apiVersion) return object;
  const other = all.inVersion(served, apiVersion);
  if (other === undefined) return undefined;
  if (other.forms !== undefined) {
    const value = other.forms.fromNow(object.value) as unknown as JsonObject;
    return { apiVersion, type: other.type, value };
  }
  const converted = convert(normalizeObject(object.type, object.value), apiVersion);
  return { apiVersion, type: other.type, value: normalizeObject(other.type, converted as JsonObject) };
}

/**
 * The entries that the new state of an object has. `draft` is in the stored version, with its defaults, and carries the
 * entries that the client sent; `old` is undefined for a new object.
 */
export function trackWrite(
  environment: Environment,
  served: ServedResource,
  target: RequestTarget,
  draft: ObjectDraft,
  old: KubeObject | undefined,
  options: WriteOptions,
): ManagedFields {
  const request = ownershipRequest(environment, served, target, options);
  if (old === undefined && served.isStoredForm) {
    const normal = (): TypedObject => typed(served, inAskedVersion(served, draft, true));
    return trackCreate(typed(served, draft as JsonObject), normal, request, sharedTree);
  }
  const live = old && typed(served, shown(served, old) as unknown as JsonObject);
  return trackUpdate(live, typed(served, inAskedVersion(served, draft, live === undefined, live?.value)), request);
}

export function typed({ apiVersion, type }: ServedResource, value: JsonObject): TypedObject {
  return { apiVersion, type, value };
}

/** Of a new object, an empty list that its maker wrote is owned. Later nobody can tell: readers send back what they read. */
function inAskedVersion(served: ServedResource, draft: ObjectDraft, isNew: boolean, live?: JsonObject): JsonObject {
  const asked = served.isStoredForm ? draft : convert(draftOf(draft), served.apiVersion);
  if (isNew) return normalizeWithNulls(served.type, asked as JsonObject);
  return normalizeObject(served.type, asked as JsonObject, live);
}

/** Puts the entries in their place; the metadata may be the old object's own, frozen. */
export function setManagedFields(draft: ObjectDraft, entries: ManagedFields): void {
  const { managedFields: _sent, ...rest } = draft.metadata ?? {};
  draft.metadata = { ...rest, ...(entries.length > 0 && { managedFields: entries as Draft<ManagedFields> }) };
}

/**
 * A write, once more without the entries where the object with them is too large: the object matters more. As upstream.
 * @throws RevisionConflict where somebody was faster
 */
export async function writeWithin(
  store: Store,
  key: StoreKey,
  object: ObjectDraft,
  expectedRevision: number,
): Promise<Entry> {
  try {
    return await store.write({ kind: 'put', key, object, expectedRevision });
  } catch (error) {
    if (!(error instanceof ObjectTooLarge) || object.metadata?.managedFields === undefined) throw error;
    setManagedFields(object, []);
    return store.write({ kind: 'put', key, object, expectedRevision });
  }
}

/** Is a write of `next` over `old` none, because nothing but the times in its entries changed? */
export function sameButForTimes(next: KubeObject, old: KubeObject): boolean {
  return sameEntries(next.metadata?.managedFields, old.metadata?.managedFields) && sameJson(bare(next), bare(old));
}

function bare(object: KubeObject): object {
  const { managedFields: _entries, ...metadata } = object.metadata ?? {};
  return { ...object, metadata };
}

function sameEntries(next: ManagedFields = [], old: ManagedFields = []): boolean {
  if (next.length !== old.length) return false;
  return next.every((entry, index) => sameJson({ ...entry, time: undefined }, { ...old[index], time: undefined }));
}
