/**
 * Who owns which field of an object, and what an applied configuration makes of it: server-side apply (KEP-555) as pure functions.
 *
 * ```
 *  create, update, patch:  trackUpdate(live, next)            ─▶ next's managedFields
 *  apply:                  applyConfiguration(live, applied)  ─▶ the merged object with its managedFields, or a conflict
 * ```
 * `metadata.managedFields` is upstream's format (`FieldsV1`); the rules are those of structured-merge-diff.
 */
import { SharedValues } from '../../lib/shared-values.ts';
import { normalizeObject } from '../normalize.ts';
import type { JsonObject, JsonValue } from '../object.ts';
import { deepEqual, getKey, isObject, without } from '../patch/json-tree.ts';
import type { MessageType } from '../schema/schema.ts';
import type { ManagedFieldsEntry } from '../schema/types/meta-v1.ts';
import { badRequest } from '../status-error.ts';
import { messageAtom } from './atom.ts';
import { capManagers } from './cap-managers.ts';
import { ConflictsError } from './conflict.ts';
import type { FieldPattern } from './field-pattern.ts';
import { FieldSet } from './field-set.ts';
import { isKubectl, lastAppliedFields, withLastApplied } from './last-applied.ts';
import { TypedError } from './list-items.ts';
import {
  decodeManagedFields,
  encodeManagedFields,
  isReset,
  type ManagerIdentity,
  type Managers,
  managerKey,
} from './managed-fields.ts';
import { shapeOf } from './object-shape.ts';
import { applyOwnership, type Rules, updateOwnership } from './ownership.ts';
import { FieldsError } from './path-element.ts';
import { withStoredNulls } from './stored-nulls.ts';
import { unlessUnchanged } from './unchanged.ts';
import { validateTyped } from './validate-typed.ts';

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
  /** The other way round: it can change these alone. */
  readonly onlyFields?: FieldPattern;
  /** The same object in a version in which an earlier manager wrote. Undefined where it is not served any more. */
  readonly inVersion: (object: TypedObject, apiVersion: string) => TypedObject | undefined;
}

/**
 * The `managedFields` of `next`, which replaces `live` (undefined: it is new). What `next` itself says of them counts: a
 * client may take entries away or empty the list, which resets it. Empty where nothing is tracked.
 */
export function trackUpdate(
  live: TypedObject | undefined,
  next: TypedObject,
  request: OwnershipRequest,
): readonly ManagedFieldsEntry[] {
  try {
    const managers = managersBefore(live?.value, next.value, request.subresource);
    // Whoever reset an object, or never applied to one that came from before tracking, is left alone.
    if (managers.size === 0 && live && uidOf(live.value) !== '') return [];
    return encodeManagedFields(track(live, next, managers, request));
  } catch (error) {
    // An object of which nothing can be said, as upstream: the write itself is not at fault.
    if (error instanceof TypedError || error instanceof FieldsError) return [];
    throw error;
  }
}

/** Two generations of so many; a text of 1 KB and a tree of 4 KB each, for a pod. */
const knownShapes = new SharedValues<ManagedFieldsEntry>(512);
const shapeLengthMax = 4_096;

/**
 * `trackUpdate` for an object that is new. `normal`: it in normal form, which is only made where no object of this shape
 * (`object-shape.ts`) is remembered. The trees of entries are shared and frozen; `share` does both.
 */
export function trackCreate(
  next: TypedObject,
  normal: () => TypedObject,
  request: OwnershipRequest,
  share: (fields: object) => object,
): readonly ManagedFieldsEntry[] {
  const shape = shapeToKnow(next, request);
  const known = shape === undefined ? undefined : knownShapes.known(shape);
  if (known !== undefined) {
    const { manager } = identityOf(request, 'Update', next.apiVersion);
    return [{ ...known, manager, time: request.time }];
  }
  const entries = trackUpdate(undefined, normal(), request).map((entry) => ({
    ...entry,
    ...(entry.fieldsV1 && { fieldsV1: share(entry.fieldsV1) }),
  }));
  const [entry] = entries;
  if (shape !== undefined && entry !== undefined) knownShapes.share(shape, entry);
  return entries;
}

/** Undefined where an entry depends on more: on those that the client sent, or on a subresource. */
function shapeToKnow({ apiVersion, type, value }: TypedObject, request: OwnershipRequest): string | undefined {
  if (request.subresource !== '' || getKey(metadataOf(value), 'managedFields') !== undefined) return undefined;
  const shape = shapeOf(messageAtom(type), value);
  if (shape === undefined || shape.length > shapeLengthMax) return undefined;
  return `${numberOf(type)} ${numberOf(request.resetFields ?? FieldSet.empty)} ${apiVersion} ${shape}`;
}

/** What tells types and sets apart in a text. */
const numbers = new WeakMap<object, number>();
let lastNumber = 0;

function numberOf(object: object): number {
  let number = numbers.get(object);
  if (number === undefined) numbers.set(object, (number = ++lastNumber));
  return number;
}

/**
 * `live` with `applied` merged into it: what the manager applied before and left out now goes, unless others own it. As
 * merged: defaults are not filled in, and a list or map of which all went is empty. `live.value` itself where
 * nothing changes.
 * @throws StatusError Conflict (FieldManagerConflict causes, as upstream), BadRequest where `applied` does not fit its table
 */
export function applyConfiguration(
  live: TypedObject | undefined,
  applied: TypedObject,
  request: OwnershipRequest & { readonly force: boolean },
): JsonObject {
  try {
    checkApplied(live, applied);
    const known = live && asStored(live);
    const object = mergeApplied(known, applied, request);
    return live && known && unlessUnchanged(known.value, object) === known.value ? live.value : object;
  } catch (error) {
    if (error instanceof ConflictsError) throw error.toStatusError();
    if (error instanceof FieldsError) throw badRequest(`failed to decode managed fields: ${error.message}`);
    if (error instanceof TypedError) throw badRequest(error.message);
    throw error;
  }
}

/** What clients say who do not know of managedFields, or say it badly, does not count. */
function managersBefore(live: JsonObject | undefined, next: JsonObject, subresource: string): Managers {
  const entries = managedFieldsOf(next);
  if (subresource === '') {
    if (isReset(entries)) return new Map();
    const managers = decodeOrNone(entries);
    if (managers.size > 0) return managers;
  }
  return decodeOrNone(live && managedFieldsOf(live));
}

function decodeOrNone(entries: JsonValue | undefined): Managers {
  try {
    return decodeManagedFields(entries);
  } catch (error) {
    if (error instanceof FieldsError) return new Map();
    throw error;
  }
}

function track(
  live: TypedObject | undefined,
  next: TypedObject,
  before: Managers,
  request: OwnershipRequest,
): Managers {
  const rules = rulesOf(request);
  const old = inVersionOf(next, live ?? zeroObject(next), request);
  const { managers, taken } = updateOwnership(rules, bare(old), bare(next), before);
  if (!taken.isEmpty) {
    const identity = identityOf(request, 'Update', next.apiVersion);
    const key = managerKey(identity);
    const set = managers.get(key)?.set.union(taken) ?? taken;
    const known = before.get(key);
    // Most updates change what their manager owns already: with the same set, the tree in its entry stays, too.
    const kept = known?.set.equals(set) ? known : { set };
    managers.set(key, { ...kept, ...identity, time: request.time });
  }
  return capManagers(managers);
}

function checkApplied(live: TypedObject | undefined, { apiVersion, type, value }: TypedObject): void {
  const kind = (live && getKey(live.value, 'kind')) ?? type.goName;
  if (getKey(value, 'apiVersion') !== apiVersion || getKey(value, 'kind') !== kind) {
    throw badRequest(`invalid object type: ${kindText(value)}`);
  }
  const entries = managedFieldsOf(value);
  if (entries !== undefined && entries !== null) throw badRequest('metadata.managedFields must be nil');
}

function mergeApplied(
  live: TypedObject | undefined,
  applied: TypedObject,
  request: OwnershipRequest & { readonly force: boolean },
): JsonObject {
  const target = inVersionOf(applied, live ?? zeroObject(applied), request);
  const managers = managersBeforeApply(live, target, request);
  checkFits('patch', applied, false);
  checkFits('live', target, true);
  const merged = applyWithLastApplied(bare(target), applied, managers, request);
  const object = withManagedFields(merged.object, encodeManagedFields(merged.managers));
  return isKubectl(request.manager) ? withLastApplied(object, applied.value) : object;
}

/** What stands in an object that nobody tracked yet belongs to one who is nobody. */
function managersBeforeApply(live: TypedObject | undefined, target: TypedObject, request: OwnershipRequest): Managers {
  const managers = decodeManagedFields(managedFieldsOf(target.value));
  if (managers.size > 0 || !live) return managers;
  return track(undefined, target, managers, { ...request, manager: 'before-first-apply' });
}

interface Applied {
  readonly object: JsonObject;
  readonly managers: Managers;
}

type ApplyRequest = OwnershipRequest & { readonly force: boolean };

/** What kubectl applied on its own side is its own: no conflict. */
function applyWithLastApplied(
  live: TypedObject,
  applied: TypedObject,
  managers: Managers,
  request: ApplyRequest,
): Applied {
  try {
    return applyOnce(live, applied, managers, request);
  } catch (error) {
    const allowed = error instanceof ConflictsError && isKubectl(request.manager) && lastAppliedFields(live);
    if (!allowed) throw error;
    const rest = error.without(allowed);
    if (rest.conflicts.length > 0) throw rest;
    return applyOnce(live, applied, managers, { ...request, force: true });
  }
}

function applyOnce(live: TypedObject, applied: TypedObject, before: Managers, request: ApplyRequest): Applied {
  const identity = identityOf(request, 'Apply', applied.apiVersion);
  const { object, managers } = applyOwnership(rulesOf(request), live, applied, before, identity, request.force);
  const key = managerKey(identity);
  const own = managers.get(key);
  if (own && !deepEqual(live.value, object.value)) managers.set(key, { ...own, time: request.time });
  return { object: object.value, managers };
}

const rulesOf = ({ inVersion, resetFields = FieldSet.empty, onlyFields }: OwnershipRequest): Rules => ({
  convert: inVersion,
  ownable: (set) => (onlyFields ? onlyFields.of(set) : set).recursiveDifference(resetFields),
});

const identityOf = (
  { manager, subresource }: OwnershipRequest,
  operation: ManagerIdentity['operation'],
  apiVersion: string,
): ManagerIdentity => ({ manager: manager === '' ? 'unknown' : manager, operation, apiVersion, subresource });

/** `object` in the version of `like`, in which the request speaks. */
function inVersionOf(like: TypedObject, object: TypedObject, { inVersion }: OwnershipRequest): TypedObject {
  if (object.apiVersion === like.apiVersion) return object;
  const converted = inVersion(object, like.apiVersion);
  if (!converted) throw new TypedError(`no corresponding type for ${kindText(like.value)}`);
  return converted;
}

/** What upstream's empty struct looks like: the fields that are always there are nobody's. */
function zeroObject({ apiVersion, type, value }: TypedObject): TypedObject {
  const zero = { ...normalizeObject(type, {}), apiVersion, kind: getKey(value, 'kind') ?? type.goName };
  return asStored({ apiVersion, type, value: zero });
}

/** With upstream's nulls: what a configuration says of an empty list, or leaves out within an atomic part, differs from them. */
function asStored(object: TypedObject): TypedObject {
  const value = withStoredNulls(messageAtom(object.type), object.value) as JsonObject;
  return value === object.value ? object : { ...object, value };
}

function checkFits(role: 'patch' | 'live', { type, value }: TypedObject, allowDuplicates: boolean): void {
  try {
    validateTyped(messageAtom(type), value, { allowDuplicates });
  } catch (error) {
    if (!(error instanceof TypedError)) throw error;
    throw new TypedError(`failed to create typed ${role} object (${subjectText(value)}): ${error.message}`);
  }
}

function metadataOf(object: JsonObject): JsonObject {
  const metadata = getKey(object, 'metadata');
  return isObject(metadata) ? metadata : {};
}

const managedFieldsOf = (object: JsonObject): JsonValue | undefined => getKey(metadataOf(object), 'managedFields');

const stringOf = (value: JsonValue | undefined): string => (typeof value === 'string' ? value : '');

const uidOf = (object: JsonObject): string => stringOf(getKey(metadataOf(object), 'uid'));

/** Without managedFields, which nobody owns. */
function bare(object: TypedObject): TypedObject {
  const metadata = metadataOf(object.value);
  if (!Object.hasOwn(metadata, 'managedFields')) return object;
  return { ...object, value: { ...object.value, metadata: without(metadata, 'managedFields') } };
}

function withManagedFields(object: JsonObject, entries: readonly ManagedFieldsEntry[]): JsonObject {
  if (entries.length === 0) return object;
  // Entries are JSON; their type names its members, which an index signature does not.
  return { ...object, metadata: { ...metadataOf(object), managedFields: entries as unknown as JsonValue } };
}

/** `apps/v1, Kind=Deployment`, as Go prints it: the core group has no name, but its slash. */
function kindText(object: JsonObject): string {
  const apiVersion = stringOf(getKey(object, 'apiVersion'));
  return `${apiVersion.includes('/') ? apiVersion : `/${apiVersion}`}, Kind=${stringOf(getKey(object, 'kind'))}`;
}

function subjectText(object: JsonObject): string {
  const metadata = metadataOf(object);
  return `${stringOf(getKey(metadata, 'namespace'))}/${stringOf(getKey(metadata, 'name'))}; ${kindText(object)}`;
}
