/**
 * A node over a real registry, in virtual time: what tests of the whole agent start. The agent acts as the node that it is, and the authorizers
 * are those of a cluster: a test in which it was refused something fails when it closes.
 */
import assert from 'node:assert/strict';
import { resourceTable } from '../api/resource-table.ts';
import { builtinSchema } from '../api/schema/load.ts';
import type { Pod, PodSpec } from '../api/schema/types/core-v1.ts';
import type { ObjectMeta } from '../api/schema/types/meta-v1.ts';
import { hasReason } from '../api/status-error.ts';
import type { Client } from '../client/client.ts';
import { inProcessClient } from '../client/in-process-client.ts';
import { pods } from '../client/resources.ts';
import { VirtualClock } from '../lib/clock.ts';
import { silentLogger } from '../lib/log.ts';
import { SeededPrng } from '../lib/prng.ts';
import { bootstrap } from '../registry/bootstrap.ts';
import { Registry } from '../registry/registry.ts';
import type { Authorizer, UserInfo } from '../registry/request.ts';
import { storeAuthorization } from '../server/authorization/store-authorization.ts';
import type { BehaviourCatalogue } from '../simulation/container-behaviour.ts';
import { simulatedPlatform } from '../simulation/simulated-platform.ts';
import { SimulatedRuntime } from '../simulation/simulated-runtime.ts';
import { MemoryStore } from '../store/memory-store.ts';
import { Agent, type AgentOptions } from './agent.ts';
import { simulatedNodeFacts } from './node-facts.ts';
import { Outage } from './outage-testing.ts';
import type { ContainerStatus } from './runtime.ts';

const log = silentLogger;

export interface TestNode {
  readonly clock: VirtualClock;
  /** The administrator's. */
  readonly client: Client;
  /** What somebody was refused so far: `get secrets default/x: why`. */
  readonly refused: string[];
  readonly runtime: SimulatedRuntime;
  /** Takes the server out of the agents' reach. */
  readonly outage: Outage;
  readonly agent: Agent;
  /** A second agent over the same runtime, as after a restart. The first must be closed. */
  restart(changes?: Partial<AgentOptions>): Promise<Agent>;
  /** Creates a pod on the node. */
  run(spec?: Partial<PodSpec>, metadata?: Partial<ObjectMeta>): Promise<Pod>;
  pod(name?: string): Promise<Pod>;
  exists(name?: string): Promise<boolean>;
  /** Lets virtual time pass, a tenth of a second at a time, until `check` holds; fails after `limitMs`. */
  until(what: string, check: () => Promise<boolean>, limitMs?: number): Promise<void>;
  running(name?: string): Promise<Pod>;
  /** What the runtime has of a container, newest first. */
  runs(container: string): Promise<readonly ContainerStatus[]>;
  close(): Promise<void>;
}

export async function startNode(
  options: { readonly catalogue?: BehaviourCatalogue; readonly agent?: Partial<AgentOptions> } = {},
): Promise<TestNode> {
  const clock = new VirtualClock();
  const prng = new SeededPrng(1);
  const store = new MemoryStore({ clock, log });
  await store.start();
  const resources = resourceTable();
  const handler = new Registry({ store, clock, prng, schema: builtinSchema(), resources, log });
  await bootstrap(handler);
  const authorization = storeAuthorization(store);
  for (const service of authorization.services) await service.start();
  const refused: string[] = [];
  const authorizer = recordingRefusals(authorization.authorizer, refused);
  const clientOf = (user: UserInfo): Client => inProcessClient({ handler, authorizer, user, resources });
  const client = clientOf({ name: 'system:admin', groups: ['system:masters'] });
  const { catalogue } = options;
  const runtime = new SimulatedRuntime({ clock, prng, podCidr: '10.42.0.0/24', ...(catalogue && { catalogue }) });
  const outage = new Outage();
  const newAgent = (changes: Partial<AgentOptions> = {}): Agent =>
    new Agent({
      client: outage.client(clientOf({ name: 'system:node:node-1', groups: ['system:nodes', 'system:authenticated'] })),
      runtime,
      platform: simulatedPlatform(runtime),
      nodeName: 'node-1',
      home: '/nonexistent',
      facts: simulatedNodeFacts('node-1', '192.0.2.1'),
      podCidr: '10.42.0.0/24',
      clock,
      prng,
      log,
      ...options.agent,
      ...changes,
    });
  let agent = newAgent();
  await agent.start();
  await clock.advance(1);

  const reference = (name: string) => ({ namespace: 'default', name });
  const node: TestNode = {
    clock,
    client,
    refused,
    runtime,
    outage,
    agent,
    async restart(changes) {
      agent = newAgent(changes);
      await agent.start();
      await clock.advance(1);
      return agent;
    },
    run: (spec = {}, metadata = {}) =>
      client.create(pods, {
        metadata: { namespace: 'default', name: 'web', ...metadata },
        spec: { nodeName: 'node-1', containers: [{ name: 'app', image: 'app:1' }], ...spec },
      }),
    pod: (name = 'web') => client.get(pods, reference(name)),
    async exists(name = 'web') {
      try {
        await client.get(pods, reference(name));
        return true;
      } catch (error) {
        if (hasReason(error, 'NotFound')) return false;
        throw error;
      }
    },
    async until(what, check, limitMs = 60_000) {
      const endMs = clock.now() + limitMs;
      while (!(await check())) {
        assert.ok(clock.now() < endMs, `not within ${limitMs} ms: ${what}`);
        await clock.advance(100);
      }
    },
    async running(name = 'web') {
      const phase = async () => (await node.pod(name)).status?.phase;
      await node.until(`pod ${name} runs`, async () => (await phase()) === 'Running');
      return node.pod(name);
    },
    async runs(container) {
      const { containers } = await runtime.state();
      return containers.filter(({ name }) => name === container).sort((a, b) => b.attempt - a.attempt);
    },
    async close() {
      const closing = agent.close();
      await clock.advance(20_000);
      await closing;
      for (const service of authorization.services) await service.close();
      await store.close();
      assert.deepEqual(refused, []);
    },
  };
  return node;
}

function recordingRefusals(authorizer: Authorizer, refused: string[]): Authorizer {
  return {
    async decide(attributes) {
      const decision = await authorizer.decide(attributes);
      const { verb, resource, subresource, namespace, name } = attributes;
      if (!decision.allowed)
        refused.push(`${verb} ${resource}/${subresource} ${namespace}/${name}: ${decision.reason}`);
      return decision;
    },
  };
}
