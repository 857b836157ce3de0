/** For tests: a cluster in virtual time with a scheduler, nodes, groups and their pods. Not for production. */
import assert from 'node:assert/strict';
import type { Pod, PodSpec } from '../../api/schema/types/core-v1.ts';
import type { PodGroup, PodGroupSpec } from '../../api/schema/types/scheduling-v1alpha2.ts';
import type { Client } from '../../client/client.ts';
import { events, nodes, podGroups, pods, priorityClasses } from '../../client/resources.ts';
import { startTestApi, type TestApi } from '../../client/testing.ts';
import type { SchedulerConfiguration } from '../config/configuration.ts';
import { Scheduler } from '../scheduler.ts';

export interface GangWorld extends TestApi {
  addNode(name: string, cpu?: string, labels?: Record<string, string>): Promise<void>;
  addClass(name: string, value: number): Promise<void>;
  /** A gang where `minCount` is there, else a basic group. */
  addGroup(name: string, minCount?: number, spec?: Partial<PodGroupSpec>): Promise<void>;
  addPod(name: string, group?: string, cpu?: string, spec?: Partial<PodSpec>): Promise<void>;
  pod(name: string): Promise<Pod>;
  group(name: string): Promise<PodGroup>;
  remove(name: string): Promise<void>;
  /** By pod: its node, or nothing. */
  places(): Promise<Record<string, string>>;
  /** Why the pod has no node. */
  whyNot(name: string): Promise<string | undefined>;
  close(): Promise<void>;
}

const inDefault = (name: string) => ({ namespace: 'default', name });

interface GangOptions {
  readonly seed?: number;
  readonly wrap?: (client: Client) => Client;
  readonly configuration?: SchedulerConfiguration;
  readonly groupMembersMax?: number;
}

export async function startGangs({ configuration, groupMembersMax, ...options }: GangOptions = {}): Promise<GangWorld> {
  const api = await startTestApi(options);
  const { client } = api;
  const scheduler = new Scheduler({ ...api, configuration, groupMembersMax });
  await scheduler.start();
  await api.informers.start();
  await api.clock.advance(0);
  const pod = (name: string): Promise<Pod> => client.get(pods, inDefault(name));
  return {
    ...api,
    pod,
    async addNode(name, cpu = '2', labels = {}) {
      await client.create(nodes, { metadata: { name, labels } });
      // The loop that finds a node ready does not run here.
      const body = { spec: { taints: null } };
      const node = await client.patch(nodes, { namespace: '', name }, { type: 'merge', body });
      const status = { allocatable: { cpu, memory: '8Gi', pods: '110' } };
      await client.update(nodes, { ...node, status }, { subresource: 'status' });
    },
    async addClass(name, value) {
      await client.create(priorityClasses, { metadata: { name }, value });
    },
    async addGroup(name, minCount, spec = {}) {
      const schedulingPolicy = minCount === undefined ? { basic: {} } : { gang: { minCount } };
      await client.create(podGroups, { metadata: inDefault(name), spec: { schedulingPolicy, ...spec } });
    },
    async addPod(name, group, cpu = '1', spec = {}) {
      const containers = [{ name: 'main', image: 'image', resources: { requests: { cpu } } }];
      const schedulingGroup = group !== undefined && { schedulingGroup: { podGroupName: group } };
      await client.create(pods, { metadata: inDefault(name), spec: { containers, ...schedulingGroup, ...spec } });
    },
    group: (name) => client.get(podGroups, inDefault(name)),
    async remove(name) {
      await client.delete(pods, inDefault(name), { gracePeriodSeconds: 0 });
    },
    async places() {
      const { items } = await client.list(pods);
      return Object.fromEntries(items.map(({ metadata, spec }) => [metadata?.name ?? '', spec?.nodeName ?? '']));
    },
    async whyNot(name) {
      const { status } = await pod(name);
      return status?.conditions?.find(({ type, status: is }) => type === 'PodScheduled' && is === 'False')?.message;
    },
    async close() {
      await scheduler.close();
      await api.informers.close();
      await api.store.close();
      assert.equal(api.clock.pending, 0);
    },
  };
}

/** Status, reason and message of what is said of the group's scheduling. */
export function conditionOf({ status }: PodGroup, kind = 'PodGroupScheduled'): (string | undefined)[] {
  const found = status?.conditions?.find(({ type }) => type === kind);
  return [found?.status, found?.reason, found?.message];
}

/** How often pods were told that they have no node. */
export async function refusals({ client }: GangWorld, name: string): Promise<number> {
  const { items } = await client.list(events);
  const told = items.filter(
    ({ reason, involvedObject }) => reason === 'FailedScheduling' && involvedObject.name === name,
  );
  return told.reduce((sum, { count = 1, series }) => sum + (series?.count ?? count), 0);
}
