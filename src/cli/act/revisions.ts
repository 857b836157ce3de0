/**
 * The history of a workload, the same for all kinds that keep one: a Deployment's ReplicaSets, the ControllerRevisions of StatefulSets and
 * DaemonSets. Reading is here; `rollout.ts` acts.
 */
import type { KubeObject } from '../../api/object.ts';
import type { PodTemplateSpec } from '../../api/schema/types/core-v1.ts';
import { controllerRevisions, replicaSets } from '../../client/resources.ts';
import type { Connection } from '../cluster/connection.ts';

export interface Revision {
  readonly number: number;
  readonly cause: string | undefined;
  readonly template: PodTemplateSpec;
}

const revisionAnnotation = 'deployment.kubernetes.io/revision';
const causeAnnotation = 'kubernetes.io/change-cause';
/** Set by the Deployment's controller, and no part of what somebody wrote. */
const hashLabel = 'pod-template-hash';

/** Oldest first. */
export async function revisionsOf({ client }: Connection, workload: KubeObject): Promise<readonly Revision[]> {
  const namespace = workload.metadata?.namespace ?? '';
  const isOwn = ({ metadata }: KubeObject): boolean =>
    metadata?.ownerReferences?.some(({ uid, controller }) => controller === true && uid === workload.metadata?.uid) ===
    true;
  const found =
    workload.kind === 'Deployment'
      ? (await client.list(replicaSets, { namespace })).items.filter(isOwn).map(ofReplicaSet)
      : (await client.list(controllerRevisions, { namespace })).items.filter(isOwn).map(ofControllerRevision);
  return found.filter(({ number }) => number > 0).toSorted((left, right) => left.number - right.number);
}

function ofReplicaSet(replicaSet: KubeObject): Revision {
  const { spec } = replicaSet as { readonly spec?: { readonly template?: PodTemplateSpec } };
  const { metadata, ...rest } = spec?.template ?? {};
  const { [hashLabel]: _hash, ...labels } = metadata?.labels ?? {};
  const annotations = replicaSet.metadata?.annotations ?? {};
  return {
    number: Number(annotations[revisionAnnotation] ?? 0),
    cause: annotations[causeAnnotation],
    template: { ...rest, metadata: { ...metadata, labels } },
  };
}

interface RevisionData {
  readonly spec?: { readonly template?: PodTemplateSpec & { readonly $patch?: string } };
}

function ofControllerRevision(object: KubeObject): Revision {
  const { revision, data } = object as { readonly revision?: number; readonly data?: RevisionData };
  const { $patch: _patch, ...template } = data?.spec?.template ?? {};
  return { number: revision ?? 0, cause: object.metadata?.annotations?.[causeAnnotation], template };
}

/** The one to go back to: that of the number, or for 0 the last but one. */
export function revisionToRestore(revisions: readonly Revision[], wanted: number): Revision | undefined {
  return wanted === 0 ? revisions.at(-2) : revisions.find(({ number }) => number === wanted);
}
