/**
 * One light node of a fleet. Its pods are played by the same pod workers as on every node, over a runtime in memory; what a node has only
 * for its pods (runtime, workers, what answers for them) is made with its first pod or the first question to it, since most of
 * thousands of nodes may never have one. Its Node and Lease are written by the fleet (`fleet-reporter.ts`).
 */
import type { PodOptions } from '../../agent/agent-options.ts';
import type { EventSink } from '../../agent/pod/pod-host.ts';
import { composePods, type PodParts } from '../../agent/pod-parts.ts';
import type { Lease } from '../../api/schema/types/coordination-v1.ts';
import type { Pod } from '../../api/schema/types/core-v1.ts';
import { StatusError } from '../../api/status-error.ts';
import type { Client } from '../../client/client.ts';
import type { NodeHandler } from '../../client/node-api.ts';
import type { ReadonlyCache } from '../../client/object-cache.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/log.ts';
import type { Prng } from '../../lib/prng.ts';
import type { BehaviourCatalogue } from '../container-behaviour.ts';
import type { LosableNode } from '../node-losses.ts';
import { factsOf, type NodePlan, type ToldEvents } from '../node-template.ts';
import { simulatedPlatform } from '../simulated-platform.ts';
import { SimulatedRuntime } from '../simulated-runtime.ts';
import { toldEvents } from '../told-events.ts';
import { NodePodFeed } from './pod-feed.ts';

export interface FleetNodeOptions {
  /** The node's own. */
  readonly client: Client;
  /** All pods. */
  readonly pods: ReadonlyCache<Pod>;
  readonly catalogue: BehaviourCatalogue;
  readonly events: ToldEvents;
  readonly clock: Clock;
  readonly prng: Prng;
  readonly log: Logger;
}

/** The same event of a pod is counted up while it is among so many of its node; thousands of nodes cannot remember thousands each. */
const rememberedEventsMax = 128;

/** What the reporter knows of a node. */
export interface Reported {
  isRegistered: boolean;
  isBusy: boolean;
  lease: Lease | undefined;
  /** The version that the reporter wrote or looked at last: another one is worth a look. */
  seenVersion: string;
  /** The runtime's images at the last report. */
  seenImages: number;
  failures: number;
}

interface RunningParts extends PodParts {
  readonly feed: NodePodFeed;
  readonly events: EventSink;
}

export class FleetNode implements LosableNode {
  readonly plan: NodePlan;
  readonly client: Client;
  readonly handler: NodeHandler;
  readonly reported: Reported = {
    isRegistered: false,
    isBusy: false,
    lease: undefined,
    seenVersion: '',
    seenImages: 0,
    failures: 0,
  };
  readonly #options: FleetNodeOptions;
  #runtime: SimulatedRuntime | undefined;
  #running: RunningParts | undefined;
  #isLost = false;
  #closing: Promise<void> = Promise.resolve();

  constructor(plan: NodePlan, options: FleetNodeOptions) {
    this.plan = plan;
    this.client = options.client;
    this.#options = options;
    this.handler = {
      handle: (request) => {
        if (!this.#isLost) return this.#parts([]).handler.handle(request);
        return Promise.reject(new StatusError(503, 'ServiceUnavailable', `node ${plan.name} does not answer`));
      },
    };
  }

  get stages(): NodePlan['stages'] {
    return this.plan.stages;
  }

  get isLost(): boolean {
    return this.#isLost;
  }

  /** Undefined before its first pod: it holds nothing then. */
  get runtime(): SimulatedRuntime | undefined {
    return this.#runtime;
  }

  put(pod: Pod): void {
    if (this.#isLost) return;
    if (this.#running === undefined) this.#parts([pod]);
    else this.#running.feed.put(pod);
  }

  remove(pod: Pod): void {
    this.#running?.feed.remove(pod);
  }

  /** Its pod workers let go; containers run on. */
  lose(): void {
    this.#isLost = true;
    void this.close();
  }

  recover(): void {
    if (!this.#isLost) return;
    // Those that let go must be done first: two workers of one pod would act against each other.
    this.#closing = this.#closing.then(() => {
      this.#isLost = false;
      const { name } = this.plan;
      const own = this.#options.pods.list().filter(({ spec }) => spec?.nodeName === name);
      if (own.length > 0 || this.#runtime !== undefined) this.#parts(own);
    });
  }

  close(): Promise<void> {
    const running = this.#running;
    this.#running = undefined;
    if (running === undefined) return this.#closing;
    const closed = Promise.all([this.#closing, running.pods.close(), running.streaming.close()]);
    this.#closing = closed.then(() => running.events.close?.());
    return this.#closing;
  }

  #parts(present: readonly Pod[]): RunningParts {
    if (this.#running !== undefined) return this.#running;
    const { plan } = this;
    const { clock, prng, log, catalogue, events } = this.#options;
    const who = { host: plan.name, rememberedMax: rememberedEventsMax };
    const evict = (pod: { namespace: string; name: string }, message: string): void =>
      this.#running?.pods.find(pod)?.fail('Evicted', message);
    this.#runtime ??= new SimulatedRuntime({ clock, prng, podCidr: plan.podCidr, catalogue, evict });
    const feed = new NodePodFeed(plan.name, this.#options.pods, present);
    const told = toldEvents(events, { ...who, client: this.client, clock, log });
    const options: PodOptions = {
      client: this.client,
      runtime: this.#runtime,
      platform: simulatedPlatform(this.#runtime),
      nodeName: plan.name,
      home: `/simulated/${plan.name}`,
      podCidr: plan.podCidr,
      runtimeName: 'simulated',
      events: told,
      clock,
      prng,
      log,
    };
    const parts = { ...composePods(options, factsOf(plan), feed), feed, events: told };
    this.#running = parts;
    void parts.pods.start();
    return parts;
  }
}
