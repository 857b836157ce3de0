import assert from 'node:assert/strict';
import { test } from 'node:test';
import { intercept } from '../client/intercept.ts';
import { nodes, pods } from '../client/resources.ts';
import { startTestApiOn } from '../client/testing.ts';
import { VirtualClock } from '../lib/clock.ts';
import { Scheduler } from './scheduler.ts';

/** Whoever asks for the time has taken 5 ms. */
class SlowClock extends VirtualClock {
  #spentMs = 0;

  override monotonic(): number {
    return super.monotonic() + (this.#spentMs += 5);
  }
}

test('decisions that take long let others have their turn in between', async () => {
  let [inTurn, most] = [0, 0];
  const api = await startTestApiOn(new SlowClock(), {
    wrap: (client) =>
      intercept(client, {
        createSubresource: (real) => (resource, reference, subresource, body) => {
          most = Math.max(most, ++inTurn);
          void Promise.resolve().then(() => {
            inTurn = 0;
          });
          return real.createSubresource(resource, reference, subresource, body);
        },
      }),
  });
  const { client } = api;
  const scheduler = new Scheduler(api);
  await scheduler.start();
  await api.informers.start();
  await api.clock.advance(0);
  const containers = [{ name: 'main', image: 'image' }];
  for (let at = 0; at < 30; at++) {
    await client.create(pods, { metadata: { namespace: 'default', name: `p${at}` }, spec: { containers } });
  }
  await client.create(nodes, { metadata: { name: 'node' } });
  const body = { spec: { taints: null } };
  const node = await client.patch(nodes, { namespace: '', name: 'node' }, { type: 'merge', body });
  const status = { allocatable: { cpu: '4', memory: '8Gi', pods: '110' } };
  await client.update(nodes, { ...node, status }, { subresource: 'status' });
  await api.clock.advance(30_000);
  const { items } = await client.list(pods);
  assert.equal(items.filter(({ spec }) => spec?.nodeName === 'node').length, 30);
  assert.ok(most >= 1 && most <= 4, `${most} decisions at once`);
  await scheduler.close();
  await api.informers.close();
  await api.store.close();
});
