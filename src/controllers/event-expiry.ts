/**
 * Events are news, not state: one that was not seen again for an hour is removed. Upstream's store does this by a lease on the key; here it is a loop
 * like any other, so that every store can stay without clocks. Upstream has no account for it; what removes things that nobody wants any more is the
 * garbage collector's, which may list and delete them.
 */
import type { Event } from '../api/schema/types/core-v1.ts';
import { hasReason } from '../api/status-error.ts';
import { after, ControlLoop } from '../client/controller.ts';
import { events as eventsResource } from '../client/resources.ts';
import { limits } from '../lib/limits.ts';
import type { Service } from '../lib/service.ts';
import { type ControllerContext, contextFor, referenceOf, uidOf } from './shared/context.ts';

const everyMs = 60_000;

/** When it was seen last (ms): each repetition gives it its whole time again. */
export function lastSeenMs({ metadata, eventTime, lastTimestamp, series }: Event): number {
  const times = [metadata?.creationTimestamp, eventTime, lastTimestamp, series?.lastObservedTime];
  return Math.max(0, ...times.filter((time) => time !== undefined && time !== null).map((time) => Date.parse(time)));
}

export function expiredEvents(events: readonly Event[], nowMs: number): Event[] {
  return events.filter((event) => nowMs - lastSeenMs(event) >= limits.eventTimeToLiveMs);
}

export function eventExpiry(context: ControllerContext): Service {
  const { client, clock, ...own } = contextFor(context, 'generic-garbage-collector');
  const loop: ControlLoop = new ControlLoop({
    ...own,
    clock,
    name: 'event-expiry',
    workers: 1,
    informers: [],
    begin: () => loop.queue.add('expire'),
    reconcile: async () => {
      const { items } = await client.list(eventsResource);
      for (const event of expiredEvents(items, clock.now())) {
        await client.delete(eventsResource, referenceOf(event), { uid: uidOf(event) }).catch(ignoreGone);
      }
      return after(everyMs);
    },
  });
  return loop;
}

function ignoreGone(error: unknown): void {
  // Removed or made anew meanwhile: either way it is not the one that was old.
  if (!hasReason(error, 'NotFound', 'Conflict')) throw error;
}
