import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Node, Pod } from '../api/schema/types/core-v1.ts';
import { leases, namespaces, nodes, pods } from '../client/resources.ts';
import { formatMicroTime } from '../lib/clock.ts';
import { decideNode } from './node-lifecycle/decide.ts';
import { decidePodGc } from './pod-gc.ts';
import { inDefault, startWorld } from './testing.ts';

describe('the taints of a node', () => {
  const nowMs = Date.UTC(2026, 0, 1);
  const make = (conditions: Record<string, string>, more: Partial<NonNullable<Node['spec']>> = {}): Node => ({
    metadata: { name: 'node' },
    spec: more,
    status: { conditions: Object.entries(conditions).map(([type, status]) => ({ type, status })) },
  });
  const ok = { Ready: 'True', MemoryPressure: 'False', DiskPressure: 'False', PIDPressure: 'False' };
  const stale = { key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule' } as const;
  const own = { key: 'example.com/own', effect: 'NoExecute' } as const;
  const cases: readonly { name: string; node: Node; silentMs?: number; expected: string[] | undefined }[] = [
    { name: 'ready', node: make(ok), expected: undefined },
    {
      name: 'not ready',
      node: make({ ...ok, Ready: 'False' }),
      expected: ['not-ready:NoSchedule'],
    },
    {
      name: 'ready again, its own taint kept',
      node: make(ok, { taints: [stale, own] }),
      expected: ['example.com/own:NoExecute'],
    },
    { name: 'new, with nothing said yet', node: make({}, { taints: [stale] }), expected: undefined },
    {
      name: 'new, and not heard of',
      node: make({}),
      silentMs: 61_000,
      expected: ['unreachable:NoSchedule'],
    },
    { name: 'cordoned', node: make(ok, { unschedulable: true }), expected: ['unschedulable:NoSchedule'] },
    {
      name: 'short of memory',
      node: make({ ...ok, MemoryPressure: 'True' }),
      expected: ['memory-pressure:NoSchedule'],
    },
    { name: 'new, with a longer grace', node: make({}), silentMs: 59_000, expected: undefined },
    { name: 'silent', node: make(ok), silentMs: 51_000, expected: ['unreachable:NoSchedule'] },
    { name: 'silent, but not for long', node: make(ok), silentMs: 49_000, expected: undefined },
    {
      name: 'given up as not ready, and silent by now',
      node: make({ ...ok, Ready: 'False' }, { taints: [{ ...stale, effect: 'NoExecute' }] }),
      silentMs: 51_000,
      expected: ['unreachable:NoSchedule', 'unreachable:NoExecute'],
    },
    {
      name: 'given up, and ready again',
      node: make(ok, { taints: [{ ...stale, effect: 'NoExecute' }, own] }),
      expected: ['example.com/own:NoExecute'],
    },
  ];
  for (const { name, node, silentMs = 0, expected } of cases) {
    test(name, () => {
      const { taints } = decideNode(node, silentMs, nowMs);
      assert.deepEqual(
        taints?.map(({ key, effect }) => `${key.replace('node.kubernetes.io/', '')}:${effect}`),
        expected,
      );
    });
  }
});

test('a node that renews its Lease stays ready, one that stops becomes Unknown, and recovers', async () => {
  const world = await startWorld();
  world.kubelet.beats = false;
  await world.client.create(namespaces, { metadata: { name: 'kube-node-lease' } });
  const renewTime = (): string => formatMicroTime(world.clock.now());
  const metadata = { namespace: 'kube-node-lease', name: 'node' };
  await world.client.create(leases, { metadata, spec: { holderIdentity: 'node', renewTime: renewTime() } });
  const ready = async (): Promise<string | undefined> =>
    (await world.get(nodes, 'node'))?.status?.conditions?.find(({ type }) => type === 'Ready')?.status;
  for (let beat = 0; beat < 12; beat++) {
    await world.clock.advance(10_000);
    await world.client.patch(leases, metadata, { type: 'merge', body: { spec: { renewTime: renewTime() } } });
  }
  assert.equal(await ready(), 'True');
  await world.clock.advance(60_000);
  assert.equal(await ready(), 'Unknown');
  assert.ok(
    (await world.get(nodes, 'node'))?.spec?.taints?.some(({ key }) => key === 'node.kubernetes.io/unreachable'),
  );
  const node = await world.client.get(nodes, { namespace: '', name: 'node' });
  const conditions = (node.status?.conditions ?? []).map((condition) =>
    condition.type === 'Ready' ? { ...condition, status: 'True' } : condition,
  );
  await world.client.update(nodes, { ...node, status: { ...node.status, conditions } }, { subresource: 'status' });
  await world.client.patch(leases, metadata, { type: 'merge', body: { spec: { renewTime: renewTime() } } });
  await world.clock.advance(1000);
  assert.deepEqual((await world.get(nodes, 'node'))?.spec?.taints ?? [], []);
  await world.close();
});

const names = (objects: readonly Pod[]) => objects.map(({ metadata }) => metadata?.name);

describe('collecting pods', () => {
  const make = (name: string, more: { node?: string; phase?: string; deleted?: boolean; age?: number }): Pod => ({
    metadata: {
      name,
      creationTimestamp: new Date(1e12 - (more.age ?? 0) * 1000).toISOString(),
      ...(more.deleted && { deletionTimestamp: '2001-09-09T00:00:00Z' }),
    },
    spec: { containers: [], ...(more.node && { nodeName: more.node }) },
    status: { phase: (more.phase ?? 'Running') as 'Running' },
  });

  test('lost nodes are named after their quarantine, the oldest finished go, and what never had a node', () => {
    const observed = [
      make('lost', { node: 'gone' }),
      make('perhaps', { node: 'new' }),
      make('fine', { node: 'there' }),
      make('old', { phase: 'Succeeded', node: 'there', age: 20 }),
      make('younger', { phase: 'Failed', node: 'there', age: 10 }),
      make('unplaced', { deleted: true }),
      make('stuck', { deleted: true, node: 'broken' }),
      make('stays', { node: 'broken' }),
      make('ending', { deleted: true, node: 'there' }),
      { ...make('evicted', {}), status: { phase: 'Failed' as const, reason: 'Evicted' } },
    ];
    const missingSinceMs = new Map([
      ['gone', 0],
      ['new', 30_000],
    ]);
    const outOfService = new Set(['broken']);
    const plan = decidePodGc({ pods: observed, missingSinceMs, outOfService, nowMs: 45_000, finishedMax: 1 });
    assert.deepEqual([...plan.lostNodes.keys()], ['gone']);
    assert.deepEqual(names(plan.abandoned), ['unplaced', 'stuck']);
    assert.deepEqual(names(plan.remove), ['evicted', 'old']);
  });

  test('the pods of a node that was deleted end, and not before the quarantine', async () => {
    const world = await startWorld();
    await world.client.create(pods, {
      metadata: inDefault('pod'),
      spec: { containers: [{ name: 'main', image: 'image' }] },
    });
    await world.clock.advance(5000);
    await world.client.delete(nodes, { namespace: '', name: 'node' });
    await world.clock.advance(30_000);
    assert.equal((await world.list(pods)).length, 1);
    await world.clock.advance(60_000);
    assert.equal((await world.list(pods)).length, 0);
    await world.close();
  });
});
