/**
 * What is told about StatefulSets while they update, under upstream's names: how many pods may be missing, and how many are. Read from the
 * caches at each scrape, so that a set that is gone tells nothing more.
 */
import type { StatefulSet } from '../../api/schema/types/apps-v1.ts';
import type { Pod } from '../../api/schema/types/core-v1.ts';
import type { MetricRegistry } from '../../lib/metrics.ts';
import { nameOf, namespaceOf } from '../shared/context.ts';
import { isInRange, ordinalOf, replicasOf } from './identity.ts';
import { isUp, unavailableMax } from './update.ts';

export interface MeasuredSet {
  readonly set: StatefulSet;
  /** Those it controls. */
  readonly pods: readonly Pod[];
}

export function measureStatefulSets(
  registry: MetricRegistry,
  read: () => Iterable<MeasuredSet>,
  now: () => number,
): void {
  const labels = ['statefulset_namespace', 'statefulset_name', 'pod_management_policy'];
  const gauge = (rest: string, help: string) =>
    registry.gauge({ name: `statefulset_controller_statefulset_${rest}`, help, labels });
  const most = gauge('max_unavailable', 'How many pods of a StatefulSet may be missing while it updates.');
  const missing = gauge('unavailable_replicas', 'Pods of a StatefulSet that are missing or not available.');
  registry.beforeScrape(() => {
    most.clear();
    missing.clear();
    for (const { set, pods } of read()) {
      if (set.spec?.updateStrategy?.type === 'OnDelete') continue;
      const values = [namespaceOf(set), nameOf(set), set.spec?.podManagementPolicy ?? 'OrderedReady'];
      most.with(...values).set(unavailableMax(set));
      missing.with(...values).set(replicasOf(set) - upOf(set, pods, now()));
    }
  });
}

function upOf(set: StatefulSet, pods: readonly Pod[], nowMs: number): number {
  const isMember = (pod: Pod): boolean => {
    const ordinal = ordinalOf(set, pod);
    return ordinal !== undefined && isInRange(set, ordinal);
  };
  return pods.filter((pod) => isMember(pod) && isUp(set, pod, nowMs)).length;
}
