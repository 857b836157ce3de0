import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Pod } from '../../api/schema/types/core-v1.ts';
import type { EndpointConditions, EndpointSlice } from '../../api/schema/types/discovery-v1.ts';
import { endpointSlices } from '../../client/resources.ts';
import type { PodFarewell } from '../context.ts';
import { startNetworkWorld } from '../testing.ts';
import { drainingPart } from './draining-part.ts';
import { presenceIn } from './presence.ts';

const pod: Pod = { metadata: { namespace: 'default', name: 'web-1', uid: 'u-1' } };
const slice = (name: string, conditions: EndpointConditions, uid = 'u-1'): EndpointSlice => ({
  metadata: { namespace: 'default', name, labels: { 'kubernetes.io/service-name': 'web' } },
  addressType: 'IPv4',
  ports: [{ name: 'http', port: 8080 }],
  endpoints: [{ addresses: ['10.42.0.7'], conditions, targetRef: { kind: 'Pod', uid } }],
});
const serving = { ready: true, serving: true, terminating: false };
const ending = { ready: false, serving: true, terminating: true };

/** A node that says farewell, and how far it has come. */
async function world(context: TestContext) {
  const network = await startNetworkWorld();
  const farewells: PodFarewell[] = [];
  const addPodFarewell = (farewell: PodFarewell) => {
    farewells.push(farewell);
    return () => void farewells.splice(farewells.indexOf(farewell), 1);
  };
  const part = drainingPart({ ...network.context, machine: { ...network.context.machine, addPodFarewell } });
  await part.start();
  context.after(async () => {
    await part.close();
    await network.close();
  });
  const say = async (msMax = 10_000) => {
    await network.settle();
    const state = { isOver: false, waits: false };
    const wait = farewells[0]?.(pod, msMax);
    state.waits = wait !== undefined;
    void wait?.then(() => {
      state.isOver = true;
    });
    return state;
  };
  const write = (name: string, conditions: EndpointConditions) =>
    network.client.update(endpointSlices, slice(name, conditions));
  return { ...network, part, farewells, say, write };
}

test('a pod that gets requests is told to end when all have had time to hear that it takes no more', async (context) => {
  const { client, clock, say, write, settle } = await world(context);
  for (const name of ['web-a', 'web-b']) await client.create(endpointSlices, slice(name, serving));
  const farewell = await say();
  await clock.advance(3000);
  assert.equal(farewell.isOver, false, 'the control plane has not marked it yet');
  await write('web-a', ending);
  await settle();
  await clock.advance(2000);
  assert.equal(farewell.isOver, false, 'one slice still sends it requests');
  await write('web-b', ending);
  await settle();
  await clock.advance(1999);
  assert.equal(farewell.isOver, false);
  await clock.advance(1);
  assert.equal(farewell.isOver, true);
});

test('a slice that goes sends nothing more', async (context) => {
  const { client, clock, say, settle } = await world(context);
  await client.create(endpointSlices, slice('web-a', serving));
  const farewell = await say();
  await client.delete(endpointSlices, { namespace: 'default', name: 'web-a' });
  await settle();
  await clock.advance(2000);
  assert.equal(farewell.isOver, true);
});

test('nobody waits longer than the agent allows', async (context) => {
  const { client, clock, say, write, settle } = await world(context);
  await client.create(endpointSlices, slice('web-a', serving));
  const [unmarked, late] = [await say(700), await say(1300)];
  await clock.advance(699);
  assert.equal(unmarked.isOver, false);
  await clock.advance(1);
  assert.equal(unmarked.isOver, true);
  await write('web-a', ending);
  await settle();
  await clock.advance(599);
  assert.equal(late.isOver, false);
  await clock.advance(1);
  assert.equal(late.isOver, true);
});

test('what gets no requests is not kept waiting, nor is anything where the settings say so', async (context) => {
  const { client, configuration, say, write } = await world(context);
  assert.equal((await say()).waits, false, 'of no Service');
  await client.create(endpointSlices, slice('other', serving, 'u-2'));
  assert.equal((await say()).waits, false, 'of another pod');
  await client.create(endpointSlices, slice('web-a', { ready: false, serving: false, terminating: false }));
  assert.equal((await say()).waits, false, 'not ready');
  await write('web-a', serving);
  assert.equal((await say()).waits, true);
  configuration.set('draining', { settleMilliseconds: 0 });
  assert.equal((await say()).waits, false);
  assert.throws(() => configuration.set('draining', { settleMilliseconds: -1 }), /settleMilliseconds takes/);
});

test('when the part closes, nobody waits for it, and nobody asks it', async (context) => {
  const { client, clock, part, farewells, say } = await world(context);
  await client.create(endpointSlices, slice('web-a', serving));
  const farewell = await say();
  await part.close();
  await clock.advance(0);
  assert.deepEqual([farewell.isOver, farewells.length], [true, 0]);
});

test('how a pod stands by the conditions of its endpoints', () => {
  const rows: readonly (readonly [EndpointConditions, string])[] = [
    [{}, 'open'],
    [serving, 'open'],
    [{ ready: true, serving: true, terminating: true }, 'leaving'],
    [ending, 'leaving'],
    [{ ready: false, serving: false, terminating: true }, 'absent'],
    [{ ready: false }, 'absent'],
  ];
  for (const [conditions, presence] of rows) assert.equal(presenceIn([slice('a', conditions)], 'u-1'), presence);
  assert.equal(presenceIn([slice('a', ending), slice('b', serving)], 'u-1'), 'open');
  assert.equal(presenceIn([{ addressType: 'IPv4' }], 'u-1'), 'absent');
});
