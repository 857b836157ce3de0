/**
 * Facts about claims and volumes, and what each looks like when the two are bound. Pure: every function gives a changed copy, or
 * undefined where nothing is to change. Annotations are upstream's; others (scheduler, external provisioners, kubectl) read them.
 */

import { integerValue } from '../../api/quantity.ts';
import type { PersistentVolume, PersistentVolumeClaim } from '../../api/schema/types/core-v1.ts';
import { nameOf, namespaceOf, uidOf } from '../shared/context.ts';
import { semanticallyEqual } from '../shared/equality.ts';

/** On a claim: it has been bound once. Never taken away. */
export const bindCompleted = 'pv.kubernetes.io/bind-completed';
/** On either: this loop or the scheduler chose the other side, nobody else did. */
export const boundByController = 'pv.kubernetes.io/bound-by-controller';
/** On a volume: who made it for its claim, and will remove it. */
export const provisionedBy = 'pv.kubernetes.io/provisioned-by';
/** On a claim: the node where the scheduler wants its volume made. */
export const selectedNode = 'volume.kubernetes.io/selected-node';
/** On a claim: who shall make its volume, under today's name and that of before. */
export const provisionerAnnotations = [
  'volume.kubernetes.io/storage-provisioner',
  'volume.beta.kubernetes.io/storage-provisioner',
] as const;
const classAnnotation = 'volume.beta.kubernetes.io/storage-class';

export const classNameOf = ({ metadata, spec }: PersistentVolumeClaim | PersistentVolume): string =>
  metadata?.annotations?.[classAnnotation] ?? spec?.storageClassName ?? '';

/** The claim names a class, be it none; otherwise the default may still become its own. */
export const hasClass = ({ metadata, spec }: PersistentVolumeClaim): boolean =>
  metadata?.annotations?.[classAnnotation] !== undefined || spec?.storageClassName !== undefined;

export const annotationOf = (object: PersistentVolume | PersistentVolumeClaim, name: string): string | undefined =>
  object.metadata?.annotations?.[name];

export const isBindCompleted = (claim: PersistentVolumeClaim): boolean =>
  annotationOf(claim, bindCompleted) !== undefined;

export const askedBytes = ({ spec }: PersistentVolumeClaim): number =>
  integerValue(spec?.resources?.requests?.['storage'] ?? '0');

export const capacityBytes = ({ spec }: PersistentVolume): number => integerValue(spec?.capacity?.['storage'] ?? '0');

/** The key of the claim that the volume is for; undefined where it is for nobody. */
export function claimKeyOf({ spec }: PersistentVolume): string | undefined {
  const { namespace, name } = spec?.claimRef ?? {};
  return name === undefined ? undefined : `${namespace ?? ''}/${name}`;
}

/** The volume is for this very claim, or for the next of its name. */
export function isFor(volume: PersistentVolume, claim: PersistentVolumeClaim): boolean {
  const reference = volume.spec?.claimRef;
  if (reference === undefined || claimKeyOf(volume) !== `${namespaceOf(claim)}/${nameOf(claim)}`) return false;
  return !reference.uid || reference.uid === uidOf(claim);
}

type Annotated = PersistentVolume | PersistentVolumeClaim;

function annotated<T extends Annotated>(object: T, added: Readonly<Record<string, string>>): T {
  return { ...object, metadata: { ...object.metadata, annotations: { ...object.metadata?.annotations, ...added } } };
}

export function volumeBoundTo(volume: PersistentVolume, claim: PersistentVolumeClaim): PersistentVolume | undefined {
  const { uid } = volume.spec?.claimRef ?? {};
  const isOurs = isFor(volume, claim);
  if (isOurs && uid === uidOf(claim)) return undefined;
  const claimRef = {
    kind: 'PersistentVolumeClaim',
    namespace: namespaceOf(claim),
    name: nameOf(claim),
    uid: uidOf(claim),
    apiVersion: 'v1',
    ...(claim.metadata?.resourceVersion && { resourceVersion: claim.metadata.resourceVersion }),
  };
  const bound = { ...volume, spec: { ...volume.spec, claimRef } };
  return isOurs ? bound : annotated(bound, { [boundByController]: 'yes' });
}

export function claimBoundTo(
  claim: PersistentVolumeClaim,
  volume: PersistentVolume,
): PersistentVolumeClaim | undefined {
  const chosen = claim.spec?.volumeName !== nameOf(volume);
  if (!chosen && isBindCompleted(claim)) return undefined;
  const bound = { ...claim, spec: { ...claim.spec, volumeName: nameOf(volume) } };
  return annotated(bound, { [bindCompleted]: 'yes', ...(chosen && { [boundByController]: 'yes' }) });
}

/** The volume is free again; where somebody else had reserved it by name, the reservation stays. */
export function volumeUnbound(volume: PersistentVolume): PersistentVolume {
  const { claimRef, ...spec } = volume.spec ?? {};
  if (annotationOf(volume, boundByController) === undefined) {
    const { uid: _uid, resourceVersion: _version, ...reserved } = claimRef ?? {};
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

/** A claim in a phase without a volume has no size and no modes. */
export function claimInPhase(
  claim: PersistentVolumeClaim,
  phase: 'Pending' | 'Lost',
): PersistentVolumeClaim | undefined {
  const { accessModes, capacity, ...status } = claim.status ?? {};
  if (status.phase === phase && accessModes === undefined && capacity === undefined) return undefined;
  return { ...claim, status: { ...status, phase } };
}

/** The size is told once, when it is bound: later it is the file system's, which may be smaller while it grows. */
export function claimStatusBoundTo(
  claim: PersistentVolumeClaim,
  { spec = {} }: PersistentVolume,
): PersistentVolumeClaim | undefined {
  const { status = {} } = claim;
  const { accessModes = [], capacity = {}, volumeAttributesClassName } = spec;
  const isNew = status.phase !== 'Bound';
  if (!isNew && semanticallyEqual(status.accessModes, accessModes)) return undefined;
  const told = {
    capacity,
    ...(volumeAttributesClassName && { currentVolumeAttributesClassName: volumeAttributesClassName }),
  };
  return { ...claim, status: { ...status, phase: 'Bound', accessModes, ...(isNew && told) } };
}
