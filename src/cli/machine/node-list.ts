/** `naru node list`: the machines, and how much of each is asked for. */
import { containersTogether } from '../../api/pod-requests.ts';
import { formatQuantity, milliValue } from '../../api/quantity.ts';
import type { Node, Pod } from '../../api/schema/types/core-v1.ts';
import { nodes, pods } from '../../client/resources.ts';
import type { Home } from '../../home.ts';
import { type ConnectionOptions, withApi } from '../cluster/connection.ts';
import { nodeHealth } from '../nodes.ts';
import { tableText } from '../terminal/table.ts';
import { isTerminal } from '../terminal/terminal.ts';

const columns = ['NAME', 'STATUS', 'VERSION', 'ADDRESS', 'PODS', 'CPU', 'MEMORY', 'AGE'] as const;

export async function listNodes(home: Home, options: ConnectionOptions): Promise<void> {
  await withApi(home, options, async ({ client, clock }) => {
    const [all, running] = await Promise.all([
      client.list(nodes),
      client.list(pods, { fieldSelector: 'status.phase!=Succeeded,status.phase!=Failed' }),
    ]);
    if (all.items.length === 0) {
      console.log('The cluster has no nodes yet; a machine joins with the line that naru token create prints.');
      return;
    }
    const rows = nodeRows(all.items, running.items, clock.now());
    console.log(tableText(columns, rows, { header: true, coloured: isTerminal() }));
  });
}

export function nodeRows(all: readonly Node[], running: readonly Pod[], nowMs: number): string[][] {
  const byNode = Map.groupBy(running, ({ spec }) => spec?.nodeName ?? '');
  return all.map((node) => {
    const name = node.metadata?.name ?? '';
    const own = byNode.get(name) ?? [];
    const { addresses = [], allocatable = {}, nodeInfo } = node.status ?? {};
    return [
      name,
      statusText(node),
      nodeInfo?.kubeletVersion ?? '',
      addresses
        .filter(({ type }) => type === 'InternalIP')
        .map(({ address }) => address)
        .join(),
      `${own.length}/${allocatable['pods'] ?? '?'}`,
      share(own, 'cpu', allocatable['cpu']),
      share(own, 'memory', allocatable['memory']),
      ageText(nowMs - Date.parse(node.metadata?.creationTimestamp ?? '')),
    ];
  });
}

const statusText = (node: Node): string =>
  `${nodeHealth(node).ready ? 'Ready' : 'NotReady'}${node.spec?.unschedulable ? ',SchedulingDisabled' : ''}`;

/** What pods ask for, of what there is. */
function share(own: readonly Pod[], resource: 'cpu' | 'memory', allocatable: string | undefined): string {
  if (allocatable === undefined || milliValue(allocatable) === 0) return '';
  const asked = own.reduce((sum, { spec }) => {
    const amount = spec && containersTogether(spec, 'requests').get(resource);
    return sum + (amount === undefined ? 0 : milliValue(formatQuantity(amount)));
  }, 0);
  return `${Math.round((asked / milliValue(allocatable)) * 100)}%`;
}

function ageText(ms: number): string {
  const minutes = Math.floor(ms / 60_000);
  if (Number.isNaN(minutes)) return '';
  if (minutes < 1) return `${Math.max(0, Math.floor(ms / 1000))}s`;
  if (minutes < 120) return `${minutes}m`;
  return minutes < 48 * 60 ? `${Math.floor(minutes / 60)}h` : `${Math.floor(minutes / 1440)}d`;
}
