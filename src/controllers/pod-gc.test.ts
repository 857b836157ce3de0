/** Which pods are collected; cases after upstream's. What a deleted node leaves behind is in `nodes.test.ts`, too. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Pod } from '../api/schema/types/core-v1.ts';
import { forbidden } from '../api/status-error.ts';
import { timedOut } from '../client/errors.ts';
import { intercept } from '../client/intercept.ts';
import { nodes, pods } from '../client/resources.ts';
import { MetricRegistry } from '../lib/metrics.ts';
import { decidePodGc, isOutOfService } from './pod-gc.ts';
import { counted } from './shared/testing.ts';
import { addNode, inDefault, startWorld } from './testing.ts';

type Phase = 'Pending' | 'Running' | 'Succeeded' | 'Failed';

interface Made {
  readonly phase: Phase;
  readonly node?: string;
  readonly deleted?: boolean;
  readonly reason?: string;
  readonly hour?: number;
}

const make = (name: string, { phase, node = 'node', deleted = false, reason, hour = 0 }: Made): Pod => ({
  metadata: {
    name,
    creationTimestamp: new Date(Date.UTC(2026, 0, 1, hour)).toISOString(),
    ...(deleted && { deletionTimestamp: '2026-01-02T00:00:00Z' }),
  },
  spec: { containers: [], ...(node !== '' && { nodeName: node }) },
  status: { phase, ...(reason !== undefined && { reason }) },
});

const plan = (all: readonly Pod[], more: { finishedMax?: number; outOfService?: readonly string[] } = {}) =>
  decidePodGc({
    pods: all,
    missingSinceMs: new Map([['gone', 0]]),
    outOfService: new Set(more.outOfService),
    nowMs: 40_000,
    finishedMax: more.finishedMax ?? 100,
  });

const names = (list: readonly Pod[]): readonly string[] => list.map(({ metadata }) => metadata?.name ?? '');

describe('of finished pods go', () => {
  const [failed, succeeded, running] = [{ phase: 'Failed' }, { phase: 'Succeeded' }, { phase: 'Running' }] as const;
  const evicted = { phase: 'Failed', reason: 'Evicted' } as const;
  const cases: readonly (readonly [string, readonly Pod[], number, readonly string[]])[] = [
    [
      'the oldest',
      [make('c', { ...failed, hour: 3 }), make('a', { ...failed, hour: 1 }), make('b', succeeded)],
      1,
      ['b', 'a'],
    ],
    ['none while there are few', [make('a', failed), make('b', succeeded)], 5, []],
    ['no running ones', [make('a', running), make('b', succeeded), make('c', { ...failed, hour: 1 })], 1, ['b']],
    ['evicted ones before older others', [make('a', succeeded), make('b', { ...evicted, hour: 9 })], 1, ['b']],
    [
      'the first by name where all are as old',
      [make('b', failed), make('c', failed), make('a', failed)],
      1,
      ['a', 'b'],
    ],
    [
      'those that are ending, too',
      [make('a', { ...failed, deleted: true }), make('b', { ...failed, hour: 1 })],
      1,
      ['a'],
    ],
  ];
  for (const [name, all, finishedMax, expected] of cases) {
    test(name, () => assert.deepEqual(names(plan(all, { finishedMax }).remove), expected));
  }
});

describe('pods that are ending', () => {
  for (const phase of ['Pending', 'Running', 'Succeeded', 'Failed'] as const) {
    test(`are ended where they have no node, ${phase}`, () => {
      const all = [make('ending', { phase, node: '', deleted: true }), make('waits', { phase, node: '' })];
      assert.deepEqual(names(plan(all).abandoned), ['ending']);
    });
  }

  test('are ended where their node is out of service, and the node decides for no others', () => {
    const all = [
      make('stuck', { phase: 'Running', node: 'broken', deleted: true }),
      make('stays', { phase: 'Running', node: 'broken' }),
      make('elsewhere', { phase: 'Running', deleted: true }),
    ];
    assert.deepEqual(names(plan(all, { outOfService: ['broken'] }).abandoned), ['stuck']);
  });

  const taints = [{ key: 'node.kubernetes.io/out-of-service', value: 'nodeshutdown', effect: 'NoExecute' }] as const;
  for (const [status, expected] of [['True', false] as const, ['False', true] as const, ['Unknown', true] as const]) {
    test(`a node that is tainted so is out of service while it is not ready: ${status}`, () => {
      const conditions = [{ type: 'Ready', status }];
      assert.equal(isOutOfService({ spec: { taints }, status: { conditions } }), expected);
      assert.equal(isOutOfService({ spec: {}, status: { conditions } }), false);
    });
  }
});

test('pods of a lost node are collected in any phase, when it has been missing for forty seconds', () => {
  const all = (['Pending', 'Running', 'Succeeded', 'Failed'] as const).map((phase) =>
    make(phase, { phase, node: 'gone' }),
  );
  assert.deepEqual(names(plan(all).lostNodes.get('gone') ?? []), ['Pending', 'Running', 'Succeeded', 'Failed']);
  const soon = decidePodGc({
    pods: all,
    missingSinceMs: new Map([['gone', 1]]),
    outOfService: new Set(),
    nowMs: 40_000,
    finishedMax: 1,
  });
  assert.equal(soon.lostNodes.size, 0);
});

const spec = (nodeName: string) => ({ nodeName, containers: [{ name: 'main', image: 'image' }] });

test('a pod of a lost node fails as disrupted before it goes, and is counted', async () => {
  const metrics = new MetricRegistry();
  const world = await startWorld({ metrics });
  await addNode(world.client, 'gone');
  // Held, so that it can be looked at.
  const finalizers = ['example.com/hold'];
  await world.client.create(pods, { metadata: { ...inDefault('lost'), finalizers }, spec: spec('gone') });
  await world.clock.advance(5000);
  world.kubelet.ignore = () => true;
  await world.client.delete(nodes, { namespace: '', name: 'gone' });
  await world.clock.advance(70_000);
  const pod = await world.get(pods, 'lost');
  const target = pod?.status?.conditions?.find(({ type }) => type === 'DisruptionTarget');
  assert.deepEqual([pod?.status?.phase, pod?.metadata?.deletionGracePeriodSeconds], ['Failed', 0]);
  assert.deepEqual(
    [target?.status, target?.reason, target?.message],
    ['True', 'DeletionByPodGC', 'PodGC: node no longer exists'],
  );
  const collected = counted(metrics, 'pod_gc_collector_force_delete_pods_total');
  assert.ok((collected['namespace="default",reason="orphaned"'] ?? 0) > 0);
  assert.deepEqual(counted(metrics, 'pod_gc_collector_force_delete_pod_errors_total'), {});
  await world.close();
});

test('a pod that is ending on a node out of service goes without it, and pods that cannot be collected hold up no others', async () => {
  const metrics = new MetricRegistry();
  const world = await startWorld({
    metrics,
    wrap: (client) =>
      intercept(client, {
        delete: (real) => async (resource, reference, options) => {
          const isForced = options?.gracePeriodSeconds === 0;
          if (isForced && reference.name === 'held')
            throw forbidden({ group: '', kind: 'pods', name: 'held' }, 'somebody says no');
          return real.delete(resource, reference, options);
        },
      }),
  });
  world.kubelet.beats = false;
  world.kubelet.endMs = 3_600_000;
  await addNode(world.client, 'broken');
  for (const name of ['held', 'stuck']) {
    await world.client.create(pods, { metadata: inDefault(name), spec: spec('broken') });
  }
  await world.clock.advance(70_000);
  for (const name of ['held', 'stuck']) await world.client.delete(pods, inDefault(name));
  await world.clock.advance(30_000);
  assert.equal((await world.list(pods)).length, 2, 'nobody has said that the node will not come back');
  const taints = [{ key: 'node.kubernetes.io/out-of-service', value: 'nodeshutdown', effect: 'NoExecute' }];
  await world.client.patch(nodes, { namespace: '', name: 'broken' }, { type: 'merge', body: { spec: { taints } } });
  await world.clock.advance(25_000);
  assert.deepEqual(names(await world.list(pods)), ['held']);
  const labels = 'namespace="default",reason="out-of-service"';
  const [tries, errors] = ['pods', 'pod_errors'].map((rest) =>
    counted(metrics, `pod_gc_collector_force_delete_${rest}_total`),
  );
  assert.equal((tries?.[labels] ?? 0) - (errors?.[labels] ?? 0), 1);
  await world.close();
});

test('where the server does not say whether a node is gone, its pods wait, and no others do', async () => {
  let answers = false;
  const world = await startWorld({
    wrap: (client) =>
      intercept(client, {
        get: (real) => async (resource, reference, options) => {
          if (!answers && resource.resource === 'nodes' && reference.name === 'gone') throw timedOut('nobody home');
          return real.get(resource, reference, options);
        },
      }),
  });
  world.kubelet.binds = false;
  await addNode(world.client, 'gone');
  await world.client.create(pods, { metadata: inDefault('lost'), spec: spec('gone') });
  await world.clock.advance(5000);
  await world.client.delete(nodes, { namespace: '', name: 'gone' });
  await world.clock.advance(70_000);
  const finalizers = ['example.com/hold'];
  const containers = [{ name: 'main', image: 'image' }];
  await world.client.create(pods, { metadata: { ...inDefault('unplaced'), finalizers }, spec: { containers } });
  await world.client.delete(pods, inDefault('unplaced'));
  await world.clock.advance(25_000);
  assert.equal((await world.get(pods, 'unplaced'))?.status?.phase, 'Failed');
  assert.equal((await world.get(pods, 'lost'))?.status?.phase, 'Running');
  answers = true;
  await world.clock.advance(25_000);
  assert.equal(await world.get(pods, 'lost'), undefined);
  await world.close();
});
