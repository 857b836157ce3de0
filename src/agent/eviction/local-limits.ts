/**
 * What a pod itself may keep on the node's disk: `sizeLimit` of an emptyDir, and limits of `ephemeral-storage` of the pod and of each of its
 * containers. Whoever is over one must go, however much room there is. Pure.
 */
import { containersTogether } from '../../api/pod-requests.ts';
import {
  addQuantities,
  compareQuantities,
  formatQuantity,
  parseQuantity,
  type Quantity,
  quantityFromInteger,
} from '../../api/quantity.ts';
import type { Pod } from '../../api/schema/types/core-v1.ts';
import type { PodStats } from '../stats/summary.ts';
import type { DiskLayout } from './thresholds.ts';

const resource = 'ephemeral-storage';
const zero = parseQuantity('0');

/** Which limit, as metrics name it, and what to say. */
export interface Excess {
  readonly signal: 'emptydirfs.limit' | 'ephemeralpodfs.limit' | 'ephemeralcontainerfs.limit';
  readonly message: string;
}

/** The first limit that it is over; undefined: none. */
export function excessOf(pod: Pod, stats: PodStats, layout: DiskLayout): Excess | undefined {
  return overVolume(pod, stats) ?? overPod(pod, stats) ?? overContainer(pod, stats, layout);
}

function overVolume(pod: Pod, stats: PodStats): Excess | undefined {
  for (const { name, emptyDir } of pod.spec?.volumes ?? []) {
    const limit = emptyDir?.sizeLimit;
    const used = stats.volume?.find((volume) => volume.name === name)?.usedBytes;
    if (limit === undefined || used === undefined || !isOver(used, parseQuantity(limit))) continue;
    return { signal: 'emptydirfs.limit', message: `Usage of EmptyDir volume "${name}" exceeds the limit "${limit}". ` };
  }
  return undefined;
}

function overPod({ spec }: Pod, stats: PodStats): Excess | undefined {
  const limit = spec === undefined ? undefined : containersTogether(spec, 'limits').get(resource);
  if (limit === undefined) return undefined;
  const whole = addQuantities(limit, parseQuantity(spec?.overhead?.[resource] ?? '0'));
  if (!isOver(stats[resource]?.usedBytes ?? 0, whole)) return undefined;
  const message = `Pod ephemeral local storage usage exceeds the total limit of containers ${formatQuantity(whole)}. `;
  return { signal: 'ephemeralpodfs.limit', message };
}

/** A layer on a disk of its own takes nothing from the one that this resource counts. */
function overContainer(pod: Pod, stats: PodStats, layout: DiskLayout): Excess | undefined {
  for (const { name, logs, rootfs } of stats.containers) {
    const limit = pod.spec?.containers?.find((container) => container.name === name)?.resources?.limits?.[resource];
    const used = (logs?.usedBytes ?? 0) + (layout === 'one-disk' ? (rootfs?.usedBytes ?? 0) : 0);
    if (limit === undefined || !isOver(used, parseQuantity(limit))) continue;
    const message = `Container ${name} exceeded its local ephemeral storage limit "${limit}". `;
    return { signal: 'ephemeralcontainerfs.limit', message };
  }
  return undefined;
}

/** A limit of nothing is none. */
function isOver(usedBytes: number, limit: Quantity): boolean {
  if (compareQuantities(limit, zero) <= 0) return false;
  return compareQuantities(quantityFromInteger(usedBytes, 'BinarySI'), limit) > 0;
}
