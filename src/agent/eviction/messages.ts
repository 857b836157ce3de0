/** What is said of an eviction, in the pod's status and in its event: upstream's words. Pure. */

import { isPodLevelSet } from '../../api/pod-quality.ts';
import { compareQuantities, formatQuantity, parseQuantity, quantityFromInteger } from '../../api/quantity.ts';
import type { Container, Pod } from '../../api/schema/types/core-v1.ts';
import type { ContainerStats, PodStats } from '../stats/summary.ts';
import { amount, type Observations, type Resource, signals } from './signals.ts';
import { formatThreshold, type Threshold } from './thresholds.ts';
import { memoryUsage } from './usage.ts';

export interface EvictionText {
  readonly message: string;
  /** Of the event, for tools. */
  readonly annotations: Readonly<Record<string, string>>;
}

export interface Shortage {
  readonly resource: Resource;
  /** That called for action; the first for this resource is told. */
  readonly thresholds: readonly Threshold[];
  readonly observations: Observations;
}

export function evictionText(pod: Pod, stats: PodStats | undefined, shortage: Shortage): EvictionText {
  const { resource } = shortage;
  const head = `The node was low on resource: ${resource}. ${thresholdText(shortage)}`;
  if (stats === undefined) return { message: head, annotations: {} };
  const whole = offendingPod(pod, stats, resource);
  const containers = offendingContainers(pod, stats, resource);
  const texts = containers.map(({ name, used, asked }) => consumption('Container', name, used, asked, resource));
  return {
    message: `${head}${whole.message}${texts.join('')}`,
    annotations: {
      ...whole.annotations,
      offending_containers: containers.map(({ name }) => name).join(','),
      offending_containers_usage: containers.map(({ used }) => used).join(','),
      starved_resource: resource,
    },
  };
}

function thresholdText({ resource, thresholds, observations }: Shortage): string {
  for (const threshold of thresholds) {
    const observed = observations.get(threshold.signal);
    if (signals[threshold.signal].resource !== resource || observed === undefined) continue;
    const available = amount(observed.available, observed.format);
    return `Threshold quantity: ${formatThreshold(threshold, observed)}, available: ${available}. `;
  }
  return '';
}

function consumption(what: 'Container' | 'Pod', name: string, used: string, asked: string, resource: Resource): string {
  return `${what} ${name} was using ${used}, request is ${asked}, has larger consumption of ${resource}. `;
}

/** Where the pod as a whole asks for memory, that is told, too. */
function offendingPod(pod: Pod, stats: PodStats, resource: Resource): EvictionText {
  const asked = pod.spec?.resources?.requests?.[resource];
  if (resource !== 'memory' || asked === undefined || stats.memory === undefined)
    return { message: '', annotations: {} };
  if (!isPodLevelSet(pod.spec?.resources)) return { message: '', annotations: {} };
  const name = pod.metadata?.name ?? '';
  const used = amount(memoryUsage(stats), 'BinarySI');
  return {
    message: consumption('Pod', name, used, asked, resource),
    annotations: { offending_pod: name, offending_pod_usage: used },
  };
}

interface Offender {
  readonly name: string;
  readonly used: string;
  readonly asked: string;
}

/** Ephemeral containers cannot ask for anything: they are not blamed. */
function offendingContainers(pod: Pod, stats: PodStats, resource: Resource): readonly Offender[] {
  const containers = new Map<string, Container>();
  for (const one of [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])])
    containers.set(one.name, one);
  return stats.containers.flatMap((running) => {
    const container = containers.get(running.name);
    const bytes = usedBytes(running, resource);
    if (container === undefined || bytes === undefined) return [];
    const asked = parseQuantity(container.resources?.requests?.[resource] ?? '0');
    const used = quantityFromInteger(bytes, 'BinarySI');
    if (compareQuantities(used, asked) <= 0) return [];
    return [{ name: container.name, used: formatQuantity(used), asked: formatQuantity(asked) }];
  });
}

function usedBytes({ memory, rootfs, logs }: ContainerStats, resource: Resource): number | undefined {
  if (resource === 'memory') return memory?.workingSetBytes;
  if (resource !== 'ephemeral-storage') return undefined;
  if (rootfs?.usedBytes === undefined || logs?.usedBytes === undefined) return undefined;
  return rootfs.usedBytes + logs.usedBytes;
}
