import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ConfigMap } from '../api/schema/types/core-v1.ts';
import { EventSeriesRecorder } from './event-series.ts';
import { configMaps, events, eventsV1 } from './resources.ts';
import { startTestApi, type TestApi } from './testing.ts';

const minuteMs = 60_000;

interface Setting extends TestApi {
  readonly recorder: EventSeriesRecorder;
  readonly about: ConfigMap;
  tell(note: string, object?: ConfigMap): void;
  /** `note count at`, where `at` is the minute of the last that the API knows of. */
  told(): Promise<string[]>;
}

async function setting(more: { rememberedMax?: number } = {}): Promise<Setting> {
  const api = await startTestApi();
  const recorder = new EventSeriesRecorder({ ...api, component: 'tester', host: 'here', ...more });
  const about = await api.client.create(configMaps, { metadata: { namespace: 'default', name: 'one' } });
  const startMs = api.clock.now();
  return {
    ...api,
    recorder,
    about,
    tell: (note, object = about) =>
      recorder.record(configMaps, object, 'Warning', 'FailedScheduling', note, { action: 'Scheduling' }),
    async told() {
      await recorder.flush();
      const { items } = await api.client.list(eventsV1);
      return items.map(({ note, series }) =>
        series ? `${note} ${series.count} ${(Date.parse(series.lastObservedTime) - startMs) / minuteMs}` : `${note}`,
      );
    },
  };
}

test('an event has the fields of events.k8s.io, and shows in the core group, where people look for it', async () => {
  const { recorder, about, client, tell, told } = await setting();
  tell('no room');
  await told();
  const [event] = (await client.list(eventsV1)).items;
  const { metadata, regarding, deprecatedSource, ...rest } = event ?? {};
  assert.deepEqual({ ...deprecatedSource }, {});
  assert.match(metadata?.name ?? '', /^one\.[0-9a-f]+$/);
  assert.deepEqual(
    [regarding?.kind, regarding?.uid, regarding?.resourceVersion],
    ['ConfigMap', about.metadata?.uid, about.metadata?.resourceVersion],
  );
  assert.deepEqual(
    { ...rest },
    {
      apiVersion: 'events.k8s.io/v1',
      kind: 'Event',
      eventTime: '2026-01-01T00:00:00.000000Z',
      reportingController: 'tester',
      reportingInstance: 'tester-here',
      action: 'Scheduling',
      reason: 'FailedScheduling',
      note: 'no room',
      type: 'Warning',
    },
  );
  const [core] = (await client.list(events, { fieldSelector: 'involvedObject.name=one' })).items;
  assert.deepEqual([core?.message, core?.reportingComponent], ['no room', 'tester']);
  await recorder.close();
});

test('the second of its kind makes a series, which is written again when it has ended', async () => {
  const { recorder, clock, tell, told } = await setting();
  tell('no room');
  await clock.advance(minuteMs);
  assert.deepEqual(await told(), ['no room']);
  tell('no room on another');
  await clock.advance(minuteMs);
  assert.deepEqual(await told(), ['no room 2 1']);
  for (let count = 0; count < 5; count++) tell('no room');
  await clock.advance(minuteMs);
  assert.deepEqual(await told(), ['no room 2 1']);
  await clock.advance(10 * minuteMs);
  assert.deepEqual(await told(), ['no room 7 2']);
  tell('later');
  assert.deepEqual((await told()).sort(), ['later', 'no room 7 2']);
  await recorder.close();
  assert.equal(clock.pending, 0);
});

test('a series that goes on is written every half hour, so that it does not expire', async () => {
  const { recorder, clock, tell, told } = await setting();
  tell('no room');
  for (let minute = 0; minute < 120; minute++) {
    tell('no room');
    await clock.advance(minuteMs);
  }
  const [text = ''] = await told();
  const [, count, at] = text.match(/^no room (\d+) (\d+)$/) ?? [];
  assert.ok(Number(at) >= 84, text);
  assert.equal(Number(count), Number(at) + 2);
  await recorder.close();
});

test('another object, version, reason or action is not the same', async () => {
  const { recorder, about, tell, told } = await setting();
  const newer = { ...about, metadata: { ...about.metadata, resourceVersion: '99' } };
  tell('first');
  tell('newer', newer);
  const record = (reason: string, action: string) =>
    recorder.record(configMaps, about, 'Warning', reason, `${reason} ${action}`, { action });
  record('Other', 'Scheduling');
  record('FailedScheduling', 'Binding');
  assert.deepEqual((await told()).sort(), ['FailedScheduling Binding', 'Other Scheduling', 'first', 'newer']);
  await recorder.close();
});

test('a series whose event is gone is written whole', async () => {
  const { recorder, client, tell, told } = await setting();
  tell('no room');
  await told();
  await client.deleteCollection(events, { namespace: 'default' });
  tell('no room');
  assert.deepEqual(await told(), ['no room 2 0']);
  await recorder.close();
});

test('a note that is too long for the API is cut, between characters', async () => {
  const { recorder, tell, told } = await setting();
  tell('ä'.repeat(600));
  assert.deepEqual(await told(), [`${'ä'.repeat(510)} ...`]);
  await recorder.close();
});

test('the number of series is bounded: the oldest ends early, and loses nothing that was counted', async () => {
  const { recorder, about, clock, tell, told } = await setting({ rememberedMax: 2 });
  const version = (resourceVersion: string) => ({ ...about, metadata: { ...about.metadata, resourceVersion } });
  for (let count = 0; count < 3; count++) tell('a', version('1'));
  tell('b', version('2'));
  assert.deepEqual((await told()).sort(), ['a 2 0', 'b']);
  tell('c', version('3'));
  assert.deepEqual((await told()).sort(), ['a 3 0', 'b', 'c']);
  await recorder.close();
  assert.equal(clock.pending, 0);
});
