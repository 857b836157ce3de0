/**
 * What becomes of a volume. Pure.
 *
 * ```
 *  for nobody, or reserved by name ──▶ Available
 *  its claim is there, and names it ──▶ Bound        names none yet ──▶ the claim's turn
 *  its claim is gone ──▶ Released, then by its policy: kept, deleted, or Failed
 *  its claim has another volume ──▶ free again; deleted where it was made for that claim
 * ```
 */
import type { PersistentVolume, PersistentVolumeClaim } from '../../api/schema/types/core-v1.ts';
import { hasModeFor } from '../../api/volume-matching.ts';
import { nameOf, uidOf } from '../shared/context.ts';
import { annotationOf, migratedTo, provisionedBy } from './binding.ts';

export type Reclaim =
  | { readonly kind: 'keep' }
  /** Somebody else removes it, and then the object. */
  | { readonly kind: 'external' }
  | { readonly kind: 'delete'; readonly hostPath: string }
  | { readonly kind: 'fail'; readonly reason: string; readonly message: string };

export type VolumePlan =
  | { readonly kind: 'phase'; readonly phase: 'Available' | 'Bound' }
  | { readonly kind: 'claim' }
  /** The claim that it is for wants its volume in the other mode: neither gets anywhere until somebody changes one. */
  | { readonly kind: 'mode'; readonly claim: PersistentVolumeClaim }
  | { readonly kind: 'unbind' }
  | { readonly kind: 'reclaim'; readonly reclaim: Reclaim };

export function decideVolume(volume: PersistentVolume, named: PersistentVolumeClaim | undefined): VolumePlan {
  const reference = volume.spec?.claimRef;
  if (!reference?.uid) return { kind: 'phase', phase: 'Available' };
  const claim = named !== undefined && uidOf(named) === reference.uid ? named : undefined;
  if (claim === undefined) return { kind: 'reclaim', reclaim: decideReclaim(volume) };
  const { volumeName } = claim.spec ?? {};
  if (!volumeName) return hasModeFor(volume, claim) ? { kind: 'claim' } : { kind: 'mode', claim };
  if (volumeName === nameOf(volume)) return { kind: 'phase', phase: 'Bound' };
  const wasMade = annotationOf(volume, provisionedBy) !== undefined;
  const isDeleted = volume.spec?.persistentVolumeReclaimPolicy === 'Delete';
  return wasMade && isDeleted ? { kind: 'reclaim', reclaim: decideReclaim(volume) } : { kind: 'unbind' };
}

/** Also of a volume that is being deleted: its policy is kept whichever of the two goes first. */
function decideReclaim(volume: PersistentVolume): Reclaim {
  if (annotationOf(volume, migratedTo)) return { kind: 'external' };
  switch (volume.spec?.persistentVolumeReclaimPolicy ?? 'Retain') {
    case 'Retain':
      return { kind: 'keep' };
    case 'Delete':
      return decideDeletion(volume);
    case 'Recycle':
      return { kind: 'fail', reason: 'VolumeFailedRecycle', message: 'No recycler plugin found for the volume!' };
    default:
      return {
        kind: 'fail',
        reason: 'VolumeUnknownReclaimPolicy',
        message: 'Volume has unrecognized PersistentVolumeReclaimPolicy',
      };
  }
}

/** Upstream's deleter of host paths refuses all others, too: what is deleted there is deleted for good. */
const deletableHostPath = /^\/tmp\/[^/]/;

function decideDeletion(volume: PersistentVolume): Reclaim {
  const provisioner = annotationOf(volume, provisionedBy);
  if (provisioner && !provisioner.startsWith('kubernetes.io/')) return { kind: 'external' };
  if (!provisioner && volume.spec?.csi !== undefined) return { kind: 'external' };
  const fail = (message: string): Reclaim => ({ kind: 'fail', reason: 'VolumeFailedDelete', message });
  const path = volume.spec?.hostPath?.path;
  if (path === undefined) {
    const why = 'no deletable volume plugin matched';
    return fail(`error getting deleter volume plugin for volume "${nameOf(volume)}": ${why}`);
  }
  if (!deletableHostPath.test(path) || path.split('/').includes('..')) {
    return fail(`host_path deleter only supports /tmp/.+ but received provided ${path}`);
  }
  return { kind: 'delete', hostPath: path };
}
