/**
 * What becomes of a claim that asks for a folder of a node, and of the volume that was made of it. Pure.
 *
 * ```
 *  claim ─ not ours, or it has a volume, or no pod's node is chosen yet ──▶ leave
 *        ├ asks for what a folder cannot be (many nodes, a block device, a copy) ──▶ refuse, and say why
 *        ├ its node is gone ──▶ let the scheduler choose again
 *        └ else ──▶ make
 *  volume ─ released, to be deleted ─ its node is there ──▶ empty its folder, then let it go
 *         │                         └ its node is gone for good ──▶ let it go
 *         └ deleted by hand, to be kept ──▶ let it go; the folder stays
 * ```
 * A finalizer keeps the object until then: also where somebody deletes it before its claim.
 */
import {
  isLocalVolume,
  localProvisioner,
  localVolumeMarks,
  localVolumeName,
  localVolumePath,
} from '../../api/local-volumes.ts';
import { selectedNode } from '../../api/persistent-volumes.ts';
import type { Node, PersistentVolume, PersistentVolumeClaim } from '../../api/schema/types/core-v1.ts';
import type { StorageClass } from '../../api/schema/types/storage-v1.ts';
import { isDeleting, nameOf, namespaceOf, uidOf } from '../shared/context.ts';

export type ClaimPlan =
  | { readonly kind: 'leave' }
  | { readonly kind: 'refuse'; readonly why: string }
  | { readonly kind: 'reschedule' }
  | { readonly kind: 'make'; readonly volume: PersistentVolume };

export interface ClaimObserved {
  readonly claim: PersistentVolumeClaim;
  readonly storageClass: StorageClass | undefined;
  readonly node: (name: string) => Node | undefined;
}

/** The binder tells by it who shall make a claim's volume. */
const provisionerAnnotation = 'volume.kubernetes.io/storage-provisioner';
const hostname = 'kubernetes.io/hostname';

/** Worth a look: it has no volume, and is told to have one made by us. */
export const isAsking = ({ metadata, spec }: PersistentVolumeClaim): boolean =>
  !spec?.volumeName && metadata?.annotations?.[provisionerAnnotation] === localProvisioner;

export const chosenNode = ({ metadata }: PersistentVolumeClaim): string | undefined =>
  metadata?.annotations?.[selectedNode];

export function decideClaim({ claim, storageClass, node: find }: ClaimObserved): ClaimPlan {
  if (!isAsking(claim) || isDeleting(claim) || storageClass?.provisioner !== localProvisioner) return { kind: 'leave' };
  const why = impossible(claim, storageClass);
  if (why !== undefined) return { kind: 'refuse', why };
  const name = chosenNode(claim);
  if (name === undefined) return { kind: 'leave' };
  const node = find(name);
  if (node === undefined || isDeleting(node)) return { kind: 'reschedule' };
  return { kind: 'make', volume: newVolume(claim, storageClass, node) };
}

function impossible({ spec = {} }: PersistentVolumeClaim, storageClass: StorageClass): string | undefined {
  const wide = spec.accessModes?.find((mode) => mode !== 'ReadWriteOnce' && mode !== 'ReadWriteOncePod');
  if (wide !== undefined)
    return `its volumes are folders of one node, which cannot be ${wide}; ask for ReadWriteOnce (pods on that node may share it), or for a class whose volumes several nodes can mount`;
  if (spec.volumeMode === 'Block')
    return 'its volumes are folders, and no block devices; ask for volumeMode Filesystem';
  if (spec.selector !== undefined) return 'its volumes are made new, so a selector of existing ones means nothing';
  if (spec.dataSourceRef !== undefined || spec.dataSource !== undefined)
    return 'its volumes begin empty, and copy no dataSource';
  const unknown = Object.keys(storageClass.parameters ?? {})[0];
  if (unknown !== undefined)
    return `class "${nameOf(storageClass)}" has the parameter "${unknown}", which ${localProvisioner} does not know`;
  if (storageClass.volumeBindingMode !== 'WaitForFirstConsumer')
    return `class "${nameOf(storageClass)}" binds at once, before a pod's node is known; it must have volumeBindingMode WaitForFirstConsumer`;
  return undefined;
}

function newVolume(claim: PersistentVolumeClaim, storageClass: StorageClass, node: Node): PersistentVolume {
  const name = localVolumeName(uidOf(claim));
  const { accessModes = [], resources } = claim.spec ?? {};
  const values = [hostNameOf(node)];
  const claimRef = {
    kind: 'PersistentVolumeClaim',
    apiVersion: 'v1',
    namespace: namespaceOf(claim),
    name: nameOf(claim),
    uid: uidOf(claim),
  };
  return {
    metadata: { name, annotations: localVolumeMarks, finalizers: [localVolumeFinalizer] },
    spec: {
      storageClassName: nameOf(storageClass),
      capacity: { storage: resources?.requests?.['storage'] ?? '0' },
      accessModes,
      volumeMode: 'Filesystem',
      persistentVolumeReclaimPolicy: storageClass.reclaimPolicy ?? 'Delete',
      claimRef,
      local: { path: localVolumePath(node, name) },
      nodeAffinity: {
        required: { nodeSelectorTerms: [{ matchExpressions: [{ key: hostname, operator: 'In', values }] }] },
      },
    },
  };
}

/** On a volume: its folder is still there. */
export const localVolumeFinalizer = 'naru.io/local-volume';

export type VolumePlan =
  | { readonly kind: 'leave' }
  /** `node`: whose folder is to be emptied first; undefined: none. */
  | { readonly kind: 'let go'; readonly node: string | undefined };

export interface VolumeObserved {
  readonly volume: PersistentVolume;
  /** The node with this host name. */
  readonly nodeNamed: (hostName: string) => Node | undefined;
}

export function decideVolume({ volume, nodeNamed }: VolumeObserved): VolumePlan {
  if (!isLocalVolume(volume)) return { kind: 'leave' };
  const { phase } = volume.status ?? {};
  if (volume.spec?.persistentVolumeReclaimPolicy !== 'Delete') {
    const isHeld = volume.metadata?.finalizers?.includes(localVolumeFinalizer) ?? false;
    return isDeleting(volume) && isHeld && phase !== 'Bound' ? { kind: 'let go', node: undefined } : { kind: 'leave' };
  }
  if (phase !== 'Released') return { kind: 'leave' };
  const node = nodeNamed(hostOf(volume) ?? '');
  return { kind: 'let go', node: node && nameOf(node) };
}

/** The node that keeps it, as its affinity says. */
export function hostOf({ spec }: PersistentVolume): string | undefined {
  const terms = spec?.nodeAffinity?.required?.nodeSelectorTerms ?? [];
  const wish = terms[0]?.matchExpressions?.find(({ key }) => key === hostname);
  return wish?.values?.[0];
}

export const hostNameOf = (node: Node): string => node.metadata?.labels?.[hostname] ?? nameOf(node);
