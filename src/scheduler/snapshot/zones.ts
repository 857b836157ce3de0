/** The order in which nodes are looked at: zones in turn, so that a part of the nodes is spread over all zones. Pure. */
import type { Node } from '../../api/schema/types/core-v1.ts';

/** Region and zone by their labels, the old ones too; empty where a node has neither. */
export function zoneOf({ metadata }: Node): string {
  const labels = metadata?.labels;
  if (labels === undefined) return '';
  const zone = labels['topology.kubernetes.io/zone'] ?? labels['failure-domain.beta.kubernetes.io/zone'] ?? '';
  const region = labels['topology.kubernetes.io/region'] ?? labels['failure-domain.beta.kubernetes.io/region'] ?? '';
  return zone === '' && region === '' ? '' : `${region}:\0:${zone}`;
}

/** One of each zone, then the next of each, until all are there. */
export function inTurns<T>(items: readonly T[], zone: (item: T) => string): readonly T[] {
  const zones = new Map<string, T[]>();
  for (const item of items) {
    const name = zone(item);
    const members = zones.get(name);
    if (members === undefined) zones.set(name, [item]);
    else members.push(item);
  }
  if (zones.size <= 1) return items;
  const lists = [...zones.values()];
  const longest = lists.reduce((most, { length }) => Math.max(most, length), 0);
  const ordered: T[] = [];
  for (let turn = 0; turn < longest; turn++) {
    for (const list of lists) if (turn < list.length) ordered.push(list[turn] as T);
  }
  return ordered;
}
