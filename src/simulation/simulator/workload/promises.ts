/**
 * Workloads that stay through a whole run, and the few things that are done to them: for checkers that are exact only where nothing else happens.
 */
import type { DeploymentSpec } from '../../../api/schema/types/apps-v1.ts';
import type { PodTemplateSpec } from '../../../api/schema/types/core-v1.ts';
import type { PodDisruptionBudgetSpec } from '../../../api/schema/types/policy-v1.ts';
import { daemonSets, deployments, podDisruptionBudgets, statefulSets } from '../../../client/resources.ts';
import { rollBack, setImage } from './deployments.ts';
import { drain, uncordon } from './nodes.ts';
import { smallPodSpec } from './pods.ts';
import { type Action, type World, withImage } from './world.ts';

const images = ['app:1', 'app:2', 'app:3', 'slow:1'] as const;
const namespace = 'default';

/** Rolling updates and nothing else. */
export const onlyRollouts: readonly Action[] = [
  {
    name: 'update the image',
    weight: 3,
    act: (world) => setImage(world, world.pickOf(deployments), world.oneOf(images)),
  },
  {
    name: 'update to a bad image',
    weight: 1,
    act: (world) => setImage(world, world.pickOf(deployments), 'missing:1'),
  },
  { name: 'roll back', weight: 1, act: rollBack },
  {
    name: 'update a stateful set',
    weight: 1,
    act: (world) => world.patch(statefulSets, world.pickOf(statefulSets), withImage(world.oneOf(images))),
  },
  {
    name: 'update a daemon set',
    weight: 1,
    act: (world) => world.patch(daemonSets, world.pickOf(daemonSets), withImage(world.oneOf(images))),
  },
];

/** Evictions that ask budgets, and nothing else. */
export const onlyDrains: readonly Action[] = [
  { name: 'drain a node', weight: 1, act: drain },
  { name: 'uncordon a node', weight: 1, act: uncordon },
];

const templateOf = (app: string): PodTemplateSpec => ({
  metadata: { labels: { app } },
  spec: { ...smallPodSpec('app:1'), terminationGracePeriodSeconds: 3 },
});

function createDeployment(
  world: World,
  app: string,
  spec: Pick<DeploymentSpec, 'replicas' | 'strategy'>,
): Promise<unknown> {
  const whole = { ...spec, selector: { matchLabels: { app } }, template: templateOf(app) };
  return world.client.create(deployments, { metadata: { namespace, name: app }, spec: whole });
}

/** What `actions` act upon, where it must stand from the start. */
export async function createStanding(actions: readonly Action[], world: World): Promise<void> {
  if (actions === onlyRollouts) await createForRollouts(world);
  if (actions === onlyDrains) await createForDrains(world);
}

async function createForRollouts(world: World): Promise<void> {
  const strategies = [
    { maxSurge: 1, maxUnavailable: 0 },
    { maxSurge: 0, maxUnavailable: 1 },
    { maxSurge: 2, maxUnavailable: 2 },
  ];
  for (const [index, rollingUpdate] of strategies.entries()) {
    const strategy = { type: 'RollingUpdate', rollingUpdate } as const;
    await createDeployment(world, `rolling-${index + 1}`, { replicas: 3 + index, strategy });
  }
  for (const rollingUpdate of [{ maxSurge: 1, maxUnavailable: 0 }, { maxUnavailable: 2 }]) {
    const app = `daemon-${rollingUpdate.maxUnavailable}`;
    const updateStrategy = { type: 'RollingUpdate', rollingUpdate } as const;
    const spec = { updateStrategy, selector: { matchLabels: { app } }, template: templateOf(app) };
    await world.client.create(daemonSets, { metadata: { namespace, name: app }, spec });
  }
  for (const podManagementPolicy of ['OrderedReady', 'Parallel'] as const) {
    const app = `set-${podManagementPolicy.toLowerCase()}`;
    const spec = { replicas: 3, serviceName: app, podManagementPolicy, selector: { matchLabels: { app } } };
    await world.client.create(statefulSets, {
      metadata: { namespace, name: app },
      spec: { ...spec, template: templateOf(app) },
    });
  }
}

async function createForDrains(world: World): Promise<void> {
  const amounts: readonly PodDisruptionBudgetSpec[] = [
    { minAvailable: 2 },
    { maxUnavailable: 1 },
    { minAvailable: '60%' },
  ];
  for (const [index, amount] of amounts.entries()) {
    const app = `guarded-${index + 1}`;
    await createDeployment(world, app, { replicas: 3 + index });
    const spec = { ...amount, selector: { matchLabels: { app } } };
    await world.client.create(podDisruptionBudgets, { metadata: { namespace, name: app }, spec });
  }
}
