/** How events are printed, in either of their two forms: the core group's and that of events.k8s.io. */
import type { Event as CoreEvent } from '../schema/types/core-v1.ts';
import type { Event } from '../schema/types/events-v1.ts';
import { nameOf, type Printer, printerWithView, text, wide } from './column.ts';
import { ageSince } from './duration.ts';

/** Both forms in one: each field stands where one of them has it. */
type AnyEvent = CoreEvent & Event;

interface EventView {
  readonly event: AnyEvent;
  readonly lastSeen: string;
  readonly firstSeen: string;
  readonly count: number;
}

function viewEvent(event: AnyEvent, { nowMs }: { readonly nowMs: number }): EventView {
  const { series } = event;
  const first = event.firstTimestamp ?? event.deprecatedFirstTimestamp ?? event.eventTime ?? undefined;
  const last = series?.lastObservedTime ?? event.lastTimestamp ?? event.deprecatedLastTimestamp ?? first;
  return {
    event,
    firstSeen: ageSince(first ?? undefined, nowMs),
    lastSeen: ageSince(last ?? undefined, nowMs),
    // An event that happened once has no count in the new form.
    count: series?.count ?? (event.count || event.deprecatedCount || 1),
  };
}

function target({ involvedObject, regarding }: AnyEvent): string {
  const { kind = '', name } = involvedObject ?? regarding ?? {};
  return name ? `${kind.toLowerCase()}/${name}` : kind.toLowerCase();
}

function source(event: AnyEvent): string {
  const from = event.source ?? event.deprecatedSource;
  const component = from?.component || event.reportingComponent || event.reportingController || '';
  const instance = from?.host || event.reportingInstance || '';
  return instance === '' ? component : `${component}, ${instance}`;
}

const events = printerWithView<EventView>(
  viewEvent,
  text('Last Seen', ({ lastSeen }) => lastSeen),
  text('Type', ({ event }) => event.type ?? ''),
  text('Reason', ({ event }) => event.reason ?? ''),
  text('Object', ({ event }) => target(event)),
  wide(text('Subobject', ({ event }) => (event.involvedObject ?? event.regarding)?.fieldPath ?? '')),
  wide(text('Source', ({ event }) => source(event))),
  text('Message', ({ event }) => (event.message ?? event.note ?? '').trim()),
  wide(text('First Seen', ({ firstSeen }) => firstSeen)),
  wide(text('Count', ({ count }) => count)),
  wide({ ...text<EventView>('Name', ({ event }) => nameOf(event)), format: 'name' }),
);

export const eventPrinters: Readonly<Record<string, Printer>> = { events, 'events.events.k8s.io': events };
