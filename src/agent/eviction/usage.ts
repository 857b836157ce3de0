/** What a pod uses of a resource, and what it asked for. Pure. */

import { containersTogether } from '../../api/pod-requests.ts';
import { addQuantities, formatQuantity, integerValue, parseQuantity } from '../../api/quantity.ts';
import type { Pod, Volume } from '../../api/schema/types/core-v1.ts';
import type { FsStats, PodStats } from '../stats/summary.ts';

/** What of a pod lies on a disk: the layers of its containers, their logs, its volumes. */
export type DiskPart = 'layers' | 'logs' | 'volumes';

/** In bytes, or in whatever the resource is counted in. */
export function requestOf({ spec }: Pod, resource: string): number {
  if (spec === undefined) return 0;
  const own = spec.resources?.requests?.[resource];
  const asked = own === undefined ? containersTogether(spec, 'requests').get(resource) : parseQuantity(own);
  if (asked === undefined || asked.nano === 0n) return 0;
  const overhead = parseQuantity(spec.overhead?.[resource] ?? '0');
  return integerValue(formatQuantity(addQuantities(asked, overhead)));
}

export function memoryUsage({ memory }: PodStats): number {
  return memory?.workingSetBytes ?? 0;
}

export function processCount({ process_stats }: PodStats): number {
  return process_stats?.process_count ?? 0;
}

export function diskUsage(pod: Pod, stats: PodStats, parts: readonly DiskPart[], unit: 'bytes' | 'inodes'): number {
  const of = (fs: FsStats | undefined): number => (unit === 'bytes' ? fs?.usedBytes : fs?.inodesUsed) ?? 0;
  let used = 0;
  for (const container of stats.containers) {
    if (parts.includes('layers')) used += of(container.rootfs);
    if (parts.includes('logs')) used += of(container.logs);
  }
  if (!parts.includes('volumes')) return used;
  const local = new Set((pod.spec?.volumes ?? []).filter(isOnThisDisk).map(({ name }) => name));
  for (const volume of stats.volume ?? []) if (local.has(volume.name)) used += of(volume);
  return used;
}

function isOnThisDisk({ hostPath, emptyDir, configMap, gitRepo }: Volume): boolean {
  const isEmptyDisk = emptyDir !== undefined && (emptyDir.medium ?? '') === '';
  return isEmptyDisk || (hostPath ?? configMap ?? gitRepo) !== undefined;
}
