/**
 * A changed endpoint in the API, until it is in the kernels of all nodes; and what a node's network takes of memory. The baseline of a change is a watcher of
 * the API that sees the same one and only looks; that of memory is the same process before its network was started.
 */
import process from 'node:process';
import type { Figure } from '../figure.ts';
import { Answers, type BenchNode, ChangesLab } from './changes-lab.ts';
import type { ChangeTimes } from './changes-writer.ts';

const nodeCount = 3;

export async function changesFigures({ small }: { readonly small: boolean }): Promise<readonly Figure[]> {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return [];
  const [services, endpoints, changes] = small ? [50, 3, 20] : [1000, 3, 300];
  const lab = await ChangesLab.open(nodeCount);
  try {
    const [node] = lab.nodes as readonly [BenchNode];
    const without = await node.rssBytes();
    for (const one of lab.nodes) await one.start();
    const empty = await node.rssBytes();
    const pids = lab.nodes.map(({ space }) => space.pid);
    const writer = new Answers(
      lab.outside('changes-writer.ts', ...[services, endpoints, changes, ...pids].map(String)),
    );
    await writer.next();
    const full = await node.rssBytes();
    writer.process.write('go\n');
    const { nodesMs, watcherMs } = JSON.parse(await writer.next()) as ChangeTimes;
    const of = `${services} Services of ${endpoints} endpoints`;
    const seen = `endpoint changed in the API, in the kernels of ${nodeCount} nodes with ${of}`;
    return [
      figure(`${seen}, p50`, 'ms', quantile(nodesMs, 0.5), quantile(watcherMs, 0.5)),
      figure(`${seen}, p99`, 'ms', quantile(nodesMs, 0.99), quantile(watcherMs, 0.99)),
      figure('memory of a process with a node’s network, no Service yet', 'MB', empty / 1e6, without / 1e6),
      figure(`memory of a process with a node’s network, ${of}`, 'MB', full / 1e6, without / 1e6),
    ];
  } finally {
    await lab.close();
  }
}

function figure(name: string, unit: string, value: number, baseline: number): Figure {
  const round = (number: number): number => Number(number.toFixed(2));
  return {
    bench: 'network',
    figure: name,
    value: round(value),
    unit,
    baseline: round(baseline),
    ratio: round(value / baseline),
  };
}

function quantile(values: readonly number[], share: number): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length * share)] ?? Number.NaN;
}
