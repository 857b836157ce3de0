import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pod } from '../../api/schema/types/core-v1.ts';
import { PodGroups } from '../gang/pod-groups.ts';
import { makePod, makeSnapshot, makeWorld } from '../testing.ts';
import { gangScheduling } from './gang-scheduling.ts';

const member = (name: string, namespace = 'default'): Pod =>
  makePod(name, { namespace, spec: { schedulingGroup: { podGroupName: 'team' } } });

const group = (schedulingPolicy: object) => ({
  metadata: { namespace: 'default', name: 'team' },
  spec: { schedulingPolicy },
});

test('a pod may enter when its group is there, and of a gang enough pods of its namespace', () => {
  const reconsidered: string[] = [];
  const groups = new PodGroups((key) => reconsidered.push(key));
  const world = makeWorld(makeSnapshot([]), { groups });
  const heldBack = (pod: Pod) => gangScheduling.preEnqueue?.(pod, world);
  assert.equal(heldBack(makePod('single')), undefined);
  groups.setPod(member('one'));
  groups.setPod(member('other', 'elsewhere'));
  assert.equal(heldBack(member('one')), 'waiting for pod\'s pod group "team" to appear in scheduling queue');
  groups.setGroup(group({ gang: { minCount: 2 } }));
  const tooFew = 'waiting for minCount pods from a gang to appear in scheduling queue';
  assert.equal(heldBack(member('one')), tooFew);
  assert.deepEqual(reconsidered, []);
  groups.setPod(member('two'));
  assert.equal(heldBack(member('one')), undefined);
  assert.deepEqual(reconsidered, ['default/one', 'default/two']);
  groups.removePod(member('two'));
  assert.equal(heldBack(member('one')), tooFew);
  groups.removeGroup(group({}));
  groups.setGroup(group({ basic: {} }));
  assert.equal(heldBack(member('one')), undefined);
});

test('a pod that waits for its gang is woken by pods of it that get a node, and by its group', () => {
  const { AssignedPodAdd, PodGroupAdd } = gangScheduling.hints ?? {};
  const pod = member('one');
  assert.equal(AssignedPodAdd?.(pod, { kinds: [], after: member('two') }), true);
  assert.equal(AssignedPodAdd?.(pod, { kinds: [], after: member('two', 'elsewhere') }), false);
  assert.equal(AssignedPodAdd?.(pod, { kinds: [], after: makePod('single') }), false);
  assert.equal(PodGroupAdd?.(pod, { kinds: [], after: group({}) }), true);
  assert.equal(PodGroupAdd?.(pod, { kinds: [], after: { metadata: { namespace: 'default', name: 'b' } } }), false);
});
