/**
 * Events are news, not state: one that was not written for an hour is removed. Upstream's store does this by a lease on the key, which each write
 * renews; here it is a loop like any other, so that every store can stay without clocks. Upstream has no account for it; what removes things that
 * nobody wants any more is the garbage collector's, which may list and delete them.
 *
 * One key looks for what has expired, once a minute; each event that has is a key of its own, so that one that cannot go holds up no other.
 */
import type { Event } from '../api/schema/types/core-v1.ts';
import { hasReason } from '../api/status-error.ts';
import { after, ControlLoop, done, type Outcome } from '../client/controller.ts';
import { events as eventsResource } from '../client/resources.ts';
import { limits } from '../lib/limits.ts';
import type { Service } from '../lib/service.ts';
import { type ControllerContext, contextFor, nameOf, namespaceOf, timeMs, uidOf } from './shared/context.ts';

const everyMs = 60_000;
const lookKey = '';

/**
 * When it was written last (ms): each repetition gives it its whole time again. Its managers' times say so; who writes none may have said when
 * it was seen, but nobody sees what is yet to come.
 */
function lastWrittenMs({ metadata, eventTime, lastTimestamp, series }: Event, nowMs: number): number {
  const written = [metadata?.creationTimestamp, ...(metadata?.managedFields ?? []).map(({ time }) => time)];
  const seen = [eventTime, lastTimestamp, series?.lastObservedTime].map((time) => timeMs(time ?? undefined));
  const times = [...written.map((time) => timeMs(time ?? undefined)), ...seen.filter((ms) => ms <= nowMs)];
  return Math.max(0, ...times);
}

export function expiredEvents(events: readonly Event[], nowMs: number): Event[] {
  return events.filter((event) => nowMs - lastWrittenMs(event, nowMs) >= limits.eventTimeToLiveMs);
}

export function eventExpiry(context: ControllerContext): Service {
  const { client, clock, ...own } = contextFor(context, 'generic-garbage-collector');
  const look = async (): Promise<Outcome> => {
    const { items } = await client.list(eventsResource);
    for (const event of expiredEvents(items, clock.now())) loop.queue.add(keyOf(event));
    return after(everyMs);
  };
  const remove = async (key: string): Promise<Outcome> => {
    const [namespace = '', name = '', uid = '', resourceVersion = ''] = key.split('/');
    await client.delete(eventsResource, { namespace, name }, { uid, resourceVersion }).catch(ignoreGone);
    return done;
  };
  const loop: ControlLoop = new ControlLoop({
    ...own,
    clock,
    name: 'event-expiry',
    informers: [],
    // Whatever is wrong with one, it is looked at every minute anyway.
    backoffMsMax: everyMs,
    begin: () => loop.queue.add(lookKey),
    reconcile: (key) => (key === lookKey ? look() : remove(key)),
  });
  return loop;
}

/** The version, too: one that is written again meanwhile has its whole time. */
const keyOf = (event: Event): string =>
  [namespaceOf(event), nameOf(event), uidOf(event), event.metadata?.resourceVersion].join('/');

function ignoreGone(error: unknown): void {
  // Removed or made anew meanwhile: either way it is not the one that was old.
  if (!hasReason(error, 'NotFound', 'Conflict')) throw error;
}
