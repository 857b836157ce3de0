/**
 * Which volume a claim gets, by upstream's rules for the binder and the scheduler. Pure.
 *
 * ```
 *  reserved for the claim ── will do ─────────────────▶ it, whatever its class and labels
 *        │                └─ cannot be used on the node ▶ none: another must not take its place
 *  free  └─ of the claim's class, with its labels ─────▶ the one that is the least loss to others
 * ```
 * The least loss: for the binder, of those with the fewest access modes the smallest, so that what can do more is kept for who needs more. For
 * the scheduler, which has a node, the smallest.
 */
import { matchesNodeSelector, type NodeFacts } from './node-matching.ts';
import { askedBytes, capacityBytes, classNameOf, isFor } from './persistent-volumes.ts';
import type { PersistentVolume, PersistentVolumeClaim } from './schema/types/core-v1.ts';
import { labelMatcher } from './selector.ts';

export interface Choice {
  /** Where the volume will be used. */
  readonly node?: NodeFacts;
  /** Names of volumes that others get in the same decision. */
  readonly taken?: ReadonlySet<string>;
  /** The claim waits for a pod, and the scheduler reserves its volume. */
  readonly onlyReserved?: boolean;
}

const nameOf = ({ metadata }: PersistentVolume): string => metadata?.name ?? '';

const modeOf = ({ spec }: PersistentVolume | PersistentVolumeClaim): string => spec?.volumeMode ?? 'Filesystem';

const attributesOf = ({ spec }: PersistentVolume | PersistentVolumeClaim): string =>
  spec?.volumeAttributesClassName ?? '';

/** A claim's volume can be mounted, or not, in one way: as a file system or as a device. */
export const hasModeFor = (volume: PersistentVolume, claim: PersistentVolumeClaim): boolean =>
  modeOf(volume) === modeOf(claim);

const hasAccess = (volume: PersistentVolume, claim: PersistentVolumeClaim): boolean =>
  (claim.spec?.accessModes ?? []).every((mode) => volume.spec?.accessModes?.includes(mode));

export function suitsNode({ spec }: PersistentVolume, node: NodeFacts): boolean {
  const required = spec?.nodeAffinity?.required;
  return required === undefined || matchesNodeSelector(required, node);
}

/** Why the volume that a claim names will not do for it, in upstream's words; undefined where it will. */
export function mismatch(volume: PersistentVolume, claim: PersistentVolumeClaim): string | undefined {
  if (volume.metadata?.deletionTimestamp !== undefined) return `the volume is marked for deletion "${nameOf(volume)}"`;
  if (capacityBytes(volume) < askedBytes(claim)) return 'requested PV is too small';
  if (classNameOf(volume) !== classNameOf(claim)) return 'storageClassName does not match';
  if (attributesOf(volume) !== attributesOf(claim)) return 'volumeAttributesClassName does not match';
  if (!hasModeFor(volume, claim)) return 'incompatible volumeMode';
  return hasAccess(volume, claim) ? undefined : 'incompatible accessMode';
}

export function matchingVolume(
  claim: PersistentVolumeClaim,
  volumes: readonly PersistentVolume[],
  { node, taken, onlyReserved = false }: Choice = {},
): PersistentVolume | undefined {
  const asked = askedBytes(claim);
  const free: PersistentVolume[] = [];
  const reserved: PersistentVolume[] = [];
  for (const volume of volumes) {
    const isReserved = volume.spec?.claimRef !== undefined;
    if (isReserved ? !isFor(volume, claim) : onlyReserved || volume.status?.phase !== 'Available') continue;
    if (taken?.has(nameOf(volume)) === true || !hasForm(volume, claim, asked)) continue;
    (isReserved ? reserved : free).push(volume);
  }
  const fitter = node === undefined ? byModesAndSize : bySize;
  const first = least(reserved, fitter);
  if (first !== undefined) return node === undefined || suitsNode(first, node) ? first : undefined;
  const className = classNameOf(claim);
  const matcher = free.length > 0 && claim.spec?.selector ? labelMatcher(claim.spec.selector) : undefined;
  const suitable = free.filter(
    (volume) =>
      classNameOf(volume) === className &&
      (matcher === undefined || matcher.matches(volume.metadata?.labels)) &&
      (node === undefined || suitsNode(volume, node)),
  );
  return least(suitable, fitter);
}

/** What must hold of any volume for the claim, reserved or not. */
const hasForm = (volume: PersistentVolume, claim: PersistentVolumeClaim, asked: number): boolean =>
  volume.metadata?.deletionTimestamp === undefined &&
  hasModeFor(volume, claim) &&
  attributesOf(volume) === attributesOf(claim) &&
  capacityBytes(volume) >= asked &&
  hasAccess(volume, claim);

type Order = (a: PersistentVolume, b: PersistentVolume) => number;

function least(volumes: readonly PersistentVolume[], order: Order): PersistentVolume | undefined {
  let best: PersistentVolume | undefined;
  for (const volume of volumes) if (best === undefined || order(volume, best) < 0) best = volume;
  return best;
}

/** Of equals the first by name, so that a decision can be repeated. */
const bySize: Order = (a, b) => capacityBytes(a) - capacityBytes(b) || (nameOf(a) < nameOf(b) ? -1 : 1);

const byModesAndSize: Order = (a, b) =>
  (a.spec?.accessModes?.length ?? 0) - (b.spec?.accessModes?.length ?? 0) || bySize(a, b);
