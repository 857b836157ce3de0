/**
 * What a claim and a volume look like on their way to each other and apart. Pure: every function gives a changed copy, or undefined where
 * nothing is to change. What the scheduler must know, too, stands in `api/persistent-volumes.ts`.
 */
import { bindCompleted, boundByController, isBindCompleted } from '../../api/persistent-volumes.ts';
import { parseQuantity } from '../../api/quantity.ts';
import type { PersistentVolume, PersistentVolumeClaim } from '../../api/schema/types/core-v1.ts';
import { nameOf } from '../shared/context.ts';
import { semanticallyEqual } from '../shared/equality.ts';

/** On a volume: who made it for its claim, and will remove it. */
export const provisionedBy = 'pv.kubernetes.io/provisioned-by';
/** On a volume of a kind that was once built in: the CSI driver that sees to it now. */
export const migratedTo = 'pv.kubernetes.io/migrated-to';
/** On a volume that was made larger while nobody had it: the size that its file system has still. */
const preResizeCapacity = 'volume.alpha.kubernetes.io/pre-resize-capacity';
/** On a claim: who shall make its volume, under today's name and that of before. */
export const provisionerAnnotations = [
  'volume.kubernetes.io/storage-provisioner',
  'volume.beta.kubernetes.io/storage-provisioner',
] as const;

export const annotationOf = (object: PersistentVolume | PersistentVolumeClaim, name: string): string | undefined =>
  object.metadata?.annotations?.[name];

export function claimBoundTo(
  claim: PersistentVolumeClaim,
  volume: PersistentVolume,
): PersistentVolumeClaim | undefined {
  const chosen = claim.spec?.volumeName !== nameOf(volume);
  if (!chosen && isBindCompleted(claim)) return undefined;
  const annotations = {
    ...claim.metadata?.annotations,
    [bindCompleted]: 'yes',
    ...(chosen && { [boundByController]: 'yes' }),
  };
  return {
    ...claim,
    metadata: { ...claim.metadata, annotations },
    spec: { ...claim.spec, volumeName: nameOf(volume) },
  };
}

/** The volume is free again; where somebody else had reserved it by name, the reservation stays. */
export function volumeUnbound(volume: PersistentVolume): PersistentVolume {
  const { claimRef, ...spec } = volume.spec ?? {};
  if (annotationOf(volume, boundByController) === undefined) {
    const { uid: _uid, ...reserved } = claimRef ?? {};
    return { ...volume, spec: { ...spec, claimRef: reserved } };
  }
  const { [boundByController]: _mark, ...annotations } = volume.metadata?.annotations ?? {};
  return { ...volume, metadata: { ...volume.metadata, annotations }, spec };
}

export function volumeInPhase(
  volume: PersistentVolume,
  phase: NonNullable<PersistentVolume['status']>['phase'],
  message?: string,
): PersistentVolume | undefined {
  if (volume.status?.phase === phase) return undefined;
  const { message: _message, ...status } = volume.status ?? {};
  return { ...volume, status: { ...status, ...(phase && { phase }), ...(message && { message }) } };
}

/** A claim in a phase without a volume has no size, no modes and no attributes. */
export function claimInPhase(
  claim: PersistentVolumeClaim,
  phase: 'Pending' | 'Lost',
): PersistentVolumeClaim | undefined {
  const { accessModes, capacity, currentVolumeAttributesClassName: attributes, ...status } = claim.status ?? {};
  if (status.phase === phase && (accessModes ?? capacity ?? attributes) === undefined) return undefined;
  return { ...claim, status: { ...status, phase } };
}

/**
 * The size is told once, when it is bound: later it is the file system's, which may be smaller while it grows. So is the class of attributes,
 * and only of a claim that was waiting: afterwards it is for CSI's resizer to say.
 */
export function claimStatusBoundTo(
  claim: PersistentVolumeClaim,
  volume: PersistentVolume,
): PersistentVolumeClaim | undefined {
  const { currentVolumeAttributesClassName: standing, ...status } = claim.status ?? {};
  const { accessModes = [], volumeAttributesClassName } = volume.spec ?? {};
  const isNew = status.phase !== 'Bound';
  if (!isNew && semanticallyEqual(status.accessModes, accessModes)) return undefined;
  const attributes = status.phase === 'Pending' ? volumeAttributesClassName : standing;
  return {
    ...claim,
    status: {
      ...status,
      phase: 'Bound',
      accessModes,
      ...(isNew && { capacity: toldCapacity(volume) }),
      ...(attributes !== undefined && { currentVolumeAttributesClassName: attributes }),
    },
  };
}

function toldCapacity(volume: PersistentVolume): Readonly<Record<string, string>> {
  const capacity = volume.spec?.capacity ?? {};
  const before = annotationOf(volume, preResizeCapacity);
  return before !== undefined && isQuantity(before) ? { ...capacity, storage: before } : capacity;
}

function isQuantity(text: string): boolean {
  try {
    parseQuantity(text);
    return true;
  } catch {
    return false;
  }
}
