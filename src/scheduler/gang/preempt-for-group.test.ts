import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { events, podDisruptionBudgets, pods } from '../../client/resources.ts';
import { SeededPrng } from '../../lib/prng.ts';
import { DisruptionBudgets } from '../disruption-budgets.ts';
import { PodFacts } from '../pod-facts.ts';
import { makeNode, makePod, makeProfile, makeSnapshot, makeWorld } from '../testing.ts';
import { attemptGroup } from './decide-group.ts';
import { type KnownGroup, PodGroups } from './pod-groups.ts';
import { preemptForGroup } from './preempt-for-group.ts';
import { conditionOf, type GangWorld, startGangs } from './testing.ts';

/** Nodes of two places each, with a single pod of low priority at each place, `p-0` and on. */
async function startFull(nodeCount: number): Promise<GangWorld> {
  const world = await startGangs();
  await world.addClass('low', 1);
  await world.addClass('middle', 5);
  await world.addClass('high', 10);
  for (let index = 0; index < nodeCount; index++) await world.addNode(`n${index}`, '2');
  return world;
}

async function addGang(world: GangWorld, name: string, count: number, priority = 'high', mode?: 'Pod' | 'PodGroup') {
  const disruption = mode !== undefined && { disruptionMode: mode };
  await world.addGroup(name, count, { priorityClassName: priority, ...disruption });
  for (let index = 0; index < count; index++) {
    await world.addPod(`${name}-${index}`, name, '1', { priorityClassName: priority });
  }
}

async function addSingles(world: GangWorld, count: number, priority = 'low'): Promise<void> {
  for (let index = 0; index < count; index++) {
    await world.addPod(`p-${index}`, undefined, '1', { priorityClassName: priority, terminationGracePeriodSeconds: 1 });
  }
  await world.clock.advance(2000);
}

async function standing(world: GangWorld, prefix: string): Promise<string[]> {
  const { items } = await world.client.list(pods);
  const kept = items.filter(({ metadata }) => metadata?.deletionTimestamp === undefined);
  return kept.flatMap(({ metadata, spec }) =>
    metadata?.name?.startsWith(prefix) && spec?.nodeName ? [metadata.name] : [],
  );
}

/** The kubelet’s part: what is to go has gone. */
async function letThemGo(world: GangWorld): Promise<void> {
  for (const { metadata } of (await world.client.list(pods)).items) {
    if (metadata?.deletionTimestamp !== undefined) await world.remove(metadata.name ?? '');
  }
  await world.clock.advance(20_000);
}

describe('a gang that fits nowhere', () => {
  test('makes room of as many less important pods as it takes, and is placed when they have gone', async () => {
    const world = await startFull(3);
    await addSingles(world, 5);
    await addGang(world, 'g', 3);
    await world.clock.advance(1000);
    assert.equal((await standing(world, 'p')).length, 3);
    assert.equal((await standing(world, 'g')).length, 0);
    assert.deepEqual(conditionOf(await world.group('g')), [
      'False',
      'Unschedulable',
      'waiting for preemption to complete',
    ]);
    const waiting = await world.pod('g-0');
    assert.notEqual(waiting.status?.nominatedNodeName, undefined);
    assert.match((await world.whyNot('g-0')) ?? '', /^pod group is unschedulable, pod group is waiting for preemption/);
    const { items } = await world.client.list(events);
    const uid = (await world.group('g')).metadata?.uid;
    const told = items.filter(({ reason }) => reason === 'Preempted').map(({ message }) => message);
    assert.deepEqual(new Set(told), new Set([`Preempted by podgroup ${uid} on node cluster`]));
    await letThemGo(world);
    assert.equal((await standing(world, 'g')).length, 3);
    assert.equal((await standing(world, 'p')).length, 3);
    await world.close();
  });

  test('takes nobody’s room where all that could go would not be enough', async () => {
    const world = await startFull(2);
    await addSingles(world, 4);
    await addGang(world, 'g', 5);
    await world.clock.advance(30_000);
    assert.equal((await standing(world, 'p')).length, 4);
    assert.match(
      conditionOf(await world.group('g'))[2] ?? '',
      /would not fit even if all pods of lower priority were gone$/,
    );
    await world.close();
  });

  test('takes nobody’s room who is as important, or where one of its pods says so', async () => {
    const world = await startFull(2);
    await addSingles(world, 4, 'high');
    await addGang(world, 'g', 2);
    await world.clock.advance(10_000);
    assert.equal((await standing(world, 'p')).length, 4);
    await world.close();
    const other = await startFull(2);
    await addSingles(other, 4);
    await other.addGroup('g', 2, { priorityClassName: 'high' });
    await other.addPod('g-0', 'g', '1', { priorityClassName: 'high' });
    await other.addPod('g-1', 'g', '1', { priorityClassName: 'high', preemptionPolicy: 'Never' });
    await other.clock.advance(10_000);
    assert.equal((await standing(other, 'p')).length, 4);
    assert.match(conditionOf(await other.group('g'))[2] ?? '', /preemptionPolicy=Never\.$/);
    await other.close();
  });

  test('spares what a budget protects where others can go', async () => {
    const world = await startFull(2);
    await addSingles(world, 4);
    const place = { namespace: 'default', name: 'p-1' };
    const body = { metadata: { labels: { kept: 'yes' } } };
    await world.client.patch(pods, place, { type: 'merge', body });
    const metadata = { namespace: 'default', name: 'budget' };
    await world.client.create(podDisruptionBudgets, { metadata, spec: { selector: { matchLabels: { kept: 'yes' } } } });
    await world.clock.advance(100);
    await addGang(world, 'g', 3);
    await world.clock.advance(1000);
    assert.deepEqual(await standing(world, 'p'), ['p-1']);
    await world.close();
  });

  test('has a group that is disrupted as a whole go as a whole, and tells it', async () => {
    const world = await startFull(2);
    await addGang(world, 'whole', 3, 'low', 'PodGroup');
    await world.clock.advance(1000);
    assert.equal((await standing(world, 'whole')).length, 3);
    await addGang(world, 'g', 2);
    await world.clock.advance(1000);
    assert.equal((await standing(world, 'whole')).length, 0);
    const [status, reason] = conditionOf(await world.group('whole'), 'DisruptionTarget');
    assert.deepEqual([status, reason], ['True', 'PreemptionByScheduler']);
    await letThemGo(world);
    assert.equal((await standing(world, 'g')).length, 2);
    await world.close();
  });

  test('has single pods go before a group, and of a group that is not one only as many as need be', async () => {
    const world = await startFull(2);
    await addGang(world, 'loose', 3, 'low', 'Pod');
    await addSingles(world, 1);
    await addGang(world, 'g', 2);
    await world.clock.advance(1000);
    assert.equal((await standing(world, 'p')).length, 0);
    assert.equal((await standing(world, 'loose')).length, 2);
    await world.close();
  });

  test('asks nobody else while its victims end, and keeps its room from the less important', async () => {
    const world = await startFull(2);
    await addSingles(world, 4);
    await addGang(world, 'g', 2);
    await world.clock.advance(1000);
    await world.addPod('late', undefined, '1', { priorityClassName: 'middle', preemptionPolicy: 'Never' });
    await world.clock.advance(60_000);
    assert.equal((await standing(world, 'p')).length, 2);
    await letThemGo(world);
    assert.deepEqual([(await standing(world, 'g')).length, (await standing(world, 'late')).length], [2, 0]);
    await world.close();
  });
});

describe('making room for very many', () => {
  const groups = new PodGroups();
  const podGroup = groups.setGroup({
    metadata: { namespace: 'default', name: 'g' },
    spec: { schedulingPolicy: { gang: { minCount: 150 } }, priority: 10 },
  });
  const spec = { schedulingGroup: { podGroupName: 'g' }, priority: 10 };
  const members = Array.from({ length: 150 }, (_, index) => makePod(`g-${index}`, { cpu: '1', spec }));
  for (const pod of members) groups.setPod(pod);
  const group = podGroup as KnownGroup;
  const names = Array.from({ length: 200 }, (_, index) => `n${index}`);

  test('stops to ask after each single one, and still takes no more than need be', () => {
    const nodes = names.map((name) => makeNode(name, { cpu: '1' }));
    const placed = names.map((name, index) => [makePod(`p-${index}`, { cpu: '1' }), name] as const);
    const snapshot = makeSnapshot(nodes, placed);
    const world = makeWorld(snapshot, { groups });
    const facts = members.map((pod) => new PodFacts(pod));
    const inputs = { group, members: facts, profile: makeProfile(), world, prng: new SeededPrng(1) };
    const found = preemptForGroup(inputs, attemptGroup(inputs, undefined), new DisruptionBudgets());
    assert.equal(found.kind === 'victims' && found.victims.length, 150);
    assert.ok(found.kind === 'victims' && found.attempt.isFeasible);
    assert.ok(placed.every(([pod, node]) => snapshot.nodeNameOf(new PodFacts(pod).key) === node));
    assert.ok(facts.every(({ key }) => snapshot.nodeNameOf(key) === undefined));
  });
});
