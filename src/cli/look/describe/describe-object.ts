/** From an object to its description: what all have, what its kind has, its events. Kinds without a row show their fields as they are. Pure but for what is asked. */
import type { JsonObject, JsonValue, KubeObject } from '../../../api/object.ts';
import type { Event } from '../../../api/schema/types/core-v1.ts';
import { ageSince } from '../../../api/table/duration.ts';
import { clusterDescribers } from './cluster.ts';
import { type Asker, type Describer, headOf } from './common.ts';
import { descriptionText, type Entry, type Value } from './layout.ts';
import { networkDescribers } from './network.ts';
import { storageDescribers } from './storage.ts';
import { workloadDescribers } from './workloads.ts';

/** By `Kind.group`. */
const describers: Readonly<Record<string, Describer<never>>> = {
  ...workloadDescribers,
  ...networkDescribers,
  ...storageDescribers,
  ...clusterDescribers,
};

/** With its `apiVersion` and `kind`. */
export async function describeObject(object: KubeObject, events: readonly Event[], ask: Asker): Promise<string> {
  const { apiVersion = '', kind = '' } = object;
  const group = apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : '';
  const describe = (describers[`${kind}.${group}`] as Describer | undefined) ?? describeAnything;
  const own = await describe(object, ask);
  return descriptionText([...headOf(object, ask.nowMs), ...own, eventsEntry(events, ask.nowMs)]);
}

const described = new Set(['apiVersion', 'kind', 'metadata']);

const describeAnything: Describer = (object) =>
  Object.entries(object).flatMap(([name, value]): Entry[] =>
    described.has(name) ? [] : [[titleOf(name), valueOf(value as JsonValue)]],
  );

/** Deeper than people read; what is below stands as JSON. */
const depthMax = 12;

function valueOf(value: JsonValue, depth = 0): Value {
  if (typeof value !== 'object' || value === null) return String(value);
  if (depth >= depthMax) return JSON.stringify(value);
  if (!Array.isArray(value)) return { entries: entriesOf(value, depth) };
  if (value.every((each) => typeof each !== 'object' || each === null)) return value.map(String);
  return { entries: value.map((each, index): Entry => [nameOf(each) ?? String(index), valueOf(each, depth + 1)]) };
}

const entriesOf = (value: JsonObject, depth: number): Entry[] =>
  Object.entries(value).map(([name, member]): Entry => [titleOf(name), valueOf(member, depth + 1)]);

function nameOf(value: JsonValue): string | undefined {
  const { name, type } = (typeof value === 'object' && value !== null ? value : {}) as JsonObject;
  return typeof name === 'string' ? name : typeof type === 'string' ? type : undefined;
}

/** `lastTransitionTime` as `Last Transition Time`; keys that somebody chose stay as they are. */
function titleOf(name: string): string {
  if (!/^[a-z][A-Za-z0-9]*$/.test(name)) return name;
  return (name.charAt(0).toUpperCase() + name.slice(1)).replace(/([a-z0-9])([A-Z])/g, '$1 $2');
}

function eventsEntry(events: readonly Event[], nowMs: number): Entry {
  const seen = events.toSorted((a, b) => (lastSeen(a) < lastSeen(b) ? -1 : 1));
  const rows = seen.map((event) => [
    event.type ?? '',
    event.reason ?? '',
    eventAge(event, nowMs),
    event.reportingComponent || event.source?.component || '',
    (event.message ?? '').trim(),
  ]);
  return ['Events', { columns: ['Type', 'Reason', 'Age', 'From', 'Message'], rows }];
}

export const lastSeen = ({ series, lastTimestamp, eventTime, metadata }: Event): string =>
  series?.lastObservedTime ?? lastTimestamp ?? eventTime ?? metadata?.creationTimestamp ?? '';

const firstSeen = ({ firstTimestamp, eventTime, metadata }: Event): string =>
  firstTimestamp ?? eventTime ?? metadata?.creationTimestamp ?? '';

/** `3m`, or `3m (x12 over 2h)`. */
export function eventAge(event: Event, nowMs: number): string {
  const count = event.series?.count ?? event.count ?? 1;
  const last = ageSince(lastSeen(event) || undefined, nowMs);
  return count > 1 ? `${last} (x${count} over ${ageSince(firstSeen(event) || undefined, nowMs)})` : last;
}
