import assert from 'node:assert/strict';
import { test } from 'node:test';
import { unreachable } from './errors.ts';
import { EventRecorder } from './events.ts';
import { intercept } from './intercept.ts';
import { configMaps, events } from './resources.ts';
import { startTestApi, type TestApi } from './testing.ts';

async function setting(): Promise<
  TestApi & { recorder: EventRecorder; about: Parameters<typeof record>[1]; all: () => Promise<string[]> }
> {
  const api = await startTestApi();
  const recorder = new EventRecorder({ ...api, component: 'tester', host: 'node' });
  const about = await api.client.create(configMaps, { metadata: { namespace: 'default', name: 'one' } });
  const all = async (): Promise<string[]> => {
    await recorder.flush();
    return (await api.client.list(events)).items
      .map(({ reason, message, count }) => `${reason} ${message} ${count}`)
      .sort();
  };
  return { ...api, recorder, about, all };
}

const record = (recorder: EventRecorder, about: Parameters<EventRecorder['record']>[1], message: string): void =>
  recorder.record(configMaps, about, 'Normal', 'Happened', message);

test('an event names its object, its reporter and its times', async () => {
  const { recorder, about, client, all } = await setting();
  record(recorder, about, 'something');
  await all();
  const [event] = (await client.list(events)).items;
  assert.match(event?.metadata?.name ?? '', /^one\.[0-9a-f]+$/);
  assert.deepEqual(
    [
      event?.involvedObject.kind,
      event?.involvedObject.uid,
      event?.source?.component,
      event?.source?.host,
      event?.firstTimestamp,
    ],
    ['ConfigMap', about.metadata?.uid, 'tester', 'node', '2026-01-01T00:00:00Z'],
  );
});

test('the same again adds to the count and moves the last time; something else is another event', async () => {
  const { recorder, about, clock, client, all } = await setting();
  for (let time = 0; time < 3; time++) {
    record(recorder, about, 'again');
    await clock.advance(1000);
  }
  record(recorder, about, 'other');
  assert.deepEqual(await all(), ['Happened again 3', 'Happened other 1']);
  const again = (await client.list(events)).items.find(({ count }) => count === 3);
  assert.equal(again?.lastTimestamp, '2026-01-01T00:00:02Z');
});

test('when the first is gone it is written again, and the count goes on', async () => {
  const { recorder, about, client, all } = await setting();
  record(recorder, about, 'again');
  await all();
  const [first] = (await client.list(events)).items;
  await client.deleteCollection(events, { namespace: 'default' });
  record(recorder, about, 'again');
  assert.deepEqual(await all(), ['Happened again 2']);
  assert.equal((await client.list(events)).items[0]?.metadata?.name, first?.metadata?.name);
});

test('the tenth text of one reason, and those after it, are one event that says the last', async () => {
  const { recorder, about, all } = await setting();
  for (let index = 0; index < 12; index++) record(recorder, about, `text ${index}`);
  const told = await all();
  assert.equal(told.length, 10);
  assert.equal(told[0], 'Happened (combined from similar events): text 11 3');
});

test('an answer that got lost makes no second event', async () => {
  const api = await startTestApi();
  const about = await api.client.create(configMaps, { metadata: { namespace: 'default', name: 'one' } });
  let losing = true;
  const client = intercept(api.client, {
    create: (real) => async (resource, object, options) => {
      const made = await real.create(resource, object, options);
      if (!losing) return made;
      losing = false;
      throw unreachable('the answer got lost');
    },
  });
  const recorder = new EventRecorder({ ...api, client, component: 'tester' });
  record(recorder, about, 'once');
  await api.clock.advance(10_000);
  await recorder.flush();
  assert.deepEqual(
    (await api.client.list(events)).items.map(({ message, count }) => `${message} ${count}`),
    ['once 1'],
  );
});

test('a flood about one object is held back, and others are heard', async () => {
  const { recorder, about, clock, client, all } = await setting();
  const other = await client.create(configMaps, { metadata: { namespace: 'default', name: 'two' } });
  for (let index = 0; index < 100; index++) record(recorder, about, `flood ${index}`);
  record(recorder, other, 'calm');
  const combined = 'Happened (combined from similar events): flood 24 16';
  assert.deepEqual([(await all()).length, (await all())[0]], [11, combined]);
  await clock.advance(5 * 60 * 1000);
  for (let index = 0; index < 100; index++) record(recorder, about, `again ${index}`);
  assert.deepEqual(
    [(await all()).length, (await all())[0]],
    [11, 'Happened (combined from similar events): again 0 92'],
  );
});

test('an event that cannot be written is lost without harm', async () => {
  const api = await startTestApi();
  const about = await api.client.create(configMaps, { metadata: { namespace: 'default', name: 'one' } });
  let broken = true;
  const client = intercept(api.client, {
    create: (real) => async (resource, object, options) => {
      if (broken) throw new Error('injected');
      return real.create(resource, object, options);
    },
  });
  const recorder = new EventRecorder({ ...api, client, component: 'tester' });
  record(recorder, about, 'lost');
  await recorder.flush();
  broken = false;
  record(recorder, about, 'kept');
  await recorder.flush();
  assert.deepEqual(
    (await api.client.list(events)).items.map(({ message }) => message),
    ['kept'],
  );
});

test('events wait while somebody is busy, and keep the time of what they tell', async () => {
  const api = await startTestApi();
  const about = await api.client.create(configMaps, { metadata: { namespace: 'default', name: 'one' } });
  let isBusy = true;
  const recorder = new EventRecorder({ ...api, component: 'tester', isBusy: () => isBusy });
  const times = async (): Promise<unknown[]> =>
    (await api.client.list(events)).items.map(({ firstTimestamp }) => firstTimestamp);
  record(recorder, about, 'held');
  await api.clock.advance(3000);
  assert.deepEqual(await times(), []);
  isBusy = false;
  await api.clock.advance(100);
  assert.deepEqual(await times(), ['2026-01-01T00:00:00Z']);
});

test('nobody is busy for ever: events wait a few seconds, and no longer than there is room for them', async () => {
  const api = await startTestApi();
  const abouts = await Promise.all(
    Array.from({ length: 10 }, (_, index) =>
      api.client.create(configMaps, { metadata: { namespace: 'default', name: `about-${index}` } }),
    ),
  );
  const recorder = new EventRecorder({ ...api, component: 'tester', isBusy: () => true, pendingMax: 10 });
  const count = async (): Promise<number> => (await api.client.list(events)).items.length;
  for (const about of abouts) record(recorder, about, 'held');
  await api.clock.advance(100);
  assert.equal(await count(), 6);
  await api.clock.advance(5000);
  assert.equal(await count(), 10);
  record(recorder, abouts[0] as (typeof abouts)[0], 'last');
  await recorder.flush();
  assert.equal(await count(), 11);
});
