/** What bounds others: disruption budgets with evictions that ask them, and quotas with many who create at once. */
import type { ResourceQuota } from '../../../api/schema/types/core-v1.ts';
import type { PodDisruptionBudget, PodDisruptionBudgetSpec } from '../../../api/schema/types/policy-v1.ts';
import {
  configMaps,
  deployments,
  podDisruptionBudgets,
  pods,
  resourceQuotas,
  statefulSets,
} from '../../../client/resources.ts';
import { evict } from './pods.ts';
import type { Family, World } from './world.ts';

const budgetsMax = 6;
const quotasMax = 3;
const plenty = 1000;

function newBudget(world: World): PodDisruptionBudget | undefined {
  const owner = world.oneIn(3) ? world.pickOf(statefulSets) : world.pickOf(deployments);
  if (owner === undefined) return undefined;
  const { namespace = '', name = '' } = owner.metadata ?? {};
  const amount: PodDisruptionBudgetSpec = world.oneOf([
    { minAvailable: 1 },
    { minAvailable: '50%' },
    { maxUnavailable: 1 },
    { maxUnavailable: '30%' },
  ]);
  const selector = { matchLabels: owner.spec?.selector.matchLabels ?? {} };
  const always = { unhealthyPodEvictionPolicy: 'AlwaysAllow' as const };
  return { metadata: { namespace, name }, spec: { ...amount, selector, ...(world.oneIn(3) && always) } };
}

async function evictOne(world: World): Promise<void> {
  const pod = world.pickOf(pods, ({ spec }) => spec?.nodeName !== undefined);
  if (pod !== undefined) await evict(world, pod);
}

export const budgetFamily: Family = {
  name: 'budgets',
  actions: [
    {
      name: 'create a budget',
      weight: 6,
      act: (world) => world.create(podDisruptionBudgets, budgetsMax, () => newBudget(world)),
    },
    { name: 'evict a pod', weight: 12, act: evictOne },
    {
      name: 'delete a budget',
      weight: 1,
      act: (world) => world.delete(podDisruptionBudgets, world.pickOf(podDisruptionBudgets)),
    },
  ],
};

function newQuota(world: World): ResourceQuota {
  const hard = { pods: 3 + world.below(8), configmaps: 4 + world.below(6), services: 1 + world.below(3) };
  const texts = Object.fromEntries(Object.entries(hard).map(([name, amount]) => [name, String(amount)]));
  return { metadata: { namespace: world.namespace, name: 'team-quota' }, spec: { hard: texts } };
}

/** Some of them are refused where the room is not enough for all. */
async function createMany(world: World): Promise<void> {
  const namespace = world.pickOf(resourceQuotas)?.metadata?.namespace ?? world.namespace;
  const one = { metadata: { namespace, generateName: 'many-', labels: { many: 'true' } } };
  const made = Array.from({ length: 2 + world.below(6) }, () => world.client.create(configMaps, one));
  await Promise.allSettled(made);
}

export const quotaFamily: Family = {
  name: 'quotas',
  actions: [
    {
      name: 'create a quota',
      weight: 4,
      act: (world) => world.create(resourceQuotas, quotasMax, () => newQuota(world)),
    },
    { name: 'create many config maps', weight: 6, act: createMany },
    {
      name: 'delete many config maps',
      weight: 3,
      act: async (world) => {
        const many = world.living(configMaps).filter(({ metadata }) => metadata?.labels?.['many'] !== undefined);
        for (const one of many.slice(0, 8)) await world.delete(configMaps, one);
      },
    },
    { name: 'delete a quota', weight: 1, act: (world) => world.delete(resourceQuotas, world.pickOf(resourceQuotas)) },
    {
      name: 'raise a quota',
      weight: 1,
      act: (world) => world.patch(resourceQuotas, world.pickOf(resourceQuotas), { spec: { hard: { pods: '20' } } }),
    },
  ],
  settle: async (world) => {
    const hard = { pods: String(plenty), configmaps: String(plenty), services: String(plenty) };
    for (const quota of world.living(resourceQuotas)) await world.patch(resourceQuotas, quota, { spec: { hard } });
  },
};
