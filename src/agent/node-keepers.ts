/**
 * What keeps a machine within its bounds while pods run: rotation of logs, collection of images, eviction. A simulated node has neither disk nor
 * limits to keep; it evicts where its owner says by what figures.
 */
import type { Service } from '../lib/service.ts';
import { type AgentOptions, isMachine } from './agent-options.ts';
import { diskLayout } from './eviction/disk-layout.ts';
import { EvictionManager } from './eviction/eviction-manager.ts';
import { collectContainers } from './garbage/container-collector.ts';
import { LogRotator } from './logs/log-rotator.ts';
import type { PodParts } from './pod-parts.ts';

export function keepersOf(
  options: AgentOptions,
  { host, pods, images, stats, pressures }: PodParts,
): readonly Service[] {
  if (!isMachine(options) && options.evicts === undefined) return [];
  const { runtime, clock, log, nodeName } = options;
  const { configuration, events, platform } = host;
  const containers = () => pods.all().flatMap((worker) => worker.containers);
  const collector = images.collector?.((reason, message) => events.recordNode?.('Warning', reason, message));
  const reclaimer = {
    reclaimImages: async () => (await collector?.deleteUnused()) ?? 0,
    reclaimContainers: () => collectContainers({ runtime, logs: platform.logs, pods: () => pods.all() }),
  };
  const layout = options.evicts?.layout ?? (() => diskLayout(runtime, options.home));
  const counted = { evicted: (signal: string) => host.metrics?.evicted(signal) };
  const watched = { stats: options.evicts?.stats ?? stats, pods: () => pods.all(), reclaimer, layout, ...counted };
  const eviction = new EvictionManager({ nodeName, configuration, pressures, events, clock, log, ...watched });
  if (!isMachine(options)) return [eviction];
  const rotator = new LogRotator({ runtime, containers, configuration, clock, log });
  return [rotator, ...(collector ? [collector] : []), eviction];
}
