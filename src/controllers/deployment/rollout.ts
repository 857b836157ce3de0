/**
 * The arithmetic of Deployments: how many pods may be too many or too few, which ReplicaSet is the new one,
 * and the annotations by which ReplicaSets remember their history. Pure. Names, rounding and order are upstream's.
 */
import type { Deployment, DeploymentCondition, ReplicaSet } from '../../api/schema/types/apps-v1.ts';
import type { PodTemplateSpec } from '../../api/schema/types/core-v1.ts';
import { scaled } from '../shared/amounts.ts';
import { createdMs, nameOf } from '../shared/context.ts';
import { semanticallyEqual } from '../shared/equality.ts';

export const hashLabel = 'pod-template-hash';
export const revisionAnnotation = 'deployment.kubernetes.io/revision';
export const revisionHistoryAnnotation = 'deployment.kubernetes.io/revision-history';
export const desiredReplicasAnnotation = 'deployment.kubernetes.io/desired-replicas';
export const maxReplicasAnnotation = 'deployment.kubernetes.io/max-replicas';
export const rollbackAnnotation = 'deprecated.deployment.rollback.to';

/** What a Deployment's annotations have that its ReplicaSets' have not. */
export const ownAnnotations: ReadonlySet<string> = new Set([
  'kubectl.kubernetes.io/last-applied-configuration',
  revisionAnnotation,
  revisionHistoryAnnotation,
  desiredReplicasAnnotation,
  maxReplicasAnnotation,
  rollbackAnnotation,
]);

/** Upstream's bound on the history's text: the oldest revisions go first. */
const historyLengthMax = 2000;

/** A ReplicaSet as the plan would have it. `original` is absent where it is to be created. */
export interface Draft {
  readonly original?: ReplicaSet;
  readonly object: ReplicaSet;
}

export const replicasOf = (draft: Draft): number => draft.object.spec?.replicas ?? 0;
/** Never more than it shall have: what a status still counts beyond that is about to go. */
export const availableOf = (draft: Draft): number =>
  Math.min(draft.object.status?.availableReplicas ?? 0, replicasOf(draft));
export const sum = (drafts: readonly Draft[], value: (draft: Draft) => number): number =>
  drafts.reduce((total, draft) => total + value(draft), 0);

export const wantedReplicas = (deployment: Deployment): number => deployment.spec?.replicas ?? 1;

export const isRolling = (deployment: Deployment): boolean => deployment.spec?.strategy?.type !== 'Recreate';

/**
 * Surge rounds up, unavailable rounds down; where both come out as none, one pod may be unavailable, or nothing could ever move. Never
 * more unavailable than wanted.
 */
export function fenceposts(deployment: Deployment): { readonly surge: number; readonly unavailable: number } {
  const wanted = wantedReplicas(deployment);
  if (!isRolling(deployment)) return { surge: 0, unavailable: 0 };
  const { maxSurge = '25%', maxUnavailable = '25%' } = deployment.spec?.strategy?.rollingUpdate ?? {};
  const surge = scaled(maxSurge, wanted, Math.ceil);
  const unavailable = scaled(maxUnavailable, wanted, Math.floor);
  if (wanted === 0) return { surge, unavailable: 0 };
  return { surge, unavailable: surge === 0 && unavailable === 0 ? 1 : Math.min(unavailable, wanted) };
}

export function sameTemplate(a: PodTemplateSpec | undefined, b: PodTemplateSpec | undefined): boolean {
  return semanticallyEqual(withoutHash(a), withoutHash(b));
}

export function withoutHash(template: PodTemplateSpec | undefined): PodTemplateSpec | undefined {
  const { [hashLabel]: _hash, ...labels } = template?.metadata?.labels ?? {};
  return template && { ...template, metadata: { ...template.metadata, labels } };
}

export const oldestFirst = (a: Draft, b: Draft): number =>
  createdMs(a.object) - createdMs(b.object) || (nameOf(a.object) < nameOf(b.object) ? -1 : 1);

/** The oldest whose template is the Deployment's: of several equal ones, always the same. */
export function findNew(deployment: Deployment, drafts: readonly Draft[]): Draft | undefined {
  return drafts
    .toSorted(oldestFirst)
    .find(({ object }) => sameTemplate(object.spec?.template, deployment.spec?.template));
}

export const revisionOf = ({ metadata }: ReplicaSet): bigint => revisionFrom(metadata?.annotations);

/** A whole number of 64 bits, which an adopted ReplicaSet may bring any of; what is none counts as 0. */
function revisionFrom(annotations: Readonly<Record<string, string>> = {}): bigint {
  const text = annotations[revisionAnnotation] ?? '';
  const revision = /^[+-]?\d{1,19}$/.test(text) ? BigInt(text) : 0n;
  return revision === BigInt.asIntN(64, revision) ? revision : 0n;
}

export const newestRevision = (sets: readonly ReplicaSet[]): bigint =>
  sets.map(revisionOf).reduce((newest, revision) => (revision > newest ? revision : newest), 0n);

export function annotationNumber(object: ReplicaSet, name: string): number | undefined {
  const text = object.metadata?.annotations?.[name];
  const value = Number(text);
  return text === undefined || !Number.isSafeInteger(value) ? undefined : value;
}

/** By these a later reconciliation sees that the Deployment was scaled meanwhile, and in which proportion. */
export function sizeAnnotations(deployment: Deployment): Readonly<Record<string, string>> {
  const wanted = wantedReplicas(deployment);
  return {
    [desiredReplicasAnnotation]: String(wanted),
    [maxReplicasAnnotation]: String(wanted + fenceposts(deployment).surge),
  };
}

/** The annotations of the new ReplicaSet: the Deployment's own ones, the revision, and which revisions it was before. */
export function newReplicaSetAnnotations(
  deployment: Deployment,
  current: Readonly<Record<string, string>>,
  revision: bigint,
): Readonly<Record<string, string>> {
  const copied = Object.entries(deployment.metadata?.annotations ?? {}).filter(([name]) => !ownAnnotations.has(name));
  const annotations = { ...current, ...Object.fromEntries(copied) };
  const before = revisionFrom(current);
  if (revision <= before) return annotations;
  const history = current[revisionHistoryAnnotation];
  return {
    ...annotations,
    [revisionAnnotation]: String(revision),
    ...(before > 0n && { [revisionHistoryAnnotation]: appended(history, before) }),
  };
}

function appended(history: string | undefined, revision: bigint): string {
  const revisions = [...(history === undefined || history === '' ? [] : history.split(',')), String(revision)];
  while (revisions.length > 1 && revisions.join(',').length > historyLengthMax) revisions.shift();
  return revisions.join(',');
}

export function conditionOf(
  conditions: readonly DeploymentCondition[] | undefined,
  type: string,
): DeploymentCondition | undefined {
  return conditions?.find((condition) => condition.type === type);
}
