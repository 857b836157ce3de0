/**
 * Who writes which part of `metadata`: the server owns uid, times, generation and version; the client the name, labels,
 * annotations, owners and finalizers. Pure; the rules on values stand in `validation/metadata.ts`.
 */
import { goQuote, invalidValue } from '../api/field-error.ts';
import type { KubeObject } from '../api/object.ts';
import type { ObjectMeta } from '../api/schema/types/meta-v1.ts';
import { badRequest, conflict, invalid, type StatusSubject } from '../api/status-error.ts';
import { formatTime } from '../lib/clock.ts';
import { nameSuffix, type Prng, uuid } from '../lib/prng.ts';
import type { Draft, ObjectDraft } from './draft.ts';
import { sameJson } from './draft.ts';
import type { RequestTarget } from './request.ts';

/** A generated name is a label value: upstream cuts the prefix so that the suffix still fits. */
const generatedPrefixMax = 63 - 5;

export function metadataOf(draft: ObjectDraft): Draft<ObjectMeta> {
  return (draft.metadata ??= {});
}

/** What the body says must be what the URL says. @throws StatusError BadRequest */
export function checkNames(draft: ObjectDraft, target: RequestTarget): void {
  const metadata = metadataOf(draft);
  checkNamespace(draft, target);
  if (target.name === '') return;
  if (!metadata.name) metadata.name = target.name;
  else if (metadata.name !== target.name) {
    throw badRequest(`the name of the object (${metadata.name}) does not match the name on the URL (${target.name})`);
  }
}

/** @throws StatusError BadRequest */
export function checkNamespace(draft: ObjectDraft, target: RequestTarget): void {
  const metadata = metadataOf(draft);
  if (!target.resource.namespaced) {
    delete metadata.namespace;
    return;
  }
  if (metadata.namespace && metadata.namespace !== target.namespace) {
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
  }
  metadata.namespace = target.namespace;
}

/** A changed object names itself; only of a new one the URL may be the name. @throws StatusError BadRequest */
export function checkNamesItself(draft: ObjectDraft, { name }: RequestTarget): void {
  if (metadataOf(draft).name) return;
  throw badRequest(`the name of the object (${name} based on URL) was undeterminable: name must be provided`);
}

/** What a client may not say of a new object. */
export function wipeServerFields(draft: ObjectDraft): void {
  const metadata = metadataOf(draft);
  for (const field of serverFields) delete metadata[field];
}

const serverFields = [
  'uid',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
  'selfLink',
] as const;

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
}

/** For an update: what the client may leave out comes back, what it may not write is put right. */
export function fillChangedMetadata(draft: ObjectDraft, old: KubeObject): void {
  const metadata: Record<string, unknown> = metadataOf(draft);
  const before: Readonly<Record<string, unknown>> = { ...old.metadata };
  for (const field of ['uid', 'deletionGracePeriodSeconds']) {
    if (metadata[field] === undefined && before[field] !== undefined) metadata[field] = before[field];
  }
  // What a client says of these counts only where the object has no word of its own.
  for (const field of ['creationTimestamp', 'deletionTimestamp']) {
    if (before[field] !== undefined) metadata[field] = before[field];
  }
  for (const field of ['generation', 'resourceVersion']) {
    if (before[field] === undefined) delete metadata[field];
    else metadata[field] = before[field];
  }
  delete metadata['selfLink'];
}

/** `metadata.resourceVersion` of what a client sent; 0 where it named none. @throws StatusError Invalid */
export function sentVersion(draft: ObjectDraft, kind: StatusSubject): number {
  const { resourceVersion = '' } = metadataOf(draft);
  if (resourceVersion === '') return 0;
  if (/^[0-9]{1,15}$/.test(resourceVersion)) return Number(resourceVersion);
  const version = /^[0-9]+$/.test(resourceVersion) ? BigInt(resourceVersion) : undefined;
  if (version !== undefined && version === BigInt.asUintN(64, version)) return Number(version);
  const why = version === undefined ? 'invalid syntax' : 'value out of range';
  const detail = `strconv.ParseUint: parsing ${goQuote(resourceVersion)}: ${why}`;
  throw invalid(kind, [invalidValue('metadata.resourceVersion', resourceVersion, detail)]);
}

/** @throws StatusError Conflict where the client means another object of this name */
export function checkUid(wanted: string | undefined, current: string | undefined, subject: StatusSubject): void {
  if (!wanted || wanted === current) return;
  const why = `Precondition failed: UID in precondition: ${wanted}, UID in object meta: ${current ?? ''}`;
  throw conflict(subject, why);
}

/** Takes owners that stand twice away, and returns what the client is told of it; empty where none does. */
export function dedupeOwners(draft: ObjectDraft, patched: boolean): string[] {
  const { ownerReferences } = metadataOf(draft);
  if (ownerReferences === undefined || ownerReferences.length < 2) return [];
  const kept: typeof ownerReferences = [];
  const twice: string[] = [];
  for (const owner of ownerReferences) {
    if (kept.some((other) => sameJson(other, owner))) twice.push(owner.uid);
    else kept.push(owner);
  }
  if (twice.length === 0) return [];
  metadataOf(draft).ownerReferences = kept;
  const when = patched ? ' after mutating admission happens' : '';
  return [
    `.metadata.ownerReferences contains duplicate entries${when}; API server dedups owner references in 1.20+, ` +
      `and may reject such requests as early as 1.24; please fix your requests; duplicate UID(s) observed: ${twice.join(', ')}`,
  ];
}
