/** How the nodes of a home's cluster are, as `naru status` prints and `naru up --wait` waits for. */
import type { Node } from '../api/schema/types/core-v1.ts';
import { httpsClient } from '../client/https-client.ts';
import { readKubeconfig } from '../client/kubeconfig.ts';
import { nodes } from '../client/resources.ts';
import type { Home } from '../home.ts';
import type { Clock } from '../lib/clock.ts';
import { UserError } from './user-error.ts';

export interface NodeHealth {
  readonly name: string;
  readonly ready: boolean;
  /** Why it is not Ready, in the node's words. */
  readonly message: string;
}

export function nodeHealth(node: Node): NodeHealth {
  const ready = node.status?.conditions?.find((condition) => condition.type === 'Ready');
  return {
    name: node.metadata?.name ?? '',
    ready: ready?.status === 'True',
    message: ready?.message ?? 'it has not reported yet',
  };
}

export async function listNodes(home: Home, clock: Clock): Promise<readonly NodeHealth[]> {
  return (await fetchNodes(home, clock)).map(nodeHealth);
}

export async function fetchNodes(home: Home, clock: Clock): Promise<readonly Node[]> {
  const client = httpsClient({ config: await readKubeconfig(home.kubeconfig), clock });
  try {
    return (await client.list(nodes)).items;
  } finally {
    client.close();
  }
}

const waitMsMax = 60_000;

/** @throws UserError naming the nodes that are not Ready, and why */
export async function waitForNodes(home: Home, clock: Clock, count: number): Promise<void> {
  const deadline = clock.monotonic() + waitMsMax;
  for (;;) {
    const health = await listNodes(home, clock);
    const waiting = health.filter((node) => !node.ready);
    if (waiting.length === 0 && health.length >= count) return;
    if (clock.monotonic() > deadline) {
      const reasons = waiting.map((node) => `${node.name}: ${node.message}`).join('; ') || 'no node has registered';
      throw new UserError(`the nodes are not Ready after ${waitMsMax / 1000} s (${reasons}); the log is ${home.log}`);
    }
    await clock.sleep(100);
  }
}
