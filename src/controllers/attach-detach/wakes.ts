/** Which change wakes which loop of the two: the one of volumes by a volume's name, the one of nodes by a node's. */
import type { Node, PersistentVolumeClaim, Pod } from '../../api/schema/types/core-v1.ts';
import type { VolumeAttachment } from '../../api/schema/types/storage-v1.ts';
import { nameOf } from '../shared/context.ts';
import { semanticallyEqual } from '../shared/equality.ts';
import { claimKeysOf } from '../storage-protection/decide.ts';
import { hasEnded, isHealthy, isManaged, isOutOfService, keepsEnded } from './facts.ts';
import type { Surroundings } from './surroundings.ts';

interface Wakes {
  volume(name: string): void;
  node(name: string): void;
}

export function wakeForChanges(surroundings: Surroundings, wakes: Wakes): void {
  const { volumes, drivers, attachments } = surroundings;
  volumes.addHandler({
    added: (volume) => wakes.volume(nameOf(volume)),
    updated: (volume) => wakes.volume(nameOf(volume)),
    deleted: (volume) => wakes.volume(nameOf(volume)),
  });
  const ofAttachment = ({ spec }: VolumeAttachment): void => {
    if (spec.source.persistentVolumeName) wakes.volume(spec.source.persistentVolumeName);
    wakes.node(spec.nodeName);
  };
  attachments.addHandler({ added: ofAttachment, updated: ofAttachment, deleted: ofAttachment });
  const ofDriver = (driver: object): void => {
    const name = nameOf(driver);
    for (const volume of volumes.cache.list()) if (volume.spec?.csi?.driver === name) wakes.volume(nameOf(volume));
  };
  drivers.addHandler({ added: ofDriver, updated: ofDriver, deleted: ofDriver });
  wakeForPods(surroundings, wakes);
  wakeForNodes(surroundings, wakes);
}

function wakeForPods({ pods, claims }: Surroundings, wakes: Wakes): void {
  const ofClaim = ({ spec }: PersistentVolumeClaim): void => {
    if (spec?.volumeName) wakes.volume(spec.volumeName);
  };
  claims.addHandler({ added: ofClaim, updated: ofClaim, deleted: ofClaim });
  const ofPod = (pod: Pod): void => {
    if (!pod.spec?.nodeName) return;
    for (const key of claimKeysOf(pod)) {
      const claim = claims.cache.byKey(key);
      if (claim !== undefined) ofClaim(claim);
    }
  };
  pods.addHandler({
    added: ofPod,
    deleted: ofPod,
    updated: (pod, before) => {
      if (pod.spec?.nodeName !== before.spec?.nodeName || hasEnded(pod) !== hasEnded(before)) ofPod(pod);
    },
  });
}

/** A node tells more often that it lives than anything of this. */
const toldBy = (node: Node) => [
  node.status?.volumesAttached,
  node.status?.volumesInUse,
  isHealthy(node),
  isOutOfService(node),
  isManaged(node),
  keepsEnded(node),
];

function wakeForNodes(surroundings: Surroundings, wakes: Wakes): void {
  const { nodes, claims } = surroundings;
  const ofNode = (node: Node): void => {
    const name = nameOf(node);
    wakes.node(name);
    for (const [attachment] of surroundings.attachmentsOn(name)) {
      wakes.volume(attachment.spec.source.persistentVolumeName ?? '');
    }
    for (const key of surroundings.podsOn(name).flatMap(claimKeysOf)) {
      const volume = claims.cache.byKey(key)?.spec?.volumeName;
      if (volume) wakes.volume(volume);
    }
  };
  nodes.addHandler({
    added: ofNode,
    deleted: ofNode,
    updated: (node, before) => {
      if (!semanticallyEqual(toldBy(node), toldBy(before))) ofNode(node);
    },
  });
}
