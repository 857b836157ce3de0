import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { StatusError } from '../api/status-error.ts';
import { interceptCalls } from './intercept.ts';
import { keyOf, NamedObjects } from './named-objects.ts';
import { configMaps, secrets } from './resources.ts';
import { startTestApi, type TestApi } from './testing.ts';

interface World extends TestApi {
  readonly objects: NamedObjects;
  /** How often a change was told since this was asked last. */
  told(): number;
}

async function start(context: TestContext, wrap?: Parameters<typeof startTestApi>[0]): Promise<World> {
  const api = await startTestApi(wrap);
  let count = 0;
  const objects = new NamedObjects({ ...api, changed: () => void count++ });
  context.after(async () => {
    await objects.close();
    await api.store.close();
  });
  const told = (): number => {
    const before = count;
    count = 0;
    return before;
  };
  return { ...api, objects, told };
}

const reference = (name: string) => ({ namespace: 'default', name });

test('an object is pending, then there or missing; each change is told once', async (context) => {
  const { client, clock, objects, told } = await start(context);
  await client.create(configMaps, { metadata: reference('here'), data: { a: '1' } });
  assert.equal(objects.get(configMaps, reference('here')).kind, 'pending');
  assert.equal(objects.get(secrets, reference('gone')).kind, 'pending');
  assert.equal(objects.isSettled, false);
  await clock.advance(0);
  assert.equal(told(), 2);
  assert.equal(objects.isSettled, true);
  const here = objects.get(configMaps, reference('here'));
  assert.deepEqual(here.kind === 'found' && here.object.data, { a: '1' });
  assert.equal(objects.get(secrets, reference('gone')).kind, 'missing');
  await client.create(secrets, { metadata: reference('gone') });
  await client.create(secrets, { metadata: reference('other') });
  await clock.advance(0);
  assert.equal(told(), 1, 'others are nothing to it');
  assert.equal(objects.get(secrets, reference('gone')).kind, 'found');
  await client.delete(secrets, reference('gone'));
  await clock.advance(0);
  assert.equal(told(), 1);
  assert.equal(objects.get(secrets, reference('gone')).kind, 'missing');
});

test('what is not kept is forgotten, and not told any more', async (context) => {
  const { client, clock, objects, told } = await start(context);
  for (const name of ['a', 'b']) objects.get(secrets, reference(name));
  await clock.advance(0);
  told();
  objects.keep(new Set([keyOf(secrets, reference('a'))]));
  assert.equal(objects.size, 1);
  for (const name of ['a', 'b']) await client.create(secrets, { metadata: reference(name) });
  await clock.advance(0);
  assert.equal(told(), 1);
  assert.equal(objects.get(secrets, reference('a')).kind, 'found');
  assert.equal(objects.get(secrets, reference('b')).kind, 'pending', 'followed anew');
});

test('who is refused at first is pending until it is allowed', async (context) => {
  let isRefused = true;
  const world = await start(context, {
    wrap: (client) =>
      interceptCalls(client, async ({ verb }) => {
        if (verb === 'list' && isRefused) throw new StatusError(403, 'Forbidden', 'no');
      }),
  });
  const { clock, objects } = world;
  objects.get(secrets, reference('a'));
  await clock.advance(1000);
  assert.equal(objects.get(secrets, reference('a')).kind, 'pending');
  isRefused = false;
  await clock.advance(60_000);
  assert.equal(objects.get(secrets, reference('a')).kind, 'missing');
});

test('after it is closed nothing is followed', async (context) => {
  const { objects, told, clock } = await start(context);
  await objects.close();
  assert.equal(objects.get(secrets, reference('a')).kind, 'pending');
  await clock.advance(0);
  assert.deepEqual([objects.size, told()], [0, 0]);
});
