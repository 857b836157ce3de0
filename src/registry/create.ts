/**
 * The way of a new object: decode, default, note who owns what, admit, prepare, validate, allocate, write.
 *
 * A name made from `generateName` may be taken: then another one is tried, a few times, as upstream does. Any other name
 * that is taken is the client's to know: 409 AlreadyExists.
 */
import type { JsonObject, KubeObject } from '../api/object.ts';
import { alreadyExists, badRequest, forbidden, invalid, notFound, noUniqueName } from '../api/status-error.ts';
import { deepFreeze } from '../lib/deep-freeze.ts';
import { RevisionConflict } from '../store/store.ts';
import { Admission } from './admission/admission.ts';
import { decodeBody } from './decode-body.ts';
import { draftOf, type ObjectDraft } from './draft.ts';
import { type Environment, strategyContext } from './environment.ts';
import { setManagedFields, trackWrite, writeWithin } from './managed-fields.ts';
import { checkNames, dedupeOwners, fillNewMetadata, metadataOf, sentVersion, wipeServerFields } from './metadata.ts';
import type { ObjectResult, RequestTarget, WriteOptions } from './request.ts';
import {
  emptyStatus,
  keyOf,
  kindSubjectOf,
  normalized,
  type ServedResource,
  shown,
  subjectOf,
  toStorage,
  toStored,
  writtenEntry,
} from './served-resource.ts';
import type { WantedObject } from './update.ts';
import { validateNew, warningsFor } from './validate.ts';

const generatedNamesMax = 8;

export async function createObject(
  environment: Environment,
  target: RequestTarget,
  body: JsonObject,
  options: WriteOptions,
): Promise<ObjectResult> {
  const served = environment.served.of(target.resource);
  const expected = { apiVersion: served.apiVersion, kind: served.info.kind, type: served.type };
  const { draft, warnings } = decodeBody(expected, body, options);
  if (sentVersion(draft, kindSubjectOf(served, metadataOf(draft).name ?? '')) !== 0) {
    throw badRequest('resourceVersion should not be set on objects to be created');
  }
  const duplicates = dedupeOwners(draft, false);
  return createDecoded(environment, served, target, { draft, warnings: [...warnings, ...duplicates] }, options);
}

/** From a decoded body on; a PUT and an apply that create come in here. */
export async function createDecoded(
  environment: Environment,
  served: ServedResource,
  target: RequestTarget,
  { draft: decoded, warnings, tracked = false }: WantedObject,
  options: WriteOptions,
): Promise<ObjectResult> {
  checkNames(decoded, target);
  checkTerminating(environment, served, metadataOf(decoded).name ?? '');
  const draft = toStored(served, decoded);
  served.strategy.setDefaults?.(draft);
  wipeServerFields(draft);
  if (!tracked) setManagedFields(draft, trackWrite(environment, served, target, draft, undefined, options));
  const admission = new Admission(environment, { operation: 'CREATE', target, collection: served.collection }, options);
  const late: string[] = [];
  const entries = draft.metadata?.managedFields ?? [];
  if (await admission.mutate(draft)) {
    checkNames(draft, target);
    // Who owns what is not for webhooks and policies to say.
    setManagedFields(draft, entries);
    late.push(...dedupeOwners(draft, true));
  }
  const generated = !metadataOf(draft).name && metadataOf(draft).generateName;
  for (let attempt = 1; ; attempt++) {
    const told: string[] = [];
    try {
      const ready = await prepareNew(environment, served, target, generated ? draftOf(draft) : draft, told);
      await admission.validate(ready);
      const result = await writeNew(environment, served, ready, options, told);
      admission.written();
      told.push(...warningsFor(served, result.object), ...admission.warnings);
      return { ...result, warnings: [...warnings, ...late, ...told] };
    } catch (error) {
      admission.undo();
      if (!(error instanceof RevisionConflict)) throw error;
      if (generated && attempt < generatedNamesMax) continue;
      const subject = subjectOf(served, error.key.name);
      throw metadataOf(draft).generateName ? noUniqueName(subject) : alreadyExists(subject);
    }
  }
}

/** Definitions that are being deleted take no new objects, and less so those that are gone meanwhile. @throws StatusError Forbidden, NotFound */
function checkTerminating({ resources }: Environment, served: ServedResource, name: string): void {
  const { group, version, resource, definition } = served.info;
  if (definition === undefined) return;
  const now = resources.find(group, version, resource)?.definition;
  if (now === undefined) throw notFound({ group, kind: resource, name: '' });
  if (!now.isTerminating) return;
  const why = 'create not allowed while custom resource definition is terminating';
  throw forbidden(subjectOf(served, name), why);
}

/** @throws StatusError Invalid */
async function prepareNew(
  environment: Environment,
  served: ServedResource,
  target: RequestTarget,
  draft: ObjectDraft,
  told: string[],
): Promise<ObjectDraft> {
  const { strategy } = served;
  const context = strategyContext(environment, target.user, told);
  const generation = strategy.generation ?? false;
  fillNewMetadata(draft, { nowMs: context.nowMs, prng: environment.prng, generation });
  if (served.hasStatus && !strategy.keepStatusOnCreate) draft['status'] = emptyStatus(served);
  strategy.prepareForCreate?.(draft, context);
  const ready = normalized(served, draft);
  const granting = environment.grants?.check({ target, object: ready, verb: 'create' });
  if (granting) await granting;
  const errors = validateNew(served, ready, context);
  if (errors.length > 0) throw invalid(kindSubjectOf(served, ready.metadata?.name ?? ''), errors);
  return ready;
}

/** @throws RevisionConflict where the name is taken */
async function writeNew(
  environment: Environment,
  served: ServedResource,
  draft: ObjectDraft,
  options: WriteOptions,
  told: string[],
): Promise<Omit<ObjectResult, 'warnings'>> {
  const { name = '', namespace = '' } = draft.metadata ?? {};
  const key = keyOf(served, namespace, name);
  const reservations = environment.addresses.reserve(key);
  try {
    const current = environment.store.get(key);
    if (current !== undefined) throw new RevisionConflict(key, current);
    const context = strategyContext(environment, { name: '', groups: [] }, told);
    served.strategy.allocate?.(draft, undefined, { ...context, reservations });
    if (options.dryRun) return { object: shown(served, deepFreeze(draft as KubeObject)), created: true };
    const document = toStorage(served, draft);
    const stored = document instanceof Promise ? await document : document;
    const write = () => writeWithin(environment.store, key, stored, 0);
    const entry = await environment.book.holding(key, draft, undefined, write);
    return { ...(await writtenEntry(environment, served, entry)), created: true };
  } finally {
    reservations.release();
  }
}
