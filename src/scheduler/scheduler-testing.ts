/** A scheduler over a whole API in this process, in virtual time, and what tests ask of it. */
import assert from 'node:assert/strict';
import type { Pod, PodSpec } from '../api/schema/types/core-v1.ts';
import type { Client } from '../client/client.ts';
import { nodes, pods, priorityClasses } from '../client/resources.ts';
import { startTestApi, type TestApi } from '../client/testing.ts';
import { MetricRegistry } from '../lib/metrics.ts';
import { Scheduler } from './scheduler.ts';

export interface Scheduling extends TestApi {
  pod(name: string): Promise<Pod>;
  nodeOf(name: string): Promise<string | undefined>;
  create(name: string, cpu?: string, spec?: Partial<PodSpec>): Promise<Pod>;
  delete(name: string): Promise<void>;
  setStatus(name: string, status: Pod['status']): Promise<void>;
  addNode(name: string, allocatable?: Record<string, string>): Promise<void>;
  /** The figure of this name and these labels; 0 where it was never counted. */
  metric(series: string): number;
  close(): Promise<void>;
}

/** With priority classes `low`, `middle`, `high` and `urgent`; `wrap` puts faults before the client. */
export async function startScheduling(wrap?: (client: Client) => Client): Promise<Scheduling> {
  const api = await startTestApi(wrap && { wrap });
  const metrics = new MetricRegistry();
  const scheduler = new Scheduler({ ...api, metrics });
  const { client, clock } = api;
  await scheduler.start();
  await api.informers.start();
  await clock.advance(0);
  for (const [index, name] of ['low', 'middle', 'high', 'urgent'].entries()) {
    await client.create(priorityClasses, { metadata: { name }, value: index + 1 });
  }
  const pod = (name: string): Promise<Pod> => client.get(pods, { namespace: 'default', name });
  return {
    ...api,
    pod,
    nodeOf: async (name) => (await pod(name)).spec?.nodeName,
    create(name, cpu = '1', spec = {}) {
      const containers = [{ name: 'main', image: 'image', resources: { requests: { cpu } } }];
      return client.create(pods, { metadata: { namespace: 'default', name }, spec: { containers, ...spec } });
    },
    async delete(name) {
      await client.delete(pods, { namespace: 'default', name }, { gracePeriodSeconds: 0 });
    },
    async setStatus(name, status) {
      const standing = await pod(name);
      await client.update(pods, { ...standing, status: { ...standing.status, ...status } }, { subresource: 'status' });
    },
    async addNode(name, allocatable = { cpu: '4', memory: '8Gi', pods: '110' }) {
      await client.create(nodes, { metadata: { name } });
      // The loop that finds a node ready does not run here.
      const body = { spec: { taints: null } };
      const node = await client.patch(nodes, { namespace: '', name }, { type: 'merge', body });
      await client.update(nodes, { ...node, status: { allocatable } }, { subresource: 'status' });
    },
    metric(series) {
      const line = metrics
        .text()
        .split('\n')
        .find((one) => one.startsWith(`${series} `));
      return Number(line?.slice(series.length) ?? 0);
    },
    async close() {
      await scheduler.close();
      await api.informers.close();
      await api.store.close();
      assert.equal(clock.pending, 0);
    },
  };
}
