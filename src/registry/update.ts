/**
 * The way of a changed object, for PUT and PATCH, on the object itself or a part of it.
 *
 * ```
 *  read current ─ make next from it ─ preconditions ─ prepare ─ validate ─ nothing changed? ─ write at current's revision
 *       ▲                                                                                       │ somebody was faster
 *       └───────────────── the client named no version: again, from the new current ◀───────────┘
 * ```
 * Kept true: nothing is lost to a race. A client that named a version gets 409 Conflict where it no longer holds; for one that
 * named none, its change is made again on what stands there now. A change that changes nothing writes nothing. An object
 * that waits for its finalizers goes with the update that removes the last.
 */

import { invalidValue } from '../api/field-error.ts';
import type { JsonObject, KubeObject } from '../api/object.ts';
import { conflict, invalid, notFound, objectModified } from '../api/status-error.ts';
import { deepFreeze } from '../lib/deep-freeze.ts';
import { type Entry, RevisionConflict, type StoreKey } from '../store/store.ts';
import { admit } from './admission/admission.ts';
import { createDecoded } from './create.ts';
import { type DecodedBody, decodeBody } from './decode-body.ts';
import { draftOf, type ObjectDraft, sameJson } from './draft.ts';
import { type Environment, strategyContext } from './environment.ts';
import { isReleased } from './finalizers.ts';
import { checkNames, checkNamesItself, checkPreconditions, fillChangedMetadata, metadataOf } from './metadata.ts';
import type { Part } from './parts.ts';
import type { ObjectResult, RequestTarget, WriteOptions } from './request.ts';
import {
  keyOf,
  kindSubjectOf,
  normalized,
  type ServedResource,
  shown,
  shownEntry,
  subjectOf,
  toStored,
} from './served-resource.ts';

/** How often a change without a version is made again. Writers on one object take turns, so each round lets one through. */
export const attemptsMax = 100;

export interface Change {
  readonly served: ServedResource;
  readonly target: RequestTarget;
  readonly part: Part;
  readonly options: WriteOptions;
  /** A patch: the object wanted is made of the current one, and carries its version unless the patch says another. */
  readonly fromCurrent: boolean;
  /** The object wanted, in the version asked for. Called again when somebody was faster. */
  next(current: KubeObject): DecodedBody;
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
  const decoded = decodeBody(expected, body, options);
  checkNamesItself(decoded.draft, target);
  checkNames(decoded.draft, target);
  requireVersion(served, decoded.draft);
  const key = keyOf(served, target.namespace, target.name);
  if (part.isMain && served.strategy.allowCreateOnUpdate && environment.store.get(key) === undefined) {
    return createDecoded(environment, served, target, decoded.draft, decoded.warnings, options);
  }
  const next = (): DecodedBody => ({ ...decoded, draft: draftOf(decoded.draft) });
  return changeObject(environment, { served, target, part, options, fromCurrent: false, next });
}

function requireVersion(served: ServedResource, draft: ObjectDraft): void {
  const { resourceVersion, name = '' } = metadataOf(draft);
  const named = resourceVersion && resourceVersion !== '0';
  if (named || served.strategy.allowUnconditionalUpdate !== false) return;
  throw invalid(kindSubjectOf(served, name), [
    invalidValue('metadata.resourceVersion', 0, 'must be specified for an update'),
  ]);
}

/** @throws StatusError NotFound, Conflict, Invalid, and what admission refuses */
export async function changeObject(environment: Environment, change: Change): Promise<ObjectResult> {
  const { served, target } = change;
  const key = keyOf(served, target.namespace, target.name);
  const subject = subjectOf(served, target.name);
  for (let attempt = 1; ; attempt++) {
    const current = environment.store.get(key);
    if (current === undefined) throw notFound(subject);
    const { draft, warnings } = change.next(shown(served, current.object));
    checkNamesItself(draft, target);
    checkNames(draft, target);
    const pinned = checkPreconditions(metadataOf(draft), current.object, subject, objectModified);
    const ready = await prepareChange(environment, change, draft, current.object);
    try {
      const result = await writeChange(environment, change, key, current, ready);
      return { ...result, warnings: [...warnings, ...(served.strategy.warnings?.(result.object) ?? [])] };
    } catch (error) {
      if (!(error instanceof RevisionConflict)) throw error;
      if ((pinned && !change.fromCurrent) || attempt === attemptsMax) throw conflict(subject, objectModified);
    }
  }
}

async function prepareChange(
  environment: Environment,
  { served, target, part }: Change,
  decoded: ObjectDraft,
  old: KubeObject,
): Promise<ObjectDraft> {
  const draft = toStored(served, decoded);
  fillChangedMetadata(draft, old);
  if (part.isMain) {
    served.strategy.setDefaults?.(draft);
    const { collection } = served;
    await admit({ operation: 'UPDATE', target, collection, draft, old, store: environment.store });
  }
  const ready = normalized(served, draft);
  part.prepare(served, ready, old, strategyContext(environment, target.user));
  const errors = part.validate(served, ready, old);
  if (errors.length > 0) throw invalid(kindSubjectOf(served, target.name), errors);
  return ready;
}

/** @throws RevisionConflict where somebody was faster */
async function writeChange(
  environment: Environment,
  { served, target, options }: Change,
  key: StoreKey,
  current: Entry,
  draft: ObjectDraft,
): Promise<Omit<ObjectResult, 'warnings'>> {
  const reservations = environment.addresses.reserve(key);
  try {
    const context = strategyContext(environment, target.user);
    served.strategy.allocate?.(draft, current.object, { ...context, reservations });
    const expectedRevision = current.revision;
    if (isReleased(served.strategy, draft, current.object)) {
      const object = shown(served, deepFreeze(draft as KubeObject));
      if (!options.dryRun) await environment.store.write({ kind: 'delete', key, expectedRevision });
      return { object, created: false };
    }
    if (sameJson(draft, current.object)) return { ...shownEntry(served, current), created: false };
    if (options.dryRun) return { object: shown(served, deepFreeze(draft as KubeObject)), created: false };
    const entry = await environment.store.write({ kind: 'put', key, object: draft, expectedRevision });
    return { ...shownEntry(served, entry), created: false };
  } finally {
    reservations.release();
  }
}
