/**
 * Clusters with a fault built in, as data: a part made wrong, or a hand in the store, and the invariant that must break. A net that lets one of
 * these through would let real faults through as well; so each run of the tests, and `npm run simulate -- --canary`, catches them all.
 *
 * Each takes minutes of virtual time, and most stop at the moment at which they are caught.
 */
import { strict as assert } from 'node:assert';
import type { KubeObject } from '../../api/object.ts';
import type { Deployment, ReplicaSet } from '../../api/schema/types/apps-v1.ts';
import type { Job } from '../../api/schema/types/batch-v1.ts';
import type { Binding, Pod } from '../../api/schema/types/core-v1.ts';
import type { PodDisruptionBudget } from '../../api/schema/types/policy-v1.ts';
import { notFound } from '../../api/status-error.ts';
import type { Client } from '../../client/client.ts';
import { intercept, type Overrides } from '../../client/intercept.ts';
import { events } from '../../client/resources.ts';
import type { Store } from '../../store/store.ts';
import { type Climate, calm, climates } from './faults.ts';
import type { Scenario, SimulationOptions } from './simulation.ts';
import { everyAction, onlyDrains, onlyRollouts } from './workload.ts';

export interface Canary {
  /** What is wrong with the cluster. */
  readonly name: string;
  /** The first that breaks. */
  readonly invariant: string;
  readonly options: Omit<SimulationOptions, 'authorization'>;
}

const hour = 1;
const minutes = (count: number): number => (count * hour) / 60;

const calmDays: Scenario = { climate: calm, actions: everyAction, nodeCount: 2 };
const rolloutsOnly: Scenario = { climate: calm, actions: onlyRollouts, nodeCount: 4 };

/** The API alone is in trouble. */
const restless: Climate = {
  ...calm,
  disk: { slowCommits: 1, slowMsMax: 10 },
  disturbances: { ...calm.disturbances, 'API crashes': { everyMs: 20_000, durationMsMax: 1000 } },
};

function only(...names: readonly string[]): Scenario {
  return { ...calmDays, actions: everyAction.filter(({ name }) => names.includes(name)) };
}

const pods = ['create a pod', 'create a deployment', 'delete a pod', 'delete a deployment', 'create an owned object'];

const common = { seed: 1, hours: minutes(4), scenario: only(...pods), convergenceMs: 120_000 };

/** The part of this name has verbs of its own. */
function tampered(part: string, overrides: Overrides): Pick<SimulationOptions, 'tamper'> {
  return { tamper: (name, client) => (name === part ? intercept(client, overrides) : client) };
}

/** Somebody changes the first object of `collection` behind everybody's back. */
function sabotaged(collection: string, change: (object: KubeObject) => KubeObject): Canary['options'] {
  const sabotage = async (store: Store): Promise<void> => {
    const [entry] = store.list(collection).entries;
    assert.ok(entry, `there are ${collection}`);
    const object = change(entry.object);
    await store.write({ kind: 'put', key: entry.key, object, expectedRevision: entry.revision });
  };
  return { ...common, scenario: only('create a pod'), convergenceMs: 60_000, sabotage };
}

const inMetadata =
  (fields: KubeObject['metadata']) =>
  (object: KubeObject): KubeObject => ({ ...object, metadata: { ...object.metadata, ...fields } });

const nobody = async (): Promise<never> => {
  throw notFound({ group: 'apps', kind: 'deployments', name: 'any' });
};

/** Owners are not found, and no watch tells of Deployments. */
function blindCollector(name: string, client: Client): Client {
  if (name === 'generic-garbage-collector') return intercept(client, { get: () => nobody });
  if (name !== 'system:kube-controller-manager') return client;
  const blind: Client['watch'] = () => ({ cancel: () => {} });
  return intercept(client, {
    watch: (real) => (resource, query, handler) =>
      (resource.resource === 'deployments' ? blind : real.watch)(resource, query, handler),
  });
}

function withFewRestarts(pod: Pod): Pod {
  const containerStatuses = pod.status?.containerStatuses?.map((one) => ({
    ...one,
    restartCount: one.restartCount === 1 ? 1 : 0,
  }));
  return containerStatuses === undefined ? pod : { ...pod, status: { ...pod.status, containerStatuses } };
}

const roles = {
  group: 'rbac.authorization.k8s.io',
  version: 'v1',
  resource: 'clusterroles',
  kind: 'ClusterRole',
  namespaced: false,
};

const beat = {
  metadata: { namespace: 'default', generateName: 'beat-' },
  involvedObject: { kind: 'Node', name: 'node-1', namespace: 'default' },
  reason: 'Beat',
  type: 'Normal',
};

export const canaries: readonly Canary[] = [
  {
    name: 'a scheduler that puts everything on one node',
    invariant: 'a node is never filled beyond what it has',
    options: {
      ...common,
      ...tampered('system:kube-scheduler', {
        createSubresource: (real) => (resource, reference, subresource, body) => {
          const binding = { ...(body as unknown as Binding), target: { kind: 'Node', name: 'node-1' } };
          return real.createSubresource(resource, reference, subresource, binding as unknown as typeof body);
        },
      }),
    },
  },
  {
    name: 'a scheduler that binds nothing',
    invariant: 'the cluster converges',
    options: {
      ...common,
      ...tampered('system:kube-scheduler', { createSubresource: () => () => new Promise<never>(() => {}) }),
    },
  },
  {
    name: 'a garbage collector that collects nothing',
    invariant: 'the cluster converges',
    options: {
      ...common,
      scenario: only('create a deployment', 'delete a deployment'),
      ...tampered('generic-garbage-collector', { delete: () => async () => {} }),
    },
  },
  {
    name: 'a garbage collector that takes owners for gone',
    invariant: 'what has an owner is kept',
    options: { ...common, scenario: only('create a deployment', 'create an owned object'), tamper: blindCollector },
  },
  {
    name: 'an agent that removes pods from the API while they run',
    invariant: 'a pod that is gone does not run',
    options: {
      ...common,
      ...tampered('system:node:node-1', {
        update: (real) => async (resource, object, options) => {
          const { namespace = '', name = '', deletionTimestamp } = object.metadata ?? {};
          if (deletionTimestamp !== undefined)
            await real.delete(resource, { namespace, name }, { gracePeriodSeconds: 0 });
          return real.update(resource, object, options);
        },
      }),
    },
  },
  {
    name: 'an agent that forgets how often it restarted a container',
    invariant: 'a pod never goes back',
    options: {
      ...common,
      hours: minutes(12),
      scenario: { ...calmDays, climate: climates.find(({ name }) => name === 'bad nodes') ?? calm },
      ...tampered('system:node:node-1', {
        update: (real) => (resource, object, options) =>
          real.update(resource, withFewRestarts(object as Pod) as typeof object, options),
      }),
    },
  },
  {
    name: 'an agent that tells of every heartbeat',
    invariant: 'a converged cluster is quiet',
    options: {
      ...common,
      ...tampered('system:node:node-1', {
        update: (real) => async (resource, object, options) => {
          if (resource.resource === 'leases') await real.create(events, beat);
          return real.update(resource, object, options);
        },
      }),
    },
  },
  {
    name: 'a loop that asks for what it may not do',
    invariant: 'no part sends nonsense',
    options: {
      ...common,
      ...tampered('deployment-controller', {
        create: (real) => (resource, object, options) => real.create({ ...resource, ...roles }, object, options),
      }),
    },
  },
  {
    name: 'a rollout that does not wait',
    invariant: 'a rolling update keeps enough pods available',
    options: {
      ...common,
      scenario: rolloutsOnly,
      ...tampered('deployment-controller', {
        update: (real) => (resource, object, options) => {
          const { spec } = object as ReplicaSet | Deployment;
          const isShrunk = resource.resource === 'replicasets' && spec?.replicas === 2;
          return real.update(resource, isShrunk ? { ...object, spec: { ...spec, replicas: 0 } } : object, options);
        },
      }),
    },
  },
  {
    name: 'a loop that lets more pods go than a budget allows',
    invariant: 'a disruption budget keeps its books',
    options: {
      ...common,
      scenario: { ...rolloutsOnly, actions: onlyDrains },
      ...tampered('disruption-controller', {
        update: (real) => (resource, object, options) => {
          const { status } = object as PodDisruptionBudget;
          const generous = { ...object, status: { ...status, disruptionsAllowed: 9 } };
          return real.update(resource, resource.resource === 'poddisruptionbudgets' ? generous : object, options);
        },
      }),
    },
  },
  {
    name: 'a loop that counts a pod of a job twice',
    invariant: 'a job keeps its books',
    options: {
      ...common,
      scenario: only('create a job'),
      ...tampered('job-controller', {
        update: (real) => (resource, object, options) => {
          const { status } = object as Job;
          const { succeeded = 0, failed = 0 } = status ?? {};
          const doubled = { ...object, status: { ...status, succeeded: 2 * succeeded, failed: 2 * failed } };
          return real.update(resource, doubled, options);
        },
      }),
    },
  },
  {
    name: 'a loop that makes each pod of a job twice',
    invariant: 'a job keeps its books',
    options: {
      ...common,
      scenario: only('create a job'),
      ...tampered('job-controller', {
        create: (real) => async (resource, object, options) => {
          if (resource.resource === 'pods') await real.create(resource, object, options);
          return real.create(resource, object, options);
        },
      }),
    },
  },
  {
    name: 'a loop that does not tell of the addresses of a service',
    invariant: 'the cluster converges',
    options: {
      ...common,
      scenario: only('create a deployment', 'create a service'),
      ...tampered('endpointslice-controller', { create: () => () => new Promise<never>(() => {}) }),
    },
  },
  {
    name: 'a hand in the store that gives an object another uid',
    invariant: 'an object keeps its identity',
    options: sabotaged('configmaps', inMetadata({ uid: 'another' })),
  },
  {
    name: 'a hand in the store that moves a pod',
    invariant: 'a pod is bound once',
    options: sabotaged('pods', (pod: Pod) => ({ ...pod, spec: { containers: [], ...pod.spec, nodeName: 'node-9' } })),
  },
  {
    name: 'a hand in the store that makes up an owner',
    invariant: 'owners are objects that existed',
    options: sabotaged(
      'configmaps',
      inMetadata({ ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: 'nobody', uid: 'nobody' }] }),
    ),
  },
  {
    name: 'a disk that forgets a write that was acknowledged',
    invariant: 'parts start and stop',
    options: {
      ...common,
      scenario: { ...only(...pods), climate: restless },
      forgetfulDisk: true,
    },
  },
];
