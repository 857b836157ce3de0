/**
 * Who writes which part of `metadata`: the server owns uid, times, generation and version; the client the name, labels,
 * annotations, owners and finalizers. Pure; the rules on values stand in `validation/metadata.ts`.
 */
import type { KubeObject } from '../api/object.ts';
import type { ObjectMeta } from '../api/schema/types/meta-v1.ts';
import { badRequest, conflict, type StatusSubject } from '../api/status-error.ts';
import { formatTime } from '../lib/clock.ts';
import { nameSuffix, type Prng, uuid } from '../lib/prng.ts';
import type { Draft, ObjectDraft } from './draft.ts';
import { draftOf } from './draft.ts';
import type { RequestTarget } from './request.ts';

/** A generated name is a label value: upstream cuts the prefix so that the suffix still fits. */
const generatedPrefixMax = 63 - 5;

export function metadataOf(draft: ObjectDraft): Draft<ObjectMeta> {
  return (draft.metadata ??= {});
}

/** What the body says must be what the URL says. @throws StatusError BadRequest */
export function checkNames(draft: ObjectDraft, target: RequestTarget): void {
  const metadata = metadataOf(draft);
  if (target.resource.namespaced) {
    if (metadata.namespace && metadata.namespace !== target.namespace) {
      throw badRequest(
        target.name === ''
          ? 'the namespace of the provided object does not match the namespace sent on the request'
          : `the namespace of the object (${metadata.namespace}) does not match the namespace on the request (${target.namespace})`,
      );
    }
    metadata.namespace = target.namespace;
  }
  if (target.name === '') return;
  if (!metadata.name) metadata.name = target.name;
  else if (metadata.name !== target.name) {
    throw badRequest(`the name of the object (${metadata.name}) does not match the name on the URL (${target.name})`);
  }
}

/** A changed object names itself; only of a new one the URL may be the name. @throws StatusError BadRequest */
export function checkNamesItself(draft: ObjectDraft, { name }: RequestTarget): void {
  if (metadataOf(draft).name) return;
  throw badRequest(`the name of the object (${name} based on URL) was undeterminable: name must be provided`);
}

/** For an object that is to be created: the server's fields, and a name where only a prefix is given. */
export function fillNewMetadata(
  draft: ObjectDraft,
  options: { readonly nowMs: number; readonly prng: Prng; readonly generation: boolean },
): void {
  const metadata = metadataOf(draft);
  if (!metadata.name && metadata.generateName) {
    metadata.name = metadata.generateName.slice(0, generatedPrefixMax) + nameSuffix(options.prng);
  }
  metadata.uid = uuid(options.prng);
  metadata.creationTimestamp = formatTime(options.nowMs);
  if (options.generation) metadata.generation = 1;
  for (const field of ['deletionTimestamp', 'deletionGracePeriodSeconds', 'selfLink', 'resourceVersion'] as const) {
    delete metadata[field];
  }
  delete metadata.managedFields;
}

/** For an update: what the client may leave out comes back, what it may not write is put right. */
export function fillChangedMetadata(draft: ObjectDraft, old: KubeObject): void {
  const metadata = metadataOf(draft);
  const before = old.metadata ?? {};
  for (const field of ['uid', 'creationTimestamp', 'deletionTimestamp', 'deletionGracePeriodSeconds'] as const) {
    if (metadata[field] === undefined && before[field] !== undefined) {
      (metadata as Record<string, unknown>)[field] = before[field];
    }
  }
  for (const field of ['generation', 'resourceVersion'] as const) {
    if (before[field] === undefined) delete metadata[field];
    else (metadata as Record<string, unknown>)[field] = before[field];
  }
  delete metadata.selfLink;
  if (before.managedFields) metadata.managedFields = draftOf(before.managedFields);
  else delete metadata.managedFields;
}

/**
 * Does the client want to change just this version of just this object? True where it named the version: then nobody tries again
 * for it.
 * @throws StatusError Conflict
 */
export function checkPreconditions(
  wanted: { readonly uid?: string | undefined; readonly resourceVersion?: string | undefined },
  current: KubeObject,
  subject: StatusSubject,
  why: string,
): boolean {
  const { uid, resourceVersion } = current.metadata ?? {};
  if (wanted.uid && wanted.uid !== uid) {
    throw conflict(subject, `Precondition failed: UID in precondition: ${wanted.uid}, UID in object meta: ${uid}`);
  }
  if (!wanted.resourceVersion || wanted.resourceVersion === '0') return false;
  if (wanted.resourceVersion !== resourceVersion) throw conflict(subject, why);
  return true;
}
