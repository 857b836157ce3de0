/** A Job made anew under the name of one that is gone, whose pods are shown late. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { intercept } from '../../client/intercept.ts';
import { jobs, pods } from '../../client/resources.ts';
import { inDefault } from '../testing.ts';
import { makeJob, runsOn, startJobWorld } from './testing.ts';

test('a pod of the Job before does not count as one that this Job waits for', async () => {
  let held: (() => void)[] | undefined;
  const world = await startJobWorld(runsOn, {
    wrap: (client) =>
      intercept(client, {
        watch: (real) => (resource, query, handler) => {
          const event: typeof handler.event = (change) => {
            if (held !== undefined && resource.resource === 'pods') held.push(() => handler.event(change));
            else handler.event(change);
          };
          return real.watch(resource, query, { event, end: (error) => handler.end(error) });
        },
      }),
  });
  const made = async (): Promise<number> => (await world.list(pods)).length;
  await world.clock.advance(1000);
  held = [];
  await world.client.create(jobs, makeJob());
  await world.clock.advance(1000);
  assert.equal(await made(), 1);
  await world.client.delete(jobs, inDefault('job'), { propagationPolicy: 'Orphan', gracePeriodSeconds: 0 });
  const body = { metadata: { finalizers: null } };
  await world.client.patch(jobs, inDefault('job'), { type: 'merge', body }).catch(() => {});
  await world.clock.advance(1000);
  await world.client.create(jobs, makeJob());
  await world.clock.advance(1000);
  assert.equal(await made(), 2);
  const waiting = held;
  // The first is of the Job that is gone.
  waiting.shift()?.();
  await world.clock.advance(2000);
  assert.equal(await made(), 2);
  held = undefined;
  for (const tell of waiting) tell();
  await world.clock.advance(2000);
  // The earlier Job's pod is collected; nothing was made in its place.
  assert.equal(await made(), 1);
  await world.close();
});
