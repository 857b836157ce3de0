/**
 * The node: what a kubelet is upstream. It composes the parts and decides nothing itself: `pod-parts.ts` runs pods and answers for them,
 * `node-reporter.ts` tells of the node, `node-keepers.ts` keeps it within its bounds. What it is made of says `agent-options.ts`.
 *
 * ```
 *   pods of this node ──▶ PodWorkers ──▶ runtime          NodeReporter ──▶ Node, Lease
 *   logs, exec, …     ──▶ NodeServer (`handler`)
 * ```
 * The same with containers (`CriRuntime`, `hostPlatform`) and without (`SimulatedRuntime`, `simulatedPlatform`, `simulatedNodeFacts`); one process may hold several.
 */
import os from 'node:os';
import path from 'node:path';
import type { Pod } from '../api/schema/types/core-v1.ts';
import { StatusError } from '../api/status-error.ts';
import { Informer } from '../client/informer.ts';
import type { NodeHandler, NodeRequest, NodeResponse } from '../client/node-api.ts';
import { pods as podResource } from '../client/resources.ts';
import { type Service, ServiceGroup } from '../lib/service.ts';
import { type AgentOptions, configurationOf, isMachine, volumesOf } from './agent-options.ts';
import { AgentMetrics } from './metrics/agent-metrics.ts';
import { measuredRuntime } from './metrics/measured-runtime.ts';
import { nodeAddresses } from './node-addresses.ts';
import { nodeProblems } from './node-conditions.ts';
import { recordedEvents } from './node-events.ts';
import { type NodeFacts, readNodeFacts } from './node-facts.ts';
import { keepersOf } from './node-keepers.ts';
import { NodeReporter } from './node-reporter.ts';
import { NodeServices } from './node-services.ts';
import { type PodFeed, PodWorkers } from './pod/pod-workers.ts';
import { runtimeFeaturesPart } from './pod/security/runtime-features.ts';
import { composePods, type PodParts } from './pod-parts.ts';
import { OwnNode } from './resources/own-node.ts';
import { StaticPodFeed } from './static-pods/static-pod-feed.ts';
import { hasManifests, staticPods } from './static-pods/static-pod-parts.ts';

export type { AgentOptions } from './agent-options.ts';

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
    const addresses = options.address?.split(',') ?? nodeAddresses(os.networkInterfaces(), options.podCidr);
    const facts = options.facts ?? (await readNodeFacts(path.dirname(options.home), addresses));
    const info = options.runtimeInfo ?? (await options.runtime.info().catch(() => undefined));
    const told = { ...options, ...(info !== undefined && { runtimeInfo: info }) };
    // Several nodes on one machine are several hosts to the cluster.
    this.#running = compose(told, {
      ...facts,
      ...ownLimits(options),
      ...(isMachine(options) && { volumes: volumesOf(options) }),
      hostname: options.nodeName,
    });
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

/** The whole node. What started last stops first. */
function compose(given: AgentOptions, facts: NodeFacts) {
  const { metrics = new AgentMetrics() } = given;
  const options = { ...given, runtime: measuredRuntime(given.runtime, metrics, given.clock) };
  const { nodeName, clock, log } = options;
  const events = options.events ?? recordedEvents(options);
  const told = { name: 'events', start: () => Promise.resolve(), close: () => events.close?.() ?? Promise.resolve() };
  const feed = new StaticPodFeed(podInformer(options), hasManifests(options));
  const ownNode = new OwnNode(options);
  const services = (options.serviceLinks ?? isMachine(options)) ? new NodeServices(options) : undefined;
  const { clusterDNS, clusterDomain } = configurationOf(options);
  const linked = services && {
    environment: (pod: Pod) => services.variables(pod),
    clusterDns: options.clusterDns ?? services.clusterDns(clusterDNS, clusterDomain),
  };
  const podParts = composePods({ ...options, ...linked, events }, facts, feed, metrics, ownNode);
  const { pods, streaming, handler, resources, devices, images } = podParts;
  const group = new ServiceGroup(
    `agent/${nodeName}`,
    [
      told,
      ownNode,
      ...(services ? [services] : []),
      resources.service,
      ...(devices ? [devices.service] : []),
      ...(images.local ? [images.local.list] : []),
      // The node reports before pods run: they should find it Ready.
      nodeReporter(options, facts, podParts),
      pods,
      ...staticPods(options, pods, feed),
      streaming,
      ...keepersOf(options, podParts),
    ],
    { clock, log },
  );
  return { group, pods, handler };
}

function podInformer({ client, nodeName, clock, prng, log }: AgentOptions): PodFeed {
  const query = { fieldSelector: `spec.nodeName=${nodeName}` };
  return new Informer({ client, resource: podResource, query, clock, prng, log });
}

/** Tells of the node what each part knows. */
function nodeReporter(options: AgentOptions, facts: NodeFacts, podParts: PodParts): NodeReporter {
  const { client, runtime, nodeName, clock, log, podCidr, takePodCidrs, labels, taints } = options;
  const { pods, images, pressures, resources, devices } = podParts;
  const ofDevices = devices ? [devices.statusPart] : [];
  const local = images.local?.list;
  const reporter = new NodeReporter({
    client,
    runtime,
    nodeName,
    facts,
    parts: [runtimeFeaturesPart, pressures.statusPart, resources.statusPart, ...ofDevices],
    problems: () => nodeProblems({ relist: pods.relist, nowMs: clock.monotonic() }),
    ...(local && { annotations: () => local.annotations() }),
    imagesMax: configurationOf(options).nodeStatusMaxImages,
    ...(podCidr !== undefined && { podCidr }),
    ...(takePodCidrs !== undefined && { takePodCidrs }),
    ...(labels !== undefined && { labels }),
    ...(taints !== undefined && { taints }),
    clock,
    log,
  });
  // What came must be in the node's status soon: the scheduler likes nodes that have an image.
  if (images.collector !== undefined) images.keeper.onPulled(() => reporter.refresh());
  devices?.onChange(() => reporter.refresh());
  local?.onChange(() => reporter.refresh());
  return reporter;
}
