/** Whole runs: that they repeat, that they hold, and that each way of breaking a part is caught. Minutes of virtual time each. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Deployment, ReplicaSet } from '../../api/schema/types/apps-v1.ts';
import type { Binding, Pod } from '../../api/schema/types/core-v1.ts';
import { notFound } from '../../api/status-error.ts';
import type { Client } from '../../client/client.ts';
import { intercept } from '../../client/intercept.ts';
import { events } from '../../client/resources.ts';
import { SeededPrng } from '../../lib/prng.ts';
import { storeAuthorization } from '../../server/authorization/store-authorization.ts';
import type { Store } from '../../store/store.ts';
import { calm, climates } from './faults.ts';
import {
  type Scenario,
  type SimulationOptions,
  type SimulationReport,
  scenarioOf,
  simulateSeed,
} from './simulation.ts';
import { everyAction, onlyRollouts } from './workload.ts';

const minutes = (count: number): number => count / 60;

const run = (options: Partial<SimulationOptions> = {}): Promise<SimulationReport> =>
  simulateSeed({ seed: 1, hours: minutes(4), authorization: storeAuthorization, ...options });

const calmDays: Scenario = { climate: calm, actions: everyAction, nodeCount: 2 };

test('the same seed gives the same history, and another seed another one', async () => {
  const mixed = climates[0] ?? calm;
  const scenario: Scenario = { climate: mixed, actions: everyAction, nodeCount: 3 };
  const [first, again] = [await run({ scenario }), await run({ scenario })];
  const other = await run({ scenario, seed: 2, hours: minutes(1) });
  assert.deepEqual(first, again);
  assert.notEqual(first.hash, other.hash);
  assert.equal(first.violation, undefined);
  assert.equal(other.violation, undefined);
  assert.ok(first.calls.lostAnswers > 0 && first.disturbances > 0, 'faults did strike');
});

test('seeds choose among all climates', () => {
  const chosen = Array.from({ length: 40 }, (_, seed) => scenarioOf(seed, new SeededPrng(seed)).climate.name);
  assert.deepEqual([...new Set(chosen)].sort(), ['bad API', 'bad loops', 'bad nodes', 'calm', 'mixed']);
});

test('rolling updates keep their promise although loops crash, caches lag and answers get lost', async () => {
  const report = await run({ seed: 27, hours: minutes(8) });
  assert.deepEqual([report.climate, report.violation], ['rollouts', undefined]);
  assert.ok(report.disturbances > 0 && report.calls.brokenWatches > 0);
});

describe('a broken part is caught', () => {
  /** The first invariant that breaks when `part` has this client. */
  async function brokenBy(
    part: string,
    tampered: (client: Client) => Client,
    options: Partial<SimulationOptions> = {},
  ): Promise<string> {
    const tamper = (name: string, client: Client): Client => (name === part ? tampered(client) : client);
    const { violation } = await run({ scenario: calmDays, convergenceMs: 120_000, tamper, ...options });
    return violation?.invariant ?? 'none';
  }

  test('a scheduler that puts everything on one node', async () => {
    const broken = await brokenBy('system:kube-scheduler', (client) =>
      intercept(client, {
        createSubresource: (real) => (resource, reference, subresource, body) => {
          const binding = { ...(body as unknown as Binding), target: { kind: 'Node', name: 'node-1' } };
          return real.createSubresource(resource, reference, subresource, binding as unknown as typeof body);
        },
      }),
    );
    assert.equal(broken, 'a node is never filled beyond what it has');
  });

  test('a scheduler that binds nothing', async () => {
    const stuck = async (): Promise<never> => new Promise<never>(() => {});
    const broken = await brokenBy('system:kube-scheduler', (client) =>
      intercept(client, { createSubresource: () => stuck }),
    );
    assert.equal(broken, 'the cluster converges');
  });

  test('a garbage collector that collects nothing', async () => {
    const actions = everyAction.filter(({ name }) => name === 'create a deployment' || name === 'delete a deployment');
    const idle = (client: Client): Client => intercept(client, { delete: () => async () => {} });
    const broken = await brokenBy('generic-garbage-collector', idle, { scenario: { ...calmDays, actions } });
    assert.equal(broken, 'the cluster converges');
  });

  test('a garbage collector that takes owners for gone', async () => {
    const actions = everyAction.filter(
      ({ name }) => name === 'create a deployment' || name === 'create an owned object',
    );
    const nobody = async (): Promise<never> => {
      throw notFound({ group: 'apps', kind: 'deployments', name: 'any' });
    };
    const blind: Client['watch'] = () => ({ cancel: () => {} });
    const tamper = (name: string, client: Client): Client => {
      if (name === 'generic-garbage-collector') return intercept(client, { get: () => nobody });
      if (name !== 'system:kube-controller-manager') return client;
      return intercept(client, {
        watch: (real) => (resource, query, handler) =>
          (resource.resource === 'deployments' ? blind : real.watch)(resource, query, handler),
      });
    };
    const { violation } = await run({ scenario: { ...calmDays, actions }, tamper });
    assert.equal(violation?.invariant, 'what has an owner is kept');
  });

  test('an agent that removes pods from the API while they run', async () => {
    const broken = await brokenBy('system:node:node-1', (client) =>
      intercept(client, {
        update: (real) => async (resource, object, options) => {
          const pod = object as Pod;
          const { namespace = '', name = '', deletionTimestamp } = pod.metadata ?? {};
          if (deletionTimestamp !== undefined)
            await real.delete(resource, { namespace, name }, { gracePeriodSeconds: 0 });
          return real.update(resource, object, options);
        },
      }),
    );
    assert.equal(broken, 'a pod that is gone does not run');
  });

  test('an agent that forgets how often it restarted a container', async () => {
    const broken = await brokenBy(
      'system:node:node-1',
      (client) =>
        intercept(client, {
          update: (real) => (resource, object, options) => {
            const { status } = object as Pod;
            const containerStatuses = status?.containerStatuses?.map((one) => ({
              ...one,
              restartCount: one.restartCount === 1 ? 1 : 0,
            }));
            const changed =
              containerStatuses === undefined ? object : { ...object, status: { ...status, containerStatuses } };
            return real.update(resource, changed, options);
          },
        }),
      {
        hours: minutes(12),
        scenario: { ...calmDays, climate: climates.find(({ name }) => name === 'bad nodes') ?? calm },
      },
    );
    assert.equal(broken, 'a pod never goes back');
  });

  test('an agent that tells of every heartbeat', async () => {
    const broken = await brokenBy('system:node:node-1', (client) =>
      intercept(client, {
        update: (real) => async (resource, object, options) => {
          const involvedObject = { kind: 'Node', name: 'node-1', namespace: 'default' };
          const event = {
            metadata: { namespace: 'default', generateName: 'beat-' },
            involvedObject,
            reason: 'Beat',
            type: 'Normal',
          };
          if (resource.resource === 'leases') await real.create(events, event);
          return real.update(resource, object, options);
        },
      }),
    );
    assert.equal(broken, 'a converged cluster is quiet');
  });

  test('a loop that asks for what it may not do', async () => {
    const broken = await brokenBy('deployment-controller', (client) =>
      intercept(client, {
        create: (real) => (resource, object, options) =>
          real.create(
            {
              ...resource,
              version: 'v1',
              group: 'rbac.authorization.k8s.io',
              resource: 'clusterroles',
              kind: 'ClusterRole',
              namespaced: false,
            },
            object,
            options,
          ),
      }),
    );
    assert.equal(broken, 'no part sends nonsense');
  });

  test('a rollout that does not wait', async () => {
    const scenario: Scenario = { climate: calm, actions: onlyRollouts, nodeCount: 4 };
    const broken = await brokenBy(
      'deployment-controller',
      (client) =>
        intercept(client, {
          update: (real) => (resource, object, options) => {
            const { replicas = 0 } = (object as ReplicaSet | Deployment).spec ?? {};
            const isShrunk = resource.resource === 'replicasets' && replicas === 2;
            const changed = isShrunk ? { ...object, spec: { ...(object as ReplicaSet).spec, replicas: 0 } } : object;
            return real.update(resource, changed, options);
          },
        }),
      { scenario },
    );
    assert.equal(broken, 'a rolling update keeps enough pods available');
  });
});

describe('a hand in the store is caught', () => {
  /** Changes the first object of `collection` behind everybody's back. */
  async function sabotaged(collection: string, change: (object: never) => object): Promise<string> {
    const sabotage = async (store: Store): Promise<void> => {
      const [entry] = store.list(collection).entries;
      assert.ok(entry, `there are ${collection}`);
      await store.write({
        kind: 'put',
        key: entry.key,
        object: change(entry.object as never),
        expectedRevision: entry.revision,
      });
    };
    const actions = everyAction.filter(({ name }) => name === 'create a pod');
    const { violation } = await run({ scenario: { ...calmDays, actions }, convergenceMs: 60_000, sabotage });
    return violation?.invariant ?? 'none';
  }

  test('that gives an object another uid', async () => {
    const broken = await sabotaged('configmaps', (object: Pod) => ({
      ...object,
      metadata: { ...object.metadata, uid: 'another' },
    }));
    assert.equal(broken, 'an object keeps its identity');
  });

  test('that moves a pod', async () => {
    const broken = await sabotaged('pods', (pod: Pod) => ({ ...pod, spec: { ...pod.spec, nodeName: 'node-9' } }));
    assert.equal(broken, 'a pod is bound once');
  });

  test('that makes up an owner', async () => {
    const owner = { apiVersion: 'v1', kind: 'Pod', name: 'nobody', uid: 'nobody' };
    const broken = await sabotaged('configmaps', (object: Pod) => ({
      ...object,
      metadata: { ...object.metadata, ownerReferences: [owner] },
    }));
    assert.equal(broken, 'owners are objects that existed');
  });
});
