/** The one screen of `naru status`. Pure but for colours. */

import type { NamespaceOverview, NodeOverview, Overview, Share } from '../../explain/overview.ts';
import { bytesText, counted } from '../../explain/words.ts';
import { harmlessData } from '../../lib/harmless.ts';
import { bad, dim, good, warning } from '../terminal/terminal.ts';
import { briefLines, unseenLine } from './why-lines.ts';

/** Of a thousand nodes, those that are not well and the first few are shown. */
const nodesMax = 8;
const namespacesMax = 12;
const troubleMax = 5;

/** @param unseen resources that could not be listed: of them, nothing is said to be well or absent */
export function overviewLines(overview: Overview, network: readonly string[], unseen: readonly string[]): string[] {
  const { nodes, namespaces, storage, trouble } = harmlessData(overview);
  return [
    ...(unseen.includes('nodes') ? [] : nodeLines(nodes)),
    ...network.map((line) => `  ${line}`),
    ...(storage.claims === 0 ? [] : [`  storage: ${storage.bound} of ${counted(storage.claims, 'claim')} bound`]),
    ...(unseen.includes('pods') ? [] : namespaceLines(namespaces)),
    ...troubleLines(trouble, unseen),
    ...unseenLine(unseen),
  ];
}

function nodeLines(nodes: readonly NodeOverview[]): string[] {
  if (nodes.length === 0) return [`  ${warning('no nodes: nothing can run')}`];
  const sorted = nodes.toSorted((a, b) => Number(a.ready) - Number(b.ready));
  const shown = nodes.length <= nodesMax ? nodes : sorted.slice(0, nodesMax);
  const hidden = nodes.length - shown.length;
  const ready = nodes.filter((node) => node.ready).length;
  return [
    ...shown.map(nodeLine),
    ...(hidden > 0 ? [`  and ${counted(hidden, 'node')} more; ${ready} of ${nodes.length} are Ready`] : []),
    ...(nodes.length > 1 ? [`  together: ${roomText(summed(nodes, 'cpu'), summed(nodes, 'memory'))}`] : []),
  ];
}

function nodeLine({ name, ready, message, cordoned, version, pods, cpu, memory }: NodeOverview): string {
  const state = ready ? good('Ready') : bad(`not Ready, ${message}`);
  const room = ready ? `; ${version}, ${counted(pods, 'pod')}, ${roomText(cpu, memory)}` : '';
  return `  node ${name}: ${state}${cordoned ? `, ${warning('cordoned')}` : ''}${room}`;
}

const summed = (nodes: readonly NodeOverview[], of: 'cpu' | 'memory'): Share => ({
  requested: nodes.reduce((sum, node) => sum + node[of].requested, 0),
  whole: nodes.reduce((sum, node) => sum + node[of].whole, 0),
});

const cpuText = (milli: number): string => String(Math.round(milli / 100) / 10);

const roomText = (cpu: Share, memory: Share): string =>
  `${cpuText(cpu.requested)} of ${cpuText(cpu.whole)} CPU and ${bytesText(memory.requested)} of ${bytesText(memory.whole)} memory asked for`;

function namespaceLines(namespaces: readonly NamespaceOverview[]): string[] {
  const used = namespaces.filter(({ workloads, pods }) => workloads + pods > 0);
  if (used.length === 0) return [dim('  no workloads yet; naru up PATH or naru apply -f FILE brings some')];
  const sorted =
    used.length <= namespacesMax ? used : used.toSorted((a, b) => a.healthy / a.workloads - b.healthy / b.workloads);
  const hidden = used.length - namespacesMax;
  return [
    ...sorted.slice(0, namespacesMax).map(({ name, healthy, workloads, pods }) => {
      const text = `${healthy} of ${counted(workloads, 'workload')} healthy`;
      return `  namespace ${name}: ${healthy < workloads ? warning(text) : good(text)}, ${counted(pods, 'pod')}`;
    }),
    ...(hidden > 0 ? [`  and ${counted(hidden, 'namespace')} more`] : []),
  ];
}

function troubleLines(trouble: Overview['trouble'], unseen: readonly string[]): string[] {
  if (trouble.length === 0) return unseen.length === 0 ? [good('Nothing is wrong.')] : [];
  const hidden = trouble.length - troubleMax;
  return [
    '',
    `${counted(trouble.length, 'object')} in trouble:`,
    ...trouble.slice(0, troubleMax).flatMap((one) => briefLines(one).map((line) => `  ${line}`)),
    ...(hidden > 0 ? [`  and ${hidden} more: naru why -A`] : []),
  ];
}
