/**
 * Which images of a node go. Pure; the rules are upstream's.
 *
 * When the disk is fuller than the high mark, those unused for longest go until it would be as empty as the low mark. What some container
 * uses (one that has exited, too), what the runtime needs, and what came only just now stays.
 */
import type { KubeletConfiguration } from '../kubelet-configuration.ts';
import type { ImageStatus } from '../runtime.ts';

/** What is remembered of an image that is here. */
export interface ImageRecord {
  readonly image: ImageStatus;
  /** 0: before anybody looked. */
  readonly detectedAtMs: number;
  /** 0: never seen in use. */
  readonly usedAtMs: number;
  readonly isUsed: boolean;
}

export type ImageRecords = ReadonlyMap<string, ImageRecord>;

export type CollectionPolicy = Pick<
  KubeletConfiguration,
  'imageGCHighThresholdPercent' | 'imageGCLowThresholdPercent' | 'imageMinimumGCAgeMs' | 'imageMaximumGCAgeMs'
>;

export interface Disk {
  readonly capacityBytes: number;
  readonly availableBytes: number;
}

/** @param used ids, digests and names of images that containers and volumes use */
export function observeImages(
  before: ImageRecords | undefined,
  images: readonly ImageStatus[],
  used: ReadonlySet<string>,
  nowMs: number,
): ImageRecords {
  return new Map(
    images.map((image) => {
      const known = before?.get(image.id);
      // A clock that was set back leaves nothing in the future.
      const past = (timeMs: number): number => Math.min(timeMs, nowMs);
      const isUsed = [image.id, ...image.digests, ...image.tags].some((name) => used.has(name));
      const detectedAtMs = past(known?.detectedAtMs ?? (before === undefined ? 0 : nowMs));
      return [image.id, { image, detectedAtMs, usedAtMs: isUsed ? nowMs : past(known?.usedAtMs ?? 0), isUsed }];
    }),
  );
}

/** How many bytes must go; 0: none. */
export function bytesToFree({ capacityBytes, availableBytes }: Disk, policy: CollectionPolicy): number {
  const available = Math.min(availableBytes, capacityBytes);
  const usedPercent = 100 - Math.floor((available * 100) / capacityBytes);
  if (usedPercent < policy.imageGCHighThresholdPercent) return 0;
  return Math.max(0, Math.floor((capacityBytes * (100 - policy.imageGCLowThresholdPercent)) / 100) - available);
}

/** In the order in which they go; the caller stops when enough is free. */
export function removableImages(
  records: ImageRecords,
  policy: CollectionPolicy,
  nowMs: number,
): readonly ImageStatus[] {
  return [...records.values()]
    .filter(isUnused)
    .filter(({ detectedAtMs }) => nowMs - detectedAtMs >= policy.imageMinimumGCAgeMs)
    .toSorted(byAge)
    .map(({ image }) => image);
}

/** Those that nobody has used for too long. Since use is not remembered over a restart, none before the agent ran for as long. */
export function outdatedImages(
  records: ImageRecords,
  policy: CollectionPolicy,
  times: { readonly startedAtMs: number; readonly nowMs: number },
): readonly ImageStatus[] {
  const { startedAtMs, nowMs } = times;
  const oldestMs = policy.imageMaximumGCAgeMs;
  if (oldestMs === 0 || nowMs - startedAtMs <= oldestMs) return [];
  return [...records.values()]
    .filter(isUnused)
    .filter(({ usedAtMs, detectedAtMs }) => nowMs - Math.max(usedAtMs, detectedAtMs) > oldestMs)
    .toSorted(byAge)
    .map(({ image }) => image);
}

function isUnused({ isUsed, image }: ImageRecord): boolean {
  return !isUsed && image.pinned !== true;
}

function byAge(a: ImageRecord, b: ImageRecord): number {
  const byUse = a.usedAtMs - b.usedAtMs || a.detectedAtMs - b.detectedAtMs;
  if (byUse !== 0) return byUse;
  return a.image.id < b.image.id ? -1 : 1;
}
