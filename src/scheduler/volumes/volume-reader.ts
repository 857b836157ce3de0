/** What plugins read about storage: claims and volumes as decisions see them, with what was assumed; classes, drivers, capacities. */
import type { Node, PersistentVolume, PersistentVolumeClaim, Pod } from '../../api/schema/types/core-v1.ts';
import type {
  CSIDriver,
  CSINode,
  CSIStorageCapacity,
  StorageClass,
  VolumeAttachment,
} from '../../api/schema/types/storage-v1.ts';
import type { Reservation } from '../framework/plugin.ts';

/** What a decision about a pod means for its claims. */
export interface VolumePlan {
  /** Volumes that exist, each for the claim that gets it. */
  readonly bindings: readonly { readonly volume: PersistentVolume; readonly claim: PersistentVolumeClaim }[];
  /** Claims for which a volume is to be made where the pod goes. */
  readonly provisions: readonly PersistentVolumeClaim[];
}

export interface Placement {
  readonly pod: Pod;
  readonly node: Node;
}

export interface VolumeReader {
  claim(namespace: string, name: string): PersistentVolumeClaim | undefined;
  volume(name: string): PersistentVolume | undefined;
  volumesOfClass(name: string): readonly PersistentVolume[];
  storageClass(name: string): StorageClass | undefined;
  driver(name: string): CSIDriver | undefined;
  csiNode(name: string): CSINode | undefined;
  capacitiesOfClass(name: string): readonly CSIStorageCapacity[];
  attachmentsOn(node: string): readonly VolumeAttachment[];
  /** Sets the plan aside for the pod on its node: nobody else gets these volumes. Its `preBind` writes and waits until all is bound. */
  assume(plan: VolumePlan, placement: Placement, timeoutMs: number): Reservation;
}
