import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rejection, startRegistry } from '../testing.ts';

const priorityClass = (name: string, fields: object = {}): object => ({
  apiVersion: 'scheduling.k8s.io/v1',
  kind: 'PriorityClass',
  metadata: { name },
  value: 100,
  ...fields,
});

test('of priority classes one is the default, and who would be the second is told which', async () => {
  const cluster = await startRegistry();
  const classes = 'priorityclasses.scheduling.k8s.io';
  await cluster.create(classes, priorityClass('first', { globalDefault: true }));
  await cluster.create(classes, priorityClass('other'));
  const told =
    /^priorityclasses\.scheduling\.k8s\.io "(second|other)" is forbidden: PriorityClass first is already marked as default\. Only one default can exist$/;
  const second = cluster.create(classes, priorityClass('second', { globalDefault: true }));
  assert.match((await rejection(second, 'Forbidden')).message, told);
  const patch = { globalDefault: true };
  const other = cluster.patch(classes, 'other', patch, { type: 'merge' });
  assert.match((await rejection(other, 'Forbidden')).message, told);
  await cluster.patch(classes, 'first', { description: 'still the default' }, { type: 'merge' });
  await cluster.patch(classes, 'first', { globalDefault: false }, { type: 'merge' });
  const now = await cluster.patch(classes, 'other', patch, { type: 'merge' });
  assert.equal((now as unknown as { readonly globalDefault?: boolean }).globalDefault, true);
});
