/**
 * A whole cluster in one thread under a virtual clock: the same store, registry, loops, scheduler and agents as everywhere, with links between
 * them that a run can break, and nodes whose containers are simulated.
 *
 * The store and the registry live as long as the run, as state on a disk does; everything else is a `Part`, and comes and goes.
 */
import { Agent } from '../../agent/agent.ts';
import { simulatedNodeFacts } from '../../agent/node-facts.ts';
import { resourceTable } from '../../api/resource-table.ts';
import { groupResource } from '../../api/resources.ts';
import { builtinSchema } from '../../api/schema/load.ts';
import type { Client } from '../../client/client.ts';
import { inProcessClient } from '../../client/in-process-client.ts';
import { InformerSet } from '../../client/informer.ts';
import { allControllers } from '../../controllers/index.ts';
import type { VirtualClock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/log.ts';
import type { Prng } from '../../lib/prng.ts';
import { type Service, ServiceGroup } from '../../lib/service.ts';
import { bootstrap } from '../../registry/bootstrap.ts';
import { Registry } from '../../registry/registry.ts';
import type { Authorizer, UserInfo } from '../../registry/request.ts';
import { Scheduler } from '../../scheduler/scheduler.ts';
import { MemoryStore } from '../../store/memory-store.ts';
import type { Store, StoreEvent } from '../../store/store.ts';
import { simulatedPlatform } from '../simulated-platform.ts';
import { SimulatedRuntime } from '../simulated-runtime.ts';
import { judgedCollector } from './checkers/collection.ts';
import type { RuntimeFaults } from './faults.ts';
import { flakyRuntime } from './flaky-runtime.ts';
import { catalogue } from './images.ts';
import type { Link, Network } from './network.ts';
import { type Incarnation, Part } from './part.ts';
import type { Verdict } from './verdict.ts';

export interface SimulatedClusterOptions {
  readonly clock: VirtualClock;
  readonly prng: Prng;
  readonly log: Logger;
  readonly verdict: Verdict;
  readonly network: Network;
  readonly runtimeFaults: () => RuntimeFaults;
  readonly authorization: StoreAuthorizer;
  readonly nodeCount: number;
  /** Wraps the client of one part, named as in `system:kube-scheduler` or `deployment-controller`: for canaries. */
  readonly tamper?: (part: string, client: Client) => Client;
}

/** Who may do what, told from a store; what follows the store is started when it is open. */
export type StoreAuthorizer = (store: Store) => {
  readonly authorizer: Authorizer;
  readonly services: readonly Service[];
};

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
  readonly store: MemoryStore;
  readonly nodes: readonly SimulatedNode[];
  readonly controllers: Part;
  readonly scheduler: Part;
  readonly #options: SimulatedClusterOptions;
  readonly #registry: Registry;
  readonly #authorization: ReturnType<StoreAuthorizer>;

  constructor(options: SimulatedClusterOptions) {
    this.#options = options;
    const { clock, prng, log } = options;
    this.store = new MemoryStore({ clock, log });
    this.#authorization = options.authorization(this.store);
    const resources = resourceTable();
    this.#registry = new Registry({ store: this.store, clock, prng, schema: builtinSchema(), resources, log });
    this.controllers = new Part('controllers', options, () => this.#makeControllers());
    this.scheduler = new Part('scheduler', options, () => this.#makeScheduler());
    this.nodes = Array.from({ length: options.nodeCount }, (_, index) => this.#makeNode(index));
  }

  /** Opens the store and hands its events to `event` from the first on; parts are started by `start`. */
  async open(event: (event: StoreEvent) => void): Promise<void> {
    await this.store.start();
    for (const service of this.#authorization.services) await service.start();
    for (const collection of collections())
      this.store.watch({ collection, afterRevision: this.store.revision }, { event });
    await bootstrap(this.#registry);
  }

  async start(): Promise<void> {
    for (const part of this.parts) await part.start();
  }

  async stop(): Promise<void> {
    await Promise.all(this.parts.map((part) => part.stop()));
    for (const service of this.#authorization.services) await service.close();
    await this.store.close();
  }

  get parts(): readonly Part[] {
    return [this.controllers, this.scheduler, ...this.nodes.map(({ agent }) => agent)];
  }

  /** An administrator's, over a link of its own; with none, it is never disturbed. */
  administrator(link?: Link): Client {
    const client = this.#clientOf(administrator);
    return link === undefined ? client : link.client(client);
  }

  #clientOf(user: UserInfo): Client {
    const resources = resourceTable();
    return inProcessClient({ handler: this.#registry, authorizer: this.#authorization.authorizer, user, resources });
  }

  #linked(link: Link, part: string, user: UserInfo): Client {
    const { tamper, verdict } = this.#options;
    const direct = this.#clientOf(user);
    const judged = part === 'generic-garbage-collector' ? judgedCollector(direct, this.store, verdict) : direct;
    const client = link.client(judged);
    return tamper?.(part, client) ?? client;
  }

  #makeControllers(): Incarnation {
    const { clock, prng, log, network } = this.#options;
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
      resources: resourceTable(),
      rootCa: 'simulated certificate',
    });
    const service = new ServiceGroup('controllers', [informers, ...controllers], { clock, log });
    return { service, kill: () => link.kill() };
  }

  #makeScheduler(): Incarnation {
    const { clock, prng, log, network } = this.#options;
    const link = network.link('scheduler');
    const user = component('system:kube-scheduler');
    const client = this.#linked(link, user.name, user);
    const informers = new InformerSet({ client, clock, prng, log });
    const scheduler = new Scheduler({ client, informers, clock, prng, log });
    const service = new ServiceGroup('scheduling', [scheduler, informers], { clock, log });
    return { service, kill: () => link.kill() };
  }

  #makeNode(index: number): SimulatedNode {
    const { clock, prng, log, network, runtimeFaults } = this.#options;
    const name = `node-${index + 1}`;
    const podCidr = `10.100.${index}.0/24`;
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

/** Every collection that a built-in resource is stored in. */
function collections(): ReadonlySet<string> {
  return new Set([...resourceTable().all].map((info) => groupResource(info.storedAs ?? info)));
}
