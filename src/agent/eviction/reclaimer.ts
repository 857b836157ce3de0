/** What the node can give back before a pod has to go. */
import type { Signal } from './signals.ts';
import type { DiskLayout } from './thresholds.ts';

export interface Reclaimer {
  /** Removes the images that no container uses. Resolves with how many bytes they took. */
  reclaimImages(): Promise<number>;
  /** Removes the containers of pods that have ended, with their layers and logs. Resolves with how many there were. */
  reclaimContainers(): Promise<number>;
}

/** A disk of volumes and logs alone gets no room from images, nor from layers. */
export function canReclaim(signal: Signal, layout: DiskLayout): boolean {
  if (signal.startsWith('nodefs.')) return layout === 'one-disk';
  return signal.startsWith('imagefs.') || signal.startsWith('containerfs.');
}
