import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Event } from '../api/schema/types/core-v1.ts';
import { events } from '../client/resources.ts';
import { formatTime } from '../lib/clock.ts';
import { limits } from '../lib/limits.ts';
import { expiredEvents } from './event-expiry.ts';
import { startWorld } from './testing.ts';

const nowMs = Date.UTC(2026, 0, 2);
const minutesAgo = (minutes: number): string => formatTime(nowMs - minutes * 60_000);
const event = (name: string, more: Partial<Event>): Event => ({ metadata: { name }, involvedObject: {}, ...more });

test('an event expires an hour after it was written last, however that is told', () => {
  const expired = expiredEvents(
    [
      event('old', { lastTimestamp: minutesAgo(61) }),
      event('new', { lastTimestamp: minutesAgo(59) }),
      event('old-made', { metadata: { name: 'old-made', creationTimestamp: minutesAgo(60) } }),
      event('written-again', {
        metadata: {
          name: 'written-again',
          creationTimestamp: minutesAgo(90),
          managedFields: [{ time: minutesAgo(5) }],
        },
      }),
      event('of-tomorrow', {
        metadata: { name: 'of-tomorrow', creationTimestamp: minutesAgo(61) },
        lastTimestamp: minutesAgo(-1440),
      }),
      event('seen-again', { eventTime: minutesAgo(600), series: { count: 9, lastObservedTime: minutesAgo(1) } }),
    ],
    nowMs,
  );
  assert.deepEqual(
    expired.map(({ metadata }) => metadata?.name),
    ['old', 'old-made', 'of-tomorrow'],
  );
});

test('the loop removes what has expired and leaves the rest', async () => {
  const world = await startWorld();
  const create = (name: string) =>
    world.client.create(events, {
      metadata: { name, namespace: 'default' },
      involvedObject: { kind: 'Pod', namespace: 'default', name: 'web' },
      lastTimestamp: formatTime(world.clock.now()),
    });
  await create('first');
  await world.clock.advance(limits.eventTimeToLiveMs / 2);
  await create('second');
  await world.clock.advance(limits.eventTimeToLiveMs / 2 + 60_000);
  const names = (await world.list(events)).map(({ metadata }) => metadata?.name);
  assert.deepEqual(
    names.filter((name) => name === 'first' || name === 'second'),
    ['second'],
  );
  await world.close();
});
