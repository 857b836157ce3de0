/**
 * Who owns which field of an object, and what an applied configuration makes of it: server-side apply (KEP-555) as pure functions.
 *
 * ```
 *  create, update, patch:  trackUpdate(live, next)            ─▶ next's managedFields
 *  apply:                  applyConfiguration(live, applied)  ─▶ the merged object with its managedFields, or a conflict
 * ```
 * `metadata.managedFields` is upstream's format (`FieldsV1`); the rules are those of structured-merge-diff.
 */
import type { JsonObject } from '../object.ts';
import type { MessageType } from '../schema/schema.ts';
import type { ManagedFieldsEntry } from '../schema/types/meta-v1.ts';
import type { FieldSet } from './field-set.ts';

/** An object in one version, with the table that describes it. */
export interface TypedObject {
  readonly apiVersion: string;
  readonly type: MessageType;
  readonly value: JsonObject;
}

export interface OwnershipRequest {
  /** `fieldManager`, or what stands in its place: the user agent up to its first slash. */
  readonly manager: string;
  /** Empty for the object itself. */
  readonly subresource: string;
  /** RFC 3339, in seconds. */
  readonly time: string;
  /** What this request cannot change (the status on the main resource, …): nobody comes to own it by it. */
  readonly resetFields?: FieldSet;
  /** The same object in a version in which an earlier manager wrote. Undefined where it is not served any more. */
  readonly inVersion: (object: TypedObject, apiVersion: string) => TypedObject | undefined;
}

/**
 * The `managedFields` of `next`, which replaces `live` (undefined: it is new). What `next` itself says of them counts: a
 * client may take entries away or empty the list, which resets it.
 */
export type TrackUpdate = (
  live: TypedObject | undefined,
  next: TypedObject,
  request: OwnershipRequest,
) => readonly ManagedFieldsEntry[];

/**
 * `live` with `applied` merged into it: what the manager applied before and left out now goes, unless others own it.
 * @throws StatusError Conflict (FieldManagerConflict causes, as upstream), BadRequest where `applied` does not fit its table
 */
export type ApplyConfiguration = (
  live: TypedObject | undefined,
  applied: TypedObject,
  request: OwnershipRequest & { readonly force: boolean },
) => JsonObject;
