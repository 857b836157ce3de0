/**
 * An agent over a lab's containerd, with a registry of its own and no other part of a cluster: for what only real processes, files and cgroups
 * can show.
 */
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { Agent, type AgentOptions } from '../../src/agent/agent.ts';
import { resourceTable } from '../../src/api/resource-table.ts';
import { builtinSchema } from '../../src/api/schema/load.ts';
import type { Pod, PodSpec } from '../../src/api/schema/types/core-v1.ts';
import { hasReason } from '../../src/api/status-error.ts';
import type { Client } from '../../src/client/client.ts';
import { inProcessClient } from '../../src/client/in-process-client.ts';
import { nodes, pods } from '../../src/client/resources.ts';
import { silentLogger as log } from '../../src/lib/log.ts';
import { SeededPrng } from '../../src/lib/prng.ts';
import { bootstrap } from '../../src/registry/bootstrap.ts';
import { Registry } from '../../src/registry/registry.ts';
import { MemoryStore } from '../../src/store/memory-store.ts';
import { ContainerdLab, clock, type Ending, shellImage } from './containerd-lab.ts';

export const nodeName = 'node-1';

export interface AgentNode {
  readonly client: Client;
  readonly lab: ContainerdLab;
  readonly home: string;
  readonly agent: () => Agent;
  readonly restart: () => Promise<void>;
  readonly run: (name: string, script: string, spec?: Partial<PodSpec>) => Promise<Pod>;
  readonly pod: (name: string) => Promise<Pod>;
  readonly gone: (name: string) => Promise<boolean>;
  readonly until: (what: string, check: () => Promise<boolean>, limitMs?: number) => Promise<void>;
  readonly logs: (name: string, query?: string) => Promise<string>;
}

/** @param changes what the agent is told beside the plain things */
export async function startAgentNode(ending: Ending, changes: Partial<AgentOptions> = {}): Promise<AgentNode> {
  // The last that was begun ends first: pods before the containerd that runs them.
  const ends: (() => Promise<void>)[] = [];
  ending.after(async () => {
    for (const end of ends.toReversed()) await end();
  });
  const lab = await ContainerdLab.open({ after: (end) => void ends.push(end) });
  const prng = new SeededPrng(1);
  const store = new MemoryStore({ clock, log });
  await store.start();
  const resources = resourceTable();
  const handler = new Registry({ store, clock, prng, schema: builtinSchema(), resources, log });
  await bootstrap(handler);
  const user = { name: 'system:admin', groups: ['system:masters'] };
  const client = inProcessClient({
    handler,
    authorizer: { decide: () => ({ allowed: true, reason: '' }) },
    user,
    resources,
  });
  const home = path.join(lab.home, 'node');
  mkdirSync(home);
  const { runtime, containerd } = lab;
  const { cgroupRoot } = containerd;
  const newAgent = () => new Agent({ client, runtime, nodeName, home, cgroupRoot, clock, prng, log, ...changes });
  let agent = newAgent();
  await agent.start();
  ends.push(async () => {
    const { items } = await client.list(pods);
    for (const { metadata } of items) {
      const reference = { namespace: metadata?.namespace ?? '', name: metadata?.name ?? '' };
      await client.delete(pods, reference, { gracePeriodSeconds: 1 }).catch(() => {});
    }
    const end = clock.now() + 10_000;
    while ((await client.list(pods)).items.length > 0 && clock.now() < end) await clock.sleep(50);
    await agent.close();
    await store.close();
  });
  const pod = (name: string) => client.get(pods, { namespace: 'default', name });
  await until('the node is ready', async () => {
    const node = await client.get(nodes, { namespace: '', name: nodeName }).catch(() => undefined);
    return node?.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false;
  });
  return {
    client,
    lab,
    home,
    agent: () => agent,
    restart: async () => {
      await agent.close();
      agent = newAgent();
      await agent.start();
    },
    run: (name, script, spec = {}) => {
      const [extra] = spec.containers ?? [];
      const container = { name: 'app', image: shellImage, command: ['/bin/sh', '-c', script], ...extra };
      return client.create(pods, {
        metadata: { namespace: 'default', name },
        // Nobody here issues tokens: pods that waited for one would never start.
        spec: { nodeName, automountServiceAccountToken: false, ...spec, containers: [container] },
      });
    },
    pod,
    gone: (name) =>
      pod(name).then(
        () => false,
        (error: unknown) => hasReason(error, 'NotFound'),
      ),
    until,
    logs: async (name, query = '') => {
      const signal = new AbortController().signal;
      const url = `/containerLogs/default/${name}/app${query}`;
      return text((await agent.handler.handle({ method: 'GET', path: url, headers: {}, signal })).body);
    },
  };
}

async function until(what: string, check: () => Promise<boolean>, limitMs = 15_000): Promise<void> {
  const end = clock.now() + limitMs;
  while (!(await check())) {
    assert.ok(clock.now() < end, `never: ${what}`);
    await clock.sleep(20);
  }
}
