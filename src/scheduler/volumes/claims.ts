/** Facts about claims, volumes and what pods use of them, by upstream's rules. Pure. */

import { matchesNodeSelector } from '../../api/node-matching.ts';
import { integerValue } from '../../api/quantity.ts';
import type { Node, PersistentVolume, PersistentVolumeClaim, Pod, Volume } from '../../api/schema/types/core-v1.ts';
import type { StorageClass } from '../../api/schema/types/storage-v1.ts';
import { matcherOf } from '../snapshot/terms.ts';

export const bindCompleted = 'pv.kubernetes.io/bind-completed';
export const boundByController = 'pv.kubernetes.io/bound-by-controller';
export const selectedNode = 'volume.kubernetes.io/selected-node';
const classAnnotation = 'volume.beta.kubernetes.io/storage-class';

export interface PodClaim {
  readonly name: string;
  /** Made for the pod, from a template in it. */
  readonly isEphemeral: boolean;
}

/** Undefined for a volume that is no claim. */
export function claimOf(pod: Pod, volume: Volume): PodClaim | undefined {
  if (volume.persistentVolumeClaim !== undefined) {
    return { name: volume.persistentVolumeClaim.claimName, isEphemeral: false };
  }
  return volume.ephemeral === undefined
    ? undefined
    : { name: `${pod.metadata?.name ?? ''}-${volume.name}`, isEphemeral: true };
}

const nothing: readonly PodClaim[] = [];

export function claimsOf(pod: Pod): readonly PodClaim[] {
  const volumes = pod.spec?.volumes;
  if (volumes === undefined || volumes.length === 0) return nothing;
  return volumes.flatMap((volume) => claimOf(pod, volume) ?? []);
}

export function isOwnedBy(claim: PersistentVolumeClaim, pod: Pod): boolean {
  return (claim.metadata?.ownerReferences ?? []).some(
    ({ controller, uid }) => controller === true && uid === pod.metadata?.uid,
  );
}

export const classNameOf = ({ metadata, spec }: PersistentVolumeClaim | PersistentVolume): string =>
  metadata?.annotations?.[classAnnotation] ?? spec?.storageClassName ?? '';

export const isFullyBound = ({ metadata, spec }: PersistentVolumeClaim): boolean =>
  Boolean(spec?.volumeName) && metadata?.annotations?.[bindCompleted] !== undefined;

export const waitsForPod = (storageClass: StorageClass | undefined): boolean =>
  storageClass?.volumeBindingMode === 'WaitForFirstConsumer';

export function suitsNode({ spec }: PersistentVolume, node: Node): boolean {
  const required = spec?.nodeAffinity?.required;
  return required === undefined || matchesNodeSelector(required, node);
}

export const storageAskedBy = ({ spec }: PersistentVolumeClaim): number =>
  integerValue(spec?.resources?.requests?.['storage'] ?? '0');

export const storageOf = ({ spec }: PersistentVolume): number => integerValue(spec?.capacity?.['storage'] ?? '0');

/** A volume whose `claimRef` names this claim. */
export function isFor({ spec }: PersistentVolume, { metadata }: PersistentVolumeClaim): boolean {
  const reference = spec?.claimRef;
  if (reference === undefined) return false;
  if (reference.name !== metadata?.name || reference.namespace !== metadata?.namespace) return false;
  return !reference.uid || reference.uid === metadata?.uid;
}

/** The smallest volume on `node` that will do for the claim, besides those `taken`; one that was made for it before all others. */
export function matchingVolume(
  claim: PersistentVolumeClaim,
  volumes: readonly PersistentVolume[],
  node: Node,
  taken: ReadonlySet<string>,
): PersistentVolume | undefined {
  let smallest: PersistentVolume | undefined;
  const matcher = claim.spec?.selector && matcherOf(claim.spec.selector);
  for (const volume of volumes) {
    if (taken.has(volume.metadata?.name ?? '') || !hasForm(volume, claim) || !suitsNode(volume, node)) continue;
    if (isFor(volume, claim)) return volume;
    if (volume.spec?.claimRef !== undefined || volume.status?.phase !== 'Available') continue;
    if (matcher !== undefined && !matcher.matches(volume.metadata?.labels)) continue;
    if (smallest === undefined || storageOf(volume) < storageOf(smallest)) smallest = volume;
  }
  return smallest;
}

/** Size, class, mode and access are what the claim asks for. */
function hasForm(volume: PersistentVolume, claim: PersistentVolumeClaim): boolean {
  const { spec, metadata } = volume;
  const modes = spec?.accessModes ?? [];
  return (
    metadata?.deletionTimestamp === undefined &&
    (spec?.volumeMode ?? 'Filesystem') === (claim.spec?.volumeMode ?? 'Filesystem') &&
    (spec?.volumeAttributesClassName ?? '') === (claim.spec?.volumeAttributesClassName ?? '') &&
    classNameOf(volume) === classNameOf(claim) &&
    storageOf(volume) >= storageAskedBy(claim) &&
    (claim.spec?.accessModes ?? []).every((mode) => modes.includes(mode))
  );
}

/** Where a class makes volumes. */
export function allowsNode({ allowedTopologies = [] }: StorageClass, { metadata }: Node): boolean {
  if (allowedTopologies.length === 0) return true;
  return allowedTopologies.some(({ matchLabelExpressions = [] }) =>
    matchLabelExpressions.every(({ key, values }) => {
      const value = metadata?.labels?.[key];
      return value !== undefined && values.includes(value);
    }),
  );
}
