/**
 * Thousands of simulated nodes in one object. Where each `Agent` has watches, timers and loops of its own, these share one cache of pods,
 * one of nodes (the process's own) and one reporter; what differs between them is a plan (`node-template.ts`) and, once it has pods, a runtime.
 *
 * To clients they look as agents' nodes do: the same pod workers play the pods, the same code answers for logs, and each node acts
 * as itself (`system:node:NAME`). For a few nodes the whole `Agent` stays the better stand-in, since it is what runs on real machines.
 */
import type { Node, Pod } from '../../api/schema/types/core-v1.ts';
import type { Client } from '../../client/client.ts';
import type { Informer } from '../../client/informer.ts';
import type { NodeHandler } from '../../client/node-api.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/log.ts';
import type { Prng } from '../../lib/prng.ts';
import type { Service } from '../../lib/service.ts';
import type { BehaviourCatalogue } from '../container-behaviour.ts';
import { NodeLosses } from '../node-losses.ts';
import type { NodePlan, ToldEvents } from '../node-template.ts';
import { FleetNode } from './fleet-node.ts';
import { FleetReporter } from './fleet-reporter.ts';

export interface SimulatedFleetOptions {
  readonly plans: readonly NodePlan[];
  /** A node's own client, by its name. */
  readonly clientFor: (node: string) => Client;
  /** All pods and all nodes of the cluster; started by their owner. */
  readonly pods: Informer<Pod>;
  readonly nodes: Informer<Node>;
  readonly catalogue: BehaviourCatalogue;
  readonly events: ToldEvents;
  readonly clock: Clock;
  readonly prng: Prng;
  readonly log: Logger;
}

export class SimulatedFleet implements Service {
  readonly name = 'simulated nodes';
  /** For the server's calls, by the node's name. */
  readonly handlers: ReadonlyMap<string, NodeHandler>;
  readonly #options: SimulatedFleetOptions;
  readonly #nodes: ReadonlyMap<string, FleetNode>;
  readonly #reporter: FleetReporter;
  readonly #losses: NodeLosses;
  #unfollow = (): void => {};

  constructor(options: SimulatedFleetOptions) {
    const { plans, clientFor, pods, nodes, clock, log } = options;
    this.#options = options;
    const fleet = plans.map(
      (plan) => new FleetNode(plan, { ...options, pods: pods.cache, client: clientFor(plan.name) }),
    );
    this.#nodes = new Map(fleet.map((node) => [node.plan.name, node]));
    this.handlers = new Map(fleet.map((node) => [node.plan.name, node.handler]));
    this.#reporter = new FleetReporter({ fleet, informer: nodes, clock, log });
    this.#losses = new NodeLosses(fleet, options);
  }

  node(name: string): FleetNode | undefined {
    return this.#nodes.get(name);
  }

  async start(): Promise<void> {
    await this.#reporter.start();
    const node = ({ spec }: Pod): FleetNode | undefined => this.#nodes.get(spec?.nodeName ?? '');
    this.#unfollow = this.#options.pods.addHandler({
      added: (pod) => node(pod)?.put(pod),
      updated: (pod) => node(pod)?.put(pod),
      deleted: (pod) => node(pod)?.remove(pod),
    });
    await this.#losses.start();
  }

  /** What runs, runs on until the process ends. */
  async close(): Promise<void> {
    this.#unfollow();
    await this.#losses.close();
    await Promise.all([...this.#nodes.values()].map((node) => node.close()));
    await this.#reporter.close();
  }
}
