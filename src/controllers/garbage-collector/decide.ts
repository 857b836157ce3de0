/**
 * What becomes of an object by its owners and its own end. Pure; `controller.ts` finds out what it needs to know.
 *
 * ```
 *  being deleted ── finalizer orphan ───────────▶ take the owner out of its dependents, then the finalizer
 *               └── finalizer foregroundDeletion ▶ wait for dependents that block, then take the finalizer
 *  has owners ──── one that cannot be looked for ▶ keep, as it is
 *             ├── some solid ──────────────────▶ keep; references to absent or waiting owners are taken out
 *             ├── else some waiting (foreground) ▶ delete; in the foreground too where it has dependents of its own
 *             └── all absent ───────────────────▶ delete, as its own finalizers say, else in the background
 * ```
 */
import type { KubeObject } from '../../api/object.ts';
import type { OwnerReference } from '../../api/schema/types/meta-v1.ts';

export const orphanFinalizer = 'orphan';
export const foregroundFinalizer = 'foregroundDeletion';

/**
 * `solid`: there. `waiting`: being deleted in the foreground, and waits for its dependents. `absent`: gone, or another of its name.
 * `unnameable`: a namespaced owner of a cluster-wide object, of which nobody can tell whether it is there.
 */
export type OwnerState = 'solid' | 'waiting' | 'absent' | 'unnameable';

export interface Owned {
  readonly object: KubeObject;
  readonly owners: readonly { readonly reference: OwnerReference; readonly state: OwnerState }[];
  readonly hasDependents: boolean;
}

export type Verdict =
  | { readonly kind: 'keep' }
  /** Leaves the owner references that are given. */
  | { readonly kind: 'release'; readonly ownerReferences: readonly OwnerReference[] }
  | { readonly kind: 'delete'; readonly policy: 'Orphan' | 'Background' | 'Foreground' };

export function decideOwned({ object, owners, hasDependents }: Owned): Verdict {
  if (owners.length === 0 || owners.some(({ state }) => state === 'unnameable')) return { kind: 'keep' };
  const solid = owners.filter(({ state }) => state === 'solid').map(({ reference }) => reference);
  if (solid.length === owners.length) return { kind: 'keep' };
  if (solid.length > 0) return { kind: 'release', ownerReferences: solid };
  const waited = owners.some(({ state }) => state === 'waiting');
  if (waited && hasDependents) return { kind: 'delete', policy: 'Foreground' };
  return { kind: 'delete', policy: ownPolicy(object) };
}

function ownPolicy(object: KubeObject): 'Orphan' | 'Background' | 'Foreground' {
  if (hasFinalizer(object, orphanFinalizer)) return 'Orphan';
  return hasFinalizer(object, foregroundFinalizer) ? 'Foreground' : 'Background';
}

export const hasFinalizer = (object: KubeObject, finalizer: string): boolean =>
  object.metadata?.finalizers?.includes(finalizer) === true;

const deleting = (object: KubeObject): boolean => object.metadata?.deletionTimestamp !== undefined;

export const isOrphaning = (object: KubeObject): boolean => deleting(object) && hasFinalizer(object, orphanFinalizer);

export const awaitsDependents = (object: KubeObject): boolean =>
  deleting(object) && hasFinalizer(object, foregroundFinalizer);

/** It keeps an owner that is deleted in the foreground from going. */
export const blocks = (dependent: KubeObject, ownerUid: string): boolean =>
  dependent.metadata?.ownerReferences?.some(({ uid, blockOwnerDeletion }) => uid === ownerUid && blockOwnerDeletion) ===
  true;

/** Its owners' states matter, or its own end needs something done. */
export const isOfInterest = (object: KubeObject): boolean =>
  (object.metadata?.ownerReferences?.length ?? 0) > 0 || isOrphaning(object) || awaitsDependents(object);
