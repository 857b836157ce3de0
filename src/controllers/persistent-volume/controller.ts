/**
 * Binds claims and volumes: two loops, one per kind, that wake each other (`claim.ts` and `volume.ts` decide). Volumes that a class makes
 * are made by others, who are told by annotations on the claim; the scheduler chooses for claims that wait for a pod.
 *
 * A binding is four writes, always in this order: volume, its status, claim, its status. Whatever fails in between, the next look finds the
 * volume taken for this claim and goes on from there. Each write names the version that was read, so that of two claims that saw the same
 * volume one gets it.
 */
import { objectKey } from '../../api/object.ts';
import { claimKeyOf, classNameOf, isBindCompleted, volumeBoundTo } from '../../api/persistent-volumes.ts';
import type { PersistentVolume, PersistentVolumeClaim, Pod } from '../../api/schema/types/core-v1.ts';
import { hasReason } from '../../api/status-error.ts';
import type { Resource } from '../../client/client.ts';
import { after, ControlLoop, done, type Outcome } from '../../client/controller.ts';
import type { Informer } from '../../client/informer.ts';
import {
  persistentVolumeClaims as claimsResource,
  pods as podsResource,
  storageClasses,
  persistentVolumes as volumesResource,
} from '../../client/resources.ts';
import type { Service } from '../../lib/service.ts';
import { type ControllerContext, contextFor, type LoopContext, nameOf, referenceOf, uidOf } from '../shared/context.ts';
import { isFinished } from '../shared/pods.ts';
import { messageOf, unlessGone } from '../shared/refusals.ts';
import { claimKeysOf, podsByClaim } from '../storage-protection/decide.ts';
import { claimBoundTo, claimInPhase, claimStatusBoundTo, volumeInPhase, volumeUnbound } from './binding.ts';
import { type ClaimEvent, type ClaimPlan, decideClaim, withProvisioner } from './claim.ts';
import { decideVolume, type Reclaim } from './volume.ts';

/** How soon (ms) a deletion that failed is tried again; as upstream's resynchronization. */
const retryMs = 15_000;

/** Indices of the informers. */
const byClass = 'binder/class';
const byVolumeName = 'binder/volume';
const unboundByClass = 'binder/unbound';
const byClaim = 'binder/claim';

const isUnbound = (claim: PersistentVolumeClaim): boolean => !isBindCompleted(claim) && !claim.spec?.volumeName;

interface Surroundings {
  readonly own: LoopContext;
  readonly claims: Informer<PersistentVolumeClaim>;
  readonly volumes: Informer<PersistentVolume>;
  readonly pods: Informer<Pod>;
}

export function persistentVolumeBinder(context: ControllerContext): Service[] {
  const own = contextFor(context, 'persistent-volume-binder', 'persistentvolume-controller');
  const claims = own.informers
    .informer(claimsResource)
    .addIndex(byVolumeName, ({ spec }) => (spec?.volumeName ? [spec.volumeName] : []))
    .addIndex(unboundByClass, (claim) => (isUnbound(claim) ? [classNameOf(claim)] : []));
  const volumes = own.informers
    .informer(volumesResource)
    .addIndex(byClass, (volume) => [classNameOf(volume)])
    .addIndex(byClaim, (volume) => [claimKeyOf(volume)].filter((key) => key !== undefined));
  const pods = own.informers.informer(podsResource).addIndex(podsByClaim, claimKeysOf);
  const surroundings: Surroundings = { own, claims, volumes, pods };
  const claimLoop = loopOfClaims(surroundings);
  const volumeLoop = loopOfVolumes(surroundings, (key) => claimLoop.queue.add(key));
  wakeForVolumes(surroundings, claimLoop, volumeLoop);
  wakeForClaims(surroundings, claimLoop, volumeLoop);
  return [claimLoop, volumeLoop];
}

function wakeForVolumes({ volumes, claims }: Surroundings, claimLoop: ControlLoop, volumeLoop: ControlLoop): void {
  const wake = (volume: PersistentVolume): void => {
    volumeLoop.queue.add(nameOf(volume));
    const key = claimKeyOf(volume);
    if (key !== undefined) claimLoop.queue.add(key);
    const waiting = key === undefined ? claims.cache.byIndex(unboundByClass, classNameOf(volume)) : [];
    for (const claim of [...waiting, ...claims.cache.byIndex(byVolumeName, nameOf(volume))]) {
      claimLoop.queue.add(objectKey(claim));
    }
  };
  volumes.addHandler({ added: wake, updated: wake, deleted: wake });
}

function wakeForClaims(surroundings: Surroundings, claimLoop: ControlLoop, volumeLoop: ControlLoop): void {
  const { own, claims, volumes, pods } = surroundings;
  const wakeVolumes = (claim: PersistentVolumeClaim): void => {
    if (claim.spec?.volumeName) volumeLoop.queue.add(claim.spec.volumeName);
    for (const volume of volumes.cache.byIndex(byClaim, objectKey(claim))) volumeLoop.queue.add(nameOf(volume));
  };
  const wake = (claim: PersistentVolumeClaim): void => {
    claimLoop.queue.add(objectKey(claim));
    wakeVolumes(claim);
  };
  claims.addHandler({ added: wake, updated: wake, deleted: wake });
  const wakeOfPod = (pod: Pod): void => {
    for (const key of claimKeysOf(pod)) {
      const claim = claims.cache.byKey(key);
      if (claim !== undefined && isUnbound(claim)) claimLoop.queue.add(key);
    }
  };
  pods.addHandler({
    added: wakeOfPod,
    deleted: wakeOfPod,
    updated: (pod, before) => {
      if (pod.spec?.nodeName !== before.spec?.nodeName) wakeOfPod(pod);
    },
  });
  const wakeUnbound = (): void => {
    for (const claim of claims.cache.list()) if (isUnbound(claim)) claimLoop.queue.add(objectKey(claim));
  };
  own.informers.informer(storageClasses).addHandler({ added: wakeUnbound, updated: wakeUnbound, deleted: wakeUnbound });
}

/** With one worker: it does not compete with itself for volumes. */
function loopOfClaims({ own, claims, volumes, pods }: Surroundings): ControlLoop {
  const classes = own.informers.informer(storageClasses);
  /** What was last said about each claim: it is woken more often than there is news. */
  const said = new Map<string, string>();
  return new ControlLoop({
    ...own,
    name: 'persistent-volume-claim-binder',
    workers: 1,
    informers: [claims, volumes, pods, classes],
    reconcile: async (key) => {
      const claim = claims.cache.byKey(key);
      if (claim === undefined) {
        said.delete(key);
        return done;
      }
      const plan = decideClaim({
        claim,
        volumes: volumesFor(claim, volumes),
        volume: (name) => volumes.cache.byKey(name),
        classes: classes.cache.list(),
        waitingPods: pods.cache
          .byIndex(podsByClaim, key)
          .filter((pod) => !pod.spec?.nodeName && !isFinished(pod))
          .map(nameOf)
          .toSorted(),
      });
      await carryOut(own, claim, plan, (event) => {
        if (said.get(key) === event.message) return;
        said.set(key, event.message);
        own.events.record(claimsResource, claim, event.type, event.reason, event.message);
      });
      if (plan.kind === 'bind') said.delete(key);
      return done;
    },
  });
}

function volumesFor(claim: PersistentVolumeClaim, { cache }: Informer<PersistentVolume>): readonly PersistentVolume[] {
  const ofClass = cache.byIndex(byClass, classNameOf(claim));
  return [...new Set([...cache.byIndex(byClaim, objectKey(claim)), ...ofClass])];
}

async function carryOut(
  own: LoopContext,
  claim: PersistentVolumeClaim,
  plan: ClaimPlan,
  say: (event: ClaimEvent) => void,
): Promise<void> {
  switch (plan.kind) {
    case 'bind':
      return bind(own, plan.volume, claim);
    case 'class': {
      const spec = { ...claim.spec, storageClassName: plan.className };
      await own.client.update(claimsResource, { ...claim, spec });
      return;
    }
    case 'lost':
      if (claim.status?.phase !== 'Lost') say(plan.event);
      await writeStatus(own, claimsResource, claimInPhase(claim, 'Lost'));
      return;
    case 'misbound':
      say(plan.event);
      throw new Error(plan.problem);
    case 'wait': {
      const told = plan.provisioner === undefined ? undefined : withProvisioner(claim, plan.provisioner);
      const current = told === undefined ? claim : await own.client.update(claimsResource, told);
      await writeStatus(own, claimsResource, claimInPhase(current, 'Pending'));
      if (plan.event !== undefined) say(plan.event);
    }
  }
}

async function bind(own: LoopContext, volume: PersistentVolume, claim: PersistentVolumeClaim): Promise<void> {
  const { client, log } = own;
  const taken = volumeBoundTo(volume, claim);
  const boundVolume = taken === undefined ? volume : await client.update(volumesResource, taken);
  await writeStatus(own, volumesResource, volumeInPhase(boundVolume, 'Bound'));
  const given = claimBoundTo(claim, boundVolume);
  const boundClaim = given === undefined ? claim : await client.update(claimsResource, given);
  await writeStatus(own, claimsResource, claimStatusBoundTo(boundClaim, boundVolume));
  if (given !== undefined) log.info('claim bound', { claim: objectKey(claim), volume: nameOf(volume) });
}

async function writeStatus<T extends PersistentVolume | PersistentVolumeClaim>(
  { client }: LoopContext,
  resource: Resource<T>,
  object: T | undefined,
): Promise<void> {
  if (object !== undefined) await client.update(resource, object, { subresource: 'status' });
}

function loopOfVolumes({ own, claims, volumes }: Surroundings, wakeClaim: (key: string) => void): ControlLoop {
  /** Volumes by name whose folder is gone, while their object goes: what others put there meanwhile stays. */
  const emptied = new Map<string, string>();
  return new ControlLoop({
    ...own,
    name: 'persistent-volume-binder',
    informers: [claims, volumes],
    reconcile: async (name) => {
      const volume = volumes.cache.byKey(name);
      if (volume === undefined) {
        emptied.delete(name);
        return done;
      }
      const key = claimKeyOf(volume);
      const plan = decideVolume(volume, key === undefined ? undefined : claims.cache.byKey(key));
      switch (plan.kind) {
        case 'phase':
          await writeStatus(own, volumesResource, volumeInPhase(volume, plan.phase));
          return done;
        case 'claim':
          if (key !== undefined) wakeClaim(key);
          return done;
        case 'mode':
          sayModes(own, volume, plan.claim);
          return done;
        case 'unbind': {
          const free = await own.client.update(volumesResource, volumeUnbound(volume));
          await writeStatus(own, volumesResource, volumeInPhase(free, 'Available'));
          return done;
        }
        case 'reclaim':
          return (await isReleased(own, volume)) ? reclaim(own, volume, plan.reclaim, emptied) : done;
      }
    },
  });
}

function sayModes({ events }: LoopContext, volume: PersistentVolume, claim: PersistentVolumeClaim): void {
  const why = 'due to incompatible volumeMode.';
  const ofVolume = `Cannot bind PersistentVolume to requested PersistentVolumeClaim "${nameOf(claim)}" ${why}`;
  const ofClaim = `Cannot bind PersistentVolume "${nameOf(volume)}" to requested PersistentVolumeClaim ${why}`;
  events.record(volumesResource, volume, 'Warning', 'VolumeMismatch', ofVolume);
  events.record(claimsResource, claim, 'Warning', 'VolumeMismatch', ofClaim);
}

/** The server is asked: a cache that lags must not cost anybody's data. */
async function isReleased({ client }: LoopContext, volume: PersistentVolume): Promise<boolean> {
  const { namespace = '', name = '', uid } = volume.spec?.claimRef ?? {};
  try {
    const claim = await client.get(claimsResource, { namespace, name });
    const elsewhere = claim.spec?.volumeName;
    return uidOf(claim) !== uid || (Boolean(elsewhere) && elsewhere !== nameOf(volume));
  } catch (error) {
    if (hasReason(error, 'NotFound')) return true;
    throw error;
  }
}

async function reclaim(
  own: LoopContext,
  volume: PersistentVolume,
  plan: Reclaim,
  emptied: Map<string, string>,
): Promise<Outcome> {
  const { client } = own;
  const wasFailed = volume.status?.phase === 'Failed';
  const next = wasFailed ? undefined : volumeInPhase(volume, 'Released');
  const released = next === undefined ? volume : await client.update(volumesResource, next, { subresource: 'status' });
  switch (plan.kind) {
    case 'keep':
    case 'external':
      return done;
    case 'fail':
      await fail(own, released, plan.reason, plan.message);
      return done;
    case 'delete':
      return empty(own, released, plan.hostPath, emptied);
  }
}

async function empty(
  own: LoopContext,
  volume: PersistentVolume,
  hostPath: string,
  emptied: Map<string, string>,
): Promise<Outcome> {
  if (emptied.get(nameOf(volume)) !== uidOf(volume)) {
    try {
      if (own.removeHostPath === undefined) throw new Error('the folder of the volume is not on this machine');
      await own.removeHostPath(hostPath);
      emptied.set(nameOf(volume), uidOf(volume));
    } catch (error) {
      await fail(own, volume, 'VolumeFailedDelete', messageOf(error));
      return after(retryMs);
    }
  }
  await own.client.delete(volumesResource, referenceOf(volume), { uid: uidOf(volume) }).catch(unlessGone);
  return done;
}

async function fail(own: LoopContext, volume: PersistentVolume, reason: string, message: string): Promise<void> {
  const failed = volumeInPhase(volume, 'Failed', message);
  if (failed === undefined) return;
  await writeStatus(own, volumesResource, failed);
  own.events.record(volumesResource, volume, 'Warning', reason, message);
}
