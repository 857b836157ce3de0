/**
 * The way of a changed object, for PUT and PATCH, on the object itself or a part of it.
 *
 * ```
 *  read current ─ make next from it ─ preconditions ─ who owns what ─ prepare ─ validate ─ nothing changed? ─ write at current's revision
 *       ▲                                                                                                     │ somebody was faster
 *       └──────────────── the client named no version: again, in its turn, from the new current ◀─────────────┘
 * ```
 * Kept true: nothing is lost to a race. A client that named a version gets 409 Conflict where it no longer holds; for one that
 * named none, its change is made again on what stands there now. A change that changes nothing (but times in
 * `managedFields`) writes nothing. An object that waits for its finalizers goes with the update that removes the last.
 */

import { invalidValue } from '../api/field-error.ts';
import { inFieldOrder } from '../api/normalize.ts';
import type { JsonObject, KubeObject } from '../api/object.ts';
import { conflict, invalid, notFound, objectModified } from '../api/status-error.ts';
import { deepFreeze } from '../lib/deep-freeze.ts';
import { limits } from '../lib/limits.ts';
import { type Entry, RevisionConflict, type StoreKey } from '../store/store.ts';
import { Admission } from './admission/admission.ts';
import { createDecoded } from './create.ts';
import { withConversions } from './custom/conversion-due.ts';
import { type DecodedBody, decodeBody } from './decode-body.ts';
import { draftApart, type ObjectDraft } from './draft.ts';
import { type Environment, strategyContext } from './environment.ts';
import { isReleased } from './finalizers.ts';
import { type ManagedFields, sameButForTimes, setManagedFields, trackWrite, writeWithin } from './managed-fields.ts';
import {
  checkNames,
  checkNamesItself,
  checkNamespace,
  checkUid,
  dedupeOwners,
  fillChangedMetadata,
  metadataOf,
  sentVersion,
} from './metadata.ts';
import type { Part } from './parts.ts';
import type { ObjectResult, RequestTarget, WriteOptions } from './request.ts';
import {
  decodedBefore,
  keyOf,
  kindSubjectOf,
  normalized,
  prepareEntries,
  type ServedResource,
  shown,
  shownEntry,
  subjectOf,
  toStorage,
  toStored,
  workedOn,
  writtenEntry,
} from './served-resource.ts';
import { Turn } from './turns.ts';
import { warningsFor } from './validate.ts';

/** How often a change without a version is made again. It is then its turn (`turns.ts`): it loses only to writes of other kinds. */
export const attemptsMax = 100;

export interface Change {
  readonly served: ServedResource;
  readonly target: RequestTarget;
  readonly part: Part;
  readonly options: WriteOptions;
  /** A patch: the object wanted is made of the current one, and carries its version unless the patch says another. */
  readonly fromCurrent: boolean;
  /** The object wanted, in the version asked for. Called again when somebody was faster. */
  next(current: KubeObject): WantedObject;
}

export interface WantedObject extends DecodedBody {
  /** Its `managedFields` are reckoned already: nothing is to be tracked any more. */
  readonly tracked?: boolean;
}

export async function updateObject(
  environment: Environment,
  target: RequestTarget,
  part: Part,
  body: JsonObject,
  options: WriteOptions,
): Promise<ObjectResult> {
  const served = environment.served.of(target.resource);
  const expected = { apiVersion: served.apiVersion, kind: served.info.kind, type: served.type };
  const key = keyOf(served, target.namespace, target.name);
  const decoded = decodeBody(expected, body, options, knownBefore(environment, served, key));
  checkNamesItself(decoded.draft, target);
  checkNames(decoded.draft, target);
  const warnings = [...decoded.warnings, ...dedupeOwners(decoded.draft, false)];
  if (part.isMain && served.strategy.allowCreateOnUpdate && environment.store.get(key) === undefined) {
    checkUid(metadataOf(decoded.draft).uid, undefined, subjectOf(served, target.name));
    await options.mayCreate?.();
    return createDecoded(environment, served, target, { draft: decoded.draft, warnings }, options);
  }
  const next = (): DecodedBody => ({ draft: draftApart(decoded.draft, part.changes), warnings });
  return changeObject(environment, { served, target, part, options, fromCurrent: false, next });
}

/** Who writes from this process hands back most of the object that was read. */
function knownBefore({ store }: Environment, served: ServedResource, key: StoreKey): JsonObject | undefined {
  return served.isStoredForm ? decodedBefore(served, store.get(key)?.object) : undefined;
}

/** @throws StatusError NotFound, Conflict, Invalid, and what admission refuses */
export async function changeObject(environment: Environment, change: Change): Promise<ObjectResult> {
  const key = keyOf(change.served, change.target.namespace, change.target.name);
  const { turns, clock } = environment;
  const turn = new Turn(turns, key);
  let sinceMs: number | undefined;
  try {
    for (let attempt = 1; attempt <= attemptsMax; attempt++) {
      if (attempt > 1 || turns.isTaken(key)) await turn.take();
      const result = await attemptChange(environment, change, key, turn);
      if (result !== undefined) return result;
      const nowMs = clock.monotonic();
      sinceMs ??= nowMs;
      if (nowMs - sinceMs > limits.requestMsMax) break;
    }
  } finally {
    turn.letGo();
  }
  throw conflict(subjectOf(change.served, change.target.name), objectModified);
}

/** Undefined where somebody was faster, and the client did not say that nobody may be. */
async function attemptChange(
  environment: Environment,
  change: Change,
  key: StoreKey,
  turn: Turn,
): Promise<ObjectResult | undefined> {
  const { served, target } = change;
  const subject = subjectOf(served, target.name);
  const current = environment.store.get(key);
  if (current === undefined) throw notFound(subject);
  const due = prepareEntries(served, [current]);
  if (due !== undefined) {
    turn.letGo();
    await due;
  }
  const old = workedOn(served, current);
  const wanted = withConversions(() => change.next(shown(served, old)));
  const { draft, warnings, tracked = false } = wanted instanceof Promise ? await wanted : wanted;
  checkNamesItself(draft, target);
  checkNames(draft, target);
  const duplicates = change.fromCurrent ? dedupeOwners(draft, true) : [];
  const pinned = checkSentVersion(change, draft, old);
  const { collection } = served;
  const { fromCurrent: patched } = change;
  const what = { operation: 'UPDATE', target, collection, old, patched } as const;
  const admission = new Admission(environment, what, change.options, () => turn.letGo());
  const told: string[] = [];
  const ready = await prepareChange(environment, change, draft, old, { tracked, admission, told });
  try {
    const result = await writeChange(environment, change, key, current, ready, told);
    admission.written();
    told.push(...warningsFor(served, result.object, old), ...admission.warnings);
    return { ...result, warnings: [...warnings, ...duplicates, ...told] };
  } catch (error) {
    admission.undo();
    if (!(error instanceof RevisionConflict)) throw error;
    if (pinned && !change.fromCurrent) throw conflict(subject, objectModified);
    return undefined;
  }
}

/**
 * Does the client mean just this version? Then nobody tries again for it.
 * @throws StatusError Conflict, or Invalid where the kind asks for a version
 */
function checkSentVersion({ served, target, fromCurrent }: Change, draft: ObjectDraft, current: KubeObject): boolean {
  const subject = subjectOf(served, target.name);
  const { uid, resourceVersion } = current.metadata ?? {};
  if (!fromCurrent) checkUid(metadataOf(draft).uid, uid, subject);
  const sent = sentVersion(draft, kindSubjectOf(served, target.name));
  if (sent === 0) {
    if (served.strategy.allowUnconditionalUpdate !== false) return false;
    throw invalid(subject, [invalidValue('metadata.resourceVersion', 0, 'must be specified for an update')]);
  }
  if (sent !== Number(resourceVersion)) throw conflict(subject, objectModified);
  return true;
}

async function prepareChange(
  environment: Environment,
  { served, target, part, options, fromCurrent }: Change,
  decoded: ObjectDraft,
  old: KubeObject,
  { tracked, admission, told }: { tracked: boolean; admission: Admission; told: string[] },
): Promise<ObjectDraft> {
  const draft = toStored(served, decoded);
  fillChangedMetadata(draft, old);
  if (part.isMain) served.strategy.setDefaults?.(draft);
  const tracking: ManagedFields | Promise<ManagedFields> = tracked
    ? (draft.metadata?.managedFields ?? [])
    : withConversions(() => trackWrite(environment, served, target, draft, old, options));
  const entries = tracking instanceof Promise ? await tracking : tracking;
  setManagedFields(draft, entries);
  if (await admission.mutate(draft)) {
    checkNamespace(draft, target);
    fillChangedMetadata(draft, old);
    told.push(...dedupeOwners(draft, true));
  }
  const ready = normalized(served, draft, old);
  const granting = environment.grants?.check({ target, object: ready, old, verb: fromCurrent ? 'patch' : 'update' });
  if (granting) await granting;
  const context = strategyContext(environment, target.user, told);
  part.prepare(served, ready, old, context);
  setManagedFields(ready, entries);
  const errors = part.validate(served, ready, old, context);
  if (errors.length > 0) throw invalid(kindSubjectOf(served, target.name), errors);
  await admission.validate(ready);
  return inFieldOrder(served.storedType, ready as JsonObject);
}

/** @throws RevisionConflict where somebody was faster */
async function writeChange(
  environment: Environment,
  { served, target, part, options }: Change,
  key: StoreKey,
  current: Entry,
  draft: ObjectDraft,
  told: string[],
): Promise<Omit<ObjectResult, 'warnings'>> {
  const reservations = environment.addresses.reserve(key);
  try {
    const context = strategyContext(environment, target.user, told);
    // A part shares all else with the stored object, which is frozen, and has what it needs.
    if (part.isMain) served.strategy.allocate?.(draft, current.object, { ...context, reservations });
    const expectedRevision = current.revision;
    if (isReleased(served.strategy, draft, workedOn(served, current))) {
      const object = shown(served, deepFreeze(draft as KubeObject));
      const write = () => environment.store.write({ kind: 'delete', key, expectedRevision });
      if (!options.dryRun) await environment.book.holding(key, undefined, current.object, write);
      return { object, created: false };
    }
    const document = toStorage(served, draft);
    const stored = document instanceof Promise ? await document : document;
    if (sameButForTimes(stored, current.object)) return { ...shownEntry(served, current), created: false };
    if (options.dryRun) return { object: shown(served, deepFreeze(draft as KubeObject)), created: false };
    const write = () => writeWithin(environment.store, key, stored, expectedRevision);
    const entry = await environment.book.holding(key, draft, current.object, write);
    return { ...(await writtenEntry(environment, served, entry)), created: false };
  } finally {
    reservations.release();
  }
}
