/** Nodes that never answer, labels under old names, writes that are refused, and what is counted. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Node } from '../../api/schema/types/core-v1.ts';
import { forbidden } from '../../api/status-error.ts';
import type { Client } from '../../client/client.ts';
import { intercept } from '../../client/intercept.ts';
import { leases, namespaces, nodes, pods } from '../../client/resources.ts';
import { formatMicroTime } from '../../lib/clock.ts';
import { MetricRegistry } from '../../lib/metrics.ts';
import { isReady } from '../shared/pods.ts';
import { counted } from '../shared/testing.ts';
import { addNode, inDefault, startWorld, type World } from '../testing.ts';
import { decideNode } from './decide.ts';

const reference = (name: string) => ({ namespace: '', name });
const taintsOf = async (world: World, name: string, effect: string): Promise<readonly string[]> =>
  ((await world.get(nodes, name))?.spec?.taints ?? []).filter((taint) => taint.effect === effect).map(({ key }) => key);

/** Patches of these objects are turned away. */
const refusing = (resource: string, names: ReadonlySet<string>) => (client: Client) =>
  intercept(client, {
    patch: (real) => async (which, where, patch, options) => {
      if (which.resource === resource && names.has(where.name)) {
        throw forbidden({ group: which.group, kind: which.resource, name: where.name }, 'somebody says no');
      }
      return real.patch(which, where, patch, options);
    },
  });

describe('labels under their old names', () => {
  const labelsOf = (labels: Record<string, string>) =>
    decideNode({ metadata: { labels }, status: { conditions: [{ type: 'Ready', status: 'True' }] } }, 0, 0).labels;
  const [os, arch] = ['kubernetes.io/os', 'kubernetes.io/arch'];
  const cases: readonly (readonly [string, Record<string, string>, Record<string, string> | undefined])[] = [
    ['are added', { [os]: 'linux', [arch]: 'arm64' }, { [`beta.${os}`]: 'linux', [`beta.${arch}`]: 'arm64' }],
    ['are put right', { [os]: 'linux', [`beta.${os}`]: 'windows' }, { [`beta.${os}`]: 'linux' }],
    ['stay where they are right', { [os]: 'linux', [`beta.${os}`]: 'linux', own: 'a' }, undefined],
    ['say nothing where the new ones do not', { [`beta.${os}`]: 'linux' }, undefined],
  ];
  for (const [name, labels, expected] of cases) {
    test(name, () => assert.deepEqual(labelsOf(labels), expected));
  }

  test('are written, and no others are touched', async () => {
    const world = await startWorld();
    const labels = { [os]: 'linux', [`beta.${os}`]: 'plan9', [arch]: 'arm64', own: 'a' };
    await world.client.create(nodes, { metadata: { name: 'a', labels } });
    await world.clock.advance(1000);
    const expected = { ...labels, [`beta.${os}`]: 'linux', [`beta.${arch}`]: 'arm64' };
    assert.deepEqual((await world.get(nodes, 'a'))?.metadata?.labels, expected);
    await world.close();
  });
});

describe('a node that never says how it is', () => {
  const conditionsOf = async (world: World) =>
    ((await world.get(nodes, 'mute'))?.status?.conditions ?? []).map(
      ({ type, status, reason }) => `${type} ${status} ${reason}`,
    );

  test('is taken for lost after a minute, by all conditions that it should have told', async () => {
    const world = await startWorld();
    await world.client.create(nodes, { metadata: { name: 'mute' } });
    await world.clock.advance(58_000);
    assert.deepEqual(await conditionsOf(world), []);
    await world.clock.advance(10_000);
    assert.deepEqual(
      await conditionsOf(world),
      ['Ready', 'MemoryPressure', 'DiskPressure', 'PIDPressure'].map(
        (type) => `${type} Unknown NodeStatusNeverUpdated`,
      ),
    );
    assert.deepEqual(await taintsOf(world, 'mute', 'NoSchedule'), ['node.kubernetes.io/unreachable']);
    await world.clock.advance(15_000);
    assert.deepEqual(await taintsOf(world, 'mute', 'NoExecute'), ['node.kubernetes.io/unreachable']);
    await world.close();
  });

  test('is left alone as long as it renews its Lease', async () => {
    const world = await startWorld();
    const metadata = { namespace: 'kube-node-lease', name: 'mute' };
    await world.client.create(namespaces, { metadata: { name: metadata.namespace } });
    await world.client.create(nodes, { metadata: { name: 'mute' } });
    const spec = () => ({ holderIdentity: 'mute', renewTime: formatMicroTime(world.clock.now()) });
    await world.client.create(leases, { metadata, spec: spec() });
    for (let beat = 0; beat < 20; beat++) {
      await world.clock.advance(10_000);
      await world.client.patch(leases, metadata, { type: 'merge', body: { spec: spec() } });
    }
    assert.deepEqual(await conditionsOf(world), []);
    await world.clock.advance(65_000);
    assert.equal((await conditionsOf(world)).length, 4);
    await world.close();
  });
});

/** Lives on, without the player's help. */
function beating(world: World, names: ReadonlySet<string>): void {
  world.kubelet.beats = false;
  const beat = (): void => {
    const lastHeartbeatTime = new Date(world.clock.now()).toISOString().replace(/\.\d+/, '');
    const body = { status: { conditions: [{ type: 'Ready', status: 'True', lastHeartbeatTime }] } };
    for (const name of names) {
      void world.client.patch(nodes, reference(name), { type: 'strategic', body }, { subresource: 'status' });
    }
    world.clock.after(10_000, beat);
  };
  beat();
}

test('a lost node whose taints cannot be written holds up no other, in its zone or elsewhere', async () => {
  const refused = new Set<string>();
  const world = await startWorld({ wrap: refusing('nodes', refused) });
  const label = async (name: string, zone: string): Promise<void> => {
    await addNode(world.client, name);
    const body = { metadata: { labels: { 'topology.kubernetes.io/zone': zone } } };
    await world.client.patch(nodes, reference(name), { type: 'merge', body });
  };
  for (const name of ['a', 'b', 'alive-1', 'alive-2']) await label(name, 'north');
  for (const name of ['c', 'alive-3']) await label(name, 'south');
  beating(world, new Set(['node', 'alive-1', 'alive-2', 'alive-3']));
  await world.clock.advance(45_000);
  refused.add('a');
  await world.clock.advance(25_000);
  const given = async () =>
    Promise.all(['a', 'b', 'c'].map(async (name) => (await taintsOf(world, name, 'NoExecute')).length));
  assert.deepEqual(await given(), [0, 1, 1]);
  refused.clear();
  await world.clock.advance(15_000);
  assert.deepEqual(await given(), [1, 1, 1]);
  await world.close();
});

test('a lost node whose taint somebody takes away gets it again', async () => {
  const world = await startWorld();
  await addNode(world.client, 'a');
  beating(world, new Set(['node']));
  await world.clock.advance(65_000);
  const given = () => taintsOf(world, 'a', 'NoExecute');
  assert.deepEqual(await given(), ['node.kubernetes.io/unreachable']);
  await world.client.patch(nodes, reference('a'), { type: 'merge', body: { spec: { taints: null } } });
  await world.clock.advance(15_000);
  assert.deepEqual(await given(), ['node.kubernetes.io/unreachable']);
  assert.deepEqual(await taintsOf(world, 'a', 'NoSchedule'), ['node.kubernetes.io/unreachable']);
  await world.close();
});

test('a pod of a lost node that cannot be written holds up no other', async () => {
  const refused = new Set<string>();
  const world = await startWorld({ wrap: refusing('pods', refused) });
  await addNode(world.client, 'lost');
  const toleration = { operator: 'Exists' as const };
  for (const name of ['first', 'second']) {
    const containers = [{ name: 'main', image: 'image' }];
    await world.client.create(pods, {
      metadata: inDefault(name),
      spec: { nodeName: 'lost', containers, tolerations: [toleration] },
    });
  }
  await world.clock.advance(5000);
  beating(world, new Set(['node']));
  refused.add('first');
  const ready = async (name: string) =>
    (await world.get(pods, name))?.status?.conditions?.find(({ type }) => type === 'Ready')?.status;
  await world.clock.advance(70_000);
  assert.deepEqual([await ready('first'), await ready('second')], ['True', 'False']);
  refused.clear();
  await world.clock.advance(60_000);
  assert.equal(await ready('first'), 'False');
  await world.close();
});

test('a lost node that is heard of while its pods are being written keeps those that are left', async () => {
  const written: string[] = [];
  const slow = new Set<string>();
  const world = await startWorld({
    wrap: (client) =>
      intercept(client, {
        patch: (real) => async (which, where, patch, options) => {
          if (slow.has(which.resource)) {
            written.push(where.name);
            await world.clock.sleep(5000);
          }
          return real.patch(which, where, patch, options);
        },
      }),
  });
  await addNode(world.client, 'lost');
  const toleration = { operator: 'Exists' as const };
  for (const name of ['first', 'second', 'third']) {
    const containers = [{ name: 'main', image: 'image' }];
    await world.client.create(pods, {
      metadata: inDefault(name),
      spec: { nodeName: 'lost', containers, tolerations: [toleration] },
    });
  }
  await world.clock.advance(5000);
  const living = new Set(['node']);
  beating(world, living);
  slow.add('pods');
  while (written.length === 0) await world.clock.advance(1000);
  living.add('lost');
  await world.clock.advance(60_000);
  const unready = (await world.list(pods)).filter((pod) => !isReady(pod)).map(({ metadata }) => metadata?.name);
  assert.deepEqual(unready, written);
  assert.ok(written.length < 3, `written: ${written.join(', ')}`);
  await world.close();
});

test('counted are nodes by zone, those that are not ready, and those whose pods were told to leave', async () => {
  const metrics = new MetricRegistry();
  const world = await startWorld({ metrics });
  for (const name of ['a', 'b', 'c']) await addNode(world.client, name);
  const labels = { 'topology.kubernetes.io/region': 'r', 'topology.kubernetes.io/zone': 'z' };
  await world.client.patch(nodes, reference('c'), { type: 'merge', body: { metadata: { labels } } });
  beating(world, new Set(['node', 'a', 'c']));
  await world.clock.advance(1000);
  const of = (rest: string) => counted(metrics, `node_collector_${rest}`);
  const [none, zone] = ['zone=""', 'zone="r:\0:z"'];
  assert.deepEqual(of('zone_size'), { [none]: 3, [zone]: 1 });
  assert.deepEqual(of('zone_health'), { [none]: 100, [zone]: 100 });
  assert.deepEqual(of('evictions_total'), {});
  await world.clock.advance(70_000);
  assert.deepEqual(of('unhealthy_nodes_in_zone'), { [none]: 1, [zone]: 0 });
  assert.equal(of('zone_health')[none]?.toFixed(1), '66.7');
  assert.deepEqual(of('evictions_total'), { [none]: 1 });
  assert.ok((of('update_node_health_duration_seconds_count')[''] ?? 0) > 0);
  await world.client.delete(nodes, reference('c'));
  await world.clock.advance(1000);
  assert.deepEqual([of('zone_size')[zone], of('zone_health')[zone]], [0, 100]);
  await world.close();
});

test('a node of our own kind of trouble keeps what others have tainted it with', () => {
  const own = { key: 'example.com/own', effect: 'NoSchedule' } as const;
  const node: Node = {
    spec: { taints: [own] },
    status: {
      conditions: [
        { type: 'Ready', status: 'False' },
        { type: 'NetworkUnavailable', status: 'True' },
      ],
    },
  };
  assert.deepEqual(
    decideNode(node, 0, 0).taints?.map(({ key }) => key),
    ['example.com/own', 'node.kubernetes.io/not-ready', 'node.kubernetes.io/network-unavailable'],
  );
});
