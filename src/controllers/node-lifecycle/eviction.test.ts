import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import type { Node, Pod } from '../../api/schema/types/core-v1.ts';
import { events, nodes, pods } from '../../client/resources.ts';
import { addNode, inDefault, startWorld, type World } from '../testing.ts';

let world: World;
afterEach(() => world.close());

/** Alive are those of `alive`: the player's own beating is off. */
async function start(names: readonly string[], alive: Set<string>): Promise<void> {
  world = await startWorld();
  world.kubelet.beats = false;
  for (const name of names) await addNode(world.client, name);
  const beat = (): void => {
    for (const name of alive) {
      const lastHeartbeatTime = new Date(world.clock.now()).toISOString().replace(/\.\d+/, '');
      const body = { status: { conditions: [{ type: 'Ready', status: 'True', lastHeartbeatTime }] } };
      const reference = { namespace: '', name };
      world.client.patch(nodes, reference, { type: 'strategic', body }, { subresource: 'status' }).catch(() => {});
    }
    world.clock.after(10_000, beat);
  };
  beat();
  await world.clock.advance(1_000);
}

const addPod = (name: string, nodeName: string, tolerationSeconds?: number): Promise<Pod> => {
  const key = 'node.kubernetes.io/unreachable';
  const toleration = { key, operator: 'Exists' as const, effect: 'NoExecute' as const, tolerationSeconds };
  const containers = [{ name: 'main', image: 'image' }];
  const tolerations = tolerationSeconds === undefined ? [] : [{ ...toleration, tolerationSeconds }];
  return world.client.create(pods, { metadata: inDefault(name), spec: { nodeName, containers, tolerations } });
};

const drivers = (node: Node | undefined): readonly string[] =>
  (node?.spec?.taints ?? []).filter(({ effect }) => effect === 'NoExecute').map(({ key }) => key);

const taintsOf = async (name: string) => drivers(await world.get(nodes, name));

describe('a lost node', () => {
  test('has its pods marked not ready, and after their time driven away', async () => {
    await start(['a', 'b'], new Set(['node', 'b']));
    await addPod('patient', 'a', 30);
    await world.clock.advance(5_000);
    assert.equal(await readiness('patient'), 'True');
    await world.clock.advance(60_000);
    assert.equal(await readiness('patient'), 'False');
    assert.deepEqual(await taintsOf('a'), ['node.kubernetes.io/unreachable']);
    assert.deepEqual(await taintsOf('b'), []);
    await world.clock.advance(40_000);
    assert.equal(await world.get(pods, 'patient'), undefined);
    const said = (await world.list(events)).map(({ reason, message }) => `${reason}: ${message}`);
    for (const expected of [
      'NodeNotReady: Node is not ready',
      'NodeNotReady: Node a status is now: NodeNotReady',
      'RegisteredNode: Node a event: Registered Node a in Controller',
      'TaintManagerEviction: Marking for deletion Pod default/patient',
    ]) {
      assert.ok(said.includes(expected), `${expected} is missing in ${said.join(', ')}`);
    }
  });

  test('is given up in turns, ten seconds apart', async () => {
    await start(['a', 'b', 'c', 'd'], new Set(['node', 'c', 'd']));
    await world.clock.advance(52_000);
    const count = async () => [...(await taintsOf('a')), ...(await taintsOf('b'))].length;
    assert.equal(await count(), 1);
    await world.clock.advance(11_000);
    assert.equal(await count(), 2);
  });

  test('keeps its pods where no node is left, and loses the taint that it had', async () => {
    const alive = new Set(['node']);
    await start(['a'], alive);
    await world.clock.advance(60_000);
    assert.deepEqual(await taintsOf('a'), ['node.kubernetes.io/unreachable']);
    alive.clear();
    await world.clock.advance(70_000);
    assert.deepEqual([...(await taintsOf('a')), ...(await taintsOf('node'))], []);
    alive.add('node').add('a');
    await world.clock.advance(30_000);
    alive.delete('a');
    await world.clock.advance(70_000);
    assert.deepEqual(await taintsOf('a'), ['node.kubernetes.io/unreachable']);
  });
});

async function readiness(name: string): Promise<string | undefined> {
  const pod = await world.get(pods, name);
  return pod?.status?.conditions?.find(({ type }) => type === 'Ready')?.status;
}
