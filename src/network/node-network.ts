/**
 * The network of a node, put together: the parts in the order of their start. `node.ts` makes it for machines; simulated nodes have none.
 *
 * Its start waits for nobody: the node is Ready meanwhile. Each part begins when the one before it was tried; one that fails is named in the log and tried
 * again with back-off, and does not stop the others. `close` lets go in reverse: what runs in the kernel goes on.
 */
import path from 'node:path';
import type { Client } from '../client/client.ts';
import { EventRecorder } from '../client/events.ts';
import { InformerSet } from '../client/informer.ts';
import { Backoff } from '../lib/backoff.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/log.ts';
import type { MetricRegistry } from '../lib/metrics.ts';
import type { Prng } from '../lib/prng.ts';
import { type Service, ServiceGroup } from '../lib/service.ts';
import type { NetworkContext, NodeMachine } from './context.ts';
import { clusterDns } from './dns/dns-part.ts';
import { drainingPart } from './draining/draining-part.ts';
import { gatewayPart } from './gateway/gateway-part.ts';
import { NftProcess } from './kernel/nft.ts';
import { addressAnnouncerPart } from './load-balancer/announcer.ts';
import { NetworkConfiguration } from './network-configuration.ts';
import { PartStates } from './part-states.ts';
import { podNetworkPart } from './pod-network/pod-network.ts';
import { policyPart } from './policy/policy-part.ts';
import { proxyPart } from './proxy/proxy-part.ts';

/** A part of a node's network: a folder of its own, and a line here. Where its `start` rejected, the same is started again later. */
export type NetworkPart = (context: NetworkContext) => Service;

/** What others stand on comes first. */
export const networkParts: readonly NetworkPart[] = [
  podNetworkPart,
  policyPart,
  proxyPart,
  addressAnnouncerPart,
  clusterDns,
  gatewayPart,
  drainingPart,
];

export interface NodeNetworkOptions {
  /** The node's own identity's. */
  readonly client: Client;
  readonly nodeName: string;
  /** Of the home: see `NetworkContext`. The folder is there. */
  readonly id: string;
  readonly folder: string;
  readonly machine: NodeMachine;
  /** Where the parts count what they do. */
  readonly metrics: MetricRegistry;
  readonly clock: Clock;
  readonly prng: Prng;
  readonly log: Logger;
  /** Others than the machine's, for tests. */
  readonly parts?: readonly NetworkPart[];
}

const retryMsMin = 1000;
const retryMsMax = 60_000;

export function nodeNetwork(options: NodeNetworkOptions): Service {
  const { client, nodeName, clock, prng } = options;
  const log = options.log.with({ part: 'network', node: nodeName });
  const informers = new InformerSet({ client, clock, prng, log });
  const events = new EventRecorder({ client, clock, log, component: 'naru-network', host: nodeName });
  const configuration = new NetworkConfiguration({ client, events, clock, prng, log });
  const nft = new NftProcess({ folder: path.join(options.folder, 'nft'), clock });
  const context: NetworkContext = { ...options, log, informers, events, configuration, nft };
  const telling = { name: 'events', start: () => Promise.resolve(), close: () => events.close() };
  const parts = new NetworkParts(context, options.parts ?? networkParts, [telling, nft, configuration, informers]);
  return parts;
}

class NetworkParts implements Service {
  readonly name = 'network';
  readonly #context: NetworkContext;
  readonly #parts: readonly NetworkPart[];
  readonly #foundations: ServiceGroup;
  readonly #backoff = new Backoff({ baseMs: retryMsMin, maxMs: retryMsMax });
  readonly #stop = new AbortController();
  /** Those that are retried, too: each by its place in the order. */
  readonly #running = new Map<number, Service>();
  readonly #retries: Promise<void>[] = [];
  readonly #states: PartStates;
  #starting: Promise<void> | undefined;

  constructor(context: NetworkContext, parts: readonly NetworkPart[], foundations: readonly Service[]) {
    this.#context = context;
    this.#parts = parts;
    this.#foundations = new ServiceGroup('network', foundations, context);
    this.#states = new PartStates(context.folder, context.log);
  }

  start(): Promise<void> {
    this.#starting ??= this.#startAll().catch((error: unknown) => {
      this.#context.log.error('the network of this node does not start', { error });
    });
    return Promise.resolve();
  }

  async close(): Promise<void> {
    this.#stop.abort(new Error('closed'));
    await this.#starting;
    await Promise.all(this.#retries);
    const started = [...this.#running].toSorted(([a], [b]) => a - b).map(([, service]) => service);
    const group = new ServiceGroup('network', started.map(alreadyStarted), this.#context);
    await group.start();
    await group.close();
    await this.#foundations.close();
    await this.#states.close();
  }

  destroy(): void {
    this.#stop.abort(new Error('destroyed'));
    for (const service of this.#running.values()) service.destroy?.();
    this.#foundations.destroy();
  }

  async #startAll(): Promise<void> {
    await this.#foundations.start();
    for (const [index, part] of this.#parts.entries()) {
      if (this.#stop.signal.aborted) return;
      const attempt = partStarter(part, this.#context);
      if (!(await this.#tryStart(index, attempt))) this.#retries.push(this.#retry(index, attempt));
    }
    this.#states.write();
  }

  async #retry(index: number, attempt: PartStarter): Promise<void> {
    const { clock } = this.#context;
    while (!this.#stop.signal.aborted) {
      await clock.sleep(this.#backoff.next(String(index)), this.#stop.signal).catch(() => {});
      if (this.#stop.signal.aborted) return;
      const isStarted = await this.#tryStart(index, attempt);
      this.#states.write();
      if (isStarted) return;
    }
  }

  async #tryStart(index: number, attempt: PartStarter): Promise<boolean> {
    try {
      const service = await attempt.start();
      this.#running.set(index, service);
      this.#states.runs(index, service.name);
      return true;
    } catch (error) {
      this.#context.log.error('a part of the network does not start, trying again', { error });
      this.#states.fails(index, attempt.name(), error);
      return false;
    }
  }
}

interface PartStarter {
  /** The part's own, or its maker's as long as it cannot be made. */
  name(): string;
  start(): Promise<Service>;
}

/** Makes the part with the first call that can, and starts it with each. */
function partStarter(part: NetworkPart, context: NetworkContext): PartStarter {
  let made: Service | undefined;
  return {
    name: () => made?.name ?? part.name,
    async start() {
      made ??= part(context);
      await made.start();
      return made;
    },
  };
}

const alreadyStarted = (service: Service): Service => ({
  name: service.name,
  start: () => Promise.resolve(),
  close: () => service.close(),
  destroy: () => service.destroy?.(),
});
