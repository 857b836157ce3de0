/** How long after a node was declared lost its pods are out of the other nodes' rules and out of their HAProxy: the test's own eyes, in the kernel and at the socket. */
import path from 'node:path';
import type { Node, PodList } from '../../src/api/schema/types/core-v1.ts';
import { ask } from '../../src/network/gateway/haproxy/commands.ts';
import type { LabNode } from '../cluster/node-lab/lab-node.ts';
import type { NodeLab } from '../cluster/node-lab.ts';
import { elapsedMs, eventually } from '../harness.ts';
import { Lines } from './lines.ts';

/** The node monitor's patience, and a busy machine. */
const lostMsMax = 120_000;

/** Takes the power from a node. @returns by node that stays, how long (ms) after the API called the other one lost it sent its pods nothing more */
export async function loseNode(lab: NodeLab, lost: LabNode): Promise<ReadonlyMap<string, number>> {
  const { items } = await lab.json<PodList>('get', 'pods', '-l', 'app=web');
  const addresses = items.filter(({ spec }) => spec?.nodeName === lost.name).map(({ status }) => status?.podIP ?? '');
  const others = lab.nodes.filter((node) => node !== lost);
  for (const node of others) {
    const known = await sentTo(node, addresses);
    if (known.length === 0)
      throw new Error(`${node.name} sends nothing to the pods of ${lost.name}: ${addresses.join()}`);
  }
  let sinceMs: (() => number) | undefined;
  const watch = lab.kubectlLine('get', 'node', lost.name, '--watch', '-o', 'json', '--output-watch-events');
  const lines = new Lines(watch, (line) => {
    const { status } = line['object'] as Node;
    const ready = status?.conditions?.find(({ type }) => type === 'Ready');
    if (ready?.status === 'Unknown') sinceMs ??= elapsedMs();
  });
  try {
    await lost.crash();
    await eventually(`${lost.name} is lost`, () => sinceMs !== undefined, lostMsMax);
    const gone = others.map(async (node) => {
      await eventually(`${node.name} leaves them out`, async () => (await sentTo(node, addresses)).length === 0);
      return [node.name, sinceMs?.() ?? Number.NaN] as const;
    });
    return new Map(await Promise.all(gone));
  } finally {
    await lines.close();
  }
}

/** Which of the addresses the node would send something to, by its rules or by its HAProxy. */
async function sentTo(node: LabNode, addresses: readonly string[]): Promise<string[]> {
  const rules = await node.mustRun('nft', 'list', 'ruleset');
  const servers = await ask(path.join(node.home, 'network/gateway/haproxy.sock'), 'show servers state');
  const open = servers.split('\n').map((line) => line.split(' '));
  const has = (address: string): boolean =>
    new RegExp(`\\b${address.replaceAll('.', '\\.')}\\b`).test(rules) ||
    // Fields: address at 4, what the administrator wants at 6, where 0 is all.
    open.some((fields) => fields[4] === address && fields[6] === '0');
  return addresses.filter(has);
}
