/**
 * Carries out single steps of a StatefulSet's plan and tells what came of them, in upstream's words.
 *
 * Kept true: names are never chosen, so a step that is repeated (its answer got lost, the cache lags) does nothing twice: what stands
 * already under the name and is the set's own is as good as made, and a deletion names the pod's uid.
 */
import type { StatefulSet } from '../../api/schema/types/apps-v1.ts';
import type { PersistentVolumeClaim, Pod } from '../../api/schema/types/core-v1.ts';
import { labelMatcher } from '../../api/selector.ts';
import { hasReason } from '../../api/status-error.ts';
import { persistentVolumeClaims, pods as podsResource, statefulSets } from '../../client/resources.ts';
import { type LoopContext, nameOf, referenceOf, uidOf } from '../shared/context.ts';
import { controllerOf } from '../shared/ownership.ts';
import { isNamespaceEnding, messageOf, unlessGone } from '../shared/refusals.ts';
import type { ClaimSteps, Step } from './decide.ts';

type Verb = 'create' | 'update' | 'delete';
type StepOf<K extends Step['kind']> = Extract<Step, { readonly kind: K }>;

export async function takeStep(context: LoopContext, set: StatefulSet, step: Step): Promise<void> {
  switch (step.kind) {
    case 'create':
      return createPod(context, set, step);
    case 'claims':
      return setClaims(context, set, step.pod, step.claims, 'update');
    case 'update':
      return updatePod(context, set, step);
    case 'delete':
      return deletePod(context, set, step.pod);
  }
}

async function createPod(context: LoopContext, set: StatefulSet, { pod, claims }: StepOf<'create'>): Promise<void> {
  await setClaims(context, set, pod, claims, 'create');
  try {
    await context.client.create(podsResource, pod);
  } catch (error) {
    if (isNamespaceEnding(error)) return;
    if (hasReason(error, 'AlreadyExists') && (await isMaybeOurs(context, set, pod))) return;
    tell(context, set, 'create', pod, error);
    throw error;
  }
  tell(context, set, 'create', pod);
}

/** The pod that has the name belongs to the set, or will be adopted: the cache only does not show it yet. */
async function isMaybeOurs({ client }: LoopContext, set: StatefulSet, pod: Pod): Promise<boolean> {
  const standing = await client.get(podsResource, referenceOf(pod));
  const controller = controllerOf(standing);
  if (controller !== undefined) return controller.uid === uidOf(set);
  return labelMatcher(set.spec?.selector).matches(standing.metadata?.labels ?? {});
}

async function updatePod(context: LoopContext, set: StatefulSet, { pod, claims }: StepOf<'update'>): Promise<void> {
  await setClaims(context, set, pod, claims, 'update');
  await attempt(context, set, 'update', pod, () => context.client.update(podsResource, pod));
}

async function deletePod(context: LoopContext, set: StatefulSet, pod: Pod): Promise<void> {
  await attempt(context, set, 'delete', pod, () =>
    context.client.delete(podsResource, referenceOf(pod), { uid: uidOf(pod) }).catch(unlessGone),
  );
}

/** Creates what is missing, sets owners, and fails where something stands in the way of the pod. */
async function setClaims(
  context: LoopContext,
  set: StatefulSet,
  pod: Pod,
  { missing, owners, ending }: ClaimSteps,
  verb: Verb,
): Promise<void> {
  const problems = ending.map((name) => `pvc ${name} is being deleted`);
  for (const claim of missing) {
    const problem = await createClaim(context, set, pod, claim);
    if (problem !== undefined) problems.push(problem);
  }
  if (problems.length > 0) {
    const error = new Error(problems.length === 1 ? problems[0] : `[${problems.join(', ')}]`);
    tell(context, set, verb, pod, error);
    throw error;
  }
  for (const { claim, to } of owners) {
    const metadata = { ...claim.metadata, ownerReferences: to };
    await context.client.update(persistentVolumeClaims, { ...claim, metadata });
  }
}

/** Resolves with what went wrong. */
async function createClaim(
  context: LoopContext,
  set: StatefulSet,
  pod: Pod,
  claim: PersistentVolumeClaim,
): Promise<string | undefined> {
  const told = (type: 'Normal' | 'Warning', reason: string, text: string): void =>
    context.events.record(statefulSets, set, type, reason, text);
  const where = `Pod ${nameOf(pod)} in StatefulSet ${nameOf(set)}`;
  try {
    await context.client.create(persistentVolumeClaims, claim);
  } catch (error) {
    if (hasReason(error, 'AlreadyExists') || isNamespaceEnding(error)) return undefined;
    told('Warning', 'FailedCreate', `create Claim ${nameOf(claim)} for ${where} failed error: ${messageOf(error)}`);
    return `failed to create PVC ${nameOf(claim)}: ${messageOf(error)}`;
  }
  told('Normal', 'SuccessfulCreate', `create Claim ${nameOf(claim)} ${where} success`);
  return undefined;
}

async function attempt(
  context: LoopContext,
  set: StatefulSet,
  verb: Verb,
  pod: Pod,
  act: () => Promise<unknown>,
): Promise<void> {
  try {
    await act();
  } catch (error) {
    tell(context, set, verb, pod, error);
    throw error;
  }
  tell(context, set, verb, pod);
}

const reasons = { create: 'Create', update: 'Update', delete: 'Delete' } as const;

function tell({ events }: LoopContext, set: StatefulSet, verb: Verb, pod: Pod, error?: unknown): void {
  const what = `${verb} Pod ${nameOf(pod)} in StatefulSet ${nameOf(set)}`;
  if (error === undefined)
    events.record(statefulSets, set, 'Normal', `Successful${reasons[verb]}`, `${what} successful`);
  else
    events.record(statefulSets, set, 'Warning', `Failed${reasons[verb]}`, `${what} failed error: ${messageOf(error)}`);
}
