/** Whose template made a pod: what people change. */
import type { KubeObject } from '../../api/object.ts';
import type { Pod } from '../../api/schema/types/core-v1.ts';
import { replicaSets } from '../../client/resources.ts';
import { type Subject, subjectOf } from '../finding.ts';
import type { Inquiry } from '../inquiry.ts';

/** The Deployment behind the ReplicaSet, where there is one; the pod itself where nobody made it. */
export async function workloadOf(pod: Pod, { look }: Inquiry): Promise<Subject> {
  const own = subjectOf(pod);
  const direct = ownerOf(pod, own);
  if (direct?.kind !== 'ReplicaSet') return direct ?? own;
  const set = await look.get(replicaSets, { namespace: own.namespace ?? '', name: direct.name });
  return (set && ownerOf(set, own)) ?? direct;
}

function ownerOf({ metadata }: KubeObject, { namespace }: Subject): Subject | undefined {
  const owner = metadata?.ownerReferences?.find(({ controller }) => controller === true);
  return owner && { kind: owner.kind, name: owner.name, ...(namespace !== undefined && { namespace }) };
}
