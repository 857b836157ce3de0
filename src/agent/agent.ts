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
import type { Pod, Taint } from '../api/schema/types/core-v1.ts';
import { StatusError } from '../api/status-error.ts';
import type { Client } from '../client/client.ts';
import { EventRecorder } from '../client/events.ts';
import type { NodeHandler, NodeRequest, NodeResponse } from '../client/node-api.ts';
import { pods } from '../client/resources.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/log.ts';
import type { Prng } from '../lib/prng.ts';
import { type Service, ServiceGroup } from '../lib/service.ts';
import { Gate } from './gate.ts';
import { hostPlatform } from './host-platform.ts';
import { defaultKubeletConfiguration, type KubeletConfiguration } from './kubelet-configuration.ts';
import { LogRotator } from './logs/log-rotator.ts';
import { type NodeFacts, readNodeFacts } from './node-facts.ts';
import { NodeReporter } from './node-reporter.ts';
import { NodeServer } from './node-server.ts';
import { clientObjectSource } from './object-source.ts';
import { dynamicResources } from './pod/devices.ts';
import { ImageKeeper } from './pod/images.ts';
import type { PodHook } from './pod/pod-hook.ts';
import type { AgentPlatform, EventSink, PodHost } from './pod/pod-host.ts';
import { type PodFeed, PodWorkers } from './pod/pod-workers.ts';
import { PortBook } from './pod/port-book.ts';
import type { ClusterDns } from './pod/sandbox-config.ts';
import { NodeProxy } from './proxy.ts';
import type { Runtime } from './runtime.ts';
import { StreamingServer } from './streaming/streaming-server.ts';

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
  /** What differs from upstream's defaults. */
  readonly configuration?: Partial<KubeletConfiguration>;
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
    this.#running = compose(options, { ...facts, hostname: options.nodeName });
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

/** A node without its reporter: what runs its pods, and what answers for them. Stopped in reverse. */
export interface PodParts {
  readonly pods: PodWorkers;
  readonly streaming: StreamingServer;
  readonly handler: NodeHandler;
}

/** @param feed where the node's pods come from; its own watch where absent */
export function composePods(options: AgentOptions, facts: NodeFacts, feed?: PodFeed): PodParts {
  const { runtime, nodeName, home, clock, prng, log } = options;
  const podLogs = path.join(home, 'pod-logs');
  const platform = options.platform ?? hostPlatform({ pods: path.join(home, 'pods'), podLogs, clock, log });
  const pods = new PodWorkers(podHost(options, facts, platform, podLogs), { nodeName, prng, ...(feed && { feed }) });
  const streaming = new StreamingServer({ pods, runtime, clock, log });
  // What is simulated has no addresses that anybody could dial.
  const addresses = options.platform === undefined ? facts.addresses : [];
  const proxy = new NodeProxy({ pods, nodeName, addresses, clock });
  const handler = new NodeServer({ pods, runtime, logs: platform.logs, streaming, proxy, clock, log });
  return { pods, streaming, handler };
}

function compose(options: AgentOptions, facts: NodeFacts) {
  const { client, runtime, nodeName, clock, log, podCidr, labels, taints } = options;
  const events = options.events ?? recordedEvents(options);
  const { pods, streaming, handler } = composePods({ ...options, events }, facts);
  const optional = {
    ...(podCidr !== undefined && { podCidr }),
    ...(labels !== undefined && { labels }),
    ...(taints !== undefined && { taints }),
  };
  const reporter = new NodeReporter({ client, runtime, nodeName, facts, clock, log, ...optional });
  const told = { name: 'events', start: () => Promise.resolve(), close: () => events.close?.() ?? Promise.resolve() };
  // Simulated nodes have no disk, and no limits to keep.
  const keepers = options.platform === undefined ? keepersOf(options, pods) : [];
  // The node reports before pods run: they should find it Ready. What started last stops first.
  const group = new ServiceGroup(`agent/${nodeName}`, [told, reporter, pods, streaming, ...keepers], { clock, log });
  return { group, pods, handler };
}

/** What keeps a real machine within its bounds while pods run. */
function keepersOf(options: AgentOptions, pods: PodWorkers): readonly Service[] {
  const { runtime, clock, log } = options;
  const configuration = configurationOf(options);
  const containers = () => pods.all().flatMap((worker) => worker.containers);
  return [new LogRotator({ runtime, containers, configuration, clock, log })];
}

function configurationOf({ configuration }: AgentOptions): KubeletConfiguration {
  return { ...defaultKubeletConfiguration, ...configuration };
}

function podHost(options: AgentOptions, facts: NodeFacts, platform: AgentPlatform, podLogs: string): PodHost {
  const { client, runtime, clock } = options;
  const configuration = configurationOf(options);
  const source = clientObjectSource(client);
  return {
    client,
    runtime,
    platform,
    source,
    images: new ImageKeeper({ runtime, source, clock, pullsMax: configuration.maxParallelImagePulls ?? 4 }),
    hooks: podHooks(options, platform),
    configuration,
    starts: new Gate(options.startsMax ?? 8),
    events: options.events ?? recordedEvents(options),
    clock,
    log: options.log,
    cgroupRoot: options.cgroupRoot ?? `/naru-${options.nodeName}`,
    podLogs,
    hostIps: facts.addresses,
    runtimeName: options.runtimeName ?? 'containerd',
    allocatable: { milliCpu: facts.milliCpu, memoryBytes: facts.memoryBytes },
    memoryCapacityBytes: facts.memoryBytes,
    clusterDns: options.clusterDns,
    environment: options.environment ?? (() => []),
  };
}

/** What every pod passes, in this order. */
function podHooks({ client }: AgentOptions, platform: AgentPlatform): readonly PodHook[] {
  return [new PortBook(), dynamicResources(client, platform.devices)];
}

function recordedEvents({ client, clock, log, nodeName }: AgentOptions): EventSink {
  const recorder = new EventRecorder({ client, clock, log, component: 'kubelet', host: nodeName });
  return {
    record: (pod: Pod, type, reason, message, fieldPath) =>
      recorder.record(pods, pod, type, reason, message, fieldPath),
    close: () => recorder.close(),
  };
}
