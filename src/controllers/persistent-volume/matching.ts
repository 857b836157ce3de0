/**
 * Which volume a claim gets. Pure.
 *
 * One that was reserved for it comes first. Then: of those with the fewest access modes that still have all that it asks for, the smallest
 * that is large enough; so that what can do more is kept for who needs more.
 */
import type { PersistentVolume, PersistentVolumeClaim } from '../../api/schema/types/core-v1.ts';
import { labelMatcher } from '../../api/selector.ts';
import { isDeleting, nameOf } from '../shared/context.ts';
import { askedBytes, capacityBytes, classNameOf, isFor } from './binding.ts';

const modeOf = ({ spec }: PersistentVolume | PersistentVolumeClaim): string => spec?.volumeMode ?? 'Filesystem';

const attributesOf = ({ spec }: PersistentVolume | PersistentVolumeClaim): string =>
  spec?.volumeAttributesClassName ?? '';

const hasAccess = (volume: PersistentVolume, claim: PersistentVolumeClaim): boolean =>
  (claim.spec?.accessModes ?? []).every((mode) => volume.spec?.accessModes?.includes(mode));

/** Why the volume that a claim names will not do for it; undefined where it will. */
export function mismatch(volume: PersistentVolume, claim: PersistentVolumeClaim): string | undefined {
  if (isDeleting(volume)) return `the volume is marked for deletion "${nameOf(volume)}"`;
  if (capacityBytes(volume) < askedBytes(claim)) return 'requested PV is too small';
  if (classNameOf(volume) !== classNameOf(claim)) return 'storageClassName does not match';
  if (attributesOf(volume) !== attributesOf(claim)) return 'volumeAttributesClassName does not match';
  if (modeOf(volume) !== modeOf(claim)) return 'incompatible volumeMode';
  return hasAccess(volume, claim) ? undefined : 'incompatible accessMode';
}

/** `onlyReserved`: the claim waits for a pod, and the scheduler reserves its volume. */
export function matchingVolume(
  claim: PersistentVolumeClaim,
  volumes: readonly PersistentVolume[],
  onlyReserved: boolean,
): PersistentVolume | undefined {
  const suitable = volumes.filter(
    (volume) =>
      !isDeleting(volume) &&
      modeOf(volume) === modeOf(claim) &&
      capacityBytes(volume) >= askedBytes(claim) &&
      hasAccess(volume, claim),
  );
  const reserved = suitable.filter((volume) => isFor(volume, claim));
  if (reserved.length > 0 || onlyReserved) return reserved.toSorted(byFitness)[0];
  const matcher = labelMatcher(claim.spec?.selector ?? {});
  const free = suitable.filter(
    (volume) =>
      volume.spec?.claimRef === undefined &&
      volume.status?.phase === 'Available' &&
      classNameOf(volume) === classNameOf(claim) &&
      attributesOf(volume) === attributesOf(claim) &&
      matcher.matches(volume.metadata?.labels),
  );
  return free.toSorted(byFitness)[0];
}

function byFitness(a: PersistentVolume, b: PersistentVolume): number {
  const modes = (a.spec?.accessModes?.length ?? 0) - (b.spec?.accessModes?.length ?? 0);
  return modes || capacityBytes(a) - capacityBytes(b) || (nameOf(a) < nameOf(b) ? -1 : 1);
}
