/**
 * Storage objects that somebody uses do not go: three loops that take the protecting finalizer away when nobody does any more, and set it
 * on what was made before admission did (`decide.ts` says what use is).
 *
 * A claim is let go only when a list from the server, and not just the cache, shows no pod that uses it: a pod that was bound a moment ago
 * may start to write.
 */
import { type KubeObject, objectKey } from '../../api/object.ts';
import type { Pod } from '../../api/schema/types/core-v1.ts';
import { protectionFinalizers } from '../../api/storage-protection.ts';
import type { Resource } from '../../client/client.ts';
import { ControlLoop, done, type Syncing } from '../../client/controller.ts';
import type { Informer } from '../../client/informer.ts';
import {
  persistentVolumeClaims,
  persistentVolumes,
  pods as podsResource,
  volumeAttributesClasses,
} from '../../client/resources.ts';
import type { Service } from '../../lib/service.ts';
import { type ControllerContext, contextFor, nameOf, namespaceOf } from '../shared/context.ts';
import {
  attributesClassesOfClaim,
  attributesClassesOfVolume,
  claimKeysOf,
  decideProtection,
  isVolumeUsed,
  letsGo,
  podsByClaim,
  usesClaim,
  withFinalizer,
  withoutFinalizer,
} from './decide.ts';

export function storageProtection(context: ControllerContext): Service[] {
  return [claimProtection(context), volumeProtection(context), attributesClassProtection(context)];
}

interface Protection<T extends KubeObject> {
  readonly name: string;
  readonly resource: Resource<T>;
  readonly finalizer: string;
  /** Read beside the objects themselves. */
  readonly informers: readonly Syncing[];
  isUsed(object: T): boolean | Promise<boolean>;
}

/** Also for what is no storage (`pod-group-protection.ts`). */
export function protectionLoop<T extends KubeObject>(
  context: ControllerContext,
  protection: Protection<T>,
): ControlLoop {
  const { name, resource, finalizer, informers, isUsed } = protection;
  const own = contextFor(context, name);
  const objects = own.informers.informer(resource);
  const loop = new ControlLoop({
    ...own,
    name,
    informers: [objects, ...informers],
    reconcile: async (key) => {
      const object = objects.cache.byKey(key);
      const plan = object === undefined ? 'leave' : decideProtection(object, finalizer);
      if (object === undefined || plan === 'leave') return done;
      if (plan === 'ask' && (await isUsed(object))) return done;
      const next = plan === 'add' ? withFinalizer(object, finalizer) : withoutFinalizer(object, finalizer);
      await own.client.update(resource, next);
      return done;
    },
  });
  const look = (object: T): void => {
    if (decideProtection(object, finalizer) !== 'leave') loop.queue.add(objectKey(object));
  };
  objects.addHandler({ added: look, updated: look });
  return loop;
}

function claimProtection(context: ControllerContext): Service {
  const name = 'pvc-protection-controller';
  const { client } = contextFor(context, name);
  const pods = context.informers.informer(podsResource).addIndex(podsByClaim, claimKeysOf);
  const loop = protectionLoop(context, {
    name,
    resource: persistentVolumeClaims,
    finalizer: protectionFinalizers.persistentvolumeclaims,
    informers: [pods],
    isUsed: async (claim) => {
      if (pods.cache.byIndex(podsByClaim, objectKey(claim)).some((pod) => usesClaim(pod, claim))) return true;
      const { items } = await client.list(podsResource, { namespace: namespaceOf(claim) });
      return items.some((pod) => usesClaim(pod, claim));
    },
  });
  const wake = (pod: Pod): void => {
    for (const key of claimKeysOf(pod)) loop.queue.add(key);
  };
  pods.addHandler({
    deleted: wake,
    updated: (pod, before) => {
      if (letsGo(pod, before)) wake(pod);
    },
  });
  return loop;
}

const volumeProtection = (context: ControllerContext): Service =>
  protectionLoop(context, {
    name: 'pv-protection-controller',
    resource: persistentVolumes,
    finalizer: protectionFinalizers.persistentvolumes,
    informers: [],
    isUsed: isVolumeUsed,
  });

function attributesClassProtection(context: ControllerContext): Service {
  const claims = context.informers.informer(persistentVolumeClaims);
  const volumes = context.informers.informer(persistentVolumes);
  const loop = protectionLoop(context, {
    name: 'volumeattributesclass-protection-controller',
    resource: volumeAttributesClasses,
    finalizer: protectionFinalizers['volumeattributesclasses.storage.k8s.io'],
    informers: [claims, volumes],
    isUsed: (one) =>
      volumes.cache.list().some((volume) => attributesClassesOfVolume(volume).includes(nameOf(one))) ||
      claims.cache.list().some((claim) => attributesClassesOfClaim(claim).includes(nameOf(one))),
  });
  wakeWhenDropped(loop, claims, attributesClassesOfClaim);
  wakeWhenDropped(loop, volumes, attributesClassesOfVolume);
  return loop;
}

/** Looks again at the classes that an object does not name any more. */
function wakeWhenDropped<T extends KubeObject>(
  loop: ControlLoop,
  informer: Informer<T>,
  namesOf: (object: T) => string[],
): void {
  const wake = (names: readonly string[]): void => {
    for (const name of names) loop.queue.add(name);
  };
  informer.addHandler({
    deleted: (object) => wake(namesOf(object)),
    updated: (object, before) => {
      const standing = namesOf(object);
      wake(namesOf(before).filter((name) => !standing.includes(name)));
    },
  });
}
