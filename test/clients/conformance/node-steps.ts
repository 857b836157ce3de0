/** Nodes as tests of the scheduler use them: labels and resources of a test's own, and a node that no other test counts on. */
import assert from 'node:assert/strict';
import { type ResourceClient, typed } from './client.ts';
import type { ConformanceCluster } from './cluster.ts';
import { until } from './steps.ts';
import type { Sent } from './wire.ts';

export interface Placed {
  readonly namespace: string;
  readonly pods: ResourceClient;
  readonly sets: ResourceClient;
}

export async function placedIn(cluster: ConformanceCluster, base: string): Promise<Placed> {
  const namespace = await cluster.namespace(base);
  return {
    namespace,
    pods: typed(cluster.wire, 'v1', 'Pod', namespace),
    sets: typed(cluster.wire, 'apps/v1', 'ReplicaSet', namespace),
  };
}

export class OwnNodes {
  readonly client: ResourceClient;
  readonly names: readonly string[];
  #taken = 0;

  private constructor(client: ResourceClient, names: readonly string[]) {
    this.client = client;
    this.names = names;
  }

  static async of(cluster: ConformanceCluster): Promise<OwnNodes> {
    const client = typed(cluster.wire, 'v1', 'Node');
    return new OwnNodes(
      client,
      (await client.list()).items.map(({ metadata }: Sent) => metadata.name),
    );
  }

  /** One that nobody had yet. */
  next(): string {
    const name = this.names[this.#taken++];
    assert.ok(name !== undefined, `there are only ${this.names.length} nodes`);
    return name;
  }

  label(name: string, labels: object): Promise<Sent> {
    return this.client.patch(name, 'merge', { metadata: { labels } });
  }

  setTaints(name: string, taints: readonly object[]): Promise<Sent> {
    return this.client.patch(name, 'merge', { spec: { taints } });
  }

  /** An extended resource, as its device plugin would tell of it. */
  async offer(name: string, resource: string, count: string): Promise<void> {
    const amounts = { [resource]: count };
    await this.client.patch(name, 'merge', { status: { capacity: amounts, allocatable: amounts } }, 'status');
    await until(this.client, name, 'it offers it', ({ status }) => resource in status.allocatable);
  }
}

/** Of a container. */
export const asks = (resource: string, count: string): object => ({
  resources: { requests: { [resource]: count }, limits: { [resource]: count } },
});

/** Of a pod. */
export const onNode = (node: string): object => ({ nodeSelector: { 'kubernetes.io/hostname': node } });

export const isOn = (pod: Sent, node: string): void => assert.equal(pod.spec.nodeName, node);
