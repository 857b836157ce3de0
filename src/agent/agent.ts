/**
 * The node: what a kubelet is upstream. It composes the parts and decides nothing itself.
 *
 * ```
 *   pods of this node ──▶ PodWorkers ──▶ runtime          NodeReporter ──▶ Node, Lease
 *   logs, exec, …     ──▶ NodeServer (`handler`)
 * ```
 * The same with containers (`CriRuntime`, `hostPlatform`) and without (`SimulatedRuntime`, `simulatedPlatform`, `simulatedNodeFacts`); one process may hold several.
 */
import path from 'node:path';
import type { ObjectReference } from '../api/object.ts';
import type { Pod, Taint } from '../api/schema/types/core-v1.ts';
import { StatusError } from '../api/status-error.ts';
import type { Client } from '../client/client.ts';
import { EventRecorder } from '../client/events.ts';
import { Informer } from '../client/informer.ts';
import type { NodeHandler, NodeRequest, NodeResponse } from '../client/node-api.ts';
import { nodes, pods as podResource } from '../client/resources.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/log.ts';
import type { Prng } from '../lib/prng.ts';
import { type Service, ServiceGroup } from '../lib/service.ts';
import { diskLayout } from './eviction/disk-layout.ts';
import { EvictionManager } from './eviction/eviction-manager.ts';
import { NodePressures } from './eviction/node-pressures.ts';
import type { DiskLayout } from './eviction/thresholds.ts';
import { collectContainers } from './garbage/container-collector.ts';
import { Gate } from './gate.ts';
import { hostPlatform } from './host-platform.ts';
import { type NodeImages, nodeImages } from './images/node-images.ts';
import { defaultKubeletConfiguration, type KubeletConfiguration } from './kubelet-configuration.ts';
import { LogRotator } from './logs/log-rotator.ts';
import { AgentMetrics } from './metrics/agent-metrics.ts';
import { measuredRuntime } from './metrics/measured-runtime.ts';
import { nodeProblems } from './node-conditions.ts';
import { type NodeFacts, readNodeFacts } from './node-facts.ts';
import { NodeReporter } from './node-reporter.ts';
import { NodeServer } from './node-server.ts';
import { dynamicResources } from './pod/devices.ts';
import type { ClusterDns } from './pod/dns.ts';
import type { PodHook } from './pod/pod-hook.ts';
import type { AgentPlatform, EventSink, PodHost } from './pod/pod-host.ts';
import { type PodFeed, PodWorkers } from './pod/pod-workers.ts';
import { PortBook } from './pod/port-book.ts';
import { runtimeFeaturesPart } from './pod/security/runtime-features.ts';
import { securityHooks } from './pod/security/security-hooks.ts';
import { NodeProxy } from './proxy.ts';
import { NodeResources } from './resources/node-resources.ts';
import { type NodeSource, OwnNode } from './resources/own-node.ts';
import type { Runtime, RuntimeInfo } from './runtime.ts';
import { ManifestFolder, type ManifestReader } from './static-pods/manifest-folder.ts';
import { MirrorPods } from './static-pods/mirror-pods.ts';
import { StaticPodFeed } from './static-pods/static-pod-feed.ts';
import type { StatsSource } from './stats/summary.ts';
import { StreamingServer } from './streaming/streaming-server.ts';
import { WatchedObjects } from './watched-objects.ts';

export interface AgentOptions {
  readonly client: Client;
  readonly runtime: Runtime;
  readonly nodeName: string;
  /** The folder for this node's state: volumes and logs of pods. */
  readonly home: string;
  readonly clock: Clock;
  readonly prng: Prng;
  readonly log: Logger;
  /** This node's part of the cgroup hierarchy: `/naru-1a2b3c`. */
  readonly cgroupRoot?: string;
  readonly podCidr?: string;
  /** Where the node was told no range of its own: is called with the one that the API gave to it. */
  readonly takePodCidr?: (podCidr: string) => Promise<void>;
  /** The machine's own where absent. */
  readonly platform?: AgentPlatform;
  /** Read from the machine at the start where absent. */
  readonly facts?: NodeFacts;
  /** The node's address, where the machine has several. */
  readonly address?: string;
  /** How ids of containers begin in statuses; `containerd` where absent. */
  readonly runtimeName?: string;
  /** Beside those that say what the machine is. */
  readonly labels?: Readonly<Record<string, string>>;
  /** The node is made with these; afterwards they are others' to change. */
  readonly taints?: readonly Taint[];
  readonly clusterDns?: ClusterDns;
  /** Variables that a container gets before its own: how to reach the API and the services. */
  readonly environment?: PodHost['environment'];
  /** Sandboxes and containers made at a time; 8 where absent. */
  readonly startsMax?: number;
  /** What the runtime can do; asked at the start where absent. */
  readonly runtimeInfo?: RuntimeInfo;
  /** Makes a simulated node evict, too, by these figures. */
  readonly evicts?: { readonly stats: StatsSource; readonly layout: () => Promise<DiskLayout> };
  /** What differs from upstream's defaults. */
  readonly configuration?: Partial<KubeletConfiguration>;
  /** For `configuration.staticPodPath`: makes a pod of a manifest's text. Without it there are no static pods. */
  readonly readManifest?: ManifestReader;
  /** Where events go; to the API where absent. */
  readonly events?: EventSink;
}

export class Agent implements Service {
  readonly name: string;
  readonly handler: NodeHandler;
  readonly #options: AgentOptions;
  #running: { readonly group: ServiceGroup; readonly pods: PodWorkers; readonly handler: NodeHandler } | undefined;

  constructor(options: AgentOptions) {
    this.name = `agent/${options.nodeName}`;
    this.#options = options;
    this.handler = { handle: (request) => this.#handle(request) };
  }

  async start(): Promise<void> {
    const options = this.#options;
    const facts = options.facts ?? (await readNodeFacts(path.dirname(options.home), options.address));
    // Several nodes on one machine are several hosts to the cluster.
    const info = options.runtimeInfo ?? (await options.runtime.info().catch(() => undefined));
    const told = { ...options, ...(info !== undefined && { runtimeInfo: info }) };
    this.#running = compose(told, { ...facts, ...ownLimits(options), hostname: options.nodeName });
    await this.#running.group.start();
  }

  /** Lets go of the pods: what runs, runs on, and the next agent takes it over. The runtime is its owner's to close. */
  async close(): Promise<void> {
    const running = this.#running;
    this.#running = undefined;
    await running?.group.close();
  }

  destroy(): void {
    this.#running?.group.destroy();
  }

  /** The node's pods, for what watches over them; undefined while it does not run. */
  get pods(): PodWorkers | undefined {
    return this.#running?.pods;
  }

  #handle(request: NodeRequest): Promise<NodeResponse> {
    if (this.#running !== undefined) return this.#running.handler.handle(request);
    return Promise.reject(new StatusError(503, 'ServiceUnavailable', `${this.name} is not running`));
  }
}

/** A machine has no bound of its own on pods. */
function ownLimits(options: AgentOptions): Partial<NodeFacts> {
  return options.facts === undefined ? { podsMax: configurationOf(options).maxPods } : {};
}

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
}

/** @param feed where the node's pods come from; @param metrics absent where nothing is counted; @param node absent where pods are taken as they come */
export function composePods(
  options: AgentOptions,
  facts: NodeFacts,
  feed: PodFeed,
  metrics?: AgentMetrics,
  node?: NodeSource,
): PodParts {
  const { runtime, nodeName, home, clock, log } = options;
  const podLogs = path.join(home, 'pod-logs');
  const platform = options.platform ?? hostPlatform({ pods: path.join(home, 'pods'), podLogs, clock, log });
  const pressures = new NodePressures();
  const resources = nodeResources(options, facts, platform, node);
  const host = { ...podHost(options, facts, platform, podLogs, pressures, resources), ...(metrics && { metrics }) };
  const pods = new PodWorkers(host, feed);
  resources.attach({
    active: () => pods.active(),
    renew: (uid) => pods.renew(uid),
    fail: (uid, reason, message) => pods.withUid(uid)?.fail(reason, message),
    refuse: (uid, { reason, message }) => pods.withUid(uid)?.refuse(reason, `Pod was rejected: ${message}`),
  });
  const streaming = new StreamingServer({ pods, runtime, clock, log });
  // What is simulated has no addresses that anybody could dial.
  const addresses = options.platform === undefined ? facts.addresses : [];
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
    ...(options.platform === undefined && { systemLogs: '/var/log' }),
    streaming,
    proxy,
    clock,
    log,
  });
  return { pods, streaming, handler, images: host.images, stats, host, pressures, resources };
}

function compose(given: AgentOptions, facts: NodeFacts) {
  const metrics = new AgentMetrics();
  const options = { ...given, runtime: measuredRuntime(given.runtime, metrics, given.clock) };
  const { client, runtime, nodeName, clock, log, podCidr, takePodCidr, labels, taints } = options;
  const events = options.events ?? recordedEvents(options);
  const feed = new StaticPodFeed(podInformer(options), hasManifests(options));
  const ownNode = new OwnNode(options);
  const podParts = composePods({ ...options, events }, facts, feed, metrics, ownNode);
  const { pods, streaming, handler, images } = podParts;
  const optional = {
    imagesMax: configurationOf(options).nodeStatusMaxImages,
    ...(podCidr !== undefined && { podCidr }),
    ...(takePodCidr !== undefined && { takePodCidr }),
    ...(labels !== undefined && { labels }),
    ...(taints !== undefined && { taints }),
  };
  const { resources } = podParts;
  const parts = [runtimeFeaturesPart, podParts.pressures.statusPart, resources.statusPart];
  const problems = () => nodeProblems({ relist: pods.relist, nowMs: clock.monotonic() });
  const reporter = new NodeReporter({ client, runtime, nodeName, facts, parts, problems, clock, log, ...optional });
  const told = { name: 'events', start: () => Promise.resolve(), close: () => events.close?.() ?? Promise.resolve() };
  // What came must be in the node's status soon: the scheduler likes nodes that have an image.
  if (images.collector !== undefined) images.keeper.onPulled(() => reporter.refresh());
  // Simulated nodes have no disk, and no limits to keep.
  const keepers = options.platform === undefined || options.evicts ? keepersOf(options, podParts) : [];
  // The node reports before pods run: they should find it Ready. What started last stops first.
  const group = new ServiceGroup(
    `agent/${nodeName}`,
    [told, ownNode, resources.service, reporter, pods, ...staticPods(options, pods, feed), streaming, ...keepers],
    { clock, log },
  );
  return { group, pods, handler };
}

function podInformer({ client, nodeName, clock, prng, log }: AgentOptions): PodFeed {
  const query = { fieldSelector: `spec.nodeName=${nodeName}` };
  return new Informer({ client, resource: podResource, query, clock, prng, log });
}

function hasManifests(options: AgentOptions): boolean {
  return options.readManifest !== undefined && configurationOf(options).staticPodPath !== '';
}

/** Pods of manifests, and their mirrors; mirrors of a node that has no manifests any more are removed. */
function staticPods(options: AgentOptions, pods: PodWorkers, feed: StaticPodFeed): readonly Service[] {
  const { client, runtime, nodeName, clock, log, readManifest: read } = options;
  const { staticPodPath } = configurationOf(options);
  const workerOf = (reference: ObjectReference) => pods.find(reference);
  const mirrors = new MirrorPods({ client, feed, workerOf, nodeName, clock, log });
  if (read === undefined || !hasManifests(options)) return [mirrors];
  const changed = async (found: readonly Pod[]): Promise<void> => {
    // Where it does not answer, nothing is known to be left from before.
    const { sandboxes } = await runtime.state().catch(() => ({ sandboxes: [] }));
    feed.setStatic(
      found,
      sandboxes.map(({ pod }) => pod),
    );
  };
  const manifests = new ManifestFolder({ path: staticPodPath, nodeName, read, changed, clock, log });
  return [mirrors, manifests];
}

/** What keeps a machine within its bounds while pods run. A simulated one has only what pods use. */
function keepersOf(options: AgentOptions, { host, pods, images, stats, pressures }: PodParts): readonly Service[] {
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
  if (options.platform !== undefined) return [eviction];
  const rotator = new LogRotator({ runtime, containers, configuration, clock, log });
  return [rotator, ...(collector ? [collector] : []), eviction];
}

function configurationOf({ configuration }: AgentOptions): KubeletConfiguration {
  return { ...defaultKubeletConfiguration, ...configuration };
}

function podHost(
  options: AgentOptions,
  facts: NodeFacts,
  platform: AgentPlatform,
  podLogs: string,
  pressures: NodePressures,
  resources: NodeResources,
): PodHost {
  const { client, runtime, clock } = options;
  const configuration = configurationOf(options);
  const source = new WatchedObjects({ client, clock, prng: options.prng, log: options.log });
  const home = options.platform === undefined ? options.home : undefined;
  const images = nodeImages({ runtime, source, configuration, home, clock, log: options.log });
  return {
    client,
    runtime,
    platform,
    source,
    images,
    hooks: [pressures.hook, ...resources.hooks, ...podHooks(options, platform, facts), ...images.hooks],
    configuration,
    starts: new Gate(options.startsMax ?? 8),
    events: options.events ?? recordedEvents(options),
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
    clusterDns: options.clusterDns,
    environment: options.environment ?? (() => []),
  };
}

function nodeResources(
  options: AgentOptions,
  facts: NodeFacts,
  platform: AgentPlatform,
  node: NodeSource | undefined,
): NodeResources {
  const { nodeName, clock, log } = options;
  const configuration = configurationOf(options);
  const isReal = options.platform === undefined;
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
    events: options.events ?? recordedEvents(options),
    clock,
    log,
  });
}

function cgroupRootOf({ cgroupRoot, nodeName }: AgentOptions): string {
  return cgroupRoot ?? `/naru-${nodeName}`;
}

/** What every pod passes, in this order. */
function podHooks(options: AgentOptions, platform: AgentPlatform, facts: NodeFacts): readonly PodHook[] {
  const { client, runtime, runtimeInfo } = options;
  const configuration = configurationOf(options);
  const home = options.platform === undefined ? options.home : undefined;
  return [
    new PortBook(),
    ...securityHooks({ client, runtime, runtimeInfo, facts, configuration, home }),
    dynamicResources(client, platform.devices),
  ];
}

function recordedEvents({ client, clock, log, nodeName }: AgentOptions): EventSink {
  const recorder = new EventRecorder({ client, clock, log, component: 'kubelet', host: nodeName });
  return {
    record: (pod: Pod, type, reason, message, fieldPath, annotations) =>
      recorder.record(podResource, pod, type, reason, message, fieldPath, annotations),
    // By upstream's custom, a node's events name it as its uid, too.
    recordNode: (type, reason, message) =>
      recorder.record(nodes, { metadata: { name: nodeName, uid: nodeName } }, type, reason, message),
    close: () => recorder.close(),
  };
}
