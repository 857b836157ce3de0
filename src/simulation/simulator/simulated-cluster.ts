/**
 * A whole cluster in one thread under a virtual clock: the same store, registry, loops, scheduler and agents as everywhere, with links between
 * them that a run can break, and nodes whose containers are simulated.
 *
 * What the API has on its disk lives as long as the run, and so do the nodes' runtimes and every machine's clock; the API's process comes and
 * goes (`SimulatedApi`), and everything else is a `Part` that does so, too. The API's machine has the world's time; all others have their own.
 */
import { Agent } from '../../agent/agent.ts';
import { simulatedNodeFacts } from '../../agent/node-facts.ts';
import type { Client } from '../../client/client.ts';
import { InformerSet } from '../../client/informer.ts';
import { allControllers } from '../../controllers/index.ts';
import type { ResourceList } from '../../controllers/shared/context.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/log.ts';
import type { Prng } from '../../lib/prng.ts';
import { ServiceGroup } from '../../lib/service.ts';
import type { UserInfo } from '../../registry/request.ts';
import { Scheduler } from '../../scheduler/scheduler.ts';
import type { Store, StoreEvent } from '../../store/store.ts';
import { simulatedPlatform } from '../simulated-platform.ts';
import { SimulatedRuntime } from '../simulated-runtime.ts';
import { uidOf } from './checkers/checker.ts';
import { judgedCollector } from './checkers/collection.ts';
import { Disk } from './disk.ts';
import type { ClockFaults, DiskFaults, RuntimeFaults } from './faults.ts';
import { flakyRuntime } from './flaky-runtime.ts';
import { catalogue } from './images.ts';
import { MachineClock } from './machine-clock.ts';
import type { Link, Network } from './network.ts';
import { type Incarnation, Part } from './part.ts';
import { SimulatedApi, type StoreAuthorizer } from './simulated-api.ts';
import type { Verdict } from './verdict.ts';

export interface SimulatedClusterOptions {
  /** The world's time. */
  readonly clock: Clock;
  readonly prng: Prng;
  readonly log: Logger;
  readonly verdict: Verdict;
  readonly network: Network;
  readonly runtimeFaults: () => RuntimeFaults;
  readonly diskFaults: () => DiskFaults;
  readonly clockFaults: ClockFaults;
  readonly authorization: StoreAuthorizer;
  readonly nodeCount: number;
  /** Wraps the client of one part, named as in `system:kube-scheduler` or `deployment-controller`: for canaries. */
  readonly tamper?: (part: string, client: Client) => Client;
  /** For a canary: see `Disk`. */
  readonly isDiskForgetful: boolean;
  /** Hears every change of the store, from the first on. */
  readonly changed: (event: StoreEvent) => void;
}

export interface SimulatedNode {
  readonly name: string;
  readonly runtime: SimulatedRuntime;
  readonly agent: Part;
  /** Of the agent that runs now. */
  link(): Link | undefined;
}

/** Small, so that they fill up. */
const nodeSize = { milliCpu: 2000, memoryBytes: 4 * 2 ** 30, podsMax: 20 };

const administrator: UserInfo = { name: 'naru-admin', groups: ['system:masters', 'system:authenticated'] };

function component(name: string): UserInfo {
  return { name, groups: ['system:authenticated'] };
}

/** Of the cluster's own. */
function serviceAccount(name: string): UserInfo {
  return {
    name: `system:serviceaccount:kube-system:${name}`,
    groups: ['system:serviceaccounts', 'system:serviceaccounts:kube-system', 'system:authenticated'],
  };
}

export class SimulatedCluster {
  readonly api: SimulatedApi;
  /** Of all machines but the API's. */
  readonly clocks: readonly MachineClock[];
  readonly nodes: readonly SimulatedNode[];
  readonly controllers: Part;
  readonly scheduler: Part;
  readonly #options: SimulatedClusterOptions;

  constructor(options: SimulatedClusterOptions) {
    this.#options = options;
    const { clock, prng, diskFaults, isDiskForgetful, changed } = options;
    const disk = new Disk({ clock, prng, faults: diskFaults, isForgetful: isDiskForgetful });
    const unanswered = ({ type, entry }: StoreEvent): void => {
      if (type === 'added') options.network.unanswered.add(uidOf(entry.object));
    };
    this.api = new SimulatedApi({ ...options, disk, unanswered }, changed);
    const ofControllers = this.#makeClock();
    const ofScheduler = this.#makeClock();
    this.controllers = new Part('controllers', options, () => this.#makeControllers(ofControllers));
    this.scheduler = new Part('scheduler', options, () => this.#makeScheduler(ofScheduler));
    const ofNodes = Array.from({ length: options.nodeCount }, () => this.#makeClock());
    this.nodes = ofNodes.map((own, index) => this.#makeNode(own, index));
    this.clocks = [ofControllers, ofScheduler, ...ofNodes];
  }

  get store(): Store {
    return this.api.store;
  }

  /** Starts the API; parts are started by `start`. */
  async open(): Promise<void> {
    await this.api.start();
  }

  async start(): Promise<void> {
    for (const part of this.parts) await part.start();
  }

  async stop(): Promise<void> {
    await Promise.all(this.parts.map((part) => part.stop()));
    await this.api.close();
  }

  get parts(): readonly Part[] {
    return [this.controllers, this.scheduler, ...this.nodes.map(({ agent }) => agent)];
  }

  /** An administrator's, over a link of its own; with none, it is never disturbed. */
  administrator(link?: Link): Client {
    const client = this.api.client(administrator);
    return link === undefined ? client : link.client(client);
  }

  /** As wrong as chance has it; every other machine is nearly right. */
  #makeClock(): MachineClock {
    const { clock, prng, clockFaults } = this.#options;
    const between = (most: number): number => (prng.next() * 2 - 1) * most;
    const { offsetMsMax, driftPpmMax } = clockFaults;
    const offsetMs = between(prng.next() < 0.5 ? offsetMsMax : Math.min(offsetMsMax, 100));
    return new MachineClock(clock, { offsetMs, driftPpm: Math.round(between(driftPpmMax)) });
  }

  #linked(link: Link, part: string, user: UserInfo): Client {
    const { tamper, verdict } = this.#options;
    const direct = this.api.client(user);
    const judged = part === 'generic-garbage-collector' ? judgedCollector(direct, this.store, verdict) : direct;
    const client = link.client(judged);
    return tamper?.(part, client) ?? client;
  }

  /** By the API that runs now. */
  get #served(): ResourceList {
    const { api } = this;
    return {
      get all() {
        return api.resources.all;
      },
    };
  }

  #makeControllers(clock: Clock): Incarnation {
    const { prng, log, network } = this.#options;
    const link = network.link('controllers');
    const user = component('system:kube-controller-manager');
    const client = this.#linked(link, user.name, user);
    const informers = new InformerSet({ client, clock, prng, log });
    const controllers = allControllers({
      client,
      clientFor: (account) => this.#linked(link, account, serviceAccount(account)),
      informers,
      clock,
      prng,
      log,
      resources: this.#served,
      rootCa: 'simulated certificate',
    });
    const service = new ServiceGroup('controllers', [informers, ...controllers], { clock, log });
    return { service, kill: () => link.kill() };
  }

  #makeScheduler(clock: Clock): Incarnation {
    const { prng, log, network } = this.#options;
    const link = network.link('scheduler');
    const user = component('system:kube-scheduler');
    const client = this.#linked(link, user.name, user);
    const informers = new InformerSet({ client, clock, prng, log });
    const scheduler = new Scheduler({ client, informers, clock, prng, log });
    const service = new ServiceGroup('scheduling', [scheduler, informers], { clock, log });
    return { service, kill: () => link.kill() };
  }

  #makeNode(clock: Clock, index: number): SimulatedNode {
    const { prng, log, network, runtimeFaults } = this.#options;
    const name = `node-${index + 1}`;
    const podCidr = `10.100.${index}.0/24,fd64:0:0:${index + 1}::/64`;
    const runtime = new SimulatedRuntime({ clock, prng, podCidr, catalogue });
    const platform = simulatedPlatform(runtime);
    const facts = simulatedNodeFacts(name, `192.0.2.${index + 1}`, nodeSize);
    const user: UserInfo = { name: `system:node:${name}`, groups: ['system:nodes', 'system:authenticated'] };
    let link: Link | undefined;
    const agent = new Part(`agent/${name}`, this.#options, () => {
      const own = network.link(`agent/${name}`);
      const flaky = flakyRuntime(runtime, prng, runtimeFaults);
      const client = this.#linked(own, user.name, user);
      const common = { client, runtime: flaky.runtime, nodeName: name, podCidr, clock, prng, log };
      link = own;
      const kill = (): void => {
        own.kill();
        flaky.kill();
        if (link === own) link = undefined;
      };
      return { service: new Agent({ ...common, home: `/simulated/${name}`, platform, facts }), kill };
    });
    return { name, runtime, agent, link: () => link };
  }
}
