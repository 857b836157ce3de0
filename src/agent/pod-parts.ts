/**
 * What runs a node's pods and answers for them, in any process and with or without containers: the light nodes of a fleet have these parts
 * alone. `agent.ts` adds what makes a whole node of them.
 *
 * ```
 *   options, facts ──▶ NodeResources, NodeDevices ──▶ PodHost (what all pod workers share) ──▶ PodWorkers ──▶ NodeServer, statistics
 * ```
 */
import path from 'node:path';
import type { Pod } from '../api/schema/types/core-v1.ts';
import type { NodeHandler } from '../client/node-api.ts';
import {
  type AgentOptions,
  cgroupRootOf,
  configurationOf,
  diskOf,
  isMachine,
  type PodOptions,
  volumesOf,
} from './agent-options.ts';
import { type DeviceDrivers, dynamicResources } from './devices/dynamic-resources.ts';
import { NodeDevices } from './devices/node-devices.ts';
import { NodePressures } from './eviction/node-pressures.ts';
import { Gate } from './gate.ts';
import { hostPlatform } from './host-platform.ts';
import { type NodeImages, nodeImages } from './images/node-images.ts';
import type { AgentMetrics } from './metrics/agent-metrics.ts';
import type { NodeFacts } from './node-facts.ts';
import { NodeServer } from './node-server.ts';
import type { PodHook } from './pod/pod-hook.ts';
import type { AgentPlatform, PodHost } from './pod/pod-host.ts';
import { type PodFeed, PodWorkers } from './pod/pod-workers.ts';
import { PortBook } from './pod/port-book.ts';
import { securityHooks } from './pod/security/security-hooks.ts';
import { NodeProxy } from './proxy.ts';
import { NodeResources } from './resources/node-resources.ts';
import type { NodeSource } from './resources/own-node.ts';
import type { StatsSource } from './stats/summary.ts';
import { StreamingServer } from './streaming/streaming-server.ts';
import { WatchedObjects } from './watched-objects.ts';

/** A node without its reporter: what runs its pods, and what answers for them. Stopped in reverse. */
export interface PodParts {
  readonly pods: PodWorkers;
  readonly streaming: StreamingServer;
  readonly handler: NodeHandler;
  readonly images: NodeImages;
  readonly stats: StatsSource;
  readonly host: PodHost;
  readonly pressures: NodePressures;
  readonly resources: NodeResources;
  /** Those of a machine; a simulated node's devices are facts. */
  readonly devices: NodeDevices | undefined;
}

/** @param feed where the node's pods come from; @param metrics absent where nothing is counted; @param node absent where pods are taken as they come */
export function composePods(
  options: PodOptions,
  facts: NodeFacts,
  feed: PodFeed,
  metrics?: AgentMetrics,
  node?: NodeSource,
): PodParts {
  const { runtime, nodeName, home, clock, log } = options;
  const podLogs = path.join(home, 'pod-logs');
  const platform =
    options.platform ??
    hostPlatform({ pods: path.join(home, 'pods'), podLogs, volumes: volumesOf(options), clock, log });
  const pressures = new NodePressures();
  const devices = nodeDevices(options);
  const resources = nodeResources(options, facts, platform, node && devices ? devices.raised(node) : node);
  const host = {
    ...podHost(options, facts, platform, podLogs, pressures, resources, devices),
    ...(metrics && { metrics }),
  };
  const pods = new PodWorkers(host, feed);
  resources.attach({
    active: () => pods.active(),
    renew: (uid) => pods.renew(uid),
    fail: (uid, reason, message) => pods.withUid(uid)?.fail(reason, message),
    refuse: (uid, { reason, message }) => pods.withUid(uid)?.refuse(reason, `Pod was rejected: ${message}`),
  });
  devices?.attach({
    active: () => pods.active(),
    wake: (uid) => pods.withUid(uid)?.wake(),
    refuse: (uid, { reason, message }) => {
      const worker = pods.withUid(uid);
      if (worker?.lastPod !== undefined) host.events.record(worker.lastPod, 'Warning', reason, message);
      worker?.refuse(reason, `Pod was rejected: ${message}`);
    },
  });
  const streaming = new StreamingServer({ pods, runtime, clock, log });
  // What is simulated has no addresses that anybody could dial.
  const addresses = isMachine(options) ? facts.addresses : [];
  const proxy = new NodeProxy({ pods, addresses, clock });
  const { configuration, cgroupRoot } = host;
  const volumePeriodMs = configuration.volumeStatsAggPeriodMs;
  const places = (pod: Pod) => platform.storage.places(pod);
  const own = { nodeName, pods: () => pods.all(), places, runtime, clock, cgroupRoot, home, volumePeriodMs };
  const stats = platform.stats({
    ...own,
    memoryBytes: facts.memoryBytes,
    ephemeralStorageBytes: facts.ephemeralStorageBytes,
  });
  const handler = new NodeServer({
    nodeName,
    facts,
    configuration,
    pods,
    runtime,
    logs: platform.logs,
    stats,
    ...(metrics && { metrics }),
    ...(isMachine(options) && { systemLogs: '/var/log' }),
    streaming,
    proxy,
    removeVolume: (volume) => platform.storage.removeVolume(volume),
    ...(host.images.local && { localImages: host.images.local }),
    clock,
    log,
  });
  return { pods, streaming, handler, images: host.images, stats, host, pressures, resources, devices };
}

function podHost(
  options: PodOptions,
  facts: NodeFacts,
  platform: AgentPlatform,
  podLogs: string,
  pressures: NodePressures,
  resources: NodeResources,
  devices: NodeDevices | undefined,
): PodHost {
  const { client, runtime, clock } = options;
  const configuration = configurationOf(options);
  const source = new WatchedObjects({ client, clock, prng: options.prng, log: options.log });
  const home = diskOf(options);
  const { imageSharing: sharing } = options;
  const images = nodeImages({ runtime, source, configuration, home, sharing, clock, log: options.log });
  return {
    client,
    runtime,
    platform,
    source,
    images,
    hooks: [
      pressures.hook,
      ...(devices?.hooks ?? []),
      ...resources.hooks,
      ...podHooks(options, devices?.drivers ?? platform.devices, facts),
      ...images.hooks,
      ...(devices?.lastHooks ?? []),
    ],
    configuration,
    starts: new Gate(options.startsMax ?? 8),
    events: options.events,
    clock,
    prng: options.prng,
    startedAtMs: clock.now(),
    log: options.log,
    cgroupRoot: cgroupRootOf(options),
    podLogs,
    hostIps: facts.addresses,
    runtimeName: options.runtimeName ?? 'containerd',
    allocatable: resources.allocatable,
    rules: resources.rules,
    resizes: resources.resizes,
    ...(devices && { deviceHealth: (pod: Pod) => devices.health(pod) }),
    clusterDns: options.clusterDns,
    environment: options.environment ?? (() => Promise.resolve([])),
  };
}

/** What every pod passes, in this order. */
function podHooks(options: AgentOptions, drivers: DeviceDrivers, facts: NodeFacts): readonly PodHook[] {
  const { client, runtime, runtimeInfo } = options;
  const configuration = configurationOf(options);
  const home = diskOf(options);
  return [
    new PortBook(),
    ...securityHooks({ client, runtime, runtimeInfo, facts, configuration, home }),
    dynamicResources(client, drivers),
    ...(options.hooks ?? []),
  ];
}

function nodeResources(
  options: PodOptions,
  facts: NodeFacts,
  platform: AgentPlatform,
  node: NodeSource | undefined,
): NodeResources {
  const { nodeName, clock, log } = options;
  const configuration = configurationOf(options);
  const isReal = isMachine(options);
  // What nobody watches over is not kept free.
  const evictionHard = isReal || options.evicts ? configuration.evictionHard : {};
  return new NodeResources({
    nodeName,
    facts,
    configuration: { ...configuration, evictionHard },
    cgroups: platform.cgroups,
    cgroupRoot: cgroupRootOf(options),
    ...(node !== undefined && { node }),
    ...(isReal && { home: options.home }),
    events: options.events,
    clock,
    log,
  });
}

/** Plugins serve machines; a simulated node's devices are facts. */
function nodeDevices(options: AgentOptions): NodeDevices | undefined {
  const { client, runtime, nodeName, home, clock, log } = options;
  if (!isMachine(options)) return undefined;
  const pluginRoot = configurationOf(options).pluginRoot ?? home;
  return new NodeDevices({ client, runtime, nodeName, home, pluginRoot, clock, log });
}
