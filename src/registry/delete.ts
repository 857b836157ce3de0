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
import type { KubeObject } from '../api/object.ts';
import type { ObjectMeta, Status } from '../api/schema/types/meta-v1.ts';
import { conflict, notFound, objectModified, type StatusSubject } from '../api/status-error.ts';
import { formatTime } from '../lib/clock.ts';
import { deepFreeze } from '../lib/deep-freeze.ts';
import { type Entry, RevisionConflict } from '../store/store.ts';
import { admit } from './admission/admission.ts';
import type { Draft } from './draft.ts';
import { sameJson } from './draft.ts';
import type { Environment } from './environment.ts';
import { finalizersFor, isHeld } from './finalizers.ts';
import type { DeleteOptions, ObjectResult, RequestTarget } from './request.ts';
import { keyOf, type ServedResource, shown, shownEntry, subjectOf } from './served-resource.ts';
import type { Strategy } from './strategy.ts';
import { attemptsMax } from './update.ts';

export type DeletePlan =
  | { readonly kind: 'delete' }
  /** It is on its way already, and this request does not hurry it. */
  | { readonly kind: 'wait' }
  | { readonly kind: 'mark'; readonly object: KubeObject };

/** Pure: what a delete of `object` at `nowMs` comes to. */
export function planDelete(strategy: Strategy, object: KubeObject, options: DeleteOptions, nowMs: number): DeletePlan {
  const metadata = object.metadata ?? {};
  const finalizers = finalizersFor(metadata.finalizers ?? [], options.propagationPolicy);
  const graceSeconds = strategy.gracePeriodSeconds?.(object, options);
  const graceful = graceSeconds !== undefined && planGrace(metadata, graceSeconds, options, nowMs);
  const held = finalizers.length > 0 || isHeld(strategy, withFinalizers(object, finalizers));
  if (!held && !graceful) return { kind: 'delete' };
  const marked = markedForDeletion(object, finalizers, graceful || { seconds: 0, atMs: nowMs });
  return sameJson(marked, object) ? { kind: 'wait' } : { kind: 'mark', object: withPhase(strategy, marked) };
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
  return wanted > 0 && { seconds: wanted, atMs: endMs - (left - wanted) * 1000 };
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

/** @throws StatusError NotFound, Conflict (preconditions), Forbidden (admission) */
export async function deleteObject(
  environment: Environment,
  target: RequestTarget,
  options: DeleteOptions,
): Promise<ObjectResult> {
  const served = environment.served.of(target.resource);
  const key = keyOf(served, target.namespace, target.name);
  const subject = subjectOf(served, target.name);
  await admit({ operation: 'DELETE', target, collection: served.collection, store: environment.store });
  for (let attempt = 1; attempt <= attemptsMax; attempt++) {
    const current = environment.store.get(key);
    if (current === undefined) throw notFound(subject);
    checkDeletePreconditions(options, current.object, subject);
    try {
      return await carryOut(environment, served, current, options);
    } catch (error) {
      if (!(error instanceof RevisionConflict)) throw error;
    }
  }
  throw conflict(subject, objectModified);
}

function checkDeletePreconditions({ preconditions }: DeleteOptions, current: KubeObject, subject: StatusSubject): void {
  const { uid, resourceVersion } = current.metadata ?? {};
  if (preconditions?.uid && preconditions.uid !== uid) {
    throw conflict(
      subject,
      `Precondition failed: UID in precondition: ${preconditions.uid}, UID in object meta: ${uid}`,
    );
  }
  if (preconditions?.resourceVersion && preconditions.resourceVersion !== resourceVersion) {
    throw conflict(
      subject,
      `Precondition failed: ResourceVersion in precondition: ${preconditions.resourceVersion}, ` +
        `ResourceVersion in object meta: ${resourceVersion}`,
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
  const plan = planDelete(served.strategy, current.object, options, clock.now());
  if (plan.kind === 'wait') return result(shownEntry(served, current));
  if (plan.kind === 'mark') {
    if (options.dryRun) return result({ object: shown(served, deepFreeze(plan.object)) });
    return result(shownEntry(served, await store.write({ kind: 'put', key, object: plan.object, expectedRevision })));
  }
  const last = options.dryRun ? current : await store.write({ kind: 'delete', key, expectedRevision });
  if (served.strategy.returnDeletedObject) return result({ object: shown(served, last.object) });
  return result({ object: deletedStatus(served, last.object) });
}

function result(shownObject: { readonly object: KubeObject; readonly entry?: Entry }): ObjectResult {
  return { ...shownObject, created: false, warnings: [] };
}

function deletedStatus({ info }: ServedResource, { metadata = {} }: KubeObject): KubeObject {
  const { name = '', uid = '' } = metadata;
  const details = { name, ...(info.group !== '' && { group: info.group }), kind: info.resource, uid };
  const status: Status = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', details };
  return status;
}
