/** A cluster on one screen: its nodes and what is asked of them, its workloads by namespace, what is wrong. Pure but for the `Look`. */

import { amountsOf, podRequests } from '../api/node-requests.ts';
import type { KubeObject } from '../api/object.ts';
import type { Node, Pod } from '../api/schema/types/core-v1.ts';
import type { Resource } from '../client/client.ts';
import {
  cronJobs,
  daemonSets,
  deployments,
  jobs,
  nodes,
  persistentVolumeClaims,
  pods,
  statefulSets,
} from '../client/resources.ts';
import { healthOf } from '../deploy/health.ts';
import { type Explanation, explainAll } from './explain.ts';
import type { Inquiry } from './inquiry.ts';
import { hasEnded } from './pods/containers.ts';

export interface NodeOverview {
  readonly name: string;
  readonly ready: boolean;
  /** Why it is not Ready, in the node's words. */
  readonly message: string;
  readonly cordoned: boolean;
  readonly version: string;
  readonly pods: number;
  /** Thousandths of a CPU, and bytes: what pods ask for, and what there is for them. */
  readonly cpu: Share;
  readonly memory: Share;
}

export interface Share {
  readonly requested: number;
  readonly whole: number;
}

export interface NamespaceOverview {
  readonly name: string;
  readonly healthy: number;
  readonly workloads: number;
  readonly pods: number;
}

export interface StorageOverview {
  readonly claims: number;
  readonly bound: number;
}

export interface Overview {
  readonly nodes: readonly NodeOverview[];
  readonly namespaces: readonly NamespaceOverview[];
  readonly storage: StorageOverview;
  readonly trouble: readonly Explanation[];
}

/** What stands on its own; what they own belongs to them. */
const workloadKinds: readonly Resource<KubeObject>[] = [deployments, statefulSets, daemonSets, jobs, cronJobs];

export async function overviewOf(inquiry: Inquiry): Promise<Overview> {
  const { look } = inquiry;
  const allPods = await look.list(pods);
  const claims = await look.list(persistentVolumeClaims);
  return {
    nodes: (await look.list(nodes)).map((node) => nodeOverview(node, allPods)),
    namespaces: await namespaceOverviews(inquiry, allPods),
    storage: { claims: claims.length, bound: claims.filter(({ status }) => status?.phase === 'Bound').length },
    trouble: (await explainAll(inquiry)).explanations,
  };
}

export function nodeOverview(node: Node, all: readonly Pod[]): NodeOverview {
  const name = node.metadata?.name ?? '';
  const own = all.filter((pod) => pod.spec?.nodeName === name && !hasEnded(pod));
  const ready = node.status?.conditions?.find(({ type }) => type === 'Ready');
  const whole = amountsOf(node.status?.allocatable);
  const asked = own.map((pod) => podRequests(pod).amounts);
  const share = (resource: string): Share => ({
    requested: asked.reduce((sum, amounts) => sum + (amounts.get(resource) ?? 0), 0),
    whole: whole.get(resource) ?? 0,
  });
  return {
    name,
    ready: ready?.status === 'True',
    message: ready?.message ?? 'it has not reported yet',
    cordoned: node.spec?.unschedulable === true,
    version: node.status?.nodeInfo?.kubeletVersion ?? '',
    pods: own.length,
    cpu: share('cpu'),
    memory: share('memory'),
  };
}

async function namespaceOverviews({ look }: Inquiry, allPods: readonly Pod[]): Promise<readonly NamespaceOverview[]> {
  const counts = new Map<string, { healthy: number; workloads: number; pods: number }>();
  const of = (name = ''): { healthy: number; workloads: number; pods: number } => {
    const found = counts.get(name) ?? { healthy: 0, workloads: 0, pods: 0 };
    counts.set(name, found);
    return found;
  };
  for (const resource of workloadKinds) {
    for (const object of await look.list(resource)) {
      if (object.metadata?.ownerReferences?.some(({ controller }) => controller === true) === true) continue;
      const count = of(object.metadata?.namespace);
      count.workloads++;
      if (healthOf(object).state === 'healthy') count.healthy++;
    }
  }
  for (const pod of allPods.filter((one) => !hasEnded(one))) {
    const count = of(pod.metadata?.namespace);
    count.pods++;
    if (pod.metadata?.ownerReferences?.some(({ controller }) => controller === true) === true) continue;
    count.workloads++;
    if (healthOf(pod).state === 'healthy') count.healthy++;
  }
  return [...counts].map(([name, count]) => ({ name, ...count })).toSorted((a, b) => (a.name < b.name ? -1 : 1));
}
