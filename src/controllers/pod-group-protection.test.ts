import assert from 'node:assert/strict';
import { test } from 'node:test';
import { podGroups, pods } from '../client/resources.ts';
import { inDefault, startWorld } from './testing.ts';

test('a group that is deleted goes when the last of its pods has ended', async () => {
  const world = await startWorld();
  const { client, clock } = world;
  const spec = { schedulingPolicy: { gang: { minCount: 2 } } };
  await client.create(podGroups, { metadata: inDefault('team'), spec });
  for (const name of ['one', 'two', 'other']) {
    const schedulingGroup = { podGroupName: name === 'other' ? 'else' : 'team' };
    const containers = [{ name: 'main', image: 'image' }];
    await client.create(pods, { metadata: inDefault(name), spec: { containers, schedulingGroup } });
  }
  await clock.advance(1000);
  await client.delete(podGroups, inDefault('team'));
  await clock.advance(1000);
  const standing = async () => (await client.list(podGroups)).items.length;
  assert.equal(await standing(), 1);
  await client.delete(pods, inDefault('one'), { gracePeriodSeconds: 0 });
  await clock.advance(1000);
  assert.equal(await standing(), 1);
  const body = { status: { phase: 'Succeeded' } };
  await client.patch(pods, inDefault('two'), { type: 'merge', body }, { subresource: 'status' });
  await clock.advance(1000);
  assert.equal(await standing(), 0);
  await world.close();
});
