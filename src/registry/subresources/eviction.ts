/**
 * `pods/eviction`: a delete that asks the pod's disruption budget first.
 *
 * ```
 *  pod over or pending? ─────────────────────────────────────────────▶ delete, if it is still as seen
 *  no budget ────────────────────────────────────────────────────────▶ condition DisruptionTarget, delete
 *  one budget ─ pod not ready and it costs nothing? ─────────────────▶ condition, delete, if it is still as seen
 *            └─ spend one disruption (compare and swap) ─────────────▶ condition, delete
 *            └─ spent, or its status is not of its newest spec ──────▶ 429
 *  several ──────────────────────────────────────────────────────────▶ 500
 * ```
 * Kept true: of two evictions that want the last disruption one gets it. What was spent for a delete that then fails comes back
 * when the disruption controller no longer believes in it, after two minutes.
 */
import type { JsonObject } from '../../api/object.ts';
import type { MessageType } from '../../api/schema/schema.ts';
import type { Pod, PodCondition } from '../../api/schema/types/core-v1.ts';
import type { Eviction, PodDisruptionBudget } from '../../api/schema/types/policy-v1.ts';
import {
  badRequest,
  conflict,
  hasReason,
  invalid,
  notFound,
  objectModified,
  StatusError,
} from '../../api/status-error.ts';
import { formatTime } from '../../lib/clock.ts';
import { type Entry, RevisionConflict, type StoreKey } from '../../store/store.ts';
import { Admission } from '../admission/admission.ts';
import { decodeBody } from '../decode-body.ts';
import { deleteObject } from '../delete.ts';
import type { Environment } from '../environment.ts';
import { checkNames } from '../metadata.ts';
import type { DeleteOptions, ObjectResult, RequestTarget, WriteOptions } from '../request.ts';
import { attemptsMax } from '../update.ts';
import { deleteOptionsErrors } from '../validation/delete-options.ts';
import { budgetsOf, costsNothing, needsNoBudget, spend, stillProcessed } from './disruption-budgets.ts';
import { success } from './success.ts';

/** One pod that is to go, and how. */
interface Leave {
  readonly environment: Environment;
  readonly target: RequestTarget;
  readonly options: DeleteOptions;
}

export async function evictPod(
  environment: Environment,
  target: RequestTarget,
  type: MessageType,
  body: JsonObject,
  options: WriteOptions,
): Promise<ObjectResult> {
  const { draft, warnings } = decodeBody({ apiVersion: 'policy/v1', kind: 'Eviction', type }, asV1(body), options);
  if (draft.metadata?.name !== target.name) throw badRequest('name in URL does not match name in Eviction object');
  checkNames(draft, target);
  const admission = new Admission(environment, { operation: 'CREATE', target, collection: 'pods' }, options);
  await admission.mutate(draft);
  await admission.validate(draft);
  const { deleteOptions } = draft as unknown as Eviction;
  const leave = {
    environment,
    target: { ...target, subresource: '' },
    options: asDeleteOptions(deleteOptions, options),
  };
  const pod = await evictUnasked(leave);
  if (pod !== undefined) await evictAsked(leave, pod);
  return { object: success, created: true, warnings: [...warnings, ...admission.warnings] };
}

/** `policy/v1beta1` is the same thing by its old name, and old clients still say it. */
function asV1(body: JsonObject): JsonObject {
  return body['apiVersion'] === 'policy/v1beta1' ? { ...body, apiVersion: 'policy/v1' } : body;
}

function asDeleteOptions(given: Eviction['deleteOptions'] = {}, { dryRun }: WriteOptions): DeleteOptions {
  const { gracePeriodSeconds, preconditions, propagationPolicy, orphanDependents } = given;
  const errors = deleteOptionsErrors(given);
  if (errors.length > 0) throw invalid({ group: 'meta.k8s.io', kind: 'DeleteOptions', name: '' }, errors);
  return {
    ...((dryRun || given.dryRun?.includes('All')) && { dryRun: true }),
    ...(gracePeriodSeconds !== undefined && { gracePeriodSeconds }),
    ...(preconditions && { preconditions }),
    ...(orphanDependents !== undefined && { orphanDependents }),
    ...(propagationPolicy && {
      propagationPolicy: propagationPolicy as NonNullable<DeleteOptions['propagationPolicy']>,
    }),
  };
}

const keyOfPod = ({ namespace, name }: RequestTarget): StoreKey => ({ collection: 'pods', namespace, name });

function podOf({ environment, target }: Leave): Entry & { readonly object: Pod } {
  const entry = environment.store.get(keyOfPod(target));
  if (entry === undefined) throw notFound({ group: '', kind: 'pods', name: target.name });
  return entry;
}

/** Resolves with the pod where its budget must be asked; undefined: it was deleted. */
async function evictUnasked(leave: Leave): Promise<Pod | undefined> {
  const retries = leave.options.preconditions?.resourceVersion ? 1 : attemptsMax;
  for (let attempt = 1; ; attempt++) {
    const pod = podOf(leave).object;
    if (!needsNoBudget(pod)) return pod;
    // A pod that is pending now may be ready, and counted on, a moment later.
    const isOver = pod.status?.phase !== 'Pending' || pod.metadata?.deletionTimestamp !== undefined;
    try {
      await deletePod(leave, isOver ? leave.options : asSeen(leave.options, pod));
      return undefined;
    } catch (error) {
      if (!hasReason(error, 'Conflict') || attempt >= retries) throw error;
    }
  }
}

/** Only while the pod is as it was seen; what the client demands itself comes first. */
function asSeen(options: DeleteOptions, { metadata }: Pod): DeleteOptions {
  if (options.preconditions?.resourceVersion || !metadata?.resourceVersion) return options;
  return { ...options, preconditions: { ...options.preconditions, resourceVersion: metadata.resourceVersion } };
}

/** @throws StatusError TooManyRequests, InternalError, Forbidden */
async function evictAsked(leave: Leave, pod: Pod): Promise<void> {
  const { environment, target, options } = leave;
  const all = environment.store.list('poddisruptionbudgets.policy', target.namespace).entries;
  const budgets = budgetsOf(
    pod,
    all.map(({ object }) => object as PodDisruptionBudget),
  );
  if (budgets.length > 1) throw severalBudgets();
  const [budget] = budgets;
  if (budget === undefined) return markAndDelete(leave, options);
  if (!costsNothing(pod, budget)) {
    await spendOne(leave, budget.metadata?.name ?? '');
    return markAndDelete(leave, options);
  }
  try {
    await markAndDelete(leave, asSeen(options, pod));
  } catch (error) {
    if (!hasReason(error, 'Conflict') || options.preconditions?.resourceVersion) throw error;
    throw stillProcessed(budget.metadata?.name ?? '');
  }
}

const severalBudgets = (): StatusError =>
  new StatusError(
    500,
    'InternalError',
    'This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.',
  );

async function spendOne({ environment: { store, clock }, target, options }: Leave, name: string): Promise<void> {
  const key = { collection: 'poddisruptionbudgets.policy', namespace: target.namespace, name };
  for (let attempt = 1; attempt <= attemptsMax; attempt++) {
    const entry = store.get(key);
    if (entry === undefined) throw notFound({ group: 'policy', kind: 'poddisruptionbudgets', name });
    const object = spend(entry.object, target.name, clock.now());
    if (options.dryRun) return;
    try {
      await store.write({ kind: 'put', key, object, expectedRevision: entry.revision });
      return;
    } catch (error) {
      if (!(error instanceof RevisionConflict)) throw error;
    }
  }
  const message = `couldn't update PodDisruptionBudget ${JSON.stringify(name)} due to conflicts`;
  throw new StatusError(504, 'Timeout', message, { retryAfterSeconds: 10 });
}

/** The pod says why it goes, before it goes: whoever counts failures does not count this one. */
async function markAndDelete(leave: Leave, options: DeleteOptions): Promise<void> {
  if (options.dryRun) return deletePod(leave, options);
  const marked = await mark(leave, options);
  const { preconditions } = options;
  const { resourceVersion } = marked.object.metadata ?? {};
  const sameVersion = preconditions?.resourceVersion && resourceVersion;
  await deletePod(leave, {
    ...options,
    ...(sameVersion && { preconditions: { ...preconditions, resourceVersion } }),
  });
}

/** Admission was asked about the eviction, and upstream asks about nothing else. */
async function deletePod({ environment, target }: Leave, options: DeleteOptions): Promise<void> {
  await deleteObject(environment, target, options, { isAdmitted: true });
}

async function mark(leave: Leave, { preconditions }: DeleteOptions): Promise<Entry> {
  const { store, clock } = leave.environment;
  const key = keyOfPod(leave.target);
  for (let attempt = 1; attempt <= attemptsMax; attempt++) {
    const entry = podOf(leave);
    checkAsWanted(entry.object, preconditions);
    try {
      const object = disrupted(entry.object, formatTime(clock.now()));
      return await store.write({ kind: 'put', key, object, expectedRevision: entry.revision });
    } catch (error) {
      if (!(error instanceof RevisionConflict)) throw error;
    }
  }
  throw conflict(subjectOf(leave.target.name), objectModified);
}

const subjectOf = (name: string) => ({ group: '', kind: 'pods', name });

/** @throws StatusError Conflict */
function checkAsWanted({ metadata }: Pod, wanted: DeleteOptions['preconditions']): void {
  const { name = '', uid, resourceVersion } = metadata ?? {};
  const refuse = (what: string, asked: string, found: string | undefined, why: string): Error =>
    conflict(
      subjectOf(name),
      `the ${what} in the precondition (${asked}) does not match the ${what} in record (${found}). ${why}`,
    );
  if (wanted?.uid && wanted.uid !== uid) {
    throw refuse('UID', wanted.uid, uid, 'The object might have been deleted and then recreated');
  }
  if (wanted?.resourceVersion && wanted.resourceVersion !== resourceVersion) {
    throw refuse('ResourceVersion', wanted.resourceVersion, resourceVersion, 'The object might have been modified');
  }
}

function disrupted(pod: Pod, now: string): Pod {
  const conditions = pod.status?.conditions ?? [];
  const old = conditions.find(({ type }) => type === 'DisruptionTarget');
  const { generation } = pod.metadata ?? {};
  const condition: PodCondition = {
    type: 'DisruptionTarget',
    ...(generation && { observedGeneration: generation }),
    status: 'True',
    lastTransitionTime: (old?.status === 'True' && old.lastTransitionTime) || now,
    reason: 'EvictionByEvictionAPI',
    message: 'Eviction API: evicting',
  };
  return { ...pod, status: { ...pod.status, conditions: [...conditions.filter((each) => each !== old), condition] } };
}
