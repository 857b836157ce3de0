/**
 * The way out of an object.
 *
 * ```
 *  delete ─▶ grace period (pods on a node)?  ─▶ deletionTimestamp, until whoever runs it deletes with grace 0
 *        └─▶ finalizers, or asked for by propagationPolicy? ─▶ deletionTimestamp, until the update that removes the last
 *        └─▶ neither ─▶ gone
 * ```
 * `planDelete` decides, purely; `deleteObject` carries it out and starts again when somebody was faster. A grace period
 * only ever gets shorter. A namespace is told to go first, and goes when its `spec.finalizers` are empty (`/finalize`).
 */
import { inFieldOrder } from '../api/normalize.ts';
import type { JsonObject, KubeObject } from '../api/object.ts';
import type { ObjectMeta, Status } from '../api/schema/types/meta-v1.ts';
import { conflict, notFound, objectModified, type StatusSubject } from '../api/status-error.ts';
import { formatTime } from '../lib/clock.ts';
import { deepFreeze } from '../lib/deep-freeze.ts';
import { type Entry, RevisionConflict, UnreadableObject } from '../store/store.ts';
import { Admission } from './admission/admission.ts';
import type { Draft, ObjectDraft } from './draft.ts';
import { sameJson } from './draft.ts';
import type { Environment } from './environment.ts';
import { finalizersFor, isHeld } from './finalizers.ts';
import type { DeleteOptions, ObjectResult, RequestTarget } from './request.ts';
import {
  keyOf,
  kindSubjectOf,
  prepareEntries,
  type ServedResource,
  shown,
  shownEntry,
  subjectOf,
  toStorage,
  workedOn,
  writtenEntry,
} from './served-resource.ts';
import type { Strategy } from './strategy.ts';
import { attemptsMax } from './update.ts';

export type DeletePlan =
  | { readonly kind: 'delete' }
  /** It is on its way already, and this request does not hurry it. */
  | { readonly kind: 'wait' }
  | { readonly kind: 'mark'; readonly object: KubeObject };

/** Pure: what a delete of `object` at `nowMs` comes to. */
export function planDelete(strategy: Strategy, object: KubeObject, options: DeleteOptions, nowMs: number): DeletePlan {
  if (object.metadata?.deletionTimestamp === undefined && strategy.doomed) {
    return planHeld(strategy, strategy.doomed(object, nowMs), options, nowMs);
  }
  return planHeld(strategy, object, options, nowMs);
}

function planHeld(strategy: Strategy, object: KubeObject, options: DeleteOptions, nowMs: number): DeletePlan {
  const metadata = object.metadata ?? {};
  const finalizers = finalizersFor(metadata.finalizers ?? [], policyOf(options), strategy);
  const graceSeconds = strategy.gracePeriodSeconds?.(object, options);
  const graceful = graceSeconds !== undefined && planGrace(metadata, graceSeconds, options, nowMs);
  const held = finalizers.length > 0 || isHeld(strategy, withFinalizers(object, finalizers));
  if (!held && !graceful) return { kind: 'delete' };
  const marked = markedForDeletion(object, finalizers, graceful || { seconds: 0, atMs: nowMs });
  return sameJson(marked, object) ? { kind: 'wait' } : { kind: 'mark', object: withPhase(strategy, marked) };
}

function policyOf({ propagationPolicy, orphanDependents }: DeleteOptions): DeleteOptions['propagationPolicy'] {
  if (propagationPolicy !== undefined || orphanDependents === undefined) return propagationPolicy;
  return orphanDependents ? 'Orphan' : 'Background';
}

interface Grace {
  readonly seconds: number;
  /** When the period is over. */
  readonly atMs: number;
}

/** False where nothing of a grace period is left to wait for. */
function planGrace(metadata: ObjectMeta, wanted: number, options: DeleteOptions, nowMs: number): Grace | false {
  const left = metadata.deletionGracePeriodSeconds;
  if (metadata.deletionTimestamp === undefined) return wanted > 0 && { seconds: wanted, atMs: nowMs + wanted * 1000 };
  if (!left) return false;
  const endMs = Date.parse(metadata.deletionTimestamp);
  const given = options.gracePeriodSeconds;
  if (given === undefined || Math.max(wanted, 0) >= left) return { seconds: left, atMs: endMs };
  if (wanted <= 0) return false;
  const atMs = endMs - (left - wanted) * 1000;
  // The shorter period is over already: the shortest one, so that whoever runs it still has the last word.
  return atMs < nowMs ? { seconds: 1, atMs: nowMs } : { seconds: wanted, atMs };
}

function withFinalizers(object: KubeObject, finalizers: string[]): KubeObject {
  return { ...object, metadata: { ...object.metadata, finalizers } };
}

function markedForDeletion(object: KubeObject, finalizers: string[], grace: Grace): KubeObject {
  const before = object.metadata ?? {};
  const first = before.deletionTimestamp === undefined;
  const hurried = !first && before.deletionGracePeriodSeconds !== grace.seconds;
  const metadata: Draft<ObjectMeta> = { ...(before as Draft<ObjectMeta>) };
  if (finalizers.length > 0) metadata.finalizers = finalizers;
  else delete metadata.finalizers;
  if (first || hurried) {
    metadata.deletionTimestamp = earlier(before.deletionTimestamp, formatTime(grace.atMs));
    metadata.deletionGracePeriodSeconds = grace.seconds;
  }
  if (first && metadata.generation) metadata.generation += 1;
  return { ...object, metadata };
}

/** A deletion is never put off: not by an end that comes after its grace, while finalizers still hold the object. */
function earlier(standing: string | undefined, wanted: string): string {
  return standing !== undefined && standing < wanted ? standing : wanted;
}

function withPhase(strategy: Strategy, object: KubeObject): KubeObject {
  if (!strategy.specFinalizers) return object;
  const { status } = object as { readonly status?: object };
  return { ...object, status: { ...status, phase: 'Terminating' } } as KubeObject;
}

/**
 * `isAdmitted`: part of another request, an eviction, which admission was asked about.
 * @throws StatusError NotFound, Conflict (preconditions), Forbidden (admission)
 */
export async function deleteObject(
  environment: Environment,
  target: RequestTarget,
  asked: DeleteOptions,
  { isAdmitted = false }: { readonly isAdmitted?: boolean } = {},
): Promise<ObjectResult> {
  const served = environment.served.of(target.resource);
  const options = withGrace(asked);
  const key = keyOf(served, target.namespace, target.name);
  const subject = subjectOf(served, target.name);
  const { collection } = served;
  for (let attempt = 1; attempt <= attemptsMax; attempt++) {
    const current = environment.store.get(key);
    if (current === undefined) throw notFound(subject);
    if (options.ignoreStoreReadError && !isReadable(current))
      return deleteUnread(environment, served, current, options);
    const due = prepareEntries(served, [current]);
    if (due !== undefined) await due;
    const old = workedOn(served, current);
    checkDeletePreconditions(options, old, kindSubjectOf(served, target.name));
    const what = { operation: 'DELETE', target, collection, old } as const;
    const admission = new Admission(environment, what, options);
    if (!isAdmitted) {
      await admission.mutate();
      await admission.validate();
    }
    try {
      const result = await carryOut(environment, served, current, options);
      return { ...result, warnings: [...result.warnings, ...admission.warnings] };
    } catch (error) {
      admission.undo();
      if (!(error instanceof RevisionConflict)) throw error;
    }
  }
  throw conflict(subject, objectModified);
}

function isReadable(entry: Entry): boolean {
  try {
    return entry.object !== undefined;
  } catch (error) {
    if (error instanceof UnreadableObject) return false;
    throw error;
  }
}

/** Nobody can say what its preconditions, finalizers or owners were. */
async function deleteUnread(
  { store, log }: Environment,
  served: ServedResource,
  { key, revision: expectedRevision }: Entry,
  { dryRun }: DeleteOptions,
): Promise<ObjectResult> {
  if (!dryRun) {
    await store.write({ kind: 'delete', key, expectedRevision }).catch((error: unknown) => {
      throw error instanceof RevisionConflict ? conflict(subjectOf(served, key.name), objectModified) : error;
    });
    log.warn('an object that could not be read was deleted', { ...key });
  }
  return { object: deletedStatus(served, { metadata: { name: key.name } }), created: false, warnings: [] };
}

/** A negative grace period counts as one second. */
function withGrace(options: DeleteOptions): DeleteOptions {
  return (options.gracePeriodSeconds ?? 0) < 0 ? { ...options, gracePeriodSeconds: 1 } : options;
}

/** Upstream names the kind here, and not the resource. */
function checkDeletePreconditions({ preconditions }: DeleteOptions, current: KubeObject, kind: StatusSubject): void {
  const { uid, resourceVersion } = current.metadata ?? {};
  if (preconditions?.uid !== undefined && preconditions.uid !== uid) {
    throw conflict(
      kind,
      `the UID in the precondition (${preconditions.uid}) does not match the UID in record (${uid}). ` +
        'The object might have been deleted and then recreated',
    );
  }
  if (preconditions?.resourceVersion !== undefined && preconditions.resourceVersion !== resourceVersion) {
    throw conflict(
      kind,
      `the ResourceVersion in the precondition (${preconditions.resourceVersion}) does not match the ` +
        `ResourceVersion in record (${resourceVersion}). The object might have been modified`,
    );
  }
}

async function carryOut(
  environment: Environment,
  served: ServedResource,
  current: Entry,
  options: DeleteOptions,
): Promise<ObjectResult> {
  const { store, clock } = environment;
  const { key, revision: expectedRevision } = current;
  const plan = planDelete(served.strategy, workedOn(served, current), options, clock.now());
  const warnings = warningsOf(served, options);
  const waits = { created: false, warnings, ...(options.orphanDependents === false && { accepted: true }) };
  if (plan.kind === 'wait') return { ...shownEntry(served, current), ...waits };
  if (plan.kind === 'mark') {
    const object = inFieldOrder(served.storedType, plan.object as JsonObject) as KubeObject;
    if (options.dryRun) return { object: shown(served, deepFreeze(object)), ...waits };
    const document = toStorage(served, object as ObjectDraft);
    const stored = document instanceof Promise ? await document : document;
    const marked = await store.write({ kind: 'put', key, object: stored, expectedRevision });
    return { ...(await writtenEntry(environment, served, marked)), ...waits };
  }
  const write = () => store.write({ kind: 'delete', key, expectedRevision });
  const last = options.dryRun ? current : await environment.book.holding(key, undefined, current.object, write);
  const object = served.strategy.returnDeletedObject ? shown(served, last.object) : deletedStatus(served, last.object);
  return { object, created: false, warnings };
}

function warningsOf({ strategy }: ServedResource, options: DeleteOptions): readonly string[] {
  const silent = policyOf(options) === undefined && strategy.silentDeleteWarning !== undefined;
  return silent ? [strategy.silentDeleteWarning] : [];
}

function deletedStatus({ info }: ServedResource, { metadata = {} }: KubeObject): KubeObject {
  const { name = '', uid = '' } = metadata;
  const details = { name, ...(info.group !== '' && { group: info.group }), kind: info.resource, uid };
  const status: Status = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', details };
  return status;
}
