import assert from 'node:assert/strict';
import { test } from 'node:test';
import { podGroups } from '../../client/resources.ts';
import { startTestApi } from '../../client/testing.ts';
import { GroupWriter } from './group-writer.ts';
import { PodGroups } from './pod-groups.ts';
import { conditionOf } from './testing.ts';

test('what is said of a group holds, also where it said the same before and the informer shows nothing since', async () => {
  const api = await startTestApi();
  const reference = { namespace: 'default', name: 'g' };
  const spec = { schedulingPolicy: { basic: {} } };
  const group = new PodGroups().setGroup(await api.client.create(podGroups, { metadata: reference, spec }));
  const writer = new GroupWriter(api);
  const told = { type: 'PodGroupScheduled', reason: 'Unschedulable', message: 'no room' };
  const standing = async (): Promise<string | undefined> => conditionOf(await api.client.get(podGroups, reference))[0];
  await writer.tell(group, { ...told, status: 'False' });
  const shown = new PodGroups().setGroup(await api.client.get(podGroups, reference));
  await writer.tell(shown, { ...told, status: 'True' });
  assert.equal(await standing(), 'True');
  await writer.tell(shown, { ...told, status: 'False' });
  assert.equal(await standing(), 'False');
  await api.store.close();
});
