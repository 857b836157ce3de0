/**
 * The way of a new object: decode, default, admit, prepare, validate, allocate, write.
 *
 * A name made from `generateName` may be taken: then another one is tried, a few times, as upstream does. Any other name
 * that is taken is the client's to know: 409 AlreadyExists.
 */
import type { JsonObject, KubeObject } from '../api/object.ts';
import { alreadyExists, badRequest, invalid } from '../api/status-error.ts';
import { deepFreeze } from '../lib/deep-freeze.ts';
import { RevisionConflict } from '../store/store.ts';
import { admit } from './admission/admission.ts';
import { decodeBody } from './decode-body.ts';
import { draftOf, type ObjectDraft } from './draft.ts';
import { type Environment, strategyContext } from './environment.ts';
import { checkNames, fillNewMetadata, metadataOf } from './metadata.ts';
import type { ObjectResult, RequestTarget, WriteOptions } from './request.ts';
import {
  emptyStatus,
  keyOf,
  kindSubjectOf,
  normalized,
  type ServedResource,
  shown,
  shownEntry,
  subjectOf,
  toStored,
} from './served-resource.ts';
import { validateNew } from './validate.ts';

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
  if (metadataOf(draft).resourceVersion) throw badRequest('resourceVersion should not be set on objects to be created');
  return createDecoded(environment, served, target, draft, warnings, options);
}

/** From a decoded body on; a PUT that creates comes in here. */
export async function createDecoded(
  environment: Environment,
  served: ServedResource,
  target: RequestTarget,
  decoded: ObjectDraft,
  warnings: readonly string[],
  options: WriteOptions,
): Promise<ObjectResult> {
  checkNames(decoded, target);
  const draft = toStored(served, decoded);
  served.strategy.setDefaults?.(draft);
  await admit({ operation: 'CREATE', target, collection: served.collection, draft, store: environment.store });
  const generated = !metadataOf(draft).name && metadataOf(draft).generateName;
  for (let attempt = 1; ; attempt++) {
    try {
      const ready = prepareNew(environment, served, target, generated ? draftOf(draft) : draft);
      const result = await writeNew(environment, served, ready, options);
      return { ...result, warnings: [...warnings, ...(served.strategy.warnings?.(result.object) ?? [])] };
    } catch (error) {
      if (!(error instanceof RevisionConflict)) throw error;
      if (!generated || attempt === generatedNamesMax) throw alreadyExists(subjectOf(served, error.key.name));
    }
  }
}

/** @throws StatusError Invalid */
function prepareNew(
  environment: Environment,
  served: ServedResource,
  target: RequestTarget,
  draft: ObjectDraft,
): ObjectDraft {
  const { strategy } = served;
  const context = strategyContext(environment, target.user);
  const generation = strategy.generation ?? false;
  fillNewMetadata(draft, { nowMs: context.nowMs, prng: environment.prng, generation });
  if (served.hasStatus && !strategy.keepStatusOnCreate) draft['status'] = emptyStatus(served);
  strategy.prepareForCreate?.(draft, context);
  const ready = normalized(served, draft);
  const errors = validateNew(served, ready);
  if (errors.length > 0) throw invalid(kindSubjectOf(served, ready.metadata?.name ?? ''), errors);
  return ready;
}

/** @throws RevisionConflict where the name is taken */
async function writeNew(
  environment: Environment,
  served: ServedResource,
  draft: ObjectDraft,
  options: WriteOptions,
): Promise<Omit<ObjectResult, 'warnings'>> {
  const { name = '', namespace = '' } = draft.metadata ?? {};
  const key = keyOf(served, namespace, name);
  const reservations = environment.addresses.reserve(key);
  try {
    const current = environment.store.get(key);
    if (current !== undefined) throw new RevisionConflict(key, current);
    const context = strategyContext(environment, { name: '', groups: [] });
    served.strategy.allocate?.(draft, undefined, { ...context, reservations });
    if (options.dryRun) return { object: shown(served, deepFreeze(draft as KubeObject)), created: true };
    const entry = await environment.store.write({ kind: 'put', key, object: draft, expectedRevision: 0 });
    return { ...shownEntry(served, entry), created: true };
  } finally {
    reservations.release();
  }
}
