/** `naru top pods|nodes`: what they use now. */
import process from 'node:process';
import { integerValue, milliValue } from '../../api/quantity.ts';
import type { Home } from '../../home.ts';
import { type Connection, type ConnectionOptions, withApi } from '../cluster/connection.ts';
import { UsageError } from '../exit-code.ts';
import { tableText } from '../terminal/table.ts';
import { showsColours } from '../terminal/terminal.ts';
import { UserError } from '../user-error.ts';
import { nodeUsage, type PodUsage, podUsage, type Usage } from './usage.ts';

export interface TopOptions extends ConnectionOptions {
  readonly allNamespaces?: boolean;
  readonly selector?: string;
  readonly containers?: boolean;
  readonly sortBy?: string;
  readonly sum?: boolean;
  /** `--no-headers`. */
  readonly headers?: boolean;
}

const mebibyte = 1024 * 1024;
const cpuText = (milli: number): string => `${Math.round(milli)}m`;
const memoryText = (bytes: number): string => `${Math.round(bytes / mebibyte)}Mi`;

const sum = (usages: readonly Usage[]): Usage => ({
  cpuMilli: usages.reduce((total, { cpuMilli }) => total + cpuMilli, 0),
  memoryBytes: usages.reduce((total, { memoryBytes }) => total + memoryBytes, 0),
});

/** The largest first where asked; by name else. */
function orderOf(sortBy: string | undefined): (a: Row, b: Row) => number {
  if (sortBy === 'cpu') return (a, b) => b.usage.cpuMilli - a.usage.cpuMilli;
  if (sortBy === 'memory') return (a, b) => b.usage.memoryBytes - a.usage.memoryBytes;
  if (sortBy !== undefined) throw new UsageError(`--sort-by takes cpu and memory, and not "${sortBy}"`);
  return (a, b) => (a.key < b.key ? -1 : 1);
}

interface Row {
  readonly key: string;
  readonly cells: readonly string[];
  readonly usage: Usage;
}

export async function topPods(home: Home, name: string | undefined, options: TopOptions): Promise<void> {
  const order = orderOf(options.sortBy);
  await withApi(home, options, async (connection) => {
    const everywhere = options.allNamespaces === true;
    const found = await foundPods(connection, name, options);
    const rows = found.flatMap((pod) => podRows(pod, options)).toSorted(order);
    const columns = [
      ...(everywhere ? ['NAMESPACE'] : []),
      ...(options.containers ? ['POD', 'NAME'] : ['NAME']),
      'CPU(cores)',
      'MEMORY(bytes)',
    ];
    const total = sum(rows.map(({ usage }) => usage));
    const last =
      options.sum === true
        ? [[...columns.slice(2).map(() => ''), cpuText(total.cpuMilli), memoryText(total.memoryBytes)]]
        : [];
    print(columns, [...rows.map(cellsOf), ...last], options);
  });
}

async function foundPods(
  { client, namespace }: Connection,
  name: string | undefined,
  options: TopOptions,
): Promise<readonly PodUsage[]> {
  const all = await podUsage(client, {
    namespace: options.allNamespaces === true ? '' : namespace,
    ...(options.selector !== undefined && { selector: options.selector }),
  });
  const found = name === undefined ? all : all.filter((pod) => pod.name === name);
  if (found.length > 0) return found;
  if (name !== undefined)
    throw new UserError(
      `nothing is known of what pod "${name}" in ${namespace} uses: it does not run, or only since a moment ago`,
    );
  process.stderr.write(
    options.allNamespaces === true ? 'No resources found\n' : `No resources found in ${namespace} namespace.\n`,
  );
  return [];
}

function podRows(pod: PodUsage, { containers, allNamespaces }: TopOptions): Row[] {
  const before = allNamespaces === true ? [pod.namespace] : [];
  const key = `${pod.namespace}/${pod.name}`;
  if (containers !== true) return [{ key, cells: [...before, pod.name], usage: sum(pod.containers) }];
  return pod.containers.map((container) => ({
    key: `${key}/${container.name}`,
    cells: [...before, pod.name, container.name],
    usage: container,
  }));
}

const cellsOf = ({ cells, usage }: Row): string[] => [...cells, cpuText(usage.cpuMilli), memoryText(usage.memoryBytes)];

export async function topNodes(home: Home, name: string | undefined, options: TopOptions): Promise<void> {
  const order = orderOf(options.sortBy);
  await withApi(home, options, async ({ client }) => {
    const all = await nodeUsage(client, options.selector);
    const found = name === undefined ? all : all.filter(({ node }) => node.metadata?.name === name);
    if (name !== undefined && found.length === 0)
      throw new UserError(`there is no node "${name}"; naru get nodes lists them`);
    const none: Usage = { cpuMilli: 0, memoryBytes: 0 };
    const rows = found
      .map(({ node, usage }) => {
        const { cpu = '0', memory = '0' } = node.status?.allocatable ?? {};
        const title = node.metadata?.name ?? '';
        const cells =
          usage === undefined
            ? ['<unknown>', '<unknown>', '<unknown>', '<unknown>']
            : [
                cpuText(usage.cpuMilli),
                share(usage.cpuMilli, milliValue(cpu)),
                memoryText(usage.memoryBytes),
                share(usage.memoryBytes, integerValue(memory)),
              ];
        return { key: title, cells: [title, ...cells], usage: usage ?? none };
      })
      .toSorted(order);
    print(
      ['NAME', 'CPU(cores)', 'CPU(%)', 'MEMORY(bytes)', 'MEMORY(%)'],
      rows.map(({ cells }) => cells),
      options,
    );
  });
}

const share = (part: number, whole: number): string =>
  whole === 0 ? '<unknown>' : `${Math.trunc((part / whole) * 100)}%`;

function print(columns: readonly string[], rows: readonly (readonly string[])[], { headers }: TopOptions): void {
  if (rows.length === 0) return;
  process.stdout.write(`${tableText(columns, rows, { header: headers !== false, coloured: showsColours() })}\n`);
}
