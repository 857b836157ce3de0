/** Names and facts about volumes that a CSI driver attaches to nodes, by upstream's rules. Pure; `decide.ts` draws the conclusions. */
import { createHash } from 'node:crypto';
import { claimsOf, isOwnedBy } from '../../api/pod-volumes.ts';
import type {
  ContainerStatus,
  CSIPersistentVolumeSource,
  Node,
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
} from '../../api/schema/types/core-v1.ts';
import type { CSIDriver, VolumeAttachment } from '../../api/schema/types/storage-v1.ts';
import { isDeleting, nameOf, uidOf } from '../shared/context.ts';
import { isFinished } from '../shared/pods.ts';

/** On a node: its kubelet leaves attaching to us, and mounts what we say is attached. Its value does not matter. */
const managedAnnotation = 'volumes.kubernetes.io/controller-managed-attach-detach';
/** On a node: volumes of pods that have ended stay attached while the pod stands. */
const keepAnnotation = 'volumes.kubernetes.io/keep-terminated-pod-volumes';

/** How volumes are called in the status of a node: those of CSI drivers begin so. */
export const csiPrefix = 'kubernetes.io/csi/';

export const uniqueName = ({ driver, volumeHandle }: CSIPersistentVolumeSource): string =>
  `${csiPrefix}${driver}^${volumeHandle}`;

/** The one name that the attachment of a volume to a node has, so that nobody makes two. CSI's attacher and kubelets know it, too. */
export function attachmentName({ driver, volumeHandle }: CSIPersistentVolumeSource, node: string): string {
  return `csi-${createHash('sha256').update(`${volumeHandle}${driver}${node}`).digest('hex')}`;
}

/** A driver that is not known by an object needs its volumes attached. */
export const needsAttaching = (driver: CSIDriver | undefined): boolean => driver?.spec.attachRequired !== false;

/** What nobody promised to be for one node alone may be attached to several; the driver may still refuse. */
export function isForOneNode({ spec }: PersistentVolume): boolean {
  const modes = spec?.accessModes ?? [];
  return modes.length > 0 && !modes.some((mode) => mode === 'ReadWriteMany' || mode === 'ReadOnlyMany');
}

export const isManaged = (node: Node | undefined): boolean =>
  node?.metadata?.annotations?.[managedAnnotation] !== undefined;

export const keepsEnded = (node: Node | undefined): boolean => node?.metadata?.annotations?.[keepAnnotation] === 'true';

export const isHealthy = (node: Node | undefined): boolean =>
  node?.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false;

/** An administrator vouches that the node is off. */
export const isOutOfService = (node: Node | undefined): boolean =>
  node?.spec?.taints?.some(({ key }) => key === 'node.kubernetes.io/out-of-service') ?? false;

/** By what the node said last. One that is gone may have it mounted still: nobody can say. */
export const mayBeMounted = (node: Node | undefined, name: string): boolean =>
  node === undefined || (node.status?.volumesInUse ?? []).includes(name);

export const isReported = (node: Node | undefined, name: string): boolean =>
  node?.status?.volumesAttached?.some((attached) => attached.name === name) ?? false;

export const isAttached = (attachment: VolumeAttachment): boolean =>
  attachment.status?.attached === true && !isDeleting(attachment);

const runs = ({ state }: ContainerStatus): boolean => (state?.terminated ?? state?.waiting) === undefined;

/** It has run to its end, or was told to and nothing of it runs any more. */
export const hasEnded = (pod: Pod): boolean =>
  isFinished(pod) || (isDeleting(pod) && !(pod.status?.containerStatuses ?? []).some(runs));

/** The pods with a node that use the volume by its claim. */
export function usersOf(volume: PersistentVolume, claim: PersistentVolumeClaim, pods: readonly Pod[]): readonly Pod[] {
  if (claim.status?.phase !== 'Bound' || claim.spec?.volumeName !== nameOf(volume)) return [];
  if (volume.spec?.claimRef?.uid !== uidOf(claim)) return [];
  return pods.filter(
    (pod) =>
      Boolean(pod.spec?.nodeName) &&
      claimsOf(pod).some(({ name, isEphemeral }) => name === nameOf(claim) && (!isEphemeral || isOwnedBy(claim, pod))),
  );
}
