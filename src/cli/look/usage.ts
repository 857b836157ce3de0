/**
 * What pods and nodes use, from where the cluster tells it: the metrics API (metrics.k8s.io) where something serves it, else each node's own
 * summary, asked through the API. Amounts are plain numbers: thousandths of a core, and bytes.
 */

import { integerValue, parseQuantity } from '../../api/quantity.ts';
import type { Node } from '../../api/schema/types/core-v1.ts';
import { StatusError } from '../../api/status-error.ts';
import type { HttpsClient } from '../../client/https-client.ts';
import { queryText } from '../../client/resource-path.ts';

export interface Usage {
  readonly cpuMilli: number;
  readonly memoryBytes: number;
}

export interface PodUsage {
  readonly namespace: string;
  readonly name: string;
  readonly containers: readonly (Usage & { readonly name: string })[];
}

export interface NodeUsage {
  readonly node: Node;
  /** Undefined: it does not answer. */
  readonly usage: Usage | undefined;
}

export interface UsageQuery {
  /** Empty: all namespaces. */
  readonly namespace: string;
  readonly selector?: string;
}

type Requester = Pick<HttpsClient, 'request'>;

async function read<T>(client: Requester, path: string): Promise<T> {
  return JSON.parse((await client.request({ path })).body.toString()) as T;
}

/** Undefined where nobody serves the metrics API, or nobody answers for it now. */
async function fromMetrics<T>(client: Requester, path: string): Promise<readonly T[] | undefined> {
  try {
    return (await read<{ readonly items?: readonly T[] }>(client, `/apis/metrics.k8s.io/v1beta1${path}`)).items ?? [];
  } catch (error) {
    if (error instanceof StatusError && (error.code === 404 || error.code === 503)) return undefined;
    throw error;
  }
}

interface Amounts {
  readonly cpu?: string;
  readonly memory?: string;
}

const usageOf = ({ cpu = '0', memory = '0' }: Amounts): Usage => ({
  // Fractions of thousandths count: many small ones are something together.
  cpuMilli: Number(parseQuantity(cpu).nano) / 1e6,
  memoryBytes: integerValue(memory),
});

interface PodMetrics {
  readonly metadata: { readonly name: string; readonly namespace: string };
  readonly containers: readonly { readonly name: string; readonly usage: Amounts }[];
}

/** What the nodes say that they use (kubelet's summary API, stats/v1alpha1). */
interface Summary {
  readonly node: SummaryUsage;
  readonly pods?: readonly {
    readonly podRef: { readonly name: string; readonly namespace: string };
    readonly containers?: readonly (SummaryUsage & { readonly name: string })[];
  }[];
}

interface SummaryUsage {
  readonly cpu?: { readonly usageNanoCores?: number };
  readonly memory?: { readonly workingSetBytes?: number };
}

const summaryUsage = ({ cpu, memory }: SummaryUsage): Usage => ({
  cpuMilli: (cpu?.usageNanoCores ?? 0) / 1e6,
  memoryBytes: memory?.workingSetBytes ?? 0,
});

export async function podUsage(client: Requester, { namespace, selector }: UsageQuery): Promise<readonly PodUsage[]> {
  const query = queryText({ labelSelector: selector });
  const within = namespace === '' ? '' : `/namespaces/${namespace}`;
  const metrics = await fromMetrics<PodMetrics>(client, `${within}/pods${query}`);
  if (metrics !== undefined) {
    return metrics.map(({ metadata, containers }) => ({
      ...metadata,
      containers: containers.map(({ name, usage }) => ({ name, ...usageOf(usage) })),
    }));
  }
  const [nodes, pods] = await Promise.all([
    listNodes(client),
    read<{ readonly items: readonly { readonly metadata: PodMetrics['metadata'] }[] }>(
      client,
      `/api/v1${within}/pods${query}`,
    ),
  ]);
  const wanted = new Set(pods.items.map(({ metadata }) => `${metadata.namespace}/${metadata.name}`));
  const summaries = await eachOf(nodes, (node) => summaryOf(client, node));
  return summaries
    .flatMap((summary) => summary?.pods ?? [])
    .filter(({ podRef }) => wanted.has(`${podRef.namespace}/${podRef.name}`))
    .map(({ podRef, containers }) => ({
      namespace: podRef.namespace,
      name: podRef.name,
      containers: (containers ?? []).map((container) => ({ name: container.name, ...summaryUsage(container) })),
    }));
}

export async function nodeUsage(client: Requester, selector: string | undefined): Promise<readonly NodeUsage[]> {
  const nodes = await listNodes(client, selector);
  const metrics = await fromMetrics<{ readonly metadata: { readonly name: string }; readonly usage: Amounts }>(
    client,
    '/nodes',
  );
  if (metrics !== undefined) {
    const byName = new Map(metrics.map(({ metadata, usage }) => [metadata.name, usageOf(usage)]));
    return nodes.map((node) => ({ node, usage: byName.get(node.metadata?.name ?? '') }));
  }
  return eachOf(nodes, async (node) => {
    const summary = await summaryOf(client, node);
    return { node, usage: summary === undefined ? undefined : summaryUsage(summary.node) };
  });
}

/** How many nodes are asked at the same time. */
const askedMax = 50;

async function eachOf<T, R>(items: readonly T[], ask: (item: T) => Promise<R>): Promise<R[]> {
  const answers: R[] = [];
  for (let at = 0; at < items.length; at += askedMax) {
    answers.push(...(await Promise.all(items.slice(at, at + askedMax).map(ask))));
  }
  return answers;
}

async function listNodes(client: Requester, selector?: string): Promise<readonly Node[]> {
  return (
    await read<{ readonly items: readonly Node[] }>(client, `/api/v1/nodes${queryText({ labelSelector: selector })}`)
  ).items;
}

/** A node that is gone answers nothing; who may not ask is told so. */
async function summaryOf(client: Requester, { metadata }: Node): Promise<Summary | undefined> {
  try {
    return await read<Summary>(client, `/api/v1/nodes/${metadata?.name ?? ''}/proxy/stats/summary`);
  } catch (error) {
    if (error instanceof StatusError && error.code >= 500) return undefined;
    throw error;
  }
}
