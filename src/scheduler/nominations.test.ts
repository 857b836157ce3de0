/** Room that was promised to a pod: who may not take it meanwhile, and when it is free again. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { pods } from '../client/resources.ts';
import { startScheduling } from './scheduler-testing.ts';

const gated = { priorityClassName: 'high', schedulingGates: [{ name: 'example.com/wait' }] };

/** A gated pod was promised the only room that there is, and another wants it. */
async function withPromise(): Promise<Awaited<ReturnType<typeof startScheduling>>> {
  const setting = await startScheduling();
  await setting.create('promised', '1', gated);
  await setting.setStatus('promised', { nominatedNodeName: 'a' });
  await setting.addNode('a', { cpu: '1', pods: '10' });
  await setting.create('other', '1', { priorityClassName: 'low' });
  await setting.clock.advance(15_000);
  assert.equal(await setting.nodeOf('other'), undefined);
  return setting;
}

describe('room that was promised is taken by others', () => {
  test('when whom it was promised to goes away', async () => {
    const setting = await withPromise();
    await setting.delete('promised');
    await setting.clock.advance(15_000);
    assert.equal(await setting.nodeOf('other'), 'a');
    await setting.close();
  });

  test('when the promise is taken back', async () => {
    const setting = await withPromise();
    const body = { status: { nominatedNodeName: null } };
    const reference = { namespace: 'default', name: 'promised' };
    await setting.client.patch(pods, reference, { type: 'merge', body }, { subresource: 'status' });
    await setting.clock.advance(15_000);
    assert.equal(await setting.nodeOf('other'), 'a');
    await setting.close();
  });

  test('when it is promised elsewhere', async () => {
    const setting = await withPromise();
    await setting.setStatus('promised', { nominatedNodeName: 'b' });
    await setting.clock.advance(15_000);
    assert.equal(await setting.nodeOf('other'), 'a');
    await setting.close();
  });

  test('at once by somebody more important', async () => {
    const setting = await withPromise();
    await setting.create('urgent', '1', { priorityClassName: 'urgent' });
    await setting.clock.advance(1000);
    assert.equal(await setting.nodeOf('urgent'), 'a');
    await setting.close();
  });
});

test('whoever makes room takes the promise from those that are less important', async () => {
  const setting = await startScheduling();
  await setting.addNode('a', { cpu: '1', pods: '10' });
  await setting.create('low', '1', { priorityClassName: 'low', terminationGracePeriodSeconds: 600 });
  await setting.clock.advance(100);
  await setting.create('middle', '1', { priorityClassName: 'middle' });
  await setting.clock.advance(100);
  assert.equal((await setting.pod('middle')).status?.nominatedNodeName, 'a');
  await setting.create('high', '1', { priorityClassName: 'high' });
  await setting.clock.advance(20_000);
  assert.equal((await setting.pod('high')).status?.nominatedNodeName, 'a');
  assert.equal((await setting.pod('middle')).status?.nominatedNodeName, undefined);
  await setting.delete('low');
  await setting.clock.advance(15_000);
  assert.deepEqual([await setting.nodeOf('high'), await setting.nodeOf('middle')], ['a', undefined]);
  await setting.close();
});
