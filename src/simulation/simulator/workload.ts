/**
 * What users do, as data: a table of actions with weights, each a few calls of an administrator whose network is as bad as everybody's.
 *
 * An action looks at what the store holds, never at a memory of its own: an answer that got lost then confuses nobody. Refusals are part of life.
 * What runs must be able to come to rest: bare pods never crash for ever, nobody deletes by force (see the checkers), and `settle` takes back at the
 * end what could not converge (broken images, pauses, more than the nodes can carry).
 */
import type { KubeObject } from '../../api/object.ts';
import { integerValue, milliValue } from '../../api/quantity.ts';
import type { Deployment } from '../../api/schema/types/apps-v1.ts';
import type { Job } from '../../api/schema/types/batch-v1.ts';
import type { Namespace, Node, Pod, PodSpec } from '../../api/schema/types/core-v1.ts';
import { StatusError } from '../../api/status-error.ts';
import type { Client, ClientPatch, Resource } from '../../client/client.ts';
import {
  configMaps,
  deployments,
  jobs,
  namespaces,
  nodes,
  pods,
  priorityClasses,
  replicaSets,
  serviceAccounts,
} from '../../client/resources.ts';
import type { Clock } from '../../lib/clock.ts';
import { nextInt, type Prng } from '../../lib/prng.ts';
import type { Store } from '../../store/store.ts';
import { badImages, goodImages, jobImages } from './images.ts';
import { setActions, settleSets } from './workload-sets.ts';

export interface WorkloadOptions {
  readonly client: Client;
  readonly store: Store;
  readonly clock: Clock;
  readonly prng: Prng;
  readonly actions: readonly Action[];
  /** Between two actions, on average. */
  readonly everyMs: number;
  readonly told: (what: string) => void;
}

export interface Action {
  readonly name: string;
  /** How often it is chosen, compared to the others. */
  readonly weight: number;
  readonly act: (world: World) => Promise<unknown>;
}

const namespacesMax = 5;
const deploymentsMax = 10;
const barePodsMax = 15;
const jobsMax = 6;
const propagations = ['Background', 'Background', 'Foreground', 'Orphan'] as const;

/** What an action works with: the store to look at, the client to act through, chance to choose by. */
export class World {
  readonly client: Client;
  readonly prng: Prng;
  readonly #store: Store;

  constructor({ client, prng, store }: Pick<WorkloadOptions, 'client' | 'prng' | 'store'>) {
    this.client = client;
    this.prng = prng;
    this.#store = store;
  }

  all<T extends KubeObject>({ group, resource }: Resource<T>): readonly T[] {
    const collection = group === '' ? resource : `${resource}.${group}`;
    return this.#store.list(collection).entries.map(({ object }) => object as T);
  }

  /** Undefined where there is nothing to choose from. */
  pick<T>(choices: readonly T[]): T | undefined {
    return choices[nextInt(this.prng, choices.length)];
  }

  pickOf<T extends KubeObject>(resource: Resource<T>, fits: (object: T) => boolean = () => true): T | undefined {
    return this.pick(this.all(resource).filter((object) => !isDeleting(object) && fits(object)));
  }

  /** Where users work: not in the cluster's own namespaces, nor in one so new that pods have no account there yet. */
  get namespace(): string {
    const ready = new Set(this.all(serviceAccounts).map(({ metadata }) => metadata?.namespace));
    const own = this.all(namespaces).filter(
      (namespace) => isUsers(namespace) && !isDeleting(namespace) && ready.has(namespace.metadata?.name),
    );
    return this.pick(own)?.metadata?.name ?? 'default';
  }

  patch<T extends KubeObject>(
    resource: Resource<T>,
    object: T | undefined,
    body: object,
  ): Promise<unknown> | undefined {
    const patch: ClientPatch = { type: 'strategic', body };
    return object && this.client.patch(resource, referenceOf(object), patch);
  }

  delete<T extends KubeObject>(
    resource: Resource<T>,
    object: T | undefined,
    orphans = true,
  ): Promise<unknown> | undefined {
    const propagationPolicy =
      this.pick(propagations.filter((policy) => orphans || policy !== 'Orphan')) ?? 'Background';
    return object && this.client.delete(resource, referenceOf(object), { propagationPolicy });
  }

  below(limit: number): number {
    return nextInt(this.prng, limit);
  }
}

const isDeleting = (object: KubeObject): boolean => object.metadata?.deletionTimestamp !== undefined;
const isUsers = (namespace: Namespace): boolean =>
  namespace.metadata?.name === 'default' || namespace.metadata?.name?.startsWith('team-') === true;
const isBare = (object: KubeObject): boolean => (object.metadata?.ownerReferences?.length ?? 0) === 0;
const imageOf = (spec: PodSpec | undefined): string => spec?.containers[0]?.image ?? '';
const isBad = (image: string): boolean => (badImages as readonly string[]).includes(image);

function referenceOf({ metadata }: KubeObject): { readonly namespace: string; readonly name: string } {
  return { namespace: metadata?.namespace ?? '', name: metadata?.name ?? '' };
}

function podSpec(world: World, image: string): PodSpec {
  const requests = {
    cpu: world.pick(['50m', '100m', '250m', '0.6']) ?? '0',
    memory: world.pick(['32Mi', '128Mi', '0.5Gi']) ?? '0',
  };
  const readinessProbe = { httpGet: { path: '/', port: 80 }, periodSeconds: 5 };
  const probed = image.startsWith('slow:') || world.below(4) === 0;
  return {
    terminationGracePeriodSeconds: 1 + world.below(10),
    ...(world.below(6) === 0 && { priorityClassName: 'urgent' }),
    containers: [
      {
        name: 'main',
        image,
        imagePullPolicy: 'IfNotPresent',
        resources: { requests },
        ...(probed && { readinessProbe }),
      },
    ],
  };
}

function newDeployment(world: World): Deployment {
  const app = `app-${world.below(1000)}`;
  const rollingUpdate = world.pick([
    { maxSurge: 1, maxUnavailable: 0 },
    { maxSurge: 0, maxUnavailable: 1 },
    { maxSurge: '25%', maxUnavailable: '25%' },
    { maxSurge: 2, maxUnavailable: 1 },
  ]);
  const isRolling = world.below(4) !== 0;
  return {
    metadata: { namespace: world.namespace, name: app },
    spec: {
      replicas: world.below(6),
      ...(world.below(4) === 0 && { minReadySeconds: 5 }),
      revisionHistoryLimit: world.below(4),
      selector: { matchLabels: { app } },
      strategy: isRolling ? { type: 'RollingUpdate', ...(rollingUpdate && { rollingUpdate }) } : { type: 'Recreate' },
      template: { metadata: { labels: { app } }, spec: podSpec(world, world.pick(goodImages) ?? '') },
    },
  };
}

function newPod(world: World): Pod {
  const isJob = world.below(2) === 0;
  const image = world.pick(isJob ? jobImages : goodImages) ?? '';
  const restartPolicy = isJob ? (image === 'job:1' && world.below(2) === 0 ? 'OnFailure' : 'Never') : 'Always';
  const metadata = { namespace: world.namespace, name: `pod-${world.below(1000)}` };
  return { metadata, spec: { ...podSpec(world, image), restartPolicy } };
}

/** One that ends by itself, well or not. */
function newJob(world: World): Job {
  const completions = 1 + world.below(4);
  const isIndexed = world.below(2) === 0;
  const spec = { ...podSpec(world, world.pick(jobImages) ?? ''), restartPolicy: 'Never' as const };
  return {
    metadata: { namespace: world.namespace, name: `job-${world.below(1000)}` },
    spec: {
      completions,
      parallelism: 1 + world.below(3),
      backoffLimit: world.below(3),
      completionMode: isIndexed ? 'Indexed' : 'NonIndexed',
      ...(world.below(3) === 0 && { podReplacementPolicy: 'Failed' as const }),
      template: { spec },
    },
  };
}

function setImage(world: World, deployment: Deployment | undefined, image: string): Promise<unknown> | undefined {
  return world.patch(deployments, deployment, {
    spec: { template: { spec: { containers: [{ name: 'main', image }] } } },
  });
}

/** As `kubectl rollout undo`: the template of some earlier ReplicaSet. */
function rollBack(world: World): Promise<unknown> | undefined {
  const deployment = world.pickOf(deployments);
  const uid = deployment?.metadata?.uid;
  const set = world.pickOf(
    replicaSets,
    ({ metadata }) => metadata?.ownerReferences?.some((owner) => owner.uid === uid) === true,
  );
  return set && setImage(world, deployment, imageOf(set.spec?.template?.spec));
}

/** Something of another kind that an owner takes along. */
function ownedConfigMap(world: World): Promise<unknown> | undefined {
  const owner = world.pickOf(deployments);
  if (owner === undefined) return undefined;
  const { namespace = '', name = '', uid = '' } = owner.metadata ?? {};
  const reference = { apiVersion: 'apps/v1', kind: 'Deployment', name, uid, blockOwnerDeletion: world.below(2) === 0 };
  const metadata = { namespace, generateName: 'settings-', ownerReferences: [reference] };
  return world.client.create(configMaps, { metadata, data: { key: 'value' } });
}

/** A pod leaves its ReplicaSet, which makes another, or comes back to it. */
function relabel(world: World): Promise<unknown> | undefined {
  const pod = world.pickOf(pods, ({ metadata }) => metadata?.labels?.app !== undefined);
  const app = pod?.metadata?.labels?.app ?? '';
  return world.patch(pods, pod, {
    metadata: { labels: { app: app.endsWith('-out') ? app.slice(0, -4) : `${app}-out` } },
  });
}

function replaceNamespace(world: World): Promise<unknown> | undefined {
  const namespace = world.pickOf(namespaces, ({ metadata }) => metadata?.name?.startsWith('team-') === true);
  return world.delete(namespaces, namespace, false);
}

/** Everything that users do to a cluster. */
export const everyAction: readonly Action[] = [
  {
    name: 'create a namespace',
    weight: 3,
    act: async (world) => {
      if (world.all(namespaces).filter(isUsers).length > namespacesMax) return;
      await world.client.create(namespaces, { metadata: { name: `team-${world.below(6)}` } });
    },
  },
  { name: 'delete a namespace', weight: 1, act: async (world) => replaceNamespace(world) },
  {
    name: 'create a deployment',
    weight: 10,
    act: async (world) => {
      if (world.all(deployments).length < deploymentsMax) await world.client.create(deployments, newDeployment(world));
    },
  },
  {
    name: 'scale',
    weight: 10,
    act: async (world) => world.patch(deployments, world.pickOf(deployments), { spec: { replicas: world.below(8) } }),
  },
  {
    name: 'update the image',
    weight: 10,
    act: async (world) => setImage(world, world.pickOf(deployments), world.pick(goodImages) ?? ''),
  },
  {
    name: 'update to a bad image',
    weight: 3,
    act: async (world) => setImage(world, world.pickOf(deployments), world.pick(badImages) ?? ''),
  },
  { name: 'roll back', weight: 6, act: async (world) => rollBack(world) },
  {
    name: 'pause or resume',
    weight: 2,
    act: async (world) =>
      world.patch(deployments, world.pickOf(deployments), { spec: { paused: world.below(2) === 0 } }),
  },
  {
    name: 'delete a deployment',
    weight: 4,
    act: async (world) => world.delete(deployments, world.pickOf(deployments)),
  },
  {
    name: 'delete a replica set',
    weight: 2,
    act: async (world) => world.delete(replicaSets, world.pickOf(replicaSets)),
  },
  {
    name: 'create a pod',
    weight: 6,
    act: async (world) => {
      if (world.all(pods).filter(isBare).length < barePodsMax) await world.client.create(pods, newPod(world));
    },
  },
  {
    name: 'create a job',
    weight: 4,
    act: async (world) => {
      if (world.all(jobs).length < jobsMax) await world.client.create(jobs, newJob(world));
    },
  },
  {
    name: 'suspend or resume a job',
    weight: 1,
    act: async (world) => world.patch(jobs, world.pickOf(jobs), { spec: { suspend: world.below(2) === 0 } }),
  },
  { name: 'delete a job', weight: 2, act: async (world) => world.delete(jobs, world.pickOf(jobs)) },
  { name: 'delete a pod', weight: 8, act: async (world) => world.delete(pods, world.pickOf(pods)) },
  { name: 'delete a bare pod', weight: 6, act: async (world) => world.delete(pods, world.pickOf(pods, isBare)) },
  { name: 'create an owned object', weight: 3, act: async (world) => ownedConfigMap(world) },
  { name: 'relabel a pod', weight: 2, act: async (world) => relabel(world) },
  ...setActions,
  {
    name: 'cordon or uncordon a node',
    weight: 2,
    act: async (world) => world.patch(nodes, world.pickOf(nodes), { spec: { unschedulable: world.below(3) === 0 } }),
  },
];

/** Rolling updates and nothing else: what `rollout` in the checkers is exact for. */
export const onlyRollouts: readonly Action[] = [
  {
    name: 'update the image',
    weight: 3,
    act: async (world) => setImage(world, world.pickOf(deployments), world.pick(rolloutImages) ?? ''),
  },
  {
    name: 'update to a bad image',
    weight: 1,
    act: async (world) => setImage(world, world.pickOf(deployments), 'missing:1'),
  },
  { name: 'roll back', weight: 1, act: async (world) => rollBack(world) },
];

const rolloutImages = ['app:1', 'app:2', 'app:3', 'slow:1'] as const;

/** Deployments that stay, for a run of `onlyRollouts`. */
export async function createRolloutDeployments(world: World): Promise<void> {
  const strategies = [
    { maxSurge: 1, maxUnavailable: 0 },
    { maxSurge: 0, maxUnavailable: 1 },
    { maxSurge: 2, maxUnavailable: 2 },
  ];
  for (const [index, rollingUpdate] of strategies.entries()) {
    const app = `rolling-${index + 1}`;
    const template = {
      metadata: { labels: { app } },
      spec: { terminationGracePeriodSeconds: 3, containers: [{ name: 'main', image: 'app:1' }] },
    };
    const strategy = { type: 'RollingUpdate', rollingUpdate } as const;
    const spec = { replicas: 3 + index, selector: { matchLabels: { app } }, strategy, template };
    await world.client.create(deployments, { metadata: { namespace: 'default', name: app }, spec });
  }
}

/** What must stand before users come. */
export async function prepare(client: Client): Promise<void> {
  await client.create(priorityClasses, { metadata: { name: 'urgent' }, value: 1000 });
}

export class Workload {
  readonly #options: WorkloadOptions;
  readonly #world: World;
  readonly #stop = new AbortController();
  #running: Promise<void> = Promise.resolve();
  count = 0;

  constructor(options: WorkloadOptions) {
    this.#options = options;
    this.#world = new World(options);
  }

  start(): void {
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#stop.abort(new Error('the users go home'));
    await this.#running;
  }

  async #run(): Promise<void> {
    const { clock, prng, everyMs, told } = this.#options;
    for (;;) {
      await clock.sleep(-Math.log(1 - prng.next()) * everyMs, this.#stop.signal).catch(() => {});
      if (this.#stop.signal.aborted) return;
      const action = this.#choose();
      this.count++;
      told(action.name);
      await action.act(this.#world).catch(unlessRefused);
    }
  }

  #choose(): Action {
    const { actions, prng } = this.#options;
    let left = prng.next() * actions.reduce((sum, { weight }) => sum + weight, 0);
    for (const action of actions) {
      left -= action.weight;
      if (left < 0) return action;
    }
    return actions[0] as Action;
  }
}

function unlessRefused(error: unknown): void {
  if (!(error instanceof StatusError)) throw error;
}

/**
 * Takes back what could not come to rest, over a client that nobody disturbs. What stays asks for half of what the nodes have at most: however
 * it is spread over them, the largest pod still fits somewhere, also one that a rollout adds.
 */
export async function settle(world: World): Promise<void> {
  await settleSets(world);
  const budget = budgetOf(world.all(nodes));
  for (const node of world.all(nodes)) {
    if (node.spec?.unschedulable) await world.patch(nodes, node, { spec: { unschedulable: null } });
  }
  for (const deployment of world.all(deployments).filter((one) => !isDeleting(one))) {
    const { replicas = 1, template } = deployment.spec ?? {};
    await world.patch(deployments, deployment, {
      spec: { paused: false, replicas: budget.take(template?.spec, Math.min(3, replicas)) },
    });
    if (isBad(imageOf(template?.spec))) await setImage(world, deployment, 'app:1');
  }
  for (const [index, set] of world
    .all(replicaSets)
    .filter((one) => isBare(one) && !isDeleting(one))
    .entries()) {
    const { replicas = 1, template } = set.spec ?? {};
    const kept =
      index % 3 === 0 && !isBad(imageOf(template?.spec)) ? budget.take(template?.spec, Math.min(1, replicas)) : 0;
    if (kept > 0) await world.patch(replicaSets, set, { spec: { replicas: kept } });
    else await world.client.delete(replicaSets, referenceOf(set), { propagationPolicy: 'Background' });
  }
  for (const pod of world.all(pods).filter((one) => isBare(one) && !isDeleting(one))) {
    if (isBad(imageOf(pod.spec)) || budget.take(pod.spec, 1) === 0) await world.client.delete(pods, referenceOf(pod));
  }
}

/** `take` says how many of `wanted` pods there is still room for, and books them. */
function budgetOf(all: readonly Node[]): { take(spec: PodSpec | undefined, wanted: number): number } {
  const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
  let milliCpu = sum(all.map(({ status }) => milliValue(status?.allocatable?.cpu ?? 0))) / 2;
  let memoryBytes = sum(all.map(({ status }) => integerValue(status?.allocatable?.memory ?? 0))) / 2;
  return {
    take: (spec, wanted) => {
      const requests = (spec?.containers ?? []).map(({ resources }) => resources?.requests ?? {});
      const cpuEach = sum(requests.map(({ cpu = 0 }) => milliValue(cpu)));
      const memoryEach = sum(requests.map(({ memory = 0 }) => integerValue(memory)));
      let count = 0;
      for (; count < wanted && milliCpu >= cpuEach && memoryBytes >= memoryEach; count++) {
        milliCpu -= cpuEach;
        memoryBytes -= memoryEach;
      }
      return count;
    },
  };
}
