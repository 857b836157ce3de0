import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { badRequest } from '../../api/status-error.ts';
import { intercept } from '../../client/intercept.ts';
import { podGroups, pods } from '../../client/resources.ts';
import { parseSchedulerConfiguration } from '../config/configuration.ts';
import { conditionOf, type GangWorld, refusals, startGangs } from './testing.ts';

const placed = async (world: GangWorld, prefix: string): Promise<number> =>
  Object.entries(await world.places()).filter(([name, node]) => name.startsWith(prefix) && node !== '').length;

async function addGang(world: GangWorld, name: string, count: number, cpu = '1'): Promise<void> {
  await world.addGroup(name, count);
  for (let index = 0; index < count; index++) await world.addPod(`${name}-${index}`, name, cpu);
}

describe('a gang', () => {
  test('waits for its group and for enough pods, and is then placed at once', async () => {
    const world = await startGangs();
    await world.addNode('node', '4');
    await world.addPod('a-0', 'a');
    await world.addPod('a-1', 'a');
    await world.clock.advance(20_000);
    assert.equal(await placed(world, 'a'), 0);
    await world.addGroup('a', 3);
    await world.clock.advance(20_000);
    assert.equal(await placed(world, 'a'), 0);
    await world.addPod('a-2', 'a');
    await world.clock.advance(100);
    assert.equal(await placed(world, 'a'), 3);
    assert.deepEqual(conditionOf(await world.group('a')), ['True', 'Scheduled', '']);
    await world.close();
  });

  test('that fits only by part takes nothing, says why, and goes when there is room', async () => {
    const world = await startGangs();
    await world.addNode('first', '2');
    await addGang(world, 'a', 4);
    await world.addPod('single');
    await world.clock.advance(60_000);
    assert.deepEqual([await placed(world, 'a'), await placed(world, 'single')], [0, 1]);
    assert.deepEqual(conditionOf(await world.group('a')), [
      'False',
      'Unschedulable',
      'pod group is unschedulable. preemption: No preemption victims found for incoming preemptor',
    ]);
    const told = await Promise.all([0, 1, 2, 3].map((index) => world.whyNot(`a-${index}`)));
    assert.equal(told[0], 'pod group is unschedulable, waiting for minCount pods from a gang to be scheduled');
    assert.equal(
      told[3],
      '0/1 nodes are available: 1 Insufficient cpu. preemption: No preemption victims found for incoming preemptor',
    );
    await world.addNode('second', '3');
    await world.clock.advance(20_000);
    assert.equal(await placed(world, 'a'), 4);
    assert.deepEqual(conditionOf(await world.group('a')), ['True', 'Scheduled', '']);
    await world.close();
  });

  test('of two that each fit by half and together not, one is placed, and the other when that has gone', async () => {
    for (let seed = 1; seed <= 5; seed++) {
      const world = await startGangs({ seed });
      await world.addNode('x', '2');
      await world.addNode('y', '2');
      await world.addGroup('a', 3);
      await world.addGroup('b', 3);
      for (let index = 0; index < 3; index++)
        for (const name of ['a', 'b']) await world.addPod(`${name}-${index}`, name);
      await world.clock.advance(30_000);
      const counts = [await placed(world, 'a'), await placed(world, 'b')];
      assert.deepEqual(counts.toSorted(), [0, 3]);
      const [winner, loser] = counts[0] === 3 ? ['a', 'b'] : ['b', 'a'];
      for (let index = 0; index < 3; index++) await world.remove(`${winner}-${index}`);
      await world.clock.advance(30_000);
      assert.equal(await placed(world, loser), 3);
      await world.close();
    }
  });

  test('that can never fit is not asked after again and again, and holds nobody up', async () => {
    const world = await startGangs();
    await world.addNode('node', '4');
    await addGang(world, 'huge', 3, '9');
    await world.clock.advance(1000);
    const before = await refusals(world, 'huge-0');
    await world.clock.advance(120_000);
    assert.ok(before > 0);
    assert.equal(await refusals(world, 'huge-0'), before);
    await world.addPod('plain');
    await world.clock.advance(100);
    assert.equal((await world.pod('plain')).spec?.nodeName, 'node');
    await world.close();
  });

  test('with more pods than it needs places as many as fit, and the rest later', async () => {
    const world = await startGangs();
    await world.addNode('first', '3');
    await world.addGroup('a', 2);
    for (let index = 0; index < 4; index++) await world.addPod(`a-${index}`, 'a');
    await world.clock.advance(1000);
    assert.equal(await placed(world, 'a'), 3);
    await world.addNode('second', '1');
    await world.clock.advance(20_000);
    assert.equal(await placed(world, 'a'), 4);
    await world.close();
  });

  test('counts members that are bound: one that is made anew goes alone', async () => {
    const world = await startGangs();
    await world.addNode('node', '3');
    await addGang(world, 'a', 3);
    await world.clock.advance(1000);
    await world.remove('a-1');
    await world.addPod('a-3', 'a');
    await world.clock.advance(20_000);
    assert.equal(await placed(world, 'a'), 3);
    await world.close();
  });

  test('with a pod behind a gate waits until the gate opens', async () => {
    const world = await startGangs();
    await world.addNode('node', '4');
    await world.addGroup('a', 2);
    await world.addPod('a-0', 'a');
    await world.addPod('a-1', 'a', '1', { schedulingGates: [{ name: 'gate' }] });
    await world.clock.advance(5000);
    assert.equal(await placed(world, 'a'), 0);
    const body = { spec: { schedulingGates: null } };
    await world.client.patch(pods, { namespace: 'default', name: 'a-1' }, { type: 'merge', body });
    await world.clock.advance(20_000);
    assert.equal(await placed(world, 'a'), 2);
    await world.close();
  });

  test('of which one binding fails keeps the others, and tries that one again', async () => {
    let failures = 1;
    const world = await startGangs({
      wrap: (client) =>
        intercept(client, {
          createSubresource: (real) => async (resource, reference, subresource, body) => {
            if (reference.name === 'a-1' && failures-- > 0) throw badRequest('injected');
            return real.createSubresource(resource, reference, subresource, body);
          },
        }),
    });
    await world.addNode('node', '3');
    await addGang(world, 'a', 3);
    await world.clock.advance(100);
    assert.equal(await placed(world, 'a'), 2);
    await world.clock.advance(20_000);
    assert.equal(await placed(world, 'a'), 3);
    await world.close();
  });

  test('whose group goes before it had its turn waits for another', async () => {
    const world = await startGangs();
    await addGang(world, 'a', 2);
    const place = { namespace: 'default', name: 'a' };
    await world.client.patch(podGroups, place, { type: 'merge', body: { metadata: { finalizers: null } } });
    await world.client.delete(podGroups, place);
    await world.addNode('node', '4');
    await world.clock.advance(20_000);
    assert.equal(await placed(world, 'a'), 0);
    const told = [await world.whyNot('a-0'), await world.whyNot('a-1')];
    assert.equal(told[0], 'waiting for pod\'s pod group "a" to appear in scheduling queue');
    await world.addGroup('a', 2);
    await world.clock.advance(20_000);
    assert.equal(await placed(world, 'a'), 2);
    await world.close();
  });
});

test('pods of a basic group go one by one, as many as fit', async () => {
  const world = await startGangs();
  await world.addNode('node', '2');
  await world.addGroup('a');
  for (let index = 0; index < 3; index++) await world.addPod(`a-${index}`, 'a');
  await world.clock.advance(1000);
  assert.equal(await placed(world, 'a'), 2);
  await world.close();
});

test('where the plugin is turned off, pods go one by one, whatever group they name', async () => {
  const plugins = { multiPoint: { disabled: [{ name: 'GangScheduling' }] } };
  const configuration = parseSchedulerConfiguration(
    JSON.stringify({
      apiVersion: 'kubescheduler.config.k8s.io/v1',
      kind: 'KubeSchedulerConfiguration',
      profiles: [{ schedulerName: 'default-scheduler', plugins }],
    }),
  );
  const world = await startGangs({ configuration });
  await world.addNode('node', '1');
  await addGang(world, 'a', 2);
  await world.clock.advance(1000);
  assert.equal(await placed(world, 'a'), 1);
  await world.close();
});

test('the group’s priority says whose turn it is, not its pods’', async () => {
  const world = await startGangs();
  await world.addClass('high', 100);
  await world.addGroup('low', 2);
  await world.addGroup('high', 2, { priorityClassName: 'high' });
  for (let index = 0; index < 2; index++)
    for (const name of ['low', 'high']) await world.addPod(`${name}-${index}`, name);
  await world.clock.advance(1000);
  await world.addNode('node', '2');
  await world.clock.advance(20_000);
  assert.deepEqual([await placed(world, 'low'), await placed(world, 'high')], [0, 2]);
  await world.close();
});

describe('a group within one topology', () => {
  const rack = (name: string) => ({ 'example.com/rack': name });
  const inOneRack = { schedulingConstraints: { topology: [{ key: 'example.com/rack' }] } };

  async function addRacks(world: GangWorld): Promise<void> {
    await world.addNode('a1', '2', rack('a'));
    await world.addNode('a2', '1', rack('a'));
    await world.addNode('b1', '2', rack('b'));
    await world.addNode('b2', '2', rack('b'));
    await world.addNode('bare', '8');
  }

  test('takes the only domain that holds it, and no node without the label', async () => {
    const world = await startGangs();
    await addRacks(world);
    await world.addGroup('g', 4, inOneRack);
    for (let index = 0; index < 4; index++) await world.addPod(`g-${index}`, 'g');
    await world.clock.advance(1000);
    assert.deepEqual(Object.values(await world.places()).sort(), ['b1', 'b1', 'b2', 'b2']);
    await world.close();
  });

  test('takes of two domains the one that it fills more', async () => {
    const world = await startGangs();
    await addRacks(world);
    await world.addGroup('g', 3, inOneRack);
    for (let index = 0; index < 3; index++) await world.addPod(`g-${index}`, 'g');
    await world.clock.advance(1000);
    assert.deepEqual(Object.values(await world.places()).sort(), ['a1', 'a1', 'a2']);
    await world.close();
  });

  test('that no domain holds waits, and its later pods go where the first are', async () => {
    const world = await startGangs();
    await addRacks(world);
    await world.addGroup('g', 5, inOneRack);
    for (let index = 0; index < 5; index++) await world.addPod(`g-${index}`, 'g');
    await world.clock.advance(1000);
    assert.equal(await placed(world, 'g'), 0);
    assert.deepEqual(conditionOf(await world.group('g')), ['False', 'Unschedulable', 'pod group is unschedulable']);
    await world.addNode('a3', '2', rack('a'));
    await world.clock.advance(20_000);
    assert.deepEqual(Object.values(await world.places()).sort(), ['a1', 'a1', 'a2', 'a3', 'a3']);
    await world.addPod('g-5', 'g');
    await world.clock.advance(20_000);
    assert.equal(await placed(world, 'g'), 5);
    await world.addNode('a4', '1', rack('a'));
    await world.clock.advance(20_000);
    assert.equal((await world.pod('g-5')).spec?.nodeName, 'a4');
    await world.close();
  });

  test('where no node has the label says so, and goes when one gets it', async () => {
    const world = await startGangs();
    await world.addNode('bare', '4');
    await world.addGroup('g', 2, inOneRack);
    for (let index = 0; index < 2; index++) await world.addPod(`g-${index}`, 'g');
    await world.clock.advance(1000);
    assert.equal(
      await world.whyNot('g-0'),
      '0/1 nodes are available: 1 node(s) didn\'t have the label "example.com/rack" of the pod group\'s topology.',
    );
    await world.addNode('labelled', '4', rack('a'));
    await world.clock.advance(20_000);
    assert.equal(await placed(world, 'g'), 2);
    await world.close();
  });

  test('whose bound pods are in two domains is told that nothing can be said', async () => {
    const world = await startGangs();
    await addRacks(world);
    await world.addGroup('g', 2, inOneRack);
    await world.addPod('g-0', 'g', '1', { nodeName: 'a1' });
    await world.addPod('g-1', 'g', '1', { nodeName: 'b1' });
    await world.addPod('g-2', 'g');
    await world.clock.advance(1000);
    const message = 'cannot determine domain for already scheduled pods: more than 1 domain found for pod group: a, b';
    assert.deepEqual(conditionOf(await world.group('g')), ['False', 'SchedulerError', message]);
    assert.equal(await world.whyNot('g-2'), message);
    await world.close();
  });
});
