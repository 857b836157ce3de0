/**
 * The simulated nodes of a cluster: a few as whole agents, since those are what runs on real machines; many as one fleet, since thousands of
 * agents would be mostly timers. Both make of the same plans the same nodes.
 */
import path from 'node:path';
import { Agent } from '../agent/agent.ts';
import type { Node, Pod } from '../api/schema/types/core-v1.ts';
import type { Client } from '../client/client.ts';
import type { Informer } from '../client/informer.ts';
import type { NodeHandler } from '../client/node-api.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/log.ts';
import type { Prng } from '../lib/prng.ts';
import type { Service } from '../lib/service.ts';
import { type BehaviourCatalogue, outspokenCatalogue } from './container-behaviour.ts';
import { devicePublisher } from './device-publisher.ts';
import { SimulatedFleet } from './fleet/simulated-fleet.ts';
import { type LosableNode, NodeLosses } from './node-losses.ts';
import { factsOf, type NodePlan, plainNodes, planNodes, type SimulatedNodes } from './node-template.ts';
import { simulatedPlatform } from './simulated-platform.ts';
import { SimulatedRuntime } from './simulated-runtime.ts';
import { toldEvents } from './told-events.ts';

/** So many are whole agents. */
const agentsMax = 20;

export interface SimulatedNodesOptions {
  /** How many in all. */
  readonly count: number;
  readonly template?: SimulatedNodes | undefined;
  /** Of which their pods have addresses; IPv4 where absent. */
  readonly podFamilies?: readonly ('IPv4' | 'IPv6')[] | undefined;
  /** A node's own client, by its name. */
  readonly clientFor: (node: string) => Client;
  /** All pods and all nodes of the cluster; started by their owner. */
  readonly pods: Informer<Pod>;
  readonly nodes: Informer<Node>;
  /** Below it each agent has a folder of its own. */
  readonly home: string;
  readonly clock: Clock;
  readonly prng: Prng;
  readonly log: Logger;
}

export interface SimulatedParts {
  /** For the server's calls, by the node's name. */
  readonly handlers: ReadonlyMap<string, NodeHandler>;
  /** In the order in which they start. */
  readonly services: readonly Service[];
}

export function simulatedNodes(options: SimulatedNodesOptions): SimulatedParts {
  const { count, template = plainNodes, podFamilies } = options;
  const plans = planNodes(template, count, podFamilies);
  const catalogue = { ...outspokenCatalogue, stages: template.stages };
  if (plans.length > agentsMax) {
    const fleet = new SimulatedFleet({ ...options, plans, catalogue, events: template.events });
    return { handlers: fleet.handlers, services: [fleet, ...devicePublisher({ ...options, plans })] };
  }
  const agents = plans.map((plan) => ({ plan, agent: simulatedAgent(plan, catalogue, options) }));
  const losses = new NodeLosses(
    agents.map(({ plan, agent }) => losable(plan, agent)),
    options,
  );
  return {
    handlers: new Map(agents.map(({ plan, agent }) => [plan.name, agent.handler])),
    services: [...agents.map(({ agent }) => agent), losses, ...devicePublisher({ ...options, plans })],
  };
}

function simulatedAgent(plan: NodePlan, catalogue: BehaviourCatalogue, options: SimulatedNodesOptions): Agent {
  const { clientFor, home, clock, prng, log, template = plainNodes } = options;
  const { name, podCidr, labels, taints } = plan;
  const client = clientFor(name);
  const evict = (pod: { namespace: string; name: string }, message: string): void =>
    agent.pods?.find(pod)?.fail('Evicted', message);
  const runtime = new SimulatedRuntime({ clock, prng, podCidr, catalogue, evict });
  const agent = new Agent({
    client,
    runtime,
    nodeName: name,
    home: path.join(home, name),
    podCidr,
    labels,
    taints,
    platform: simulatedPlatform(runtime),
    facts: factsOf(plan),
    runtimeName: 'simulated',
    events: toldEvents(template.events, { client, clock, log, host: name }),
    clock,
    prng,
    log,
  });
  return agent;
}

/** A lost agent lets go of its pods and says no more; when it is back, it finds them again in its runtime. */
function losable({ stages }: NodePlan, agent: Agent): LosableNode {
  let turning: Promise<unknown> = Promise.resolve();
  return {
    stages,
    lose() {
      turning = turning.then(() => agent.close());
    },
    recover() {
      turning = turning.then(() => agent.start());
    },
  };
}
