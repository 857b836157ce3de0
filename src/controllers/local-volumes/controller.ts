/**
 * Makes volumes of folders for claims of the class `naru-local` and others of its provisioner, and removes them when they are released
 * (`decide.ts` decides). The folder itself is made by the agent of its node, when the first pod mounts it.
 *
 * Kept true: a volume's object goes only after its folder is gone, or its node is; so an unreachable node is asked again until it answers.
 */
import { isLocalVolume } from '../../api/local-volumes.ts';
import { objectKey } from '../../api/object.ts';
import { classNameOf, selectedNode } from '../../api/persistent-volumes.ts';
import type { Node, PersistentVolume, PersistentVolumeClaim } from '../../api/schema/types/core-v1.ts';
import { hasReason } from '../../api/status-error.ts';
import { after, ControlLoop, done } from '../../client/controller.ts';
import {
  persistentVolumeClaims as claimsResource,
  nodes as nodesResource,
  storageClasses,
  persistentVolumes as volumesResource,
} from '../../client/resources.ts';
import type { Service } from '../../lib/service.ts';
import { type ControllerContext, contextFor, type LoopContext, nameOf, referenceOf, uidOf } from '../shared/context.ts';
import { messageOf, unlessGone } from '../shared/refusals.ts';
import { withoutFinalizer } from '../storage-protection/decide.ts';
import { chosenNode, decideClaim, decideVolume, hostNameOf, hostOf, isAsking, localVolumeFinalizer } from './decide.ts';

/** Until a node that did not answer is asked again (ms). */
const retryMs = 15_000;
const byHostName = 'local-volume-host';

export function localVolumeProvisioner(context: ControllerContext): Service[] {
  const own = contextFor(context, 'local-volume-provisioner', 'naru.io/local');
  return [loopOfClaims(own), loopOfVolumes(own)];
}

function loopOfClaims(own: LoopContext): ControlLoop {
  const claims = own.informers.informer(claimsResource);
  const classes = own.informers.informer(storageClasses);
  const nodes = own.informers.informer(nodesResource);
  /** What was last said about each claim. */
  const said = new Map<string, string>();
  const loop = new ControlLoop({
    ...own,
    name: 'local-volume-provisioner',
    informers: [claims, classes, nodes],
    reconcile: async (key) => {
      const claim = claims.cache.byKey(key);
      if (claim === undefined || !isAsking(claim)) {
        said.delete(key);
        return done;
      }
      const storageClass = classes.cache.byKey(classNameOf(claim));
      const plan = decideClaim({ claim, storageClass, node: (name) => nodes.cache.byKey(name) });
      switch (plan.kind) {
        case 'leave':
          return done;
        case 'refuse':
          if (said.get(key) !== plan.why)
            own.events.record(claimsResource, claim, 'Warning', 'ProvisioningFailed', plan.why);
          said.set(key, plan.why);
          return done;
        case 'reschedule':
          await reschedule(own, claim);
          return done;
        case 'make':
          await make(own, claim, plan.volume);
          return done;
      }
    },
  });
  const wake = (claim: PersistentVolumeClaim): void => {
    if (isAsking(claim)) loop.queue.add(objectKey(claim));
  };
  claims.addHandler({
    added: wake,
    updated: wake,
    deleted: (claim) => {
      if (said.has(objectKey(claim))) loop.queue.add(objectKey(claim));
    },
  });
  // A class that comes or changes may be what claims wait for; so may a node that goes.
  const wakeAll = (): void => claims.cache.list().forEach(wake);
  classes.addHandler({ added: wakeAll, updated: wakeAll });
  nodes.addHandler({
    deleted: ({ metadata }) => {
      for (const claim of claims.cache.list()) if (chosenNode(claim) === metadata?.name) wake(claim);
    },
  });
  return loop;
}

/** The server is asked first: a node that a cache does not show yet must not cost a pod its turn. */
async function reschedule({ client, events }: LoopContext, claim: PersistentVolumeClaim): Promise<void> {
  const name = chosenNode(claim) ?? '';
  const isThere = await client.get(nodesResource, { namespace: '', name }).then(
    () => true,
    (error: unknown) => {
      if (hasReason(error, 'NotFound')) return false;
      throw error;
    },
  );
  if (isThere) throw new Error(`node ${name} is not in the cache yet`);
  const body = {
    metadata: { resourceVersion: claim.metadata?.resourceVersion, annotations: { [selectedNode]: null } },
  };
  await client.patch(claimsResource, referenceOf(claim), { type: 'merge', body });
  events.record(claimsResource, claim, 'Warning', 'ProvisioningFailed', `node ${name} is gone; another one is chosen`);
}

async function make(
  { client, events, log }: LoopContext,
  claim: PersistentVolumeClaim,
  volume: PersistentVolume,
): Promise<void> {
  try {
    await client.create(volumesResource, volume);
  } catch (error) {
    if (!hasReason(error, 'AlreadyExists')) throw error;
    return;
  }
  const name = nameOf(volume);
  const message = `Successfully provisioned volume ${name}`;
  events.record(claimsResource, claim, 'Normal', 'ProvisioningSucceeded', message);
  log.info('volume made', { claim: objectKey(claim), volume: name, node: hostOf(volume) });
}

function loopOfVolumes(own: LoopContext): ControlLoop {
  const volumes = own.informers.informer(volumesResource);
  const nodes = own.informers.informer(nodesResource).addIndex(byHostName, (node) => [hostNameOf(node)]);
  /** Volumes by name whose folder is gone, while their object goes. */
  const emptied = new Map<string, string>();
  const loop = new ControlLoop({
    ...own,
    name: 'local-volume-remover',
    informers: [volumes, nodes],
    reconcile: async (name) => {
      const volume = volumes.cache.byKey(name);
      if (volume === undefined) {
        emptied.delete(name);
        return done;
      }
      if (emptied.get(name) !== uidOf(volume)) {
        const plan = decideVolume({ volume, nodeNamed: (host) => nodes.cache.byIndex(byHostName, host)[0] });
        if (plan.kind === 'leave') return done;
        if (!(await isEmptied(own, volume, plan.node))) return after(retryMs);
        emptied.set(name, uidOf(volume));
      }
      await letGo(own, volume).catch(unlessGone);
      return done;
    },
  });
  const wake = (volume: PersistentVolume): void => {
    if (isLocalVolume(volume)) loop.queue.add(nameOf(volume));
  };
  volumes.addHandler({ added: wake, updated: wake, deleted: wake });
  nodes.addHandler({
    deleted: (node: Node) => {
      for (const volume of volumes.cache.list()) if (hostOf(volume) === hostNameOf(node)) wake(volume);
    },
  });
  return loop;
}

/** False: the node did not, or could not, remove the folder. */
async function isEmptied(own: LoopContext, volume: PersistentVolume, node: string | undefined): Promise<boolean> {
  if (node === undefined) return true;
  try {
    if (own.removeLocalVolume === undefined) throw new Error('nodes cannot be reached from here');
    await own.removeLocalVolume(node, nameOf(volume));
    return true;
  } catch (error) {
    const message = `the folder on node ${node} is not removed yet: ${messageOf(error)}`;
    own.events.record(volumesResource, volume, 'Warning', 'VolumeFailedDelete', message);
    return false;
  }
}

async function letGo({ client }: LoopContext, volume: PersistentVolume): Promise<void> {
  await client.delete(volumesResource, referenceOf(volume), { uid: uidOf(volume) });
  const last = await client.get(volumesResource, referenceOf(volume));
  if (uidOf(last) === uidOf(volume)) await client.update(volumesResource, withoutFinalizer(last, localVolumeFinalizer));
}
