/**
 * Generic ephemeral volumes: makes the claim that such a volume of a pod describes, owned by the pod, so that it goes with it. A claim of that
 * name that is somebody else's is never used: the pod waits, and this loop with it.
 */
import { objectKey } from '../api/object.ts';
import { claimOf } from '../api/pod-volumes.ts';
import type { PersistentVolumeClaim, Pod, Volume } from '../api/schema/types/core-v1.ts';
import { ControlLoop, done } from '../client/controller.ts';
import { persistentVolumeClaims, pods as podsResource } from '../client/resources.ts';
import type { Service } from '../lib/service.ts';
import { type ControllerContext, contextFor, isDeleting, namespaceOf, uidOf } from './shared/context.ts';
import { controllerOf, controllerReference } from './shared/ownership.ts';
import { isFinished } from './shared/pods.ts';
import { isNamespaceEnding } from './shared/refusals.ts';
import { claimKeysOf, podsByClaim } from './storage-protection/decide.ts';

const ephemeralVolumes = (pod: Pod): readonly Volume[] =>
  (pod.spec?.volumes ?? []).filter(({ ephemeral }) => ephemeral?.volumeClaimTemplate !== undefined);

const claimNameOf = (pod: Pod, volume: Volume): string => claimOf(pod, volume)?.name ?? '';

export function ephemeralVolumeController(context: ControllerContext): Service {
  const own = contextFor(context, 'ephemeral-volume-controller');
  const pods = own.informers.informer(podsResource).addIndex(podsByClaim, claimKeysOf);
  const claims = own.informers.informer(persistentVolumeClaims);
  const loop: ControlLoop = new ControlLoop({
    ...own,
    name: 'ephemeral-volume',
    informers: [pods, claims],
    reconcile: async (key) => {
      const pod = pods.cache.byKey(key);
      if (pod === undefined || isDeleting(pod) || isFinished(pod)) return done;
      for (const volume of ephemeralVolumes(pod)) {
        const standing = claims.cache.byKey(`${namespaceOf(pod)}/${claimNameOf(pod, volume)}`);
        if (standing !== undefined) checkOwner(standing, pod);
        else if (!(await create(own, pod, volume))) return done;
      }
      return done;
    },
  });
  const enqueue = (pod: Pod): void => {
    if (ephemeralVolumes(pod).length > 0) loop.queue.add(objectKey(pod));
  };
  pods.addHandler({ added: enqueue, updated: enqueue });
  claims.addHandler({
    deleted: (claim) => {
      for (const pod of pods.cache.byIndex(podsByClaim, objectKey(claim))) enqueue(pod);
    },
  });
  return loop;
}

/** @throws where the claim is another's: it may go, and is looked for again. */
function checkOwner(claim: PersistentVolumeClaim, pod: Pod): void {
  if (controllerOf(claim)?.uid === uidOf(pod)) return;
  throw new Error(`PVC ${objectKey(claim)} was not created for pod ${objectKey(pod)} (pod is not owner)`);
}

/** False where the namespace ends: nothing will come of it. */
async function create({ client }: ControllerContext, pod: Pod, volume: Volume): Promise<boolean> {
  const { metadata, spec } = volume.ephemeral?.volumeClaimTemplate ?? {};
  const claim: PersistentVolumeClaim = {
    metadata: {
      namespace: namespaceOf(pod),
      name: claimNameOf(pod, volume),
      ownerReferences: [controllerReference(podsResource, pod)],
      ...(metadata?.annotations && { annotations: metadata.annotations }),
      ...(metadata?.labels && { labels: metadata.labels }),
    },
    ...(spec && { spec }),
  };
  try {
    await client.create(persistentVolumeClaims, claim);
  } catch (error) {
    if (isNamespaceEnding(error)) return false;
    throw error;
  }
  return true;
}
