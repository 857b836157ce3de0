/** Groups that are large enough to hold up others. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SeededPrng } from '../../lib/prng.ts';
import { PodFacts } from '../pod-facts.ts';
import { makeNode, makePod, makeProfile, makeSnapshot, makeWorld } from '../testing.ts';
import { attemptGroup, type GroupInputs } from './decide-group.ts';
import { isKnown, PodGroups } from './pod-groups.ts';
import { refusals, startGangs } from './testing.ts';

function inputsFor(pods: readonly ReturnType<typeof makePod>[], nodeCount: number): GroupInputs {
  const groups = new PodGroups();
  const metadata = { namespace: 'default', name: 'g' };
  groups.setGroup({ metadata, spec: { schedulingPolicy: { gang: { minCount: pods.length } } } });
  const members = pods.map((pod) => ({ ...pod, spec: { ...pod.spec, schedulingGroup: { podGroupName: 'g' } } }));
  for (const pod of members) groups.setPod(pod as never);
  const group = groups.of(members[0] as never);
  assert.ok(isKnown(group));
  const nodes = Array.from({ length: nodeCount }, (_, index) => makeNode(`n${index}`, { cpu: '4' }));
  const world = makeWorld(makeSnapshot(nodes), { groups });
  const facts = members.map((pod) => new PodFacts(pod as never));
  return { group, members: facts, profile: makeProfile(), world, prng: new SeededPrng(1) };
}

test('pods of a gang that are alike are refused as one: what was found for the first is held once', () => {
  const inputs = inputsFor(
    Array.from({ length: 50 }, (_, index) => makePod(`p${index}`, { cpu: '5' })),
    20,
  );
  const { outcomes } = attemptGroup(inputs, undefined);
  assert.equal(outcomes.length, 50);
  assert.equal(new Set(outcomes.map(({ decision }) => decision)).size, 1);
});

test('what is looked at besides the node is looked at for each', () => {
  const term = { topologyKey: 'kubernetes.io/hostname', labelSelector: { matchLabels: { app: 'none' } } };
  const affinity = { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term] } };
  const plain = Array.from({ length: 3 }, (_, index) => makePod(`p${index}`, { cpu: '5' }));
  const choosy = Array.from({ length: 2 }, (_, index) => makePod(`q${index}`, { cpu: '5', spec: { affinity } }));
  const { outcomes } = attemptGroup(inputsFor([...plain, ...choosy, makePod('last', { cpu: '6' })], 4), undefined);
  // One for the plain ones, one for each that looks at others, one for the one that wants more.
  assert.equal(new Set(outcomes.map(({ decision }) => decision)).size, 4);
});

test('of a group with more pods than are decided on at once the others follow when those have their nodes', async () => {
  const world = await startGangs({ groupMembersMax: 3 });
  await world.addNode('node', '10');
  await world.addGroup('g', 2);
  for (let index = 0; index < 8; index++) await world.addPod(`p${index}`, 'g');
  await world.clock.advance(60_000);
  assert.equal(
    Object.values(await world.places()).every((node) => node === 'node'),
    true,
  );
  await world.close();
});

test('a gang that needs more pods at once than are decided on waits, and is not asked for again and again', async () => {
  const world = await startGangs({ groupMembersMax: 3 });
  await world.addNode('node', '10');
  await world.addGroup('g', 5);
  for (let index = 0; index < 8; index++) await world.addPod(`p${index}`, 'g');
  await world.clock.advance(60_000);
  assert.equal(
    Object.values(await world.places()).every((node) => node === ''),
    true,
  );
  assert.equal((await refusals(world, 'p0')) < 3, true);
  await world.close();
});
